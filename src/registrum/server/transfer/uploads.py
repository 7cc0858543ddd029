"""Takes the body of a signed PUT, whole or as one part, and tells what was stored."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import cast

from registrum.core.errors import Invalid, SignatureInvalid, TooLarge
from registrum.server.blobs.signing import Claims
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, StoredBlob
from registrum.server.blobs.streams import DirectBody
from registrum.server.transfer.small_uploads import (
    SMALL_BYTES,
    Body,
    Recorder,
    SmallUploads,
    not_awaited,
)
from registrum.server.transfer.wire import (
    ANY_ORIGIN,
    READ_INTO,
    STALLED_AFTER_S,
    PeerGone,
    Receive,
    Scope,
    Send,
    answer,
    body_chunks,
    header,
    whole_body,
)


async def take_upload(
    scope: Scope,
    receive: Receive,
    send: Send,
    store: BlobStore,
    recorder: Recorder,
    small: SmallUploads,
    *,
    claims: Claims,
    max_bytes: int | None = None,
) -> None:
    """Answers a PUT whose signature has been verified.

    Raises:
        Invalid: no or a wrong Content-Length, or a body of another size.
        TooLarge: more than `max_bytes`.
        DigestMismatch, Conflict, StorageFull, NotFound: as the store says.
        PeerGone: the body stopped half-way; nothing is kept.
    """
    size = _announced_size(scope, claims)
    if max_bytes is not None and size > max_bytes:
        raise TooLarge(f"The body has {size} bytes; an upload may have {max_bytes}.")
    if claims.upload_id is None and size <= SMALL_BYTES:
        expect = Expected(claims.md5, size, claims.xxh128)
        stored = await small.put(Body(claims.key, await whole_body(receive, size), expect))
        md5 = stored.md5
    else:
        md5 = await _stream(scope, receive, store, recorder, claims, size)
    await answer(send, 200, [ANY_ORIGIN, (b"etag", f'"{md5.hex()}"'.encode())])


async def _stream(
    scope: Scope,
    receive: Receive,
    store: BlobStore,
    recorder: Recorder,
    claims: Claims,
    size: int,
) -> bytes:
    """Stores a body as it comes, whole or as one part; its MD5."""
    read_into = scope.get("extensions", {}).get(READ_INTO)
    if read_into is not None:
        body = DirectBody(partial(_read_into, read_into))
        return await _store(body, store, recorder, claims, size)
    async with aclosing(cast(AsyncGenerator[bytes, None], body_chunks(receive))) as chunks:
        return await _store(chunks, store, recorder, claims, size)


async def _read_into(read_into: Callable[[memoryview], Awaitable[int]], view: memoryview) -> int:
    try:
        async with asyncio.timeout(STALLED_AFTER_S):
            return await read_into(view)
    except TimeoutError:
        raise Invalid("The body stopped coming.") from None
    except ConnectionError:
        raise PeerGone from None


async def _store(
    chunks: AsyncIterator[bytes], store: BlobStore, recorder: Recorder, claims: Claims, size: int
) -> bytes:
    if claims.upload_id is None:
        expect = Expected(claims.md5, size, claims.xxh128)
        stored = await store.put(claims.key, chunks, expect)
        await _record(store, recorder, claims.key, stored)
        return stored.md5
    if claims.part is None:
        raise SignatureInvalid("This address names an upload in parts, but no part.")
    return await store.put_part(claims.key, claims.upload_id, claims.part, chunks, size)


async def _record(store: BlobStore, recorder: Recorder, key: BlobKey, stored: StoredBlob) -> None:
    gone = await asyncio.to_thread(recorder.record_stored, {key: stored})
    if gone:
        # Nothing stands for these bytes, so nothing would ever delete them.
        await asyncio.to_thread(store.delete, [key])
        raise not_awaited()


def _announced_size(scope: Scope, claims: Claims) -> int:
    text = header(scope, b"content-length")
    if text is None or not (text.isascii() and text.isdigit()):
        raise Invalid("The request needs a Content-Length.")
    size = int(text[:20])
    if claims.size_bytes is not None and size != claims.size_bytes:
        raise Invalid(f"The body has {size} bytes; this address takes {claims.size_bytes}.")
    return size
