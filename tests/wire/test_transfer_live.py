"""The byte routes behind a real uvicorn: peers that leave, keep-alive, and memory while a large body passes."""

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from registrum.server.blobs.store import Expected
from registrum.server.zero_copy import ZeroCopyProtocol
from tests.wire.live import NO_TLS, serving
from tests.wire.test_batches import frame, frames_of, target
from tests.wire.test_transfer import MIB, Site, md5


class Noted:
    """The application, and an event for each request that has ended."""

    def __init__(self, app) -> None:
        self.app = app
        self.ended = threading.Semaphore(0)

    async def __call__(self, scope, receive, send) -> None:
        try:
            await self.app(scope, receive, send)
        finally:
            self.ended.release()


@pytest.fixture(params=["httptools", ZeroCopyProtocol])
def site(request, tmp_path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.noted = Noted(made.app)
    with serving(made.noted, http=request.param) as made.address:
        yield made
    made.store.close()


def local(site: Site, url: str) -> str:
    host, port = site.address
    parts = urlsplit(url)
    return f"http://{host}:{port}{parts.path}?{parts.query}"


def root(site: Site) -> str:
    return "http://{}:{}/blobs".format(*site.address)


def test_bytes_go_up_and_down(site):
    key, content = site.reserve(), hashlib.sha256(b"seed").digest() * (300_000)
    url = local(site, site.urls.put_blob(key, "a", Expected(md5(content))))
    assert httpx.put(url, content=content, verify=NO_TLS).status_code == 200
    url = local(site, site.urls.get_blob(key, "a", len(content), md5=md5(content)))
    got = httpx.get(url, verify=NO_TLS)
    assert got.content == content


def test_a_batch_goes_up_and_down(site):
    contents = [b"%d" % i * 1000 for i in range(300)]
    keys = [site.reserve() for _ in contents]
    puts = [
        site.urls.put_blob(k, "a", Expected(md5(c))) for k, c in zip(keys, contents, strict=True)
    ]
    body = b"".join(map(frame, puts, contents))
    up = httpx.post(f"{root(site)}/uploads", content=body, verify=NO_TLS)
    assert {each["status"] for each in up.json()["results"]} == {200}
    gets = [site.urls.get_blob(k, "a", len(c)) for k, c in zip(keys, contents, strict=True)]
    down = httpx.post(
        f"{root(site)}/downloads", content=b"\n".join(map(target, gets)), verify=NO_TLS
    )
    assert [content for _, content in frames_of(down.content)] == contents


def test_a_reader_of_a_batch_that_leaves_ends_the_reading(site):
    line = target(site.stored(bytes(MIB)))
    body = b"\n".join([line] * 64)
    with socket.create_connection(site.address) as client:
        head = f"POST /blobs/downloads HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert site.noted.ended.acquire(timeout=20)


def test_a_client_that_leaves_half_way_leaves_nothing(site):
    url = urlsplit(site.urls.put_blob(site.reserve(), "a", Expected()))
    with socket.create_connection(site.address) as client:
        head = (
            f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Length: {9 * MIB}\r\n\r\n"
        )
        client.sendall(head.encode() + bytes(4 * MIB))
    assert site.noted.ended.acquire(timeout=20)
    assert not site.files()
    assert not site.ledger.stored


def test_a_reader_that_leaves_ends_the_reading(site):
    url = urlsplit(site.stored_zeros(200 * MIB))
    with socket.create_connection(site.address) as client:
        client.sendall(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    assert site.noted.ended.acquire(timeout=20)


def test_a_refused_upload_is_answered_though_its_body_is_still_coming(site):
    bad = local(site, site.urls.put_blob(site.reserve(), "a", Expected())) + "x"
    answer = httpx.put(bad, content=bytes(20 * MIB), verify=NO_TLS)
    assert answer.status_code == 403


def test_small_answers_are_not_held_back(site):
    # Nagle's algorithm against delayed acknowledgements would make each wait for 40 ms.
    url = urlsplit(site.stored(b"x" * 1000))
    with socket.create_connection(site.address) as client:
        client.sendall(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(4000).startswith(b"HTTP/1.1 200")
        served = ends_towards(client.getsockname())
        assert served
        for end in served:
            with end:
                assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def ends_towards(address: tuple[str, int]) -> list[socket.socket]:
    """Duplicates of this process's sockets whose peer has that address."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        path = Path("/proc/self/fd", name)
        if not path.is_symlink() or not str(path.readlink()).startswith("socket:"):
            continue
        end = socket.socket(fileno=os.dup(int(name)))
        with suppress(OSError):  # of those that are not connected
            if end.getpeername() == address:
                found.append(end)
                continue
        end.close()
    return found
