"""Blobs in a bucket of S3, or of anything that speaks like it: `<prefix>blobs/<key>`.

Clients put and get the bytes themselves by signed addresses. What the server stores and reads
itself goes through obstore. The bucket should have a rule that ends incomplete uploads after some
days; nothing else is left behind there.
"""

import asyncio
import hashlib
import logging
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from typing import Any, TypeVar

import obstore
from obstore import exceptions as failures

from registrum.core.errors import (
    Conflict,
    DigestMismatch,
    Invalid,
    NotFound,
    RegistrumError,
    TooLarge,
    Unavailable,
    Unprocessable,
)
from registrum.server.blobs.joining import Joining
from registrum.server.blobs.plans import other_parts
from registrum.server.blobs.s3_parts import KnownUploads, PartCalls, Upload
from registrum.server.blobs.s3_place import Place
from registrum.server.blobs.s3_sending import Checked, send_part
from registrum.server.blobs.signing import content_disposition
from registrum.server.blobs.store import (
    CHUNK_BYTES,
    BlobKey,
    Digester,
    Expected,
    PartsPlan,
    SignedRequest,
    StoredBlob,
    measure_bytes,
)
from registrum.server.blobs.streams import Buffers, no_longer_than

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_PART_BYTES = 8 * CHUNK_BYTES
_AT_ONCE = 3
_THREADS = 16
_DELETED_AT_ONCE = 1000


class S3Store:
    """A bucket, or what is below a prefix of one."""

    serves_bytes = False

    def __init__(self, url: str, environ: Mapping[str, str] | None = None) -> None:
        """Opens `s3://bucket/prefix?endpoint=…&region=…`; nothing is sent yet.

        Args:
            url: where; without an endpoint it is Amazon's.
            environ: for `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
            `AWS_REGION`, `AWS_ENDPOINT_URL`;
                default: the process's own.

        Raises:
            Invalid: no bucket, or no credentials.
        """
        place = Place.of(url, os.environ if environ is None else environ)
        self._prefix = place.prefix
        self._presigner = place.presigner()
        self._bucket = place.open()
        self._parts = PartCalls(self._presigner)
        self._known = KnownUploads()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._buffers = Buffers()
        self._joining = Joining(self._pool)

    def close(self) -> None:
        """See `BlobStore.close`."""
        self._pool.shutdown()
        self._parts.close()

    def check(self) -> None:
        """See `BlobStore.check`."""
        with _s3_errors():
            obstore.put(self._bucket, f"{self._prefix}check", b"check", use_multipart=False)

    async def put(self, key: BlobKey, chunks: AsyncIterator[bytes], expect: Expected) -> StoredBlob:
        """See `BlobStore.put`."""
        head: list[bytes] = []
        size = 0
        async for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > CHUNK_BYTES:
                return await self._put_stream(key, head, chunks, expect)
        return await self._in_thread(self.put_whole, key, b"".join(head), expect)

    def put_whole(self, key: BlobKey, content: bytes, expect: Expected) -> StoredBlob:
        """See `BlobStore.put_whole`."""
        stored = measure_bytes(content, expect)
        with _s3_errors():
            try:
                obstore.put(self._bucket, self._path(key), content, mode="create")
            except failures.AlreadyExistsError:
                self._check_same(key, stored)
        return stored

    async def _put_stream(
        self, key: BlobKey, head: list[bytes], rest: AsyncIterator[bytes], expect: Expected
    ) -> StoredBlob:
        body = Checked(head, rest, expect)
        if await self._in_thread(self.size, key) is not None:
            async for _ in body.chunks():
                pass
            await self._in_thread(self._check_same, key, body.found())
            return body.found()
        try:
            with _s3_errors():
                await obstore.put_async(
                    self._bucket,
                    self._path(key),
                    body.chunks(),
                    use_multipart=True,
                    chunk_size=_PART_BYTES,
                    max_concurrency=_AT_ONCE,
                )
        except BaseException:
            if body.failure is not None:
                # obstore tells the reason as text only.
                raise body.failure from None
            raise
        return body.found()

    def _check_same(self, key: BlobKey, stored: StoredBlob) -> None:
        if self.measure(key).sha256 != stored.sha256:
            raise Conflict(f"Blob {key} holds other content already.")

    async def read(
        self, key: BlobKey, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        if length == 0:
            if await self._in_thread(self.size, key) is None:
                raise _missing(key)
            yield b""
            return
        span: Any = {"offset": start} if length is None else (start, start + length)
        with _s3_errors(key):
            whole = start == 0 and length is None
            options: Any = None if whole else {"range": span}
            found = await obstore.get_async(self._bucket, self._path(key), options=options)
            async for block in found.stream(min_chunk_size=CHUNK_BYTES):
                view = memoryview(block)
                for at in range(0, len(view), CHUNK_BYTES):
                    yield bytes(view[at : at + CHUNK_BYTES])

    async def open_file(self, key: BlobKey) -> FileIO | None:
        """None: blobs are no files here."""
        return None

    def read_whole(self, key: BlobKey, max_bytes: int) -> bytes:
        """See `BlobStore.read_whole`."""
        with _s3_errors(key):
            found = obstore.get(self._bucket, self._path(key))
            size = found.meta["size"]
            if size > max_bytes:
                raise TooLarge(
                    f"Blob {key} has {size} bytes; at most {max_bytes} are read at once."
                )
            return bytes(found.bytes())

    def size(self, key: BlobKey) -> int | None:
        """See `BlobStore.size`."""
        try:
            with _s3_errors(key):
                return int(obstore.head(self._bucket, self._path(key))["size"])
        except NotFound:
            return None

    def look(self, key: BlobKey) -> StoredBlob | None:
        """See `BlobStore.look`; what came in parts has no MD5 in S3 and is read."""
        try:
            with _s3_errors(key):
                found = obstore.head(self._bucket, self._path(key))
            etag = (found["e_tag"] or "").strip('"')
            if len(etag) == 2 * hashlib.md5(usedforsecurity=False).digest_size:
                return StoredBlob(found["size"], bytes.fromhex(etag))
            return self.measure(key)
        except NotFound:
            return None

    def measure(self, key: BlobKey) -> StoredBlob:
        """See `BlobStore.measure`."""
        digester = Digester(with_xxh128=True)
        with _s3_errors(key):
            for block in obstore.get(self._bucket, self._path(key)).stream(CHUNK_BYTES):
                digester.update(memoryview(block))
        return digester.result()

    def delete(self, keys: Iterable[BlobKey]) -> None:
        """See `BlobStore.delete`."""
        paths = [self._path(key) for key in keys]
        with _s3_errors():
            for at in range(0, len(paths), _DELETED_AT_ONCE):
                try:
                    obstore.delete(self._bucket, paths[at : at + _DELETED_AT_ONCE])
                except (failures.NotFoundError, FileNotFoundError):
                    continue

    def make_durable(self, sizes: Mapping[BlobKey, int]) -> None:
        """Nothing to do: S3 has answered for each blob when it was stored."""

    def sweep_incoming(self, older_than: timedelta) -> int:
        """Nothing to do: the bucket's own rule ends incomplete uploads."""
        return 0

    def unbroken_since(self) -> datetime | None:
        """None: what is stored is durable."""
        return None

    def begin_parts(self, key: BlobKey, plan: PartsPlan, expect: Expected) -> str:
        """See `BlobStore.begin_parts`; what was announced lies beside the blobs until the upload ends."""
        upload = Upload(self._parts.begin(self._path(key)), tuple(plan.part_md5s), expect)
        with _s3_errors():
            try:
                obstore.put(self._bucket, self._plan_path(key), upload.document(), mode="create")
            except failures.AlreadyExistsError:
                self._parts.abort(self._path(key), upload.upload_id)
                # Not what is remembered of it: another process may have dropped that and begun anew.
                if self._upload(key).part_md5s != upload.part_md5s:
                    raise other_parts() from None
                return key.text
        self._known.add(key, upload)
        return key.text

    def landed_parts(self, key: BlobKey, upload_id: str) -> frozenset[int]:
        """See `BlobStore.landed_parts`."""
        upload = self._upload(key)
        landed = self._parts.landed(self._path(key), upload.upload_id)
        return frozenset(
            number
            for number, md5 in enumerate(upload.part_md5s, 1)
            if landed.get(number) == md5.hex()
        )

    async def put_part(
        self,
        key: BlobKey,
        upload_id: str,
        number: int,
        chunks: AsyncIterator[bytes],
        size_bytes: int,
    ) -> bytes:
        """See `BlobStore.put_part`; usually clients send parts to S3 themselves."""
        # As it is now: another process may have dropped it and begun anew.
        upload = await self._in_thread(self._upload, key)
        md5 = upload.part_md5(number)
        digest, path = b64encode(md5).decode(), self._path(key)
        if size_bytes > _PART_BYTES:
            url = self._parts.part_address(path, upload.upload_id, number, digest)
            await send_part(
                url,
                {"Content-MD5": digest},
                size_bytes,
                md5,
                chunks,
                buffers=self._buffers,
                pool=self._pool,
            )
            return md5
        content = b"".join([chunk async for chunk in no_longer_than(chunks, size_bytes)])
        measure_bytes(content, Expected(md5, size_bytes))
        await self._in_thread(self._parts.put, path, upload.upload_id, number, content, digest)
        return md5

    def finish_parts(self, key: BlobKey, upload_id: str) -> StoredBlob:
        """See `BlobStore.finish_parts`."""
        return self._joining.result(key, self._finish)

    def _finish(self, key: BlobKey) -> StoredBlob:
        try:
            upload = self._upload(key)
        except NotFound:
            # An earlier call may have finished it, and its answer been lost.
            return self.measure(key)
        if self.size(key) is None:
            etags = [md5.hex() for md5 in upload.part_md5s]
            landed = self._parts.landed(self._path(key), upload.upload_id)
            missing = [str(at) for at, etag in enumerate(etags, 1) if landed.get(at) != etag]
            if missing:
                raise Unprocessable(f"Parts are missing: {', '.join(missing[:20])}.")
            self._parts.complete(self._path(key), upload.upload_id, etags)
        # S3 has no digest of a whole that came in parts.
        stored = self.measure(key)
        try:
            upload.expect.check(stored)
        except (DigestMismatch, Invalid):
            self.delete([key])
            self.abort_parts(key, key.text)
            raise
        self._drop_plan(key)
        return stored

    def abort_parts(self, key: BlobKey, upload_id: str) -> None:
        """See `BlobStore.abort_parts`."""
        try:
            upload = self._upload(key)
        except NotFound:
            return
        self._parts.abort(self._path(key), upload.upload_id)
        self._drop_plan(key)

    def signed_put(
        self, key: BlobKey, expect: Expected, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """See `BlobStore.signed_put`; none without an MD5, which alone keeps a blob from being overwritten."""
        if expect.md5 is None:
            return None
        headers = {"Content-MD5": b64encode(expect.md5).decode()}
        return self._signed_put(self._path(key), headers, {}, lasts)

    def signed_part_put(
        self, key: BlobKey, upload_id: str, number: int, md5: bytes, lasts: timedelta
    ) -> SignedRequest | None:
        """See `BlobStore.signed_part_put`."""
        upload = self._known_upload(key)
        query = {"partNumber": str(number), "uploadId": upload.upload_id}
        headers = {"Content-MD5": b64encode(md5).decode()}
        return self._signed_put(self._path(key), headers, query, lasts)

    def signed_get(
        self, key: BlobKey, filename: str, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """See `BlobStore.signed_get`."""
        query = {
            "response-content-disposition": content_disposition("attachment", filename),
            "response-content-type": content_type or "application/octet-stream",
        }
        return SignedRequest(self._presigner.url("GET", self._path(key), lasts, query=query), {})

    def _signed_put(
        self, path: str, headers: Mapping[str, str], query: Mapping[str, str], lasts: timedelta
    ) -> SignedRequest:
        url = self._presigner.url("PUT", path, lasts, headers=headers, query=query)
        return SignedRequest(url, headers)

    def _known_upload(self, key: BlobKey) -> Upload:
        known = self._known.get(key)
        return known if known is not None else self._upload(key)

    def _upload(self, key: BlobKey) -> Upload:
        with _s3_errors(key):
            found = obstore.get(self._bucket, self._plan_path(key))
            upload = Upload.of(bytes(found.bytes()))
        self._known.add(key, upload)
        return upload

    def _drop_plan(self, key: BlobKey) -> None:
        self._known.drop(key)
        with _s3_errors():
            obstore.delete(self._bucket, self._plan_path(key))

    def _path(self, key: BlobKey) -> str:
        return f"{self._prefix}blobs/{key}"

    def _plan_path(self, key: BlobKey) -> str:
        return f"{self._prefix}uploads/{key}"

    async def _in_thread(self, work: Callable[..., _T], *args: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


@contextmanager
def _s3_errors(key: BlobKey | None = None) -> Iterator[None]:
    """Tells in the words of the project what the driver says."""
    try:
        yield
    except (failures.NotFoundError, FileNotFoundError):
        if key is None:
            raise Unavailable("The bucket does not exist.") from None
        raise _missing(key) from None
    except (failures.AlreadyExistsError, RegistrumError):
        raise
    except failures.BaseError as error:
        _log.warning("S3 failed: %s", error)
        raise Unavailable(f"S3 can't be used just now ({type(error).__name__}).") from error


def _missing(key: BlobKey) -> NotFound:
    return NotFound(f"There is no blob {key}.")
