"""Our SDK beside the `wandb` client, with the same scripts on the same server in the same run: files, lists of versions, imports."""

import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.measures import Budget, Report
from benchmarks.populate import MEMBER, TEAM, Size, populate
from benchmarks.served import SECRET_KEY, give_key
from benchmarks.starting import waited_s
from tests.client.live import Person, Server, run_script, running

SMALL_BYTES = 10 << 10
FILES = 5000
VERSIONS = 10_000
ROUNDS = 2
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
LIST = """
import importlib, time
wandb = importlib.import_module(package)
api = wandb.Api()
began = time.perf_counter()
found = [version.name for version in api.registry("r0", organization="Big").versions()]
result = [time.perf_counter() - began, len(found)]
"""


def measure(scratch: Path, report: Report, size_mib: int, files: int) -> None:
    """Both clients, one after the other, each with a cache of its own, on a server that both have used before."""
    folder = scratch / "sdk"
    small, large, first = folder / "small", folder / "large", folder / "first"
    _small_files(small, files)
    _small_files(first, files // 10)
    large.mkdir()
    with (large / "file").open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(1 << 20))
    with running(folder / "data", folder / "admin") as server:
        for package in CLIENTS:
            _times(server, first, package)
        _compare(server, small, f"{files:,} × 10 KiB", report, least=3.0)
        _compare(server, large, f"{size_mib / 1024:g} GiB", report, least=1.0)
    shutil.rmtree(folder)


def measure_listing(scratch: Path, report: Report, versions: int) -> None:
    """Both clients list a registry's versions by pages of their own size, in turns."""
    folder = scratch / "sdk-listing"
    folder.mkdir()
    url = f"sqlite:///{folder}/registrum.sqlite"
    populate(url, Size(2 * versions, registries=2))
    key = give_key(url, MEMBER, TEAM)
    found: dict[str, list[float]] = {package: [] for package in CLIENTS}
    variables = {"REGISTRUM_SECRET_KEY": SECRET_KEY, "REGISTRUM_ADMIN_USERNAME": "first"}
    with running(folder, scratch / "sdk-admin", environ=variables) as server:
        for _ in range(ROUNDS):
            for package in CLIENTS:
                person = Person("member", key, scratch / f"sdk-listing-{package}")
                took, count = run_script(
                    server, person, LIST, package=package, versions=versions, timeout_s=300
                )
                assert count == versions, (package, count)
                found[package].append(took)
    what = f"listing {versions:,} versions"
    ours, theirs = (statistics.median(found[package]) for package in CLIENTS)
    _rows(report, what, ours, theirs, least=1.0)
    shutil.rmtree(folder)


def measure_imports(scratch: Path, report: Report, times: int) -> None:
    """`python -c "import …"` of both packages, in turns: whole processes."""
    found: dict[str, list[float]] = {package: [] for package in CLIENTS}
    for _ in range(times):
        for package in CLIENTS:
            command = [sys.executable, "-c", f"import {package}"]
            found[package].append(waited_s(scratch, command))
    # The first of each, which compiles the code, is left out.
    ours, theirs = (statistics.median(found[package][1:]) for package in CLIENTS)
    _rows(report, "import", ours, theirs, least=1.0)


def _small_files(folder: Path, files: int) -> None:
    for number in range(files):
        path = folder / str(number % 50) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SMALL_BYTES))


def _compare(server: Server, folder: Path, what: str, report: Report, least: float) -> None:
    found = {package: _times(server, folder, package) for package in CLIENTS}
    for step, budget in (
        ("upload", least),
        ("download", least),
        ("from the cache", 1.0),
        ("what is there already", 1.0),
    ):
        ours, theirs = (found[package][step] for package in CLIENTS)
        _rows(report, f"{what}, {step}", ours, theirs, budget)


def _rows(report: Report, what: str, ours: float, theirs: float, least: float) -> None:
    report.add(f"SDK, {what}, s", ours, "")
    report.add(f"wandb, {what}, s", theirs, "")
    report.add(f"SDK, {what}, × as fast", theirs / ours, "", Budget(least, at_least=True))


def _times(server: Server, folder: Path, package: str) -> dict[str, float]:
    """Seconds of each step, by a person who has nothing in any cache."""
    home = folder.parent / f"home-{package}"
    person = Person("admin", server.admin.api_key, home)
    project = f"bench-{folder.name}-{package}"
    given: dict[str, Any] = {"package": package, "project": project, "name": folder.name}
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
