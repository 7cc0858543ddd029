"""Sends a blob to a peer: whole or one range, as a file or in chunks of 1 MiB, with headers that no browser can be tricked by."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from registrum.core.errors import NotFound
from registrum.server.blobs.signing import Disposition, content_disposition
from registrum.server.blobs.store import CHUNK_BYTES, BlobKey, BlobStore
from registrum.server.transfer.ranges import ByteRange, RangeNotSatisfiable, parse_range
from registrum.server.transfer.wire import (
    ANY_ORIGIN,
    ZERO_COPY_SEND,
    Receive,
    Scope,
    Send,
    answer_error,
    header,
    until_gone,
)

ZERO_COPY_BYTES = 256 * 2**10
"""From here on a file is sent without being read, where the server and the store are able to."""

OPAQUE = "application/octet-stream"
SHOWN_INLINE = frozenset(
    {
        "application/json",
        "application/pdf",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
        "image/avif",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/plain",
        "video/mp4",
        "video/webm",
    }
)
"""Types that a browser may show on this server's own address: none of them can run a script."""


@dataclass(frozen=True, slots=True)
class Download:
    """A blob on its way to a peer.

    Attributes:
        md5: raw; the ETag where it is known.
        filename: what the peer may call it; any text.
        content_type: as somebody once claimed; only those in `SHOWN_INLINE` are passed on.
    """

    key: BlobKey
    size_bytes: int
    filename: str
    md5: bytes | None = None
    content_type: str | None = None
    disposition: Disposition = "attachment"

    @property
    def etag(self) -> str:
        """The digest in quotes; the key is as good, since a blob never changes."""
        return f'"{self.md5.hex() if self.md5 else self.key.text}"'


async def serve_blob(
    scope: Scope, receive: Receive, send: Send, store: BlobStore, blob: Download
) -> None:
    """Answers GET or HEAD with a blob whose reader has been authorised already.

    Raises:
        NotFound: the store has no such blob; nothing was sent.
    """
    if _is_known(header(scope, b"if-none-match"), blob.etag):
        await _start(send, 304, [(b"etag", blob.etag.encode()), *_CACHING])
        await send({"type": "http.response.body", "body": b""})
        return
    try:
        part = _asked_range(scope, blob)
    except RangeNotSatisfiable as error:
        size = f"bytes */{blob.size_bytes}".encode()
        await answer_error(scope, send, error, [(b"content-range", size)])
        return
    start, length = (part.start, part.length) if part else (0, blob.size_bytes)
    headers = _headers(blob, length)
    if part:
        headers.append((b"content-range", part.content_range(blob.size_bytes).encode()))
    begin = partial(_start, send, 206 if part else 200, headers)
    if scope["method"] == "HEAD":
        if await asyncio.to_thread(store.size, blob.key) is None:
            raise NotFound(f"There is no blob {blob.key}.")
        await begin()
        await send({"type": "http.response.body", "body": b""})
        return
    if length >= ZERO_COPY_BYTES and ZERO_COPY_SEND in scope.get("extensions", ()):
        file = await store.open_file(blob.key)
        if file is not None:
            with file:
                await begin()
                await send({"type": ZERO_COPY_SEND, "file": file, "offset": start, "count": length})
            return
    chunks = cast(AsyncGenerator[bytes, None], store.read(blob.key, start, length))
    await _send_chunks(receive, send, begin, chunks, length)


_CACHING = [(b"cache-control", b"private, max-age=3600, immutable")]
_SAFETY = [
    ANY_ORIGIN,
    (b"accept-ranges", b"bytes"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    *_CACHING,
]


async def _send_chunks(
    receive: Receive,
    send: Send,
    begin: Callable[[], Awaitable[None]],
    chunks: AsyncGenerator[bytes, None],
    length: int,
) -> None:
    """Begins the answer once its first chunk is there, sends it, and lets the store go."""
    try:
        first = await anext(chunks, b"")
        await begin()
        if length <= CHUNK_BYTES:
            await send({"type": "http.response.body", "body": first})
        else:
            await _send_rest(receive, send, first, chunks)
    finally:
        await chunks.aclose()


async def _send_rest(
    receive: Receive, send: Send, first: bytes, chunks: AsyncGenerator[bytes, None]
) -> None:
    """Sends a body of several chunks, and stops reading the store when the peer has left."""
    leaving = asyncio.create_task(until_gone(receive))
    try:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for chunk in chunks:
            if leaving.done():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        leaving.cancel()


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


def _headers(blob: Download, length: int) -> list[tuple[bytes, bytes]]:
    kind = (blob.content_type or OPAQUE).partition(";")[0].strip().lower()
    disposition: Disposition = blob.disposition
    if kind not in SHOWN_INLINE:
        kind, disposition = OPAQUE, "attachment"
    if kind == "text/plain":
        kind = "text/plain; charset=utf-8"
    return [
        (b"content-type", kind.encode()),
        (b"content-length", str(length).encode()),
        (b"content-disposition", content_disposition(disposition, blob.filename).encode()),
        (b"etag", blob.etag.encode()),
        *_SAFETY,
    ]


def _asked_range(scope: Scope, blob: Download) -> ByteRange | None:
    asked = header(scope, b"range")
    if asked is None:
        return None
    condition = header(scope, b"if-range")
    if condition is not None and condition.strip() != blob.etag:
        return None
    return parse_range(asked, blob.size_bytes)


def _is_known(condition: str | None, etag: str) -> bool:
    if condition is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in condition.split(",")}
    return etag in tags or "*" in tags
