"""One server process a data folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from registrum.server.lockfile import FolderInUse, hold

HOLDER = """
import sys
from pathlib import Path
from registrum.server.lockfile import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(FolderInUse, match=str(first.pid)), hold(folder):
            pass
        first.kill()
        first.wait()
    with hold(folder):
        assert (folder / "server.lock").read_text().strip().isdigit()


def test_the_lock_ends_with_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path):
            pass
