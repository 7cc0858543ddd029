"""`make bench`: measures what the budgets are about, and prints the table; `--only` and `--quick` for less of it."""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bare, commits, reads, sdk, starting, transfers, writes
from benchmarks.measures import Report
from benchmarks.populate import ADMIN, MEMBER, TEAM, Size, populate
from benchmarks.served import give_key, serving
from tests.postgres import SETTINGS, PostgresMissing, running_cluster

PARTS = ("start", "reads", "writes", "commits", "transfers", "client", "sdk")
ON_DATABASES = {"start", "reads", "writes", "commits"}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class Asked:
    """What to measure.

    Attributes:
        sizes: versions in the database; the largest one takes the version of many files too.
        files: of that version.
        is_quick: few rounds on small things.
    """

    parts: frozenset[str]
    sizes: tuple[int, ...]
    databases: tuple[str, ...]
    files: int
    is_quick: bool


@dataclass(frozen=True)
class Populated:
    """A database full of versions, and keys of two people in it."""

    folder: Path
    url: str | None
    size: Size
    where: str
    member: str
    administrator: str


def main() -> None:
    """Measures and prints."""
    asked = _asked()
    began, report = time.monotonic(), Report()
    try:
        with tempfile.TemporaryDirectory(prefix="registrum-bench-") as folder:
            _measure(asked, Path(folder), report)
    finally:
        took = time.monotonic() - began
        print(f"\n{_machine()}; {took:.0f} s\n\n{report.table()}")


def _asked() -> Asked:
    options = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    options.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    options.add_argument("--quick", action="store_true", help="small sizes: minutes become seconds")
    options.add_argument("--versions", type=int, action="append", help="default: 1,000 and 100,000")
    options.add_argument("--files", type=int, help="of one version; default: 100,000, quick 2,000")
    options.add_argument(
        "--database", choices=("sqlite", "postgresql"), action="append", help="default: both"
    )
    given = options.parse_args()
    return Asked(
        frozenset(given.only or PARTS),
        tuple(given.versions or ([1000] if given.quick else [1000, 100_000])),
        tuple(given.database or ("sqlite", "postgresql")),
        given.files or (2000 if given.quick else 100_000),
        given.quick,
    )


def _measure(asked: Asked, scratch: Path, report: Report) -> None:
    scratch.chmod(0o755)
    bare.measure(scratch, "", report)
    if "client" in asked.parts:
        starting.measure_client(scratch, report, 3 if asked.is_quick else 15)
    if "transfers" in asked.parts:
        size_mib, small = (64, 500) if asked.is_quick else (1024, transfers.SMALL)
        transfers.measure(
            scratch, report, size_mib, small, 2 if asked.is_quick else transfers.ROUNDS
        )
    if "sdk" in asked.parts:
        size_mib, small = (64, 500) if asked.is_quick else (1024, sdk.FILES)
        sdk.measure(scratch, report, size_mib, small)
        sdk.measure_listing(scratch, report, 1000 if asked.is_quick else sdk.VERSIONS)
        sdk.measure_imports(scratch, report, 3 if asked.is_quick else 8)
    if not ON_DATABASES & asked.parts:
        return
    for kind in asked.databases:
        for versions in asked.sizes:
            try:
                with _populated(kind, versions, scratch) as full:
                    bare.measure(scratch, full.where, report)
                    _on_database(asked, full, report)
            except PostgresMissing as missing:
                print(f"{kind} is left out: {missing}", flush=True)


def _on_database(asked: Asked, full: Populated, report: Report) -> None:
    print(full.where, flush=True)
    few, where = asked.is_quick, full.where
    if "start" in asked.parts:
        starting.measure_start(full.folder, full.url, where, report, 3 if few else 7)
    with serving(full.folder, full.url) as served:
        if "reads" in asked.parts:
            reads.measure(served, full.member, full.size, where, report, 300 if few else 3000)
        if "writes" in asked.parts:
            writes.measure(
                served, full.administrator, full.size, where, report, 100 if few else 1000
            )
        if "commits" in asked.parts and full.size.versions == max(asked.sizes):
            commits.measure(served, full.administrator, where, report, asked.files)


@contextmanager
def _populated(kind: str, versions: int, scratch: Path) -> Iterator[Populated]:
    folder = scratch / f"{kind}-{versions}"
    folder.mkdir()
    # Enough collections, and enough versions of each registry, for a page of them.
    registries, lines = min(max(versions // 125, 2), 20), max(versions // 50, 200)
    size, where = Size(versions, registries, lines), f"{kind} {versions:,}"
    if kind == "sqlite":
        url = f"sqlite:///{folder}/registrum.sqlite"
        populate(url, size)
        yield Populated(folder, None, size, where, *_keys(url))
        return
    with running_cluster(SETTINGS | DURABLE) as cluster:
        url = cluster.empty_database()
        populate(url, size)
        yield Populated(folder, url, size, where, *_keys(url))


def _keys(url: str) -> tuple[str, str]:
    return give_key(url, MEMBER, TEAM), give_key(url, ADMIN, TEAM)


def _machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} × {names[0] if names else platform.machine()}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
