"""Makes published files survive a loss of power: few of them one by one, many by one sync of the file system."""

import ctypes
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from registrum.server.blobs.store import BlobKey, BlobsLost

_FEW = 16
_THREADS = 8


def sync_blobs(root: str, sizes: Mapping[str, int]) -> None:
    """Syncs files, the folders that name them, and `root`.

    Args:
        root: the folder of the files' folders.
        sizes: the bytes that each file has to have; its name is its blob's key.

    Raises:
        BlobsLost: files are missing or have another size, since a crash came between their writing
        and now; or the disk could not keep them. They are removed: the kernel tells such an error
        only once.
    """
    if not sizes:
        return
    many = len(sizes) > _FEW and hasattr(_libc, "syncfs")
    try:
        if many:
            # First, so that a commit can go on with its own work meanwhile: this needs no interpreter, looking does.
            _sync_file_system(root)
        lost = [path for path, size in sizes.items() if _size(path) != size]
        if lost:
            raise _dropped(lost, "were lost in a crash")
        if not many:
            _sync_each([*sizes, *{os.path.dirname(path) for path in sizes}, root])
    except OSError as error:
        raise _dropped(sizes, f"could not be kept by the disk ({error.strerror})") from error


_libc = ctypes.CDLL(None, use_errno=True)


def remove(path: str) -> None:
    """Removes a file; one that is absent is fine."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def _dropped(paths: Iterable[str], reason: str) -> BlobsLost:
    keys = []
    for path in paths:
        remove(path)
        keys.append(BlobKey(os.path.basename(path)))
    return BlobsLost(keys, reason)


def _sync_file_system(root: str) -> None:
    fd = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(fd)


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
