"""Older `wandb` clients, each in an environment of its own that is made at its first use and kept.

They stand in `.envs/<version>` of the checkout, or where `$REGISTRUM_TEST_CLIENTS` says.
"""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

OLDER = ["0.28.2", "0.25.1", "0.22.3"]


def python_of(release: str) -> Path:
    """The Python in whose environment that client is installed; made where missing.

    Processes that ask at the same time wait for one of them to make it.
    """
    given = os.environ.get("REGISTRUM_TEST_CLIENTS")
    root = Path(given) if given else Path(__file__).parents[1] / ".envs"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / release
    python, done = folder / "bin" / "python", folder / "installed"
    with (root / f"{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", f"wandb=={release}"]
            subprocess.run(install, check=True)
            done.touch()
    return python


def site_packages_of(release: str) -> Path:
    """The folder that holds the package `wandb` of that client."""
    environment = python_of(release).parents[1]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return environment / "lib" / version / "site-packages"
