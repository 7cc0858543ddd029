"""Keeps what was added to a draft as it was then, whatever happens to the files afterwards.

All of a draft's files go into one nameless file, one behind the other: nothing to clean up after a crash, one open file however
many were added, and small ones cost one write each. A file is read once: its digest is taken while it is copied, or while the
blocks are shared where the file system can do that. A file that its owner promises not to change is not copied at all.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, NamedTuple, Protocol

from registrum.core.digests import Algorithm
from registrum.sdk import reflink, transfers
from registrum.sdk.hashing import CHUNK_BYTES, base64_digest, chunks_of, new_hash, of_bytes

_BLOCK = 4096
_SMALL = 1 << 18
"""Up to here a file is read whole, and written at any offset."""


class Content(Protocol):
    """The bytes of a file that is to be uploaded; to be read as often as needed, by several threads at once."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""

    def read(self, start: int, count: int) -> bytes:
        """Some of them; fewer only at the end."""


class Kept(NamedTuple):
    """A file's bytes, and their digest as a manifest has it."""

    content: Content
    digest: str


class Slice(NamedTuple):
    """A part of a staging file."""

    staging: Staging
    offset: int
    size_bytes: int

    def read(self, start: int, count: int) -> bytes:
        """Some bytes."""
        count = max(0, min(count, self.size_bytes - start))
        return self.staging.read(self.offset + start, count)


class Untouched(NamedTuple):
    """A file whose owner promised not to change it."""

    path: str
    size_bytes: int

    def read(self, start: int, count: int) -> bytes:
        """Some bytes."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(start)
            return file.read(max(0, min(count, self.size_bytes - start)))


def chunks(content: Content, start: int = 0, count: int | None = None) -> Iterator[bytes]:
    """Some bytes of a file in pieces of 1 MiB at most, as a connection likes them.

    Raises:
        OSError: it can't be read, or has become shorter.
    """
    end = content.size_bytes if count is None else start + count
    while start < end:
        piece = content.read(start, min(transfers.SENT_BYTES, end - start))
        if not piece:
            raise OSError("a file became shorter while it was uploaded")
        start += len(piece)
        yield piece


def promised(path: str, algorithm: Algorithm) -> Kept:
    """A file that won't change: read once for its digest, and again when it is uploaded."""
    taken, size = new_hash(algorithm), 0
    for chunk in chunks_of(path):
        taken.update(chunk)
        size += len(chunk)
    return Kept(Untouched(path, size), base64_digest(taken))


class Staging:
    """The nameless file of one draft.

    Args:
        folder: where it is made; with a file system that shares blocks, best the same as that of the data.
    """

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._end = 0
        self._lock = threading.Lock()

    def keep(self, path: str, algorithm: Algorithm) -> Kept:
        """Takes a copy of a file.

        Raises:
            OSError: it can't be read, or there is no room for the copy.
        """
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _SMALL:
                content = file.read(size + 1)
                if len(content) <= size:
                    return self.keep_bytes(content, algorithm)
                file.seek(0)
                size = os.fstat(file.fileno()).st_size
            return self._keep_large(file, size, algorithm)

    def keep_bytes(self, content: bytes, algorithm: Algorithm) -> Kept:
        """Takes the bytes of a small file."""
        file, offset = self._reserve(len(content), 1)
        _write(file, content, offset)
        return Kept(Slice(self, offset, len(content)), of_bytes(content, algorithm))

    def read(self, offset: int, count: int) -> bytes:
        """Some bytes of the file."""
        assert self._file is not None
        return os.pread(self._file.fileno(), count, offset)

    def close(self) -> None:
        """Gives up the file and its room on the disk."""
        if self._file is not None:
            self._file.close()

    def _keep_large(self, source: IO[bytes], size: int, algorithm: Algorithm) -> Kept:
        file, offset = self._reserve(size, _BLOCK)
        # Whole blocks only: what is written behind the file just now must not come along.
        shared = size - size % _BLOCK
        if not reflink.share_range(source.fileno(), file.fileno(), offset, shared):
            shared = 0
        taken, copied = new_hash(algorithm), 0
        room = memoryview(bytearray(CHUNK_BYTES))
        while copied < size and (count := source.readinto(room[: size - copied])):  # type: ignore[attr-defined]
            taken.update(room[:count])
            done = min(max(shared - copied, 0), count)
            _write(file, room[done:count], offset + copied + done)
            copied += count
        return Kept(Slice(self, offset, copied), base64_digest(taken))

    def _reserve(self, size: int, alignment: int) -> tuple[IO[bytes], int]:
        with self._lock:
            if self._file is None:
                if self._folder:
                    os.makedirs(self._folder, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            offset = -(-self._end // alignment) * alignment
            self._end = offset + size
            return self._file, offset


def _write(file: IO[bytes], content: bytes | memoryview, offset: int) -> None:
    view = memoryview(content)
    while view:
        count = os.pwrite(file.fileno(), view, offset)
        view, offset = view[count:], offset + count
