"""Batches of small files as a client sees them: every frame is treated as a request of its own would be."""

import asyncio
import json
import logging
import struct
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import httpx
import pytest

from registrum.core.errors import StorageFull
from registrum.server.blobs.s3 import S3Store
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.blobs.store import BlobKey, Expected, PartsPlan
from registrum.server.transfer.routes import BlobRoutes
from tests.wire.test_transfer import BASE, MIB, Site, md5, message

HEAD = struct.Struct(">II")
UPLOADS, DOWNLOADS = f"{BASE}/blobs/uploads", f"{BASE}/blobs/downloads"


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.app.close()
    made.store.close()


def target(url: str) -> bytes:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}".encode() if parts.query else parts.path.encode()


def frame(url: str, content: bytes) -> bytes:
    name = target(url)
    return HEAD.pack(len(name), len(content)) + name + content


def put_url(site: Site, content: bytes, key: BlobKey | None = None) -> str:
    key = key or site.reserve()
    return site.urls.put_blob(key, "a b/ü.bin", Expected(md5(content)))


def upload(site: Site, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
    return site.ask("POST", UPLOADS, content=body)


def results(answer: httpx.Response) -> list[dict[str, object]]:
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def download(site: Site, urls: Sequence[str]) -> list[tuple[int, bytes]]:
    answer = site.ask("POST", DOWNLOADS, content=b"\n".join(map(target, urls)))
    assert answer.status_code == 200, answer.text
    return frames_of(answer.content)


def frames_of(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(body):
        status, length = HEAD.unpack_from(body, at)
        at += HEAD.size + length
        assert at <= len(body)
        found.append((status, body[at - length : at]))
    return found


def test_many_files_go_up_and_down_in_order(site):
    contents = [b"%d" % i * (i % 7) for i in range(299)] + [bytes(MIB), b"x" * MIB, b"last"]
    keys = [site.reserve() for _ in contents]
    puts = [put_url(site, c, k) for c, k in zip(contents, keys, strict=True)]
    up = upload(site, b"".join(map(frame, puts, contents)))
    assert results(up) == [{"status": 200, "md5": md5(c).hex()} for c in contents]
    assert set(site.ledger.stored) == set(keys)
    gets = [
        site.urls.get_blob(k, "ü", len(c), md5=md5(c)) for k, c in zip(keys, contents, strict=True)
    ]
    assert download(site, gets) == [(200, content) for content in contents]


def test_a_batch_may_come_in_pieces_of_any_size(site):
    contents = [b"first", b"", b"third"]
    body = b"".join(frame(put_url(site, content), content) for content in contents)

    async def byte_by_byte() -> AsyncIterator[bytes]:
        for at in range(len(body)):
            yield body[at : at + 1]

    assert [each["status"] for each in results(upload(site, byte_by_byte()))] == [200] * 3


def test_an_empty_batch_stores_nothing(site):
    assert results(upload(site, b"")) == []


def test_a_batch_can_be_repeated(site):
    body = frame(put_url(site, b"same"), b"same")
    assert results(upload(site, body)) == results(upload(site, body))
    assert results(upload(site, body + body))[1]["status"] == 200


def test_one_bad_file_does_not_sink_the_others(site):
    good, lost = site.reserve(), BlobKey.new()
    body = b"".join(
        [
            frame(put_url(site, b"other"), b"false"),
            frame(put_url(site, b"good", good), b"good"),
            frame(put_url(site, b"lost", lost), b"lost"),
        ]
    )
    bad, fine, unknown = results(upload(site, body))
    assert (bad["status"], bad["code"]) == (422, "digest_mismatch")
    assert fine == {"status": 200, "md5": md5(b"good").hex()}
    assert (unknown["status"], unknown["code"]) == (404, "not_found")
    assert [path.name for path in site.files()] == [good.text]


def test_a_frame_is_refused_as_its_own_put_is(site):
    key, taken = site.reserve(), site.reserve()
    site.store.put_whole(taken, b"something else", Expected())
    urls, right = site.urls, Expected(size_bytes=7)
    good = urls.put_blob(key, "a", right)
    stranger = Urls(BASE, Signer([b"the secret of somebody else"]))
    refused = [
        good.partition("?")[0],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.replace("n=7", "n=8"),
        good.replace("/a?", "/b?"),
        urls.put_blob(key, "a", right, lasts_s=-1),
        urls.get_blob(key, "a", 7),
        stranger.put_blob(key, "a", right),
        urls.put_blob(key, "a", Expected(size_bytes=8)),
        urls.put_blob(taken, "a", right),
        urls.put_blob(key, "a", Expected(md5(b"other"))),
        urls.put_blob(BlobKey.new(), "a", right),
        f"{BASE}/blobs/x/y",
        f"{BASE}/elsewhere",
    ]
    found = results(upload(site, b"".join(frame(url, b"content") for url in refused)))
    for url, each in zip(refused, found, strict=True):
        alone = site.ask("PUT", url, content=b"content")
        [error] = alone.json()["errors"]
        want = (alone.status_code, error["extensions"]["code"], error["message"])
        assert (each["status"], each["code"], each["message"]) == want, url
    assert {each["status"] for each in found} == {400, 403, 404, 409, 422}
    assert key not in site.ledger.stored


def test_a_part_takes_a_put_of_its_own(site):
    key = site.reserve()
    upload_id = site.store.begin_parts(key, PartsPlan((md5(b"part"),)), Expected())
    url = site.urls.put_part(key, upload_id, 1, md5(b"part"))
    assert results(upload(site, frame(url, b"part")))[0]["status"] == 400


def test_a_batch_that_ends_within_a_frame_is_400_and_what_was_whole_may_be_stored(site):
    first, second = frame(put_url(site, b"first"), b"first"), frame(put_url(site, b"next"), b"next")
    for cut in (len(first) + 1, len(first) + HEAD.size, len(first + second) - 1):
        answer = upload(site, (first + second)[:cut])
        assert (answer.status_code, message(answer)) == (400, "The batch ends within a frame.")
    assert len(site.files()) <= 1


@pytest.mark.parametrize(
    ("head", "status"),
    [((0, 5), 400), ((8193, 5), 400), ((10, MIB + 1), 413), ((2**32 - 1, 2**32 - 1), 400)],
)
def test_a_frame_with_impossible_lengths_is_refused(site, head, status):
    assert upload(site, HEAD.pack(*head) + bytes(100)).status_code == status


def test_a_batch_has_at_most_a_thousand_frames(site):
    some = frame(put_url(site, b"same"), b"same")
    assert len(results(upload(site, some * 1000))) == 1000
    assert upload(site, some * 1001).status_code == 413


def test_a_batch_has_at_most_32_mib(site):
    unsigned = frame(f"{BASE}/blobs/{BlobKey.new()}/a", bytes(MIB))
    assert upload(site, unsigned * 32).status_code == 413
    assert not site.files()


def test_a_file_of_a_batch_is_no_larger_than_any_upload(site):
    site.app = BlobRoutes(site.store, site.urls.signer, site.ledger, max_upload_bytes=5)
    large, small = (frame(put_url(site, content), content) for content in (b"123456", b"12345"))
    assert [each["status"] for each in results(upload(site, large + small))] == [413, 200]


def test_who_leaves_in_mid_batch_gets_no_answer_and_no_half_file(site):
    first, second = frame(put_url(site, b"first"), b"first"), frame(put_url(site, b"next"), b"next")
    events = iter(
        [
            {"type": "http.request", "body": first + second[:-1], "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[object] = []

    async def receive():
        return next(events)

    async def send(event):
        answered.append(event)

    scope = {"type": "http", "method": "POST", "path": "/blobs/uploads", "headers": []}
    asyncio.run(site.app(scope, receive, send))
    assert not answered
    assert len(site.files()) <= 1


def test_when_nothing_can_be_written_down_every_file_says_so(site):
    class Full:
        def record_stored(self, stored):
            raise StorageFull("The disk that holds the database is full.")

    site.app = BlobRoutes(site.store, site.urls.signer, Full())
    body = b"".join(frame(put_url(site, content), content) for content in (b"one", b"two"))
    assert [each["status"] for each in results(upload(site, body))] == [413, 413]


def test_each_address_is_answered_by_itself(site):
    good = site.stored(b"content")
    found = download(
        site,
        [
            good,
            site.urls.get_blob(BlobKey.new(), "a", 7),
            site.urls.put_blob(site.reserve(), "a", Expected(size_bytes=7)),
            good.replace("n=7", "n=8"),
            site.stored(b"old", lasts_s=-1),
            good.partition("?")[0],
            site.stored(bytes(MIB + 1)),
            f"{BASE}/blobs/x/y",
            site.stored(b""),
        ],
    )
    assert [status for status, _ in found] == [200, 404, 403, 403, 403, 403, 413, 404, 200]
    assert (found[0][1], found[-1][1]) == (b"content", b"")
    for _, content in found[1:-1]:
        assert set(json.loads(content)) == {"code", "message"}


def test_a_file_that_was_cut_short_is_not_passed_on(site):
    url = site.stored(b"content")
    [path] = site.files()
    path.write_bytes(b"cont")
    assert download(site, [url])[0][0] == 404


def test_a_store_that_fails_is_503_and_the_log_holds_no_token(site, caplog):
    url = site.stored(b"content")
    [path] = site.files()
    path.unlink()
    path.mkdir()
    with caplog.at_level(logging.DEBUG):
        assert download(site, [url])[0][0] == 503
    assert caplog.text
    assert url.rpartition("=")[2] not in caplog.text


def test_a_list_of_addresses_has_bounds(site):
    line = target(site.stored(b"content"))
    large = target(site.stored(bytes(MIB)))

    def status(body: bytes) -> int:
        return site.ask("POST", DOWNLOADS, content=body).status_code

    assert status(b"\n".join([line] * 1000)) == 200
    assert status(b"\n".join([line] * 1001)) == 413
    assert status(b"\n".join([large] * 65)) == 413
    assert status(b"x" * (4 * MIB + 1)) == 413
    assert status(b"") == 400
    assert status(line + b"\n\n" + line) == 400
    assert status(line + b"\n") == 200
    assert status(b"x" * 8193) == 400


@pytest.mark.parametrize("url", [UPLOADS, DOWNLOADS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_batches_are_posted(site, url, method):
    answer = site.ask(method, url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("url", [UPLOADS, DOWNLOADS])
def test_where_bytes_pass_by_the_server_there_are_no_batches(site, url):
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    store = S3Store("s3://bucket/prefix?region=eu-central-1", keys)
    site.app = BlobRoutes(store, site.urls.signer, site.ledger)
    answer = site.ask("POST", url, content=b"any")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "not_supported"
    store.close()
