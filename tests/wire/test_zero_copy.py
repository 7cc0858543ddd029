"""Files by `sendfile` and bodies past the parser, behind a real uvicorn: byte for byte, and whatever peers and files do meanwhile."""

import asyncio
import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest

from registrum.server.blobs.store import Expected
from registrum.server.transfer.downloads import ZERO_COPY_BYTES
from registrum.server.transfer.wire import READ_INTO, ZERO_COPY_SEND
from tests.client.certificates import make_certificate
from tests.wire.live import NO_TLS, serving
from tests.wire.test_transfer import MIB, Site, md5

LARGE = 5 * MIB + 3


class Noted:
    """The application, the types of the messages it sent, and an event for each request that has ended."""

    def __init__(self, app) -> None:
        self.app = app
        self.sent: list[str] = []
        self.ended = threading.Semaphore(0)

    async def __call__(self, scope, receive, send) -> None:
        async def noting(message):
            self.sent.append(message["type"])
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self.ended.release()


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.noted = Noted(made.app)
    with serving(made.noted, timeout_graceful_shutdown=0.2) as made.address:
        yield made
    made.store.close()


def content_of(size: int) -> bytes:
    seed = hashlib.sha256(b"%d" % size).digest()
    return (seed * (size // 32 + 1))[:size]


def target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def local(site: Site, url: str) -> str:
    return "http://{}:{}{}".format(*site.address, target(url))


def ask(method: str, url: str, *headers: str) -> bytes:
    lines = [f"{method} {target(url)} HTTP/1.1", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode()


def opened_now() -> list[str]:
    """What this process has open."""
    names = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return names


class Peer:
    """A client that sees every byte."""

    def __init__(self, address) -> None:
        self.socket = socket.create_connection(address, timeout=20)
        self.stream = self.socket.makefile("rb")

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.socket.close()

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self.stream.readline().split()[1])
        headers = {}
        while line := self.stream.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self) -> tuple[int, bytes]:
        status, headers = self.head()
        return status, self.stream.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        try:
            return not self.stream.read(1)
        except ConnectionResetError:
            return True


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("size", [ZERO_COPY_BYTES - 1, ZERO_COPY_BYTES, LARGE])
def test_a_large_file_is_sent_as_one_and_the_connection_lives_on(tmp_path, size, loop):
    site = Site(tmp_path)
    noted, content = Noted(site.app), content_of(size)
    url = target(site.stored(content))
    with (
        serving(noted, loop=loop) as address,
        httpx.Client(base_url="http://{}:{}".format(*address), verify=NO_TLS) as client,
    ):
        for _ in range(2):
            assert client.get(url).content == content
        some = client.get(url, headers={"Range": f"bytes=77-{size - 5}"})
        assert (some.status_code, some.content) == (206, content[77:-4])
        assert client.get(url, headers={"Range": "bytes=-9"}).content == content[-9:]
        head = client.head(url)
        assert (head.headers["content-length"], head.content) == (str(size), b"")
        assert client.get(url).content == content
    assert noted.sent.count(ZERO_COPY_SEND) == (
        4 if size > ZERO_COPY_BYTES else 3 if size == ZERO_COPY_BYTES else 0
    )
    site.store.close()


def test_requests_that_were_sent_ahead_are_answered_in_turn(site):
    contents = [content_of(size) for size in (LARGE, 12, ZERO_COPY_BYTES, 3 * MIB)]
    with Peer(site.address) as peer:
        peer.socket.sendall(b"".join([ask("GET", site.stored(each)) for each in contents]))
        assert [peer.answer() for _ in contents] == [(200, each) for each in contents]


def test_a_peer_that_does_not_read_holds_up_nobody_else(site):
    content = content_of(64 * MIB)
    url = site.stored(content)
    with Peer(site.address) as slow:
        slow.socket.sendall(ask("GET", url))
        slow.head()
        assert httpx.get(local(site, url), verify=NO_TLS).content == content
        assert slow.stream.read(len(content)) == content


def test_a_peer_that_never_reads_does_not_keep_the_server_from_stopping(site):
    with Peer(site.address) as slow:
        slow.socket.sendall(ask("GET", site.stored_zeros(64 * MIB)))
        slow.head()
        # The fixture stops the server while this one still holds the connection.
        site.slow = slow.socket.dup()


@pytest.mark.parametrize("is_rude", [False, True])
def test_a_peer_that_leaves_ends_the_sending(site, is_rude):
    with Peer(site.address) as peer:
        peer.socket.sendall(ask("GET", site.stored_zeros(64 * MIB)))
        peer.head()
        if is_rude:
            linger = (1).to_bytes(4, "little") + bytes(4)
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert site.noted.ended.acquire(timeout=20)
    assert httpx.get(local(site, site.stored(b"12")), verify=NO_TLS).content == b"12"
    opened = opened_now()
    assert not {str(path) for path in site.files()} & {*opened}
    sockets = [name for name in opened if name.startswith("socket:")]
    assert len(sockets) == len(set(sockets)), "a duplicate is left"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_peer_that_leaves_before_a_files_turn_ends_the_sending(tmp_path, loop):
    (tmp_path / "file").write_bytes(bytes(MIB))
    began, ended = threading.Event(), threading.Event()
    faults = []

    async def app(scope, receive, send) -> None:
        length = (b"content-length", b"%d" % (65 * MIB))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": bytes(64 * MIB), "more_body": True})
        asyncio.get_running_loop().call_soon(began.set)
        try:
            with (tmp_path / "file").open("rb") as file:
                await send({"type": ZERO_COPY_SEND, "file": file})
        except Exception as error:
            faults.append(error)
        finally:
            ended.set()

    with serving(app, loop=loop) as address:
        with Peer(address) as peer:
            peer.socket.sendall(ask("GET", "http://x/"))
            assert began.wait(20)
        assert ended.wait(20)
    assert not faults


def test_a_file_that_is_cut_short_meanwhile_closes_the_connection(site):
    url = site.stored_zeros(64 * MIB)
    [path] = [path for path in site.files() if path.stat().st_size == 64 * MIB]
    with Peer(site.address) as peer:
        peer.socket.sendall(ask("GET", url))
        _, headers = peer.head()
        os.truncate(path, MIB)
        assert len(peer.stream.read()) < int(headers["content-length"])
    assert site.noted.ended.acquire(timeout=20)


def test_a_connection_that_is_to_be_closed_is_closed_after_the_file(site):
    content = content_of(LARGE)
    with Peer(site.address) as peer:
        peer.socket.sendall(ask("GET", site.stored(content), "Connection: close"))
        assert peer.answer() == (200, content)
        assert peer.is_closed()


def put(site: Site, content: bytes, *headers: str) -> tuple[bytes, str]:
    """The head of a PUT, and the address to read what it puts."""
    key = site.reserve()
    url = site.urls.put_blob(key, "a", Expected(md5(content)))
    head = ask("PUT", url, f"Content-Length: {len(content)}", *headers)
    return head, site.urls.get_blob(key, "a", len(content))


def test_what_follows_a_body_is_the_next_request(site):
    content, small = content_of(LARGE), content_of(100)
    head, url = put(site, content)
    small_head, small_url = put(site, small)
    with Peer(site.address) as peer:
        for _ in range(2):
            asked = head + content + small_head + small + ask("GET", small_url)
            sending = threading.Thread(target=peer.socket.sendall, args=(asked,))
            sending.start()
            assert [peer.answer() for _ in range(3)] == [(200, b""), (200, b""), (200, small)]
            sending.join()
        peer.socket.sendall(ask("GET", url))
        assert peer.answer() == (200, content)


@pytest.mark.parametrize("piece", [1, 1000, MIB + 1])
def test_a_body_may_come_with_its_head_or_later_and_in_any_pieces(site, piece):
    content = content_of(2 * MIB + 7)
    head, url = put(site, content)
    sent = head + content
    with Peer(site.address) as peer:
        for at in range(0, len(head) + 5, piece):
            peer.socket.sendall(sent[at : at + piece])
        peer.socket.sendall(sent[at + piece :])
        assert peer.answer() == (200, b"")
        peer.socket.sendall(ask("GET", url))
        assert peer.answer() == (200, content)


def test_a_peer_that_waits_to_be_told_to_continue_is_told(site):
    content = content_of(2 * MIB)
    head, _ = put(site, content, "Expect: 100-continue")
    with Peer(site.address) as peer:
        peer.socket.sendall(head)
        assert peer.head()[0] == 100
        peer.socket.sendall(content)
        assert peer.answer() == (200, b"")


def test_an_upload_whose_peer_leaves_leaves_nothing(site):
    content = content_of(9 * MIB)
    with Peer(site.address) as peer:
        peer.socket.sendall(put(site, content)[0] + content[: 4 * MIB])
    assert site.noted.ended.acquire(timeout=20)
    assert not site.files()
    assert not site.ledger.stored


@pytest.mark.parametrize("closing", [(), ("Connection: close",)])
def test_an_answer_in_the_middle_of_a_body_is_seen_and_the_rest_is_no_request(closing):
    async def app(scope, receive, send) -> None:
        read = 0
        if scope["method"] == "PUT":
            view = memoryview(bytearray(MIB))
            while read < MIB:
                read += await scope["extensions"][READ_INTO](view[read:])
        body = b"full" if read else b"well"
        status, headers = 413 if read else 200, [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n" * MIB
    with serving(app) as address, Peer(address) as peer:
        peer.socket.sendall(ask("PUT", "http://x/", f"Content-Length: {len(hidden)}", *closing))
        peer.socket.sendall(hidden[: 2 * MIB])
        assert peer.answer() == (413, b"full")
        if closing:
            assert peer.is_closed()
            return
        peer.socket.sendall(hidden[2 * MIB :] + ask("GET", "http://x/"))
        assert peer.answer() == (200, b"well")


def test_an_application_that_fails_in_the_middle_of_a_body_loses_the_connection():
    async def app(scope, receive, send) -> None:
        await scope["extensions"][READ_INTO](memoryview(bytearray(10)))
        await asyncio.sleep(0)
        raise LookupError("on purpose")

    with serving(app) as address, Peer(address) as peer:
        peer.socket.sendall(ask("PUT", "http://x/", f"Content-Length: {MIB}"))
        peer.socket.sendall(b"x" * 100)
        status, headers = peer.head()
        assert (status, headers["connection"]) == (500, "close")


def test_a_file_longer_than_was_announced_is_not_sent(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")

    async def app(scope, receive, send) -> None:
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with (tmp_path / "file").open("rb") as file:
            await send({"type": ZERO_COPY_SEND, "file": file})

    with serving(app) as address, Peer(address) as peer:
        peer.socket.sendall(ask("GET", "http://x/"))
        assert peer.head()[0] == 200
        assert peer.stream.read() == b""


def test_files_and_bodies_mix_in_one_answer(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")

    async def app(scope, receive, send) -> None:
        headers = [(b"content-length", b"11")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with (tmp_path / "file").open("rb") as file:
            file.seek(7)
            await send({"type": ZERO_COPY_SEND, "file": file, "more_body": True})
            await send({"type": "http.response.body", "body": b"<->", "more_body": True})
            await send(
                {"type": ZERO_COPY_SEND, "file": file, "offset": 1, "count": 4, "more_body": True}
            )
            await send({"type": ZERO_COPY_SEND, "file": file.fileno(), "offset": 9})

    with serving(app) as address, Peer(address) as peer:
        for _ in range(2):
            peer.socket.sendall(ask("GET", "http://x/"))
            assert peer.answer() == (200, b"789<->12349")


def test_a_connection_with_tls_is_offered_neither(tmp_path):
    made = make_certificate(tmp_path)
    site, content = Site(tmp_path / "blobs"), content_of(LARGE)
    noted = Noted(site.app)
    trusting = ssl.create_default_context(cafile=made.certificate)
    with (
        serving(noted, ssl_keyfile=made.key, ssl_certfile=made.certificate) as address,
        httpx.Client(base_url="https://{}:{}".format(*address), verify=trusting) as client,
    ):
        blob = site.reserve()
        up = client.put(target(site.urls.put_blob(blob, "a", Expected())), content=content)
        down = client.get(target(site.urls.get_blob(blob, "a", LARGE)))
    assert (up.status_code, down.content) == (200, content)
    assert ZERO_COPY_SEND not in noted.sent
    site.store.close()
