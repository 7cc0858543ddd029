"""The byte routes as a client sees them: signed PUT and GET in the ASGI app, in process."""

import asyncio
import hashlib
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from registrum.core.errors import StorageFull
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.signing import Signer, Urls, content_disposition
from registrum.server.blobs.store import BlobKey, Expected, StoredBlob
from registrum.server.transfer.routes import BlobRoutes

MIB = 1 << 20
BASE = "http://registry.test"


@dataclass
class Ledger:
    """Remembers what was stored, for reservations it knows."""

    reserved: set[BlobKey] = field(default_factory=set)
    stored: dict[BlobKey, StoredBlob] = field(default_factory=dict)

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        self.stored |= {key: blob for key, blob in stored.items() if key in self.reserved}
        return stored.keys() - self.reserved


class Site:
    """The byte routes over a folder, and the URLs into them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = DiskStore(folder)
        self.ledger = Ledger()
        self.urls = Urls(BASE, Signer([b"a secret of the tests, long enough"]))
        self.app = BlobRoutes(self.store, self.urls.signer, self.ledger)

    def reserve(self) -> BlobKey:
        key = BlobKey.new()
        self.ledger.reserved.add(key)
        return key

    def ask(self, method: str, url: str, **more) -> httpx.Response:
        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport) as client:
                return await client.request(method, url, **more)

        return asyncio.run(asking())

    def stored(self, content: bytes, filename: str = "file.bin", **more) -> str:
        """Stores a blob and gives the URL that reads it."""
        key = self.reserve()
        kept = self.store.put_whole(key, content, Expected())
        return self.urls.get_blob(key, filename, len(content), md5=kept.md5, **more)

    def stored_zeros(self, size: int) -> str:
        """The URL that reads so many zeros, which stand in a file with a hole."""
        key, before = self.reserve(), set(self.files())
        self.store.put_whole(key, b"", Expected())
        [path] = set(self.files()) - before
        os.truncate(path, size)
        return self.urls.get_blob(key, "file.bin", size)

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.store.close()


def md5(content: bytes) -> bytes:
    return hashlib.md5(content).digest()


def message(answer: httpx.Response) -> str:
    [error] = answer.json()["errors"]
    return error["message"]


@pytest.mark.parametrize("size", [0, 12, MIB + 1, 4 * MIB])
def test_what_is_put_can_be_got(site, size):
    content, key = bytes(size // 2) + b"x" * (size - size // 2), site.reserve()
    put = site.ask("PUT", site.urls.put_blob(key, "a.bin", Expected(md5(content))), content=content)
    assert (put.status_code, put.headers["etag"]) == (200, f'"{md5(content).hex()}"')
    assert site.ledger.stored[key].sha256 == hashlib.sha256(content).digest()
    got = site.ask("GET", site.urls.get_blob(key, "a.bin", size, md5=md5(content)))
    assert (got.status_code, got.content) == (200, content)
    assert got.headers["content-length"] == str(size)
    assert got.headers["etag"] == put.headers["etag"]


def test_a_put_can_be_repeated(site):
    url = site.urls.put_blob(site.reserve(), "a", Expected(md5(b"content")))
    assert [site.ask("PUT", url, content=b"content").status_code for _ in range(3)] == [200] * 3


def test_a_run_file_is_taken_without_digest_or_size(site):
    key = site.reserve()
    put = site.ask("PUT", site.urls.put_blob(key, "config.yaml", Expected()), content=b"any")
    assert put.status_code == 200
    assert site.ledger.stored[key].size_bytes == 3


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_a_wrong_digest_is_422_and_nothing_is_kept(site, size):
    key = site.reserve()
    url = site.urls.put_blob(key, "a", Expected(md5(b"other")))
    answer = site.ask("PUT", url, content=bytes(size))
    assert answer.status_code == 422
    assert "MD5" in message(answer)
    assert not site.files()
    assert not site.ledger.stored


def test_another_size_than_signed_is_400(site):
    url = site.urls.put_blob(site.reserve(), "a", Expected(size_bytes=5))
    assert site.ask("PUT", url, content=b"1234").status_code == 400
    assert site.ask("PUT", url, content=b"123456").status_code == 400
    assert not site.files()


def test_other_content_than_is_there_is_409(site):
    url = site.urls.put_blob(site.reserve(), "a", Expected())
    assert site.ask("PUT", url, content=b"first").status_code == 200
    assert site.ask("PUT", url, content=b"other").status_code == 409


def test_a_body_without_a_length_is_400(site):
    async def body():
        yield b"123"

    url = site.urls.put_blob(site.reserve(), "a", Expected())
    assert site.ask("PUT", url, content=body()).status_code == 400


def test_bytes_that_nothing_stands_for_are_dropped(site):
    answer = site.ask("PUT", site.urls.put_blob(BlobKey.new(), "a", Expected()), content=b"any")
    assert answer.status_code == 404
    assert not site.files()


@pytest.mark.parametrize("size", [1000, 5 * MIB])
def test_a_body_that_stops_half_way_leaves_nothing_and_gets_no_answer(site, size):
    url = urlsplit(site.urls.put_blob(site.reserve(), "a", Expected()))
    scope = put_scope(url, size)
    body = iter(
        [
            {"type": "http.request", "body": bytes(size // 2), "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[object] = []

    async def receive():
        return next(body)

    async def send(event):
        answered.append(event)

    asyncio.run(site.app(scope, receive, send))
    assert not answered
    assert not site.files()
    assert not site.ledger.stored


def put_scope(url, size: int) -> dict[str, object]:
    return {
        "type": "http",
        "method": "PUT",
        "path": url.path,
        "query_string": url.query.encode(),
        "headers": [(b"content-length", str(size).encode())],
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_an_unsigned_altered_expired_or_foreign_address_is_403(site, method):
    key = site.reserve()
    site.store.put_whole(key, b"content", Expected())
    urls = site.urls
    good = urls.put_blob if method == "PUT" else urls.get_blob
    other = urls.get_blob if method == "PUT" else urls.put_blob
    size = Expected(size_bytes=7) if method == "PUT" else 7
    other_size = 7 if method == "PUT" else Expected(size_bytes=7)
    url = good(key, "a", size)
    assert site.ask(method, url, content=b"content").status_code == 200
    for bad in (
        url.partition("?")[0],
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.replace("n=7", "n=8"),
        url.replace(key.text, BlobKey.new().text),
        url.replace("/a?", "/b?"),
        good(key, "a", size, lasts_s=-1),
        other(key, "a", other_size),
        Urls(BASE, Signer([b"the secret of somebody else"])).get_blob(key, "a", 7),
    ):
        answer = site.ask(method, bad, content=b"content")
        assert answer.status_code == 403, bad
        if method != "HEAD":
            assert message(answer)


@pytest.mark.parametrize(
    "path", ["/blobs/", "/blobs/x/y", "/blobs/../../etc/passwd", f"/blobs/{'0' * 32}", "/other"]
)
def test_what_is_no_blob_is_404(site, path):
    assert site.ask("GET", BASE + path).status_code == 404


def test_a_blob_that_is_gone_is_404(site):
    url = site.urls.get_blob(BlobKey.new(), "a", 10)
    assert [site.ask(method, url).status_code for method in ("GET", "HEAD")] == [404, 404]


def test_other_methods_are_405(site):
    answer = site.ask("DELETE", site.stored(b"content"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")


def test_pages_of_other_origins_may_use_an_address_they_were_given(site):
    answer = site.ask("OPTIONS", site.stored(b"content"), headers={"Origin": "http://elsewhere"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in answer.headers


def test_head_tells_what_get_would(site):
    url = site.stored(bytes(3 * MIB))
    head, got = site.ask("HEAD", url), site.ask("GET", url)
    assert head.content == b""
    assert {**head.headers} == {**got.headers}


@pytest.mark.parametrize("size", [10, 3 * MIB])
@pytest.mark.parametrize(
    ("asked", "cut"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=5-", slice(5, None)),
        ("bytes=-2", slice(-2, None)),
        ("bytes=9-99999999", slice(9, None)),
    ],
)
def test_a_range_is_206(site, size, asked, cut):
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    answer = site.ask("GET", site.stored(content), headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content[cut])
    start = cut.indices(size)[0]
    last = start + len(content[cut]) - 1
    assert answer.headers["content-range"] == f"bytes {start}-{last}/{size}"
    assert answer.headers["content-length"] == str(len(content[cut]))


def test_a_range_outside_is_416_and_names_the_size(site):
    answer = site.ask("GET", site.stored(b"0123456789"), headers={"range": "bytes=10-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */10")
    assert message(answer)


def test_several_ranges_get_the_whole(site):
    answer = site.ask("GET", site.stored(b"0123456789"), headers={"range": "bytes=0-1,3-4"})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_if_range_gives_the_part_only_of_the_same_content(site):
    url = site.stored(b"0123456789")
    etag = site.ask("HEAD", url).headers["etag"]
    same = site.ask("GET", url, headers={"range": "bytes=0-1", "if-range": etag})
    other = site.ask("GET", url, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_what_is_known_is_not_sent_again(site):
    url = site.stored(b"0123456789")
    etag = site.ask("HEAD", url).headers["etag"]
    known = site.ask("GET", url, headers={"if-none-match": f'"x", W/{etag}'})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("claimed", "sent", "disposition"),
    [
        ("text/html", "application/octet-stream", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("text/javascript", "application/octet-stream", "attachment"),
        ("a/b\r\nSet-Cookie: x", "application/octet-stream", "attachment"),
        ("image/png", "image/png", "inline"),
        ("Text/Plain; charset=latin-1", "text/plain; charset=utf-8", "inline"),
    ],
)
def test_browsers_are_shown_only_what_cannot_run(site, claimed, sent, disposition):
    url = site.stored(b"bytes", "name", content_type=claimed, disposition="inline")
    headers = site.ask("GET", url).headers
    assert headers["content-type"] == sent
    assert headers["content-disposition"].startswith(disposition)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model.bin", 'attachment; filename="model.bin"'),
        ("Modell für Ünal.bin", None),
        ('"; x="y', None),
        ("line\r\nbreak", None),
        ("模型 50%.bin", None),
    ],
)
def test_a_file_keeps_its_name_whatever_it_is(site, name, value):
    header = site.ask("GET", site.stored(b"bytes", name)).headers["content-disposition"]
    if value:
        assert header == value
    else:
        plain, _, true_name = header.partition("; filename*=UTF-8''")
        assert unquote(true_name) == name
        assert plain.count('"') == 2


def test_the_plain_name_has_no_path_in_it():
    want = "attachment; filename=\".._a\"; filename*=UTF-8''..%5Ca"
    assert content_disposition("attachment", "..\\a") == want


def test_a_full_disk_is_413(site):
    class Full(DiskStore):
        def put_whole(self, key, content, expect):
            raise StorageFull("There is no room left where files are kept.")

    app = BlobRoutes(Full(site.folder), site.urls.signer, site.ledger)
    site.app = app
    answer = site.ask("PUT", site.urls.put_blob(site.reserve(), "a", Expected()), content=b"any")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (
        413,
        "storage_full",
    )


def test_more_than_one_upload_may_have_is_413(site):
    site.app = BlobRoutes(site.store, site.urls.signer, site.ledger, max_upload_bytes=3)
    url = site.urls.put_blob(site.reserve(), "a", Expected())
    assert site.ask("PUT", url, content=b"1234").status_code == 413
    assert site.ask("PUT", url, content=b"123").status_code == 200


def test_an_expiry_is_an_hour_to_read_and_a_day_to_write(site):
    key, before = BlobKey.new(), int(time.time())
    lasts = {
        site.urls.get_blob(key, "a", 1): 3600,
        site.urls.put_blob(key, "a", Expected()): 86400,
    }
    after = int(time.time())
    for url, seconds in lasts.items():
        assert before <= int(httpx.URL(url).params["e"]) - seconds <= after
    digest = urlsafe_b64encode(md5(b"x")).rstrip(b"=").decode()
    assert httpx.URL(site.urls.put_part(key, "u", 1, md5(b"x"))).params["m"] == digest
