"""Every example in the vendor's reference does under our package what it does under theirs, against one server."""

import ast
import builtins
import contextlib
import inspect
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import wandb

import registrum
from tests.client import vendor_examples
from tests.client.live import run_script
from tests.client.vendor_examples import MENDED, OF_ALL, Example, filled
from tests.client.whale import Whale

EXAMPLES = vendor_examples.collected()
KEPT = [one for one in EXAMPLES.values() if not vendor_examples.is_no_part(one.name)]
SCENES = {"wandb": "vet", "registrum": "veo"}

MAKE_RUN = """
import wandb
with wandb.init(project=f"{scene}-project", id=f"{scene}-run", name="foo-1", config=config) as run:
    print("first line")
    for step in range(3):
        run.log({"loss": 1 / (step + 2), "accuracy": step / 4, "my_metric": step})
    artifact = wandb.Artifact("trained", "model")
    with artifact.new_file("weights.bin") as file:
        file.write(scene)
    run.log_artifact(artifact)
"""

VOLATILE = frozenset(
    {
        # Times, ids, and what is made of them.
        "created_at", "updated_at", "linked_at", "start_time", "id", "storage_id", "internal_id", "project_id",
        "project_internal_id", "cursor", "direct_url", "path_uri", "digest", "lastHistoryStep", "metadata", "json_config",
        "commit_hash", "user_agent", "group", "summary", "config", "path", "display_name",
    }
)  # fmt: skip
"""Attributes that differ from one scene to the next, or that tests of their own compare."""


@pytest.fixture(scope="session")
def made(world: Whale) -> Whale:
    """Two scenes of the same things, one for each package."""
    for scene in SCENES.values():
        world.log(f"{scene}-project", "weights", "0", "best", artifactTypeName="model")
        for version in range(1, 12):
            world.log(f"{scene}-project", "weights", str(version), artifactTypeName="model")
        config = {"experiment_name": "foo", "batch_size": 32}
        run_script(
            world.server,
            world.people["mia"],
            MAKE_RUN,
            environ={"WANDB_ENTITY": "whales"},
            scene=scene,
            config=config,
        )
        api = world.api("olga")
        club = api.create_registry(f"{scene}-club", "organization", "Blue Whale")
        source = api.artifact(f"whales/{scene}-project/weights:v1")
        source.link(f"wandb-registry-{club.name}/{scene}-ranker", aliases=["best"])
        collection = api.artifact_collection("model", f"wandb-registry-{scene}-club/{scene}-ranker")
        collection.tags = ["prod", "my_tag"]
        collection.save()
    return world


@pytest.fixture(scope="module")
def scenes(made: Whale) -> Iterator[Whale]:
    """Both scenes; this process is olga, who administers them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_API_KEY", made.people["olga"].api_key)
        patch.setenv("WANDB_ENTITY", "whales")
        patch.setenv("WANDB_ORGANIZATION", "Blue Whale")
        # The vendor's package keeps whom an earlier test of this process signed in as.
        made.forget()
        yield made
        made.forget()


def test_every_example_of_the_reference_is_known() -> None:
    """What is left out, mended or filled in names examples that are there."""
    names = {*EXAMPLES, *(name.rpartition(" ")[0] for name in EXAMPLES)}
    assert not {*vendor_examples.NO_PART, *vendor_examples.OF_ONE, *MENDED} - names
    assert len(KEPT) > 35
    for one in EXAMPLES.values():
        if vendor_examples.NO_PART.get(one.name, "").startswith("no Python"):
            with pytest.raises(SyntaxError):
                ast.parse(one.code)
    for needed in ("Registry.", "Api.registries", "Api.create_registry", "Api.artifact ", "Team"):
        assert any(one.name.startswith(needed) for one in KEPT)


@pytest.mark.parametrize("example", KEPT, ids=lambda one: one.name)
def test_an_example_does_the_same(
    scenes: Whale, example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mended in [False, True] if example.name in MENDED else [False]:
        told = {}
        for package, own in SCENES.items():
            scene = SCENES["wandb"] if example.name in OF_ALL else own
            folder = tmp_path / f"{package}-{mended}"
            folder.mkdir()
            monkeypatch.chdir(folder)
            monkeypatch.setattr(sys, "argv", ["script"])
            Path("notes.txt").write_text(f"notes of {scene}")
            told[package] = played(filled(example, scene, package, mended), scene)
        if example.name in MENDED and not mended:
            assert fails(told["wandb"]), told["wandb"]
        else:
            assert not fails(told["wandb"]), told["wandb"]
            assert told["registrum"] == told["wandb"]


def fails(lines: Sequence[str]) -> bool:
    """Whether that is how a script ended which failed."""
    return any(line.startswith("raised") for line in lines)


def played(code: str, scene: str) -> list[str]:
    """What a script prints, what each of its expressions is, and what its names are in the end; or how it ends."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    told: list[str] = []
    try:
        with contextlib.redirect_stdout(printed):
            for statement in ast.parse(code).body:
                if isinstance(statement, ast.Expr):
                    value = eval(compile(ast.Expression(statement.value), "example", "eval"), names)
                    told += ["= " + line for line in described(value)]
                else:
                    exec(compile(ast.Module([statement], []), "example", "exec"), names)
    except Exception as error:
        families = (ValueError, TypeError, AttributeError, KeyError, NameError)
        told.append(
            f"raised {[kind.__name__ for kind in families if isinstance(error, kind)]} {error!r}"
        )
    finally:
        for package in (wandb, registrum):
            if package.run is not None:
                package.finish()
    for name in sorted(names):
        if not name.startswith("_") and not inspect.ismodule(names[name]):
            told += [f"{name}: {line}" for line in described(names[name])]
    lines = [*printed.getvalue().splitlines(), *told]
    return [_PASSING.sub("", one.replace(scene, "NAME")) for one in lines]


_PASSING = re.compile(
    r"run-\w{8}-|\w{8}(?=-history)|(?<=/runs/)\w{8}$|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+"
    r"|(?<=wandb-artifact://)\w+|(?<=/blobs/)\S+|(?<=cursor: )\S+|(?<=/tmp)\w{8}(?=.txt)|%20| (?=Whale/registry)"
)
"""Ids and times that no two runs share; and a space, which we quote in a URL so that it can be followed."""


def described(value: Any) -> list[str]:
    """A value in lines: plain ones as they are, things by their class and their plain properties, lists by both."""
    if isinstance(value, str | int | float | type(None)):
        return [str(value)]
    if isinstance(value, Mapping) and type(value) is dict:
        return [json.dumps(value, sort_keys=True, default=lambda own: type(own).__name__)]
    if inspect.isroutine(value) or isinstance(value, type):
        return ["callable"]
    if isinstance(value, Sequence) and type(value) in (list, tuple):
        return [line for one in value for line in described(one)] or ["empty"]
    kind = type(value)
    if isinstance(value, wandb.Artifact):
        with contextlib.suppress(ValueError, AttributeError):
            value.wait()
    lines = [kind.__name__, *(f"  {name} {own}" for name, own in properties(value))]
    if hasattr(kind, "per_page") or hasattr(value, "per_page"):
        lines += ["  - " + line for one in islice(iter(value), 20) for line in described(one)]
    return lines


def properties(thing: Any) -> Iterator[tuple[str, str]]:
    """Properties of the vendor's class of that thing which are plain."""
    for name in public_names(type(thing).__name__):
        with contextlib.suppress(Exception):
            own = getattr(thing, name)
            if isinstance(own, str | int | float | type(None)):
                yield name, str(getattr(own, "value", own))
            elif type(own) in (list, tuple) and all(isinstance(one, str) for one in own):
                yield name, repr(sorted(own))


def public_names(kind: str) -> list[str]:
    """Names of the properties that the vendor's class of this name has."""
    spaces = (wandb.apis.public, wandb)
    found = next((getattr(own, kind) for own in spaces if hasattr(own, kind)), None)
    if found is None or found in vars(builtins).values():
        return []
    return sorted(
        name
        for name in dir(found)
        if not name.startswith("_")
        and name not in VOLATILE
        and (kind, name) != ("Run", "name")
        and isinstance(inspect.getattr_static(found, name), property)
    )
