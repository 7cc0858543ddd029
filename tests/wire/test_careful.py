"""Requests and answers that never become whole, against a real uvicorn: their connections end, and others are served meanwhile."""

import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from registrum.server import careful
from registrum.server.zero_copy import ZeroCopyProtocol
from tests.client.certificates import make_certificate
from tests.wire.live import serving
from tests.wire.test_transfer import Site
from tests.wire.test_zero_copy import Peer, ask

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


PAUSES = {
    "nothing": b"",
    "line": b"GET / HT",
    "headers": WHOLE[:-10],
    "next": WHOLE + b"GET",
    "no body": b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    "part of a body": WHOLE[:-1],
    "part of chunks": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
}


def test_who_makes_a_long_pause_is_hung_up_on(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them at once, for each has to be waited for."""
    monkeypatch.setattr(careful, "HEAD_S", 0.2)
    monkeypatch.setattr(careful, "STALLED_S", 0.2)
    with ExitStack() as stack:
        peers = {name: stack.enter_context(Peer(address)) for name in PAUSES}
        for name, peer in peers.items():
            peer.socket.sendall(PAUSES[name])
        assert peers["next"].answer() == (200, b"abc")
        assert {name: peer.is_closed() for name, peer in peers.items()} == dict.fromkeys(
            PAUSES, True
        )


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


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
LENGTH = b"POST /a HTTP/1.1\r\nHost: x\r\n%sContent-Length: 3\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\n%sTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0, h2c"])
@pytest.mark.parametrize("is_in_pieces", [False, True])
def test_the_offer_of_another_protocol_is_declined_and_the_request_answered(
    address: tuple[str, int], protocol: bytes, is_in_pieces: bool
) -> None:
    offer = OFFER % protocol
    requests = [
        (LENGTH % offer, b"abc", b"abc"),
        (CHUNKED % offer, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"GET /a HTTP/1.1\r\nHost: x\r\n%s\r\n" % offer, b"", b""),
        (LENGTH % b"", b"abc", b"abc"),
    ]
    with Peer(address) as peer:
        if is_in_pieces:
            for head, body, content in requests:
                for piece in (head[:30], head[30:], body[:2], body[2:]):
                    peer.socket.sendall(piece)
                assert peer.answer() == (200, content)
        else:
            peer.socket.sendall(b"".join(head + body for head, body, _ in requests))
            assert [peer.answer() for _ in requests] == [(200, each) for _, _, each in requests]


def test_what_follows_an_offer_is_the_body_and_no_request(address: tuple[str, int]) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /a HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (OFFER % b"h2c", len(hidden))
    with Peer(address) as peer:
        peer.socket.sendall(head + hidden + WHOLE)
        assert [peer.answer(), peer.answer()] == [(200, hidden), (200, b"abc")]


def test_a_tunnel_is_refused(address: tuple[str, int]) -> None:
    with Peer(address) as peer:
        peer.socket.sendall(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + WHOLE)
        assert peer.answer()[0] == 400
        assert peer.is_closed()


class Ending(ZeroCopyProtocol):
    """Tells when its connection has ended; for one server, a class of its own."""

    ended: threading.Semaphore

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.ended.release()


async def send_much(scope: Any, receive: Any, send: Any) -> None:
    """Answers with 64 MiB, as large answers are: at once, or in chunks."""
    chunks = 64 if scope["path"] == "/chunks" else 1
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for left in reversed(range(chunks)):
        body = bytes((64 << 20) // chunks)
        await send({"type": "http.response.body", "body": body, "more_body": left > 0})


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a peer has taken")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_who_reads_nothing_of_an_answer_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    """Each kind of answer by a server of its own, all at once, for each has to be waited for."""
    monkeypatch.setattr(careful, "UNREAD_S", 0.2)
    site, made = Site(tmp_path / "blobs"), make_certificate(tmp_path)
    tls = {"ssl_keyfile": made.key, "ssl_certfile": made.certificate}
    trusting = ssl.create_default_context(cafile=made.certificate)
    with ExitStack() as stack:
        waiting = {}
        for answer in ("file", "chunks", "at once, closing", "at once with TLS"):
            kind = type("Ending", (Ending,), {"ended": threading.Semaphore(0)})
            app, url = send_much, f"http://x/{answer}".replace(" ", "%20")
            if answer == "file":
                app, url = site.app, site.stored_zeros(64 << 20)
            is_safe, is_closing = answer.endswith("TLS"), answer.endswith("closing")
            settings = tls if is_safe else {}
            address = stack.enter_context(serving(app, http=kind, loop=loop, **settings))
            peer = stack.enter_context(Peer(address))
            if is_safe:
                peer.socket = trusting.wrap_socket(peer.socket, server_hostname="localhost")
            peer.socket.sendall(ask("GET", url, *(["Connection: close"] if is_closing else [])))
            waiting[answer] = kind.ended
        ended = {answer: each.acquire(timeout=20) for answer, each in waiting.items()}
        assert ended == dict.fromkeys(waiting, True)
    site.store.close()
