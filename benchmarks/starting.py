"""What it costs to begin: the server on an existing database, its memory, and the imports of a client."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measures import Budget, Report
from benchmarks.served import Served, compiled_code, serving


def measure_start(folder: Path, url: str | None, where: str, report: Report, times: int) -> None:
    """Starts a server on an existing database, again and again; the first time, which compiles the code, is left out."""
    with serving(folder, url):
        pass
    found: list[Served] = []
    for _ in range(times):
        with serving(folder, url) as served:
            found.append(served)
            memory = served.pss_mib()
    report.add(
        "start to healthy, s", statistics.median(s.started_s for s in found), where, Budget(1.0)
    )
    report.add("start to healthy, CPU s", min(s.started_cpu_s for s in found), where)
    report.add("idle memory (PSS), MiB", memory, where, Budget(90))


def measure_client(scratch: Path, report: Report, times: int) -> None:
    """`import registrum`, and the whole of `registrum --version`; the bare interpreter beside them."""
    registrum = str(Path(sys.executable).with_name("registrum"))
    commands = {
        "`python -c pass`, s": ([sys.executable, "-c", "pass"], None),
        "`import registrum`, s (whole process)": (
            [sys.executable, "-c", "import registrum"],
            Budget(0.15),
        ),
        "`registrum --version`, s": ([registrum, "--version"], Budget(0.3)),
    }
    for what, (command, budget) in commands.items():
        waited = [waited_s(scratch, command) for _ in range(times + 1)]
        report.add(what, statistics.median(waited[1:]), "", budget)


def waited_s(scratch: Path, command: Sequence[str]) -> float:
    """How long a command took, which finds its code compiled from the second time on."""
    variables = {**os.environ, **compiled_code(scratch)}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
