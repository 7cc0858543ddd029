"""Makes published files survive a loss of power: few of them one by one, many by one sync of the file system."""

import ctypes
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from registrum.core.errors import Unavailable, Unprocessable

_FEW = 16
_THREADS = 8


def sync_blobs(root: str, sizes: Mapping[str, int]) -> None:
    """Syncs files, the folders that name them, and `root`.

    Args:
        root: the folder of the files' folders.
        sizes: the bytes that each file has to have.

    Raises:
        Unprocessable: a file is missing or has another size: a crash came between its writing and
        now.
        Unavailable: the disk could not keep them. They are removed, since the kernel tells such an
        error only once.
    """
    if not sizes:
        return
    for path, size in sizes.items():
        _check(path, size)
    try:
        if len(sizes) > _FEW and hasattr(_libc, "syncfs"):
            _sync_file_system(root)
        else:
            _sync_each([*sizes, *{os.path.dirname(path) for path in sizes}, root])
    except OSError as error:
        for path in sizes:
            remove(path)
        raise Unavailable(
            f"The disk could not keep {len(sizes)} files ({error.strerror}); upload them again."
        ) from error


_libc = ctypes.CDLL(None, use_errno=True)


def remove(path: str) -> None:
    """Removes a file; one that is absent is fine."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _check(path: str, size: int) -> None:
    try:
        found = os.stat(path).st_size
    except FileNotFoundError:
        raise Unprocessable(f"Blob {os.path.basename(path)} was lost; upload it again.") from None
    if found != size:
        remove(path)
        raise Unprocessable(f"Blob {os.path.basename(path)} was cut short; upload it again.")


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
