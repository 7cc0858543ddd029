"""`make bench`: measures what the budgets are about, and prints the table; `--only` and `--quick` for less of it."""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import bare, commits, reads, starting, transfers, writes
from benchmarks.measures import Report
from benchmarks.populate import ADMIN, MEMBER, TEAM, Size, populate
from benchmarks.served import give_key, serving
from tests.postgres import SETTINGS, PostgresMissing, running_cluster

PARTS = ("start", "reads", "writes", "commits", "transfers", "client")
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    options.add_argument("--only", choices=PARTS, action="append", help="a part; may be repeated")
    options.add_argument("--quick", action="store_true", help="small sizes: minutes become seconds")
    options.add_argument("--versions", type=int, action="append", help="default: 1,000 and 100,000")
    options.add_argument(
        "--database", choices=("sqlite", "postgresql"), action="append", help="default: both"
    )
    asked = options.parse_args()
    parts = asked.only or PARTS
    sizes = asked.versions or ([1000] if asked.quick else [1000, 100_000])
    kinds = asked.database or ["sqlite", "postgresql"]
    began = time.monotonic()
    report = Report()
    try:
        with tempfile.TemporaryDirectory(prefix="registrum-bench-") as folder:
            _measure(parts, sizes, kinds, Path(folder), report, asked.quick)
    finally:
        print(f"\n{_machine()}; {time.monotonic() - began:.0f} s\n\n{report.table()}")


def _measure(
    parts: Sequence[str],
    sizes: list[int],
    kinds: list[str],
    scratch: Path,
    report: Report,
    quick: bool,
) -> None:
    scratch.chmod(0o755)
    bare.measure(scratch, report)
    if "client" in parts:
        starting.measure_client(scratch, report, 3 if quick else 15)
    if "transfers" in parts:
        size_mib, files = (64, 500) if quick else (1024, transfers.SMALL)
        transfers.measure(scratch, report, size_mib, files)
    for kind in kinds:
        _databases(kind, sizes, parts, scratch, report, quick)


def _databases(
    kind: str, sizes: list[int], parts: Sequence[str], scratch: Path, report: Report, quick: bool
) -> None:
    if not {"start", "reads", "writes", "commits"} & set(parts):
        return
    try:
        for versions in sizes:
            with _populated(kind, versions, scratch) as (folder, url, keys):
                where = f"{kind} {versions:,}"
                print(where, flush=True)
                given = url if kind == "postgresql" else None
                if "start" in parts:
                    starting.measure_start(folder, given, where, report, 3 if quick else 7)
                if {"reads", "writes", "commits"} & set(parts):
                    is_largest = versions == max(sizes)
                    _operations(
                        folder,
                        given,
                        keys,
                        _size(versions),
                        parts,
                        where,
                        report,
                        quick,
                        is_largest,
                    )
    except PostgresMissing as missing:
        print(f"  left out: {missing}", flush=True)


def _operations(
    folder: Path,
    url: str | None,
    keys: tuple[str, str],
    size: Size,
    parts: Sequence[str],
    where: str,
    report: Report,
    quick: bool,
    is_largest: bool,
) -> None:
    member, admin = keys
    with serving(folder, url) as served:
        if "reads" in parts:
            reads.measure(served, member, size, where, report, 300 if quick else 3000)
        if "writes" in parts:
            writes.measure(served, admin, size, where, report, 100 if quick else 1000)
        if "commits" in parts and is_largest:
            commits.measure(served, admin, where, report, 2000 if quick else 100_000)


@contextmanager
def _populated(
    kind: str, versions: int, scratch: Path
) -> Iterator[tuple[Path, str, tuple[str, str]]]:
    """A data folder, its database's address, and keys of a member and an administrator."""
    folder = scratch / f"{kind}-{versions}"
    folder.mkdir()
    if kind == "sqlite":
        url = f"sqlite:///{folder}/registrum.sqlite"
        populate(url, _size(versions))
        yield folder, url, (give_key(url, MEMBER, TEAM), give_key(url, ADMIN, TEAM))
        return
    with running_cluster(SETTINGS | DURABLE) as cluster:
        url = cluster.empty_database()
        populate(url, _size(versions))
        yield folder, url, (give_key(url, MEMBER, TEAM), give_key(url, ADMIN, TEAM))


def _size(versions: int) -> Size:
    """With enough collections for a page of them."""
    return Size(versions, collections=max(versions // 50, 200))


def _machine() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} × {names[0] if names else platform.machine()}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
