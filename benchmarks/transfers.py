"""The byte routes beside nginx: `benchmarks/bytes.py` as rows of the table."""

import shutil
from pathlib import Path

from benchmarks import bytes as raw
from benchmarks.measures import Budget, Report

SMALL = 5000


def measure(scratch: Path, report: Report, size_mib: int, files: int) -> None:
    """Both servers on this machine, one after the other."""
    folder = scratch / "transfers"
    folder.mkdir()
    body = folder / "body"
    md5 = raw.random_file(body, size_mib)
    found: dict[str, dict[str, float]] = {}
    for name, start in (("nginx", raw.nginx), ("registrum", raw.ours)):
        if name == "nginx" and shutil.which("nginx") is None:
            print("  nginx is not installed: the ratios are left out", flush=True)
            continue
        home = folder / name
        home.mkdir()
        with start(home) as peer:
            found[name] = {**raw.small(peer, files), **raw.large(peer, body, md5)}
        shutil.rmtree(home)
    ours = found["registrum"]
    size = f"{size_mib / 1024:g} GiB"
    for direction, least in (("upload", 0.5), ("download", 0.9)):
        speed = ours[f"{direction}_MB_s"]
        report.add(f"{direction} {size}, MB/s", speed, "")
        if "nginx" in found:
            ratio = speed / found["nginx"][f"{direction}_MB_s"]
            report.add(f"{direction} {size}, × nginx", ratio, "", Budget(least, at_least=True))
    report.add(
        "memory while streaming, MiB above idle",
        max(ours["upload_memory_MiB"], ours["download_memory_MiB"]),
        "",
        Budget(64),
    )
    for direction, least in (("upload", 1000), ("download", 4000)):
        report.add(
            f"{direction} of files of 10 KiB, files/s",
            ours[f"{direction}_files_s"],
            "",
            Budget(least, at_least=True),
        )
        if "nginx" in found:
            report.add(
                f"{direction} of files of 10 KiB by nginx, files/s",
                found["nginx"][f"{direction}_files_s"],
                "",
            )
    shutil.rmtree(folder)
