"""The byte routes beside nginx: `benchmarks/bytes.py` as rows of the table, by the median of rounds in which both took turns."""

import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks import bytes as raw
from benchmarks.measures import Budget, Report

SMALL = 5000
ROUNDS = 5


def measure(scratch: Path, report: Report, size_mib: int, files: int, rounds: int = ROUNDS) -> None:
    """Both servers on this machine, one after the other in every round."""
    folder = scratch / "transfers"
    folder.mkdir()
    servers = ["registrum"]
    if shutil.which("nginx") is None:
        print("  nginx is not installed: the ratios are left out", flush=True)
    else:
        servers.insert(0, "nginx")
    found = raw.take_turns(folder, servers, size_mib, files, rounds)
    size = f"{size_mib / 1024:g} GiB"
    for direction, least in (("upload", 0.5), ("download", 0.9)):
        _row(report, found, f"{direction} {size}", "MB/s", f"{direction}_MB_s", None, least)
    memory = [max(each["registrum"][f"{d}_memory_MiB"] for each in found) for d in _BOTH]
    report.add("memory while streaming, MiB above idle", max(memory), "", Budget(64))
    for direction, least in (("upload", 1000), ("download", 4000)):
        what = f"{direction} of files of 10 KiB"
        _row(report, found, what, "files/s", f"{direction}_files_s", least, None)
    shutil.rmtree(folder)


_BOTH = ("upload", "download")


def _row(
    report: Report,
    found: Sequence[dict[str, raw.Numbers]],
    what: str,
    unit: str,
    name: str,
    least: float | None,
    least_ratio: float | None,
) -> None:
    """Our median, and the median and the extremes of what came out beside nginx in the same round."""
    ours = [each["registrum"][name] for each in found]
    budget = None if least is None else Budget(least, at_least=True)
    report.add(f"{what}, {unit}", statistics.median(ours), "", budget)
    if "nginx" not in found[0]:
        return
    ratios = [each["registrum"][name] / each["nginx"][name] for each in found]
    budget = None if least_ratio is None else Budget(least_ratio, at_least=True)
    report.add(
        f"{what}, × nginx, median of {len(ratios)} rounds", statistics.median(ratios), "", budget
    )
    report.add(f"{what}, × nginx, lowest", min(ratios), "")
    report.add(f"{what}, × nginx, highest", max(ratios), "")
