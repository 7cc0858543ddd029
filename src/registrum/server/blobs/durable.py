"""Makes published files survive a loss of power: few of them one by one, many by one sync of the file system.

The kernel writes in the background as well. What it could not write it forgets, says so once to each
descriptor that was open then, and goes on giving the lost bytes to readers as long as they are in
memory. Nobody can tell which files those are. So one descriptor stays open, and an error spoils
whatever was being written before it was noticed and is not durable yet: that has to come again.
"""

import ctypes
import os
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from registrum.server.blobs.store import BlobKey, BlobsLost

_FEW = 16
_THREADS = 8
_NOT_KEPT = "could not be kept by the disk"


class Syncing:
    """The file system that a folder is in, as one process knows it."""

    def __init__(self, root: str) -> None:
        """Begins to listen for errors.

        Args:
            root: the folder of the files' folders.
        """
        self._root = root
        self._fd = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
        self._one_by_one = threading.Lock()
        self._failed_ns = 0

    def close(self) -> None:
        """Lets the folder go."""
        os.close(self._fd)

    def make_durable(self, sizes: Mapping[str, int]) -> None:
        """Syncs files, the folders that name them, and the root.

        Args:
            sizes: the bytes that each file has to have; its name is its blob's key, and its time of
                modification when its writing began.

        Raises:
            BlobsLost: files are missing or have another size, since a crash came between their writing
            and now; or the disk could not keep them, or others that were written before it was noticed.
            They are removed.
        """
        if not sizes:
            return
        many = len(sizes) > _FEW and hasattr(_libc, "syncfs")
        try:
            if many:
                # First, so that a commit can go on with its own work meanwhile: this needs no interpreter, looking does.
                self._sync_file_system()
            found = {path: _stat(path) for path in sizes}
            lost = [path for path, seen in found.items() if not seen or seen.st_size != sizes[path]]
            if lost:
                raise _dropped(lost, "were lost in a crash")
            if not many:
                _sync_each([*sizes, *{os.path.dirname(path) for path in sizes}, self._root])
        except OSError as error:
            raise _dropped(sizes, f"{_NOT_KEPT} ({error.strerror})") from error
        spoilt = [path for path, seen in found.items() if seen and self._is_spoilt(seen)]
        if spoilt:
            raise _dropped(spoilt, _NOT_KEPT)

    def _sync_file_system(self) -> None:
        # One by one, since only one of two who ask at once is told of an error.
        with self._one_by_one:
            if _libc.syncfs(self._fd):
                code = ctypes.get_errno()
                self._failed_ns = max(self._failed_ns, time.time_ns())
                raise OSError(code, os.strerror(code))

    def _is_spoilt(self, file: os.stat_result) -> bool:
        return file.st_mtime_ns <= self._failed_ns


_libc = ctypes.CDLL(None, use_errno=True)


def remove(path: str) -> None:
    """Removes a file; one that is absent is fine."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _dropped(paths: Iterable[str], reason: str) -> BlobsLost:
    keys = []
    for path in paths:
        remove(path)
        keys.append(BlobKey(os.path.basename(path)))
    return BlobsLost(keys, reason)


def _sync_each(paths: Iterable[str]) -> None:
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sync") as pool:
        # A list, so that the first failure is raised only after all have been tried.
        for done in [pool.submit(_sync, path) for path in paths]:
            done.result()


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
