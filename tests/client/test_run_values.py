"""Values of runs, one by one and type by type: whoever logs them and whoever reads them, they are the same."""

from collections.abc import Mapping
from typing import Any

import pytest
import wandb

import registrum
from tests.client.live import run_script
from tests.client.whale import Whale

LOG = """
import math
import numpy as np
import PACKAGE as wandb

VALUES = {
    "int": 3, "zero": 0, "negative": -7, "large": 2**53 + 1, "whole": 2.0, "zero_float": 0.0, "minus_zero": -0.0,
    "float": 0.1, "tiny": 5e-324, "huge": 1.5e300, "whole_huge": 1e21, "nan": math.nan, "inf": math.inf,
    "minus_inf": -math.inf, "true": True, "false": False, "text": "Wal 🐋", "empty_text": "", "nan_text": "NaN",
    "nested": {"a": {"b": 1.0, "c": [1, 2.0, "x"]}, "d": 2}, "list": [1, 2.0, 0.5], "tuple": (1, 2),
    "empty_list": [], "with.dot": 1.0, "with/slash": 2, "with space": 3.0,
    "np_int": np.int64(3), "np_float": np.float64(2.0), "np_single": np.float32(0.5), "np_bool": np.bool_(True),
    "np_nested": {"x": np.float64(1.0), "y": [np.int32(1), np.float32(2.0)]},
}
with wandb.init(project=project, entity="whales", config=VALUES) as run:
    run.config["later"] = 4.0
    run.config.update({"more": {"x": 1.0}})
    run.log(VALUES)
    run.log({"whole": 3.0, "int": 4, "late": 1.0})
    run.log({"whole": 4, "int": 5.0})
    run.summary["by_hand"] = 5.0
    run.summary["dict_by_hand"] = {"x": 1.0, "y": [1, 2.0]}
    run.summary.update({"updated": 6.0, "nan_by_hand": math.nan})
own = dict(run.config)
result = [run.id, {key: f"{type(own[key]).__name__} {own[key]}" for key in own if not isinstance(own[key], dict)}]
"""

ONLY_OURS = "nan_by_hand"
"""NaN that is put into a summary by hand: the vendor's client loses it."""

ONLY_LATER = {"inf", "minus_inf", "later"}
"""Settings that the vendor's client has as they were given until they are read back."""

OWN = ("_timestamp", "_runtime", "_wandb", "_step")


@pytest.fixture(scope="session")
def logged(world: Whale) -> dict[str, list[Any]]:
    """The run that each package logged, by its path, and the settings as it had them itself."""
    found = {}
    for package in ("wandb", "registrum"):
        project = f"values-{package}"
        script = LOG.replace("PACKAGE", package)
        run_id, config = run_script(world.server, world.people["mia"], script, project=project)
        found[package] = [f"whales/{project}/{run_id}", config]
    return found


def typed(value: Any) -> Any:
    """A value with the name of each type in it, in a form that can be compared; NaN is equal to NaN."""
    if isinstance(value, Mapping) or hasattr(value, "items"):
        return {key: typed(one) for key, one in sorted(value.items()) if key not in OWN}
    if isinstance(value, list | tuple):
        return [typed(one) for one in value]
    if isinstance(value, float):
        return f"float {value!r}"
    return f"{type(value).__name__} {value!r}"


def read(package: Any, path: str) -> dict[str, Any]:
    """All that a package reads of a run."""
    run = package.Api().run(path)
    return {
        "config": typed(run.config),
        "summary": typed(dict(run.summary.items())),
        "by attribute": typed({key: run.summary[key] for key in ("whole", "int", "by_hand")}),
        "history": typed(list(run.history(pandas=False))),
        "history of keys": typed(list(run.history(keys=["whole", "int"], pandas=False))),
        "scan": typed(list(run.scan_history())),
        "scan of keys": typed(list(run.scan_history(keys=["whole", "int"]))),
        "scan of steps": typed(list(run.scan_history(min_step=1, max_step=2))),
        "listed": typed([own.config for own in package.Api().runs(path.rpartition("/")[0])]),
    }


@pytest.mark.parametrize("logger", ["wandb", "registrum"])
def test_both_packages_read_the_same(logged: dict[str, list[Any]], logger: str) -> None:
    path = logged[logger][0]
    theirs, ours = read(wandb, path), read(registrum, path)
    for part in theirs:
        assert ours[part] == theirs[part], part


def test_both_packages_log_the_same(logged: dict[str, list[Any]]) -> None:
    theirs, ours = (read(wandb, logged[package][0]) for package in ("wandb", "registrum"))
    assert ours["summary"].pop(ONLY_OURS) == "str 'NaN'"
    for part in theirs:
        assert ours[part] == theirs[part], part
    for key in {*logged["wandb"][1]} - ONLY_LATER:
        assert logged["registrum"][1][key] == logged["wandb"][1][key], key
