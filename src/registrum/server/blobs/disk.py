"""Blobs in a folder: `blobs/<2 digits>/<key>` what is published, `incoming/` and `parts/` what is being written.

Both are in one file system, so that publishing is one hard link: a blob appears whole, and one that
is there is never replaced. No part of a path comes from a client. What is published is durable only
after `make_durable`, which a commit calls for all its blobs at once, because a sync costs about the
same for one file as for a thousand.
"""

import asyncio
import errno
import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import TypeVar

from registrum.core.errors import (
    DigestMismatch,
    Invalid,
    NotFound,
    RegistrumError,
    StorageFull,
)
from registrum.server.blobs.durable import Syncing, remove
from registrum.server.blobs.files import IncomingFile, space_left, write_all
from registrum.server.blobs.joining import Joining
from registrum.server.blobs.parts import Assembly, drop, write_plan
from registrum.server.blobs.publishing import measure_file, publish, storage_errors
from registrum.server.blobs.reading import Reading, missing
from registrum.server.blobs.store import (
    CHUNK_BYTES,
    BlobKey,
    BlobsLost,
    Digester,
    Expected,
    PartsPlan,
    SignedRequest,
    StoredBlob,
    measure_bytes,
)
from registrum.server.blobs.streams import Buffers, DirectBody, chain, no_longer_than, pour

_T = TypeVar("_T")
_UNREADABLE = frozenset({errno.EIO, errno.EBADMSG})
_THREADS = 16
_MANY_ASSEMBLIES = 64


class DiskStore:
    """A folder on this machine (or one that several servers mount)."""

    serves_bytes = True

    def __init__(self, folder: Path, *, direct_io: bool = True) -> None:
        """Opens the folder and makes it where it is missing.

        Args:
            folder: owned by the server alone.
            direct_io: write large bodies past the page cache where the file system can.
        """
        self._blobs = f"{folder}/blobs"
        self._incoming = f"{folder}/incoming"
        self._parts = folder / "parts"
        for needed in (self._blobs, self._incoming, self._parts):
            os.makedirs(needed, exist_ok=True)
        self._opened = datetime.now(UTC)
        self._opened_s = time.monotonic()
        self._direct_io = direct_io
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        self._buffers = Buffers()
        self._reading = Reading(self._path, self._pool)
        self._lock = threading.Lock()
        self._assemblies: dict[BlobKey, Assembly] = {}
        self._many_assemblies = _MANY_ASSEMBLIES
        self._joining = Joining(self._pool)
        self._syncing = Syncing(self._blobs)

    def close(self) -> None:
        """Waits for what is being written and lets the threads go."""
        self._pool.shutdown()
        self._syncing.close()

    def check(self) -> None:
        """See `BlobStore.check`."""
        probe = f"{self._incoming}/check.{secrets.token_hex(4)}"
        with storage_errors():
            try:
                write_all(probe, b"check")
            finally:
                remove(probe)

    async def put(self, key: BlobKey, chunks: AsyncIterator[bytes], expect: Expected) -> StoredBlob:
        """See `BlobStore.put`."""
        if expect.size_bytes is not None and expect.size_bytes > CHUNK_BYTES:
            return await self._put_stream(key, chunks, expect)
        head: list[bytes] = []
        size = 0
        async for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > CHUNK_BYTES:
                return await self._put_stream(key, chain(head, chunks), expect)
        return await self._in_thread(self.put_whole, key, b"".join(head), expect)

    def put_whole(self, key: BlobKey, content: bytes, expect: Expected) -> StoredBlob:
        """See `BlobStore.put_whole`."""
        stored = measure_bytes(content, expect)
        incoming = self._incoming_path(key)
        with storage_errors():
            try:
                write_all(incoming, content)
                publish(incoming, self._path(key), stored)
            finally:
                remove(incoming)
        return stored

    async def _put_stream(
        self, key: BlobKey, chunks: AsyncIterator[bytes], expect: Expected
    ) -> StoredBlob:
        digester = Digester(with_xxh128=expect.xxh128 is not None)
        incoming = self._incoming_path(key)
        began_ns = time.time_ns()
        with storage_errors():
            file = await self._in_thread(self._open_incoming, incoming, expect.size_bytes)
            try:
                lanes = (file.write, digester.update_md5, digester.update_rest)
                if not isinstance(chunks, DirectBody):
                    chunks = no_longer_than(chunks, expect.size_bytes)
                await pour(chunks, lanes, self._buffers, self._pool)
                stored = digester.result()
                expect.check(stored)
                await self._in_thread(publish, incoming, self._path(key), stored, began_ns)
            finally:
                # Not awaited: a cancelled request must leave nothing behind either.
                file.close()
                remove(incoming)
        return stored

    def read(self, key: BlobKey, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        return self._reading.chunks(key, start, length)

    async def open_file(self, key: BlobKey) -> FileIO | None:
        """See `BlobStore.open_file`."""
        return await self._reading.open_file(key)

    def read_whole(self, key: BlobKey, max_bytes: int) -> bytes:
        """See `BlobStore.read_whole`."""
        return self._reading.whole(key, max_bytes)

    def size(self, key: BlobKey) -> int | None:
        """See `BlobStore.size`."""
        try:
            return os.stat(self._path(key)).st_size
        except FileNotFoundError:
            return None

    def look(self, key: BlobKey) -> StoredBlob | None:
        """See `BlobStore.look`."""
        try:
            return self.measure(key)
        except NotFound:
            return None

    def measure(self, key: BlobKey) -> StoredBlob:
        """See `BlobStore.measure`."""
        try:
            return measure_file(self._path(key))
        except FileNotFoundError:
            raise missing(key) from None
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            raise BlobsLost([key], f"can't be read from the disk ({error.strerror})") from error

    def delete(self, keys: Iterable[BlobKey]) -> None:
        """See `BlobStore.delete`."""
        for key in keys:
            remove(self._path(key))

    def make_durable(self, sizes: Mapping[BlobKey, int]) -> None:
        """See `BlobStore.make_durable`."""
        with storage_errors():
            self._syncing.make_durable({self._path(key): size for key, size in sizes.items()})

    def unbroken_since(self) -> datetime | None:
        """When this process opened the folder: the disk may have been in another machine before.

        The later of what the clock said then and of what it makes of that moment now: a machine may start with a wrong clock.
        """
        now = datetime.now(UTC)
        return max(self._opened, now - timedelta(seconds=time.monotonic() - self._opened_s))

    def begin_parts(self, key: BlobKey, plan: PartsPlan, expect: Expected) -> str:
        """See `BlobStore.begin_parts`."""
        with storage_errors():
            write_plan(self._parts / key.text, plan, expect)
        return key.text

    async def put_part(
        self,
        key: BlobKey,
        upload_id: str,
        number: int,
        chunks: AsyncIterator[bytes],
        size_bytes: int,
    ) -> bytes:
        """See `BlobStore.put_part`."""
        with storage_errors():
            upload = await self._in_thread(self._assembly, key)
            return await upload.take_part(
                number, chunks, size_bytes, buffers=self._buffers, pool=self._pool
            )

    def landed_parts(self, key: BlobKey, upload_id: str) -> frozenset[int]:
        """See `BlobStore.landed_parts`."""
        with storage_errors():
            return self._assembly(key).landed()

    def finish_parts(self, key: BlobKey, upload_id: str) -> StoredBlob:
        """See `BlobStore.finish_parts`."""
        return self._joining.result(key, self._finish)

    def _finish(self, key: BlobKey) -> StoredBlob:
        try:
            upload = self._assembly(key)
            with storage_errors(), upload.finishing():
                return self._finish_alone(key, upload)
        except NotFound:
            # An earlier call may have finished it, and its answer been lost; or another process has now.
            return self.measure(key)

    def _finish_alone(self, key: BlobKey, upload: Assembly) -> StoredBlob:
        try:
            stored = upload.assemble()
            publish(str(upload.content), self._path(key), stored, upload.began_ns)
        except (OSError, RegistrumError) as error:
            # Nobody is kept from dropping it meanwhile.
            upload.check_open()
            if isinstance(error, DigestMismatch | Invalid):
                self.abort_parts(key, key.text)
            raise
        self.abort_parts(key, key.text)
        return stored

    def abort_parts(self, key: BlobKey, upload_id: str) -> None:
        """See `BlobStore.abort_parts`."""
        with self._lock:
            self._assemblies.pop(key, None)
        drop(self._parts / key.text)

    def _assembly(self, key: BlobKey) -> Assembly:
        with self._lock:
            known = self._assemblies.get(key)
            if known is None or not known.is_open:
                self._assemblies.pop(key, None)
                if len(self._assemblies) >= self._many_assemblies:
                    self._forget_finished()
                known = self._assemblies[key] = Assembly(key, self._parts / key.text)
            return known

    def _forget_finished(self) -> None:
        """Lets go of what other processes have finished or dropped; seldom enough to cost nothing."""
        self._assemblies = {key: each for key, each in self._assemblies.items() if each.is_open}
        self._many_assemblies = 2 * len(self._assemblies) + _MANY_ASSEMBLIES

    def sweep_incoming(self, older_than: timedelta) -> int:
        """See `BlobStore.sweep_incoming`."""
        oldest = time.time() - older_than.total_seconds()
        swept = 0
        for entry in os.scandir(self._incoming):
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime <= oldest:
                    os.unlink(entry.path)
                    swept += 1
        return swept

    def signed_put(
        self, key: BlobKey, expect: Expected, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """None: the bytes pass through the server."""
        return None

    def signed_part_put(
        self, key: BlobKey, upload_id: str, number: int, md5: bytes, lasts: timedelta
    ) -> SignedRequest | None:
        """None: the bytes pass through the server."""
        return None

    def signed_get(
        self, key: BlobKey, filename: str, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """None: the bytes pass through the server."""
        return None

    def _path(self, key: BlobKey) -> str:
        # Text, not `Path`, which costs more than the system calls for a small file.
        return f"{self._blobs}/{key.text[:2]}/{key.text}"

    def _incoming_path(self, key: BlobKey) -> str:
        return f"{self._incoming}/{key.text}.{secrets.token_hex(4)}"

    def _open_incoming(self, path: str, size_bytes: int | None) -> IncomingFile:
        if size_bytes is not None and size_bytes > space_left(self._incoming):
            raise StorageFull(f"There is no room for {size_bytes} more bytes.")
        return IncomingFile(path, direct_io=self._direct_io)

    async def _in_thread(self, work: Callable[..., _T], *args: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
