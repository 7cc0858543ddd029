"""The lock that keeps a data folder to one server process.

SQLite is written by one process, and the folder of files belongs to it. The operating system holds the lock for as long
as the process lives, so a killed server leaves nothing to clean up; the number written in the file is for people only.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registrum.core.errors import Conflict

NAME = "server.lock"


class FolderInUse(Conflict):
    """Another server process works on this data folder."""

    code = "folder_in_use"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps `folder`, made if missing, to this process while the block runs.

    Raises:
        FolderInUse: another process holds it.
        OSError: the folder can't be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / NAME, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        _lock(descriptor, folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise FolderInUse(
            f"The data folder {folder} is in use by another registrum process (number {holder});"
            " SQLite takes exactly one. Stop that one, or use PostgreSQL."
        ) from None
