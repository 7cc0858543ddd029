"""Reading the blobs of a folder: small ones at once where the kernel has them in memory, others in chunks that share a budget."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from io import FileIO
from typing import TypeVar

from registrum.core.errors import NotFound, TooLarge
from registrum.server.blobs.files import open_cached, read_ahead, read_at, read_cached
from registrum.server.blobs.store import CHUNK_BYTES, BlobKey

_T = TypeVar("_T")
READ_BUDGET_BYTES = 8 * 2**20
_SMALLEST_READ = 64 * 2**10


class Reading:
    """All who read blobs of one store at once."""

    def __init__(self, path_of: Callable[[BlobKey], str], pool: Executor) -> None:
        """`path_of`: where a blob is; `pool`: whose threads wait for the disk."""
        self._path_of = path_of
        self._pool = pool
        self._readers = 0

    async def chunks(self, key: BlobKey, start: int, length: int | None) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        small = self._read_cached(key, start, length)
        if small is not None:
            yield small
            return
        file, chunk, end = await self._in_thread(self._open_at, key, start, length)
        if file is None:
            yield chunk
            return
        self._readers += 1
        try:
            fd = file.fileno()
            while chunk:
                yield chunk
                start += len(chunk)
                room = min(self._read_size(), end - start)
                # A thread costs more than the copy, so one is asked only for what is not in memory.
                cached = read_cached(fd, start, room)
                if cached is not None:
                    chunk = cached
                else:
                    chunk = await self._in_thread(read_ahead, fd, start, room)
        finally:
            self._readers -= 1
            file.close()

    async def open_file(self, key: BlobKey) -> FileIO:
        """See `BlobStore.open_file`."""
        fd = open_cached(self._path_of(key))
        if fd is not None:
            return FileIO(fd)
        try:
            return await self._in_thread(FileIO, self._path_of(key))
        except FileNotFoundError:
            raise missing(key) from None

    def whole(self, key: BlobKey, max_bytes: int) -> bytes:
        """See `BlobStore.read_whole`."""
        try:
            with open(self._path_of(key), "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_bytes:
                    raise TooLarge(
                        f"Blob {key} has {size} bytes; at most {max_bytes} are read at once."
                    )
                return b"".join(read_at(file.fileno(), 0, size))
        except FileNotFoundError:
            raise missing(key) from None

    def _read_size(self) -> int:
        """Bytes that one of those who read at once takes at a time: a slow peer holds about three such chunks."""
        share = READ_BUDGET_BYTES // max(1, self._readers)
        return max(_SMALLEST_READ, min(CHUNK_BYTES, share - share % _SMALLEST_READ))

    def _read_cached(self, key: BlobKey, start: int, length: int | None) -> bytes | None:
        """A whole small answer without a thread, when name and bytes are in the kernel's memory."""
        fd = open_cached(self._path_of(key))
        if fd is None:
            return None
        try:
            end = _end(fd, start, length)
            return read_cached(fd, start, end - start) if end - start <= CHUNK_BYTES else None
        finally:
            os.close(fd)

    def _open_at(
        self, key: BlobKey, start: int, length: int | None
    ) -> tuple[FileIO | None, bytes, int]:
        """Opens a blob and reads its first chunk; a file that ends there is closed again.

        Not a bare descriptor: who is cancelled while this runs leaves one behind that nobody closes.
        """
        try:
            file = FileIO(self._path_of(key))
        except FileNotFoundError:
            raise missing(key) from None
        try:
            end = _end(file.fileno(), start, length)
            chunk = os.pread(file.fileno(), min(CHUNK_BYTES, end - start), start)
        except BaseException:
            file.close()
            raise
        if chunk and start + len(chunk) < end:
            return file, chunk, end
        file.close()
        return None, chunk, end

    async def _in_thread(self, work: Callable[..., _T], *args: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


def missing(key: BlobKey) -> NotFound:
    """Said of a blob that is not there."""
    return NotFound(f"There is no blob {key}.")


def _end(fd: int, start: int, length: int | None) -> int:
    """Where reading ends: within the file, and never before it starts."""
    size = os.fstat(fd).st_size
    return max(start, size if length is None else min(size, start + length))
