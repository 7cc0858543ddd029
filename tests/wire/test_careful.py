"""Requests that never become whole, against a real uvicorn: their connections end, and others are served meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from registrum.server import careful
from tests.wire.live import serving
from tests.wire.test_zero_copy import Peer

WHOLE = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body, or nothing where the peer left before its end."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Of a server that echoes."""
    with serving(echo, timeout_graceful_shutdown=1) as address:
        yield address


def is_served(address: tuple[str, int]) -> bool:
    with Peer(address) as other:
        other.socket.sendall(WHOLE)
        return other.answer() == (200, b"abc")


@pytest.mark.parametrize(
    "begin",
    [b"GET /" + b"a" * 100, b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 10],
    ids=["address", "value", "headers"],
)
def test_a_head_without_an_end_is_cut_off(address: tuple[str, int], begin: bytes) -> None:
    more = b"X: a\r\n" * 1000 if begin.endswith(b"\n") else b"a" * 6000
    with Peer(address) as peer:
        peer.socket.sendall(begin)
        sent, status = 0, None
        while status is None and sent < 10 * careful.HEAD_BYTES:
            try:
                peer.socket.sendall(more)
                sent += len(more)
            except OSError:
                status = 431  # Cut off before the answer could be read.
        assert status == 431 or peer.head()[0] == 431
        assert is_served(address)


def test_a_long_head_within_the_limit_is_taken(address: tuple[str, int]) -> None:
    with Peer(address) as peer:
        for _ in range(2):
            peer.socket.sendall(WHOLE.replace(b"Host: x", b"X: " + b"a" * 50_000))
            assert peer.answer() == (200, b"abc")


def test_the_limit_is_for_each_head_and_bodies_have_none(address: tuple[str, int]) -> None:
    size = 3 * careful.HEAD_BYTES
    with Peer(address) as peer:
        for _ in range(3):
            peer.socket.sendall(b"POST /a HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
            peer.socket.sendall(b"b" * size)
            assert peer.answer() == (200, b"b" * size)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        WHOLE[:-10],
        WHOLE + b"GET",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        WHOLE[:-1],
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
    ],
    ids=["nothing", "line", "headers", "next", "no body", "part of a body", "part of chunks"],
)
def test_who_makes_a_long_pause_is_hung_up_on(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(careful, "HEAD_S", 0.2)
    monkeypatch.setattr(careful, "STALLED_S", 0.2)
    with Peer(address) as peer:
        peer.socket.sendall(sent)
        if sent.startswith(WHOLE):
            assert peer.answer() == (200, b"abc")
        assert peer.is_closed()


def test_whole_requests_are_not_limited_by_the_time_between_them(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three connections: the pauses of the last two, whose requests are whole, outlast the limit of the first."""
    monkeypatch.setattr(careful, "HEAD_S", 0.2)
    monkeypatch.setattr(careful, "STALLED_S", 0.2)
    with Peer(address) as waits, Peer(address) as halves, Peer(address) as idle:
        for peer in (waits, halves):
            peer.socket.sendall(WHOLE)
            assert peer.answer() == (200, b"abc")
        halves.socket.sendall(WHOLE[:-1])
        halves.socket.sendall(WHOLE[-1:])
        assert halves.answer() == (200, b"abc")
        assert idle.is_closed()
        for peer in (waits, halves):
            peer.socket.sendall(WHOLE)
            assert peer.answer() == (200, b"abc")
