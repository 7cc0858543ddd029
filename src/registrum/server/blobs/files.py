"""Files as the disk store writes and reads them: whole small ones, and large ones past the page cache."""

import ctypes
import errno
import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

from registrum.server.blobs.store import CHUNK_BYTES

_ALIGNED = 4096
_AHEAD_CHUNKS = 4
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_AT_FDCWD = -100
_OPENAT2 = 437
_RESOLVE_CACHED = 0x20
_libc = ctypes.CDLL(None, use_errno=True)
_HOW = (ctypes.c_uint64 * 3)(os.O_RDONLY | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
_HOW_BYTES = ctypes.sizeof(_HOW)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MODE = 0o640


class _Known:
    """What has been found out of this kernel."""

    can_open_cached = sys.platform == "linux"


def write_all(path: str, content: bytes) -> None:
    """Makes a new file of these bytes."""
    fd = os.open(path, _NEW_FILE, _MODE)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(fd, rest) :]
    finally:
        os.close(fd)


def read_at(fd: int, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` up to `end`, or to where the file ends, in chunks of 1 MiB."""
    while start < end:
        chunk = os.pread(fd, min(CHUNK_BYTES, end - start), start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def read_cached(fd: int, start: int, length: int) -> bytes | None:
    """That many bytes if they are in memory; none where reading them would wait for the disk."""
    if _NOWAIT is None:
        return None
    content = bytearray(length)
    try:
        found = os.preadv(fd, [content], start, _NOWAIT)
    except OSError:
        # Not in memory; or the file system can't tell. What is really wrong shows when a thread reads.
        return None
    return cast(bytes, content) if found == length else None


def open_cached(path: str) -> int | None:
    """Opens a file whose name the kernel has in memory; none where looking it up would wait for the disk."""
    if not _Known.can_open_cached:
        return None
    fd = int(_libc.syscall(_OPENAT2, _AT_FDCWD, path.encode(), ctypes.byref(_HOW), _HOW_BYTES))
    if fd >= 0:
        return fd
    if ctypes.get_errno() in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
        _Known.can_open_cached = False
    return None


def read_ahead(fd: int, start: int, length: int) -> bytes:
    """Reads from the disk, and has the kernel fetch what comes after it meanwhile."""
    if hasattr(os, "posix_fadvise"):
        after = start + length
        os.posix_fadvise(fd, after, _AHEAD_CHUNKS * CHUNK_BYTES, os.POSIX_FADV_WILLNEED)
    return os.pread(fd, length, start)


def forget_cached(fd: int) -> None:
    """Has the kernel read a file from the disk again, but for what is yet to be written."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def space_left(folder: str) -> int:
    """Bytes that may still be written in the folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class IncomingFile:
    """A new file written block by block, past the page cache where the file system allows that.

    Direct writing takes page-aligned buffers and lengths, so the last block goes the ordinary way.
    Closing waits for a write in
    another thread: a number that was closed under it could by then be somebody else's file.
    """

    def __init__(self, path: str, *, direct_io: bool) -> None:
        self._lock = threading.Lock()
        self._is_direct = direct_io and hasattr(os, "O_DIRECT")
        self._fd = -1
        if self._is_direct:
            try:
                self._fd = os.open(path, _NEW_FILE | os.O_DIRECT, _MODE)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                # Refused by this file system; some have made the file before they say so.
                with suppress(FileNotFoundError):
                    os.unlink(path)
                self._is_direct = False
        if self._fd < 0:
            self._fd = os.open(path, _NEW_FILE, _MODE)

    def write(self, block: memoryview) -> None:
        """Appends a block; all but the last must be whole multiples of 4 KiB for direct writing to last."""
        with self._lock:
            if self._fd < 0:
                raise OSError(errno.EBADF, "the file was closed while it was written")
            if self._is_direct and len(block) % _ALIGNED:
                self._write_ordinarily()
            while block:
                try:
                    block = block[os.write(self._fd, block) :]
                except OSError as error:
                    if not (self._is_direct and error.errno == errno.EINVAL):
                        raise
                    # Refused, or unaligned after a short write.
                    self._write_ordinarily()

    def close(self) -> None:
        """Lets the file go; again is fine."""
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write_ordinarily(self) -> None:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~os.O_DIRECT)
        self._is_direct = False
