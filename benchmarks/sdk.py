"""Our SDK beside the `wandb` client, with the same scripts on the same server in the same run: many small files, and a large one."""

import os
import shutil
from pathlib import Path

from benchmarks.measures import Budget, Report
from tests.client.live import Person, Server, run_script, running

SMALL_BYTES = 10 << 10
FILES = 5000
CLIENTS = ("registrum", "wandb")

UP = """
import importlib, time
wandb = importlib.import_module(package)
with wandb.init(entity="main", project=project) as run:
    began = time.perf_counter()
    artifact = wandb.Artifact(name, "dataset")
    artifact.add_dir(folder)
    run.log_artifact(artifact).wait()
    result = time.perf_counter() - began
"""
DOWN = """
import importlib, shutil, time
wandb = importlib.import_module(package)
api = wandb.Api()
result = []
for root in ("fresh", "cached", "cached"):
    artifact = api.artifact(f"main/{project}/{name}:latest")
    began = time.perf_counter()
    artifact.download(root=f"{target}/{root}")
    result.append(time.perf_counter() - began)
"""


def measure(scratch: Path, report: Report, size_mib: int, files: int) -> None:
    """Both clients, one after the other, each with a cache of its own."""
    folder = scratch / "sdk"
    small, large = folder / "small", folder / "large"
    for number in range(files):
        path = small / str(number % 50) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SMALL_BYTES))
    large.mkdir()
    with (large / "file").open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(1 << 20))
    with running(folder / "data", folder / "admin") as server:
        _compare(server, small, f"{files:,} × 10 KiB", report, least=3.0)
        _compare(server, large, f"{size_mib / 1024:g} GiB", report, least=1.0)
    shutil.rmtree(folder)


def _compare(server: Server, folder: Path, what: str, report: Report, least: float) -> None:
    found = {package: _times(server, folder, package) for package in CLIENTS}
    for step, budget in (
        ("upload", Budget(least, at_least=True)),
        ("download", Budget(least, at_least=True)),
        ("from the cache", Budget(1.0, at_least=True)),
        ("what is there already", Budget(1.0, at_least=True)),
    ):
        ours, theirs = (found[package][step] for package in CLIENTS)
        report.add(f"SDK, {what}, {step}, s", ours, "")
        report.add(f"wandb, {what}, {step}, s", theirs, "")
        report.add(f"SDK, {what}, {step}, × as fast", theirs / ours, "", budget)


def _times(server: Server, folder: Path, package: str) -> dict[str, float]:
    """Seconds of each step, by a person who has nothing in any cache."""
    home = folder.parent / f"home-{package}"
    person = Person("admin", server.admin.api_key, home)
    given = {"package": package, "project": f"bench-{package}", "name": folder.name}
    up = run_script(server, person, UP, folder=str(folder), timeout_s=900, **given)
    shutil.rmtree(home / "cache", ignore_errors=True)
    target = str(home / "target")
    down = run_script(server, person, DOWN, target=target, timeout_s=900, **given)
    shutil.rmtree(home)
    return {
        "upload": up,
        "download": down[0],
        "from the cache": down[1],
        "what is there already": down[2],
    }
