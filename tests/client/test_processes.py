"""A process that began as a copy is what a fresh one would be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client import processes

PROGRAMS = {
    "itself": "import {0}, sys; print(sys.argv, repr(sys.path[0]), __name__, sorted({{*globals()}} - {{'__annotations__'}}))",
    "surroundings": "import {0}, os; print(os.getcwd(), sorted(os.environ.items()))",
    "streams": "import {0}, sys; print([s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr)], repr(sys.stdin.read()))",
    "encodings": "import {0}, sys; print([(s.encoding, s.errors, s.line_buffering) for s in (sys.stdout, sys.stderr)])",
    "both streams": "import {0}, sys; print('é'); print('ü', file=sys.stderr)",
    "code": "import {0}, sys; sys.exit(7)",
    "sentence": "import {0}, sys; sys.exit('no')",
    "at its end": "import {0}, atexit; atexit.register(print, 'bye')",
    "of its threads": "import {0}, threading; threading.Timer(0.01, print, ['later']).start()",
    "signal": "import {0}, os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "interruption": "import {0}, os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "children": "import {0}, subprocess; print(subprocess.run(['false']).returncode)",
}


@pytest.mark.parametrize(
    ("program", "package"), [*((name, "registrum") for name in PROGRAMS), ("surroundings", "wandb")]
)
def test_a_program_does_the_same(program: str, package: str, tmp_path: Path) -> None:
    environ = os.environ | {"GIVEN": "välue", "WANDB_ERROR_REPORTING": "false"}
    text = PROGRAMS[program].format(package)
    with subprocess.Popen(
        [sys.executable, "-c", text, "one", "two words"],
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as fresh:
        shown = fresh.communicate("typed\nin")
    done = processes.run(
        "-c", text, "one", "two words", environ=environ, cwd=tmp_path, given="typed\nin"
    )
    assert (done.returncode, done.stdout, done.stderr) == (fresh.returncode, *shown)


def test_an_error_is_told_like_any(tmp_path: Path) -> None:
    done = processes.run("-c", "import wandb\n1 / 0", environ=os.environ, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
