"""Many small files in one request: `POST /blobs/uploads` and `POST /blobs/downloads`; docs/storage.md has the format.

A frame stands for a request of its own: the same signed address, the same checks, the same status. Only what goes around it is
shared. A batch is worked on in groups while it arrives or leaves, so that it holds a few MiB whatever its size.
"""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from registrum.core.errors import (
    Invalid,
    NotFound,
    RegistrumError,
    SignatureInvalid,
    TooLarge,
)
from registrum.server.blobs.signing import Claims, Signer
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, StoredBlob
from registrum.server.transfer.addresses import read_target
from registrum.server.transfer.small_uploads import Body, Outcome, SmallUploads
from registrum.server.transfer.wire import (
    ANY_ORIGIN,
    Receive,
    Send,
    answer,
    body_chunks,
    unreachable,
    until_gone,
)

MAX_FRAMES = 1000
MAX_FILE_BYTES = 1 << 20
MAX_TARGET_BYTES = 8192
MAX_UPLOAD_BYTES = 32 << 20
MAX_DOWNLOAD_BYTES = 64 << 20
MAX_LIST_BYTES = 4 << 20
FRAMES = b"application/vnd.registrum.frames"
_HEAD = struct.Struct(">II")
_GROUP_FILES = 128
_GROUP_BYTES = 2 << 20
_JSON = (b"content-type", b"application/json")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """An upload under way: what became of its frames, and the group that is being gathered.

    Attributes:
        outcomes: of each frame in order; None while it is in the group.
        places: of the group's bodies among the outcomes.
    """

    outcomes: list[Outcome | None] = field(default_factory=list)
    group: list[Body] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    group_bytes: int = 0

    def add(self, body: Body) -> None:
        self.places.append(len(self.outcomes))
        self.outcomes.append(None)
        self.group.append(body)
        self.group_bytes += len(body.content)

    def is_full(self) -> bool:
        return len(self.group) >= _GROUP_FILES or self.group_bytes >= _GROUP_BYTES

    async def store(self, small: SmallUploads) -> None:
        """Stores the group and begins another."""
        if self.group:
            for place, outcome in zip(self.places, await small.put_all(self.group), strict=True):
                self.outcomes[place] = outcome
        self.group, self.places, self.group_bytes = [], [], 0


async def take_batch(
    receive: Receive, send: Send, signer: Signer, small: SmallUploads, max_bytes: int | None
) -> None:
    """Answers `POST /blobs/uploads`: each frame is stored as its own PUT would have been.

    Args:
        max_bytes: the largest file; None: only the batch's own limit.

    Raises:
        Invalid: a frame is malformed or cut short. Those before it may have been stored.
        TooLarge: too many frames, or too many bytes. Likewise.
        PeerGone: the body stopped half-way. Likewise.
    """
    batch = _Batch()
    async for target, content in _frames(receive):
        if len(batch.outcomes) == MAX_FRAMES:
            raise TooLarge(f"A batch may have at most {MAX_FRAMES} frames.")
        try:
            expect, key = _expected(signer, target, len(content), max_bytes)
        except RegistrumError as error:
            batch.outcomes.append(error)
            continue
        batch.add(Body(key, content, expect))
        if batch.is_full():
            await batch.store(small)
    await batch.store(small)
    results = [_result(outcome) for outcome in batch.outcomes]
    await answer(send, 200, [_JSON, ANY_ORIGIN], orjson.dumps({"results": results}))


def _expected(
    signer: Signer, target: bytes, size: int, max_bytes: int | None
) -> tuple[Expected, BlobKey]:
    claims = read_target(signer, "PUT", target)
    if claims.upload_id is not None:
        raise Invalid("A part of a large file takes a PUT of its own.")
    if claims.size_bytes is not None and size != claims.size_bytes:
        raise Invalid(f"The body has {size} bytes; this address takes {claims.size_bytes}.")
    if max_bytes is not None and size > max_bytes:
        raise TooLarge(f"The body has {size} bytes; an upload may have {max_bytes}.")
    return Expected(claims.md5, size, claims.xxh128), claims.key


async def _frames(receive: Receive) -> AsyncIterator[tuple[bytes, bytes]]:
    """Target and content of each frame of a body."""
    rest, total = bytearray(), 0
    async for chunk in body_chunks(receive):
        total += len(chunk)
        if total > MAX_UPLOAD_BYTES:
            raise TooLarge(f"A batch may have at most {MAX_UPLOAD_BYTES} bytes.")
        rest += chunk
        at = 0
        while len(rest) - at >= _HEAD.size:
            target_bytes, content_bytes = _HEAD.unpack_from(rest, at)
            if not 0 < target_bytes <= MAX_TARGET_BYTES:
                raise Invalid(f"The address of a frame has 1 to {MAX_TARGET_BYTES} bytes.")
            if content_bytes > MAX_FILE_BYTES:
                raise TooLarge(f"A file in a batch may have at most {MAX_FILE_BYTES} bytes.")
            begins = at + _HEAD.size + target_bytes
            ends = begins + content_bytes
            if len(rest) < ends:
                break
            with memoryview(rest) as seen:
                frame = bytes(seen[at + _HEAD.size : begins]), bytes(seen[begins:ends])
            yield frame
            at = ends
        del rest[:at]
    if rest:
        raise Invalid("The batch ends within a frame.")


def _result(outcome: Outcome | None) -> dict[str, Any]:
    assert outcome is not None, "every frame has been stored or refused"
    if isinstance(outcome, StoredBlob):
        return {"status": 200, "md5": outcome.md5.hex()}
    error = unreachable(outcome) if isinstance(outcome, OSError) else outcome
    return {"status": error.status, "code": error.code, "message": error.message}


async def serve_batch(receive: Receive, send: Send, signer: Signer, store: BlobStore) -> None:
    """Answers `POST /blobs/downloads`: a frame for each address asked for, in order.

    Raises:
        Invalid: no list of addresses.
        TooLarge: too many of them, or of too many bytes.
        PeerGone: the list stopped half-way.
    """
    asked = [_asked(signer, line) for line in await _lines(receive)]
    total = sum(each.size_bytes or 0 for each in asked if isinstance(each, Claims))
    if total > MAX_DOWNLOAD_BYTES:
        raise TooLarge(f"A batch may have at most {MAX_DOWNLOAD_BYTES} bytes; this has {total}.")
    headers = [(b"content-type", FRAMES), (b"x-content-type-options", b"nosniff"), ANY_ORIGIN]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    leaving = asyncio.create_task(until_gone(receive))
    try:
        for group in _groups(asked):
            frames = await asyncio.to_thread(_read, store, group)
            if leaving.done():
                return
            await send({"type": "http.response.body", "body": frames, "more_body": True})
    finally:
        leaving.cancel()
    await send({"type": "http.response.body", "body": b""})


async def _lines(receive: Receive) -> list[bytes]:
    parts, size = [], 0
    async for chunk in body_chunks(receive):
        size += len(chunk)
        if size > MAX_LIST_BYTES:
            raise TooLarge(f"A list of addresses may have at most {MAX_LIST_BYTES} bytes.")
        parts.append(chunk)
    lines = b"".join(parts).removesuffix(b"\n").split(b"\n")
    if len(lines) > MAX_FRAMES:
        raise TooLarge(f"A batch may have at most {MAX_FRAMES} addresses.")
    if not all(0 < len(line) <= MAX_TARGET_BYTES for line in lines):
        raise Invalid(f"Each line is an address of 1 to {MAX_TARGET_BYTES} bytes.")
    return lines


def _asked(signer: Signer, line: bytes) -> Claims | RegistrumError:
    try:
        claims = read_target(signer, "GET", line)
        if claims.size_bytes is None:
            raise SignatureInvalid("This address says no size.")
        if claims.size_bytes > MAX_FILE_BYTES:
            raise TooLarge(f"A file in a batch may have at most {MAX_FILE_BYTES} bytes.")
    except RegistrumError as error:
        return error
    return claims


def _groups(
    asked: Sequence[Claims | RegistrumError],
) -> list[list[Claims | RegistrumError]]:
    groups: list[list[Claims | RegistrumError]] = [[]]
    size = 0
    for each in asked:
        if len(groups[-1]) == _GROUP_FILES or size >= _GROUP_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(each)
        size += (each.size_bytes or 0) if isinstance(each, Claims) else 0
    return groups


def _read(store: BlobStore, group: Sequence[Claims | RegistrumError]) -> bytes:
    """The frames of a group; blocks."""
    frames: list[bytes] = []
    for each in group:
        status, content = _content(store, each)
        frames += (_HEAD.pack(status, len(content)), content)
    return b"".join(frames)


def _content(store: BlobStore, asked: Claims | RegistrumError) -> tuple[int, bytes]:
    found = _whole(store, asked) if isinstance(asked, Claims) else asked
    if isinstance(found, bytes):
        return 200, found
    return found.status, orjson.dumps({"code": found.code, "message": found.message})


def _whole(store: BlobStore, claims: Claims) -> bytes | RegistrumError:
    assert claims.size_bytes is not None, "looked at when it was asked for"
    try:
        content = store.read_whole(claims.key, claims.size_bytes)
    except RegistrumError as error:
        return error
    except OSError as error:
        _log.exception("the store failed at blob %s", claims.key)
        return unreachable(error)
    if len(content) < claims.size_bytes:
        return NotFound(f"Blob {claims.key} is cut short.")
    return content
