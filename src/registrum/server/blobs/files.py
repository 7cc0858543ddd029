"""Files as the disk store writes and reads them: whole small ones, and large ones past the page cache."""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from registrum.server.blobs.store import CHUNK_BYTES

_ALIGNED = 4096
_AHEAD_CHUNKS = 4
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_MODE = 0o640


def write_all(path: Path, content: bytes) -> None:
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


def read_ahead(fd: int, start: int, length: int) -> bytes:
    """Reads from the disk, and has the kernel fetch what comes after it meanwhile."""
    if hasattr(os, "posix_fadvise"):
        after = start + length
        os.posix_fadvise(fd, after, _AHEAD_CHUNKS * CHUNK_BYTES, os.POSIX_FADV_WILLNEED)
    return os.pread(fd, length, start)


def space_left(folder: Path) -> int:
    """Bytes that may still be written in the folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class IncomingFile:
    """A new file written block by block, past the page cache where the file system allows that.

    Direct writing takes page-aligned buffers and lengths, so the last block goes the ordinary way.
    Closing waits for a write in
    another thread: a number that was closed under it could by then be somebody else's file.
    """

    def __init__(self, path: Path, *, direct_io: bool) -> None:
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
                path.unlink(missing_ok=True)
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
