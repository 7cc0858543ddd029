"""Takes the body of a signed PUT, whole or as one part, and tells what was stored."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, cast

from registrum.core.errors import Invalid, NotFound, SignatureInvalid, TooLarge
from registrum.server.blobs.signing import Claims
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, StoredBlob
from registrum.server.transfer.wire import (
    ANY_ORIGIN,
    Receive,
    Scope,
    Send,
    answer,
    body_chunks,
    header,
)


class Recorder(Protocol):
    """Writes down what was stored: short, durable where it returns, and the same fact again is fine."""

    async def record_stored(self, key: BlobKey, stored: StoredBlob) -> None:
        """Notes the facts of a blob on its reservation.

        Raises:
            NotFound: there is no such reservation (any more); the bytes are dropped again.
        """
        ...


async def take_upload(
    scope: Scope,
    receive: Receive,
    send: Send,
    store: BlobStore,
    recorder: Recorder,
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
    async with aclosing(cast(AsyncGenerator[bytes, None], body_chunks(receive))) as chunks:
        if claims.upload_id is None:
            expect = Expected(claims.md5, size, claims.xxh128)
            stored = await store.put(claims.key, chunks, expect)
            await _record(store, recorder, claims.key, stored)
            md5 = stored.md5
        elif claims.part is None:
            raise SignatureInvalid("This address names an upload in parts, but no part.")
        else:
            md5 = await store.put_part(claims.key, claims.upload_id, claims.part, chunks, size)
    await answer(send, 200, [ANY_ORIGIN, (b"etag", f'"{md5.hex()}"'.encode())])


async def _record(store: BlobStore, recorder: Recorder, key: BlobKey, stored: StoredBlob) -> None:
    try:
        await recorder.record_stored(key, stored)
    except NotFound:
        # Nothing stands for these bytes, so nothing would ever delete them.
        await asyncio.to_thread(store.delete, [key])
        raise


def _announced_size(scope: Scope, claims: Claims) -> int:
    text = header(scope, b"content-length")
    if text is None or not (text.isascii() and text.isdigit()):
        raise Invalid("The request needs a Content-Length.")
    size = int(text[:20])
    if claims.size_bytes is not None and size != claims.size_bytes:
        raise Invalid(f"The body has {size} bytes; this address takes {claims.size_bytes}.")
    return size
