"""The ASGI side of the byte routes: reading a body, answering with an error, and looking at headers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

from registrum.core.errors import Invalid, RegistrumError, Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ZERO_COPY_SEND = "http.response.zerocopysend"
"""The ASGI extension, and its message, by which a file is sent without being read here."""

READ_INTO = "registrum.read_into"
"""Our own extension: a function `async (memoryview) -> int` that reads the body into a buffer of the caller's."""

STALLED_AFTER_S = 300.0
"""How long a peer may send nothing at all while its body is read."""


_log = logging.getLogger(__name__)


class PeerGone(Exception):
    """The peer closed the connection before its request was complete; nobody is there to be answered."""


def header(scope: Scope, name: bytes) -> str | None:
    """A request header by its lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return None


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it arrives.

    Raises:
        PeerGone: it stopped half-way.
        Invalid: it stalled for longer than `STALLED_AFTER_S`.
    """
    more = True
    while more:
        try:
            async with asyncio.timeout(STALLED_AFTER_S):
                message = await receive()
        except TimeoutError:
            raise Invalid("The body stopped coming.") from None
        if message["type"] == "http.disconnect":
            raise PeerGone
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)


async def whole_body(receive: Receive, size_bytes: int) -> bytes:
    """A small body at once.

    Raises:
        PeerGone: it stopped half-way.
        Invalid: it stalled for longer than `STALLED_AFTER_S`, or is longer than `size_bytes`.
    """
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(STALLED_AFTER_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise PeerGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > size_bytes:
                    raise Invalid(f"The body has more than the {size_bytes} bytes announced.")
                more = message.get("more_body", False)
    except TimeoutError:
        raise Invalid("The body stopped coming.") from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def until_gone(receive: Receive) -> None:
    """Returns when the peer has closed the connection; what it still sends is thrown away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def unreachable(error: OSError) -> Unavailable:
    """What a peer is told of a store that fails: it may heal."""
    return Unavailable(f"Files can't be reached just now: {error.strerror or 'unknown reason'}.")


ANY_ORIGIN = (b"access-control-allow-origin", b"*")


async def answer(
    send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    """Sends a whole small answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def answer_error(
    scope: Scope, send: Send, error: RegistrumError, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answers with the reason, in the one shape of errors that clients read."""
    extensions = {"code": error.code}
    if request_id := scope.get("state", {}).get("request_id"):
        extensions["requestId"] = request_id
    reason = {"message": error.message, "extensions": extensions}
    body = orjson.dumps({"errors": [reason]})
    kind = [(b"content-type", b"application/json"), *headers]
    if error.status == 503:
        kind.append((b"retry-after", b"2"))
    await answer(send, error.status, kind, body)


async def answer_by(
    route: Callable[[Scope, Receive, Send], Awaitable[None]],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answers by a byte route, and with the reason where that fails; after its first byte nothing can be said any more.

    Raises:
        What the route raises once its answer has begun: the connection has to be given up.
    """
    started = _Started(send)
    try:
        await route(scope, receive, started)
    except PeerGone:
        return
    except RegistrumError as error:
        if started.has_started:
            raise
        await answer_error(scope, send, error)
    except OSError as error:
        if started.has_started:
            raise
        # The path is ours, and has no secret: those are in the query.
        _log.exception("the store failed at %s %s", scope["method"], scope["path"])
        await answer_error(scope, send, unreachable(error))


class _Started:
    """A `send` that remembers whether the answer has begun, after which no other can be given."""

    __slots__ = ("_send", "has_started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_started = False

    async def __call__(self, message: Message) -> None:
        self.has_started = True
        await self._send(message)
