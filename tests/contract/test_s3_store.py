"""What only S3 does: clients that put and get by signed addresses, past the server."""

import asyncio
from base64 import b64encode
from datetime import timedelta

import httpx
import pytest

from registrum.core.errors import DigestMismatch, Invalid, Unavailable
from registrum.server.blobs.s3 import S3Store
from registrum.server.blobs.store import BlobKey, Expected, PartsPlan
from tests.contract.test_blob_stores import MIB, InParts, breaking, content_of, get, md5, pieces
from tests.seaweed import client

pytestmark = pytest.mark.slow
HOUR = timedelta(hours=1)


@pytest.fixture
def store(seaweed):
    opened = S3Store(seaweed.url(f"{BlobKey.new()}/"), seaweed.environ)
    yield opened
    opened.close()


def test_a_client_puts_by_a_signed_address_and_the_store_knows_what(store):
    key, content = BlobKey.new(), content_of(100_000)
    signed = store.signed_put(key, Expected(md5(content)), None, HOUR)
    assert signed.headers == {"Content-MD5": b64encode(md5(content)).decode()}
    for _ in range(2):
        assert httpx.put(signed.url, content=content, headers=signed.headers).status_code == 200
    seen = store.look(key)
    assert (seen.size_bytes, seen.md5, seen.sha256) == (100_000, md5(content), None)
    assert store.measure(key).xxh128
    assert get(store, key) == content


def test_other_content_than_was_signed_is_refused(store):
    key = BlobKey.new()
    signed = store.signed_put(key, Expected(md5(b"content")), None, HOUR)
    other = {"Content-MD5": b64encode(md5(b"another")).decode()}
    for body, headers in ((b"another", signed.headers), (b"another", other), (b"another", {})):
        assert httpx.put(signed.url, content=body, headers=headers).status_code in (400, 403)
    assert store.look(key) is None


def test_without_a_digest_the_bytes_pass_through_the_server(store):
    assert store.signed_put(BlobKey.new(), Expected(), None, HOUR) is None


def test_a_client_gets_by_a_signed_address(store):
    key = BlobKey.new()
    store.put_whole(key, b"content", Expected())
    signed = store.signed_get(key, "Modell für alle.bin", "text/x-model", HOUR)
    got = httpx.get(signed.url)
    assert (got.status_code, got.content) == (200, b"content")
    assert "filename*=UTF-8''Modell%20f%C3%BCr%20alle.bin" in got.headers["content-disposition"]
    assert got.headers["content-type"] == "text/x-model"
    part = httpx.get(signed.url, headers={"range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"on")


def test_a_signed_address_is_for_one_key_and_verb_and_expires(store):
    key, other = BlobKey.new(), BlobKey.new()
    for each in (key, other):
        store.put_whole(each, b"content", Expected())
    url = store.signed_get(key, "a", None, HOUR).url
    assert httpx.get(url.replace(str(key), str(other))).status_code == 403
    assert httpx.put(url, content=b"x").status_code == 403
    assert httpx.get(store.signed_get(key, "a", None, timedelta(seconds=-5)).url).status_code >= 400


def test_parts_are_put_by_signed_addresses(store):
    upload = InParts(store)
    for number, part in enumerate(upload.parts, 1):
        signed = store.signed_part_put(upload.key, upload.upload_id, number, md5(part), HOUR)
        answer = httpx.put(signed.url, content=part, headers=signed.headers)
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{md5(part).hex()}"')
    assert upload.finish().md5 == md5(upload.content)


def test_an_upload_in_parts_goes_on_in_another_process(store, seaweed):
    upload = InParts(store)
    upload.put(1)
    prefix = store._prefix
    with_same_bucket = S3Store(seaweed.url(prefix.rstrip("/")), seaweed.environ)
    upload.store = with_same_bucket
    assert upload.begin() == upload.upload_id
    upload.put(2)
    upload.put(3)
    assert upload.finish().md5 == md5(upload.content)
    with_same_bucket.close()


def test_what_another_process_has_dropped_and_begun_again_is_gone_on_with(store, seaweed):
    upload = InParts(store)
    upload.put(1)
    there = S3Store(seaweed.url(store._prefix.rstrip("/")), seaweed.environ)
    there.abort_parts(upload.key, upload.upload_id)
    upload.plan = PartsPlan([md5(upload.content)])
    there.begin_parts(upload.key, upload.plan, upload.expect)
    # Here, where the first upload was begun.
    upload.parts = [upload.content]
    assert upload.begin() == upload.upload_id
    upload.put(1)
    assert upload.finish().md5 == md5(upload.content)
    there.close()


def test_nothing_but_blobs_stays_in_the_bucket(store, seaweed):
    upload = InParts(store)
    for number in (1, 2, 3):
        upload.put(number)
    upload.finish()
    dropped = InParts(store)
    dropped.put(1)
    store.abort_parts(dropped.key, dropped.upload_id)
    asked = client(seaweed)
    found = asked.list_objects_v2(Bucket=seaweed.bucket, Prefix=store._prefix)["Contents"]
    assert [entry["Key"] for entry in found] == [f"{store._prefix}blobs/{upload.key}"]
    assert not open_uploads(store, seaweed)


def test_a_body_that_fails_leaves_no_open_upload(store, seaweed):
    for body, expect in ((breaking, Expected()), (pieces, Expected(md5(b"other")))):
        with pytest.raises((ConnectionResetError, DigestMismatch)):
            asyncio.run(store.put(BlobKey.new(), body(content_of(20 * MIB)), expect))
    assert not open_uploads(store, seaweed)


def open_uploads(store, seaweed) -> list[str]:
    found = client(seaweed).list_multipart_uploads(Bucket=seaweed.bucket).get("Uploads", [])
    return [each["Key"] for each in found if each["Key"].startswith(store._prefix)]


def test_a_store_that_can_be_used_says_so(store):
    store.check()


def test_wrong_credentials_are_told_by_every_way_of_asking(seaweed):
    wrong = {**seaweed.environ, "AWS_SECRET_ACCESS_KEY": "another"}
    with pytest.raises(Unavailable):
        S3Store(seaweed.url("x"), wrong).check()
    with pytest.raises(Unavailable):
        S3Store(seaweed.url("x"), wrong).begin_parts(BlobKey.new(), PartsPlan([]), Expected())


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "s3://bucket?unknown=1", "http://bucket"])
def test_a_malformed_url_is_refused(url):
    with pytest.raises(Invalid):
        S3Store(url, {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})


def test_missing_credentials_are_named():
    with pytest.raises(Invalid, match="AWS_ACCESS_KEY_ID"):
        S3Store("s3://bucket", {})
