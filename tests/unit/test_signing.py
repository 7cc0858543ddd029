"""A signed URL allows exactly what it says, until it expires, and nothing else."""

import time
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.errors import SignatureInvalid
from registrum.server.blobs.signing import Claims, Signer, Urls
from registrum.server.blobs.store import BlobKey, Expected

SECRET = b"a secret of the tests, long enough"
OTHER = b"another secret, just as long as it"
KEY = BlobKey("00112233445566778899aabbccddeeff")
MD5 = bytes(range(16))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: "/" not in name and name not in (".", "..")
)


def claims(**changes) -> Claims:
    return Claims("GET", KEY, "model.bin", int(time.time()) + 60, 12, MD5)._replace(**changes)


def read(signer: Signer, url: str, method="GET", key=KEY) -> Claims:
    found = urlsplit(url)
    return signer.read(method, key, unquote(found.path.rpartition("/")[2]), found.query)


@given(
    NAMES,
    st.sampled_from(["GET", "PUT"]),
    st.none() | st.integers(0, 2**63),
    st.none() | st.binary(min_size=16, max_size=16),
    st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["inline", "attachment"]),
    st.none() | st.integers(1, 10_000),
)
def test_what_was_signed_is_what_is_read(name, method, size, digest, content_type, shown, part):
    signer = Signer([SECRET])
    upload = None if part is None else "0a&=ü"
    signed = claims(
        filename=name,
        method=method,
        size_bytes=size,
        md5=digest,
        xxh128=digest,
        content_type=content_type,
        disposition=shown,
        upload_id=upload,
        part=part,
    )
    assert read(signer, signer.path(signed), method) == signed


def test_the_file_name_ends_the_path_and_the_base_keeps_its_prefix():
    urls = Urls("https://host:8080/registry/", Signer([SECRET]))
    url = urls.get_blob(KEY, "dir/wandb_manifest.json", 5)
    start = f"https://host:8080/registry/blobs/{KEY}/wandb_manifest.json?"
    assert url.startswith(start)


@pytest.mark.parametrize("name", ["..", ".", "", "a/..", "a/"])
def test_names_that_clients_would_resolve_are_replaced(name):
    url = Urls("http://host", Signer([SECRET])).get_blob(KEY, name, 5)
    assert urlsplit(url).path == f"/blobs/{KEY}/file"


def test_every_change_of_a_signed_url_is_noticed():
    signer = Signer([SECRET])
    found = urlsplit(signer.path(claims(content_type="text/plain")))
    for at, char in enumerate(found.query):
        altered = found.query[:at] + ("B" if char != "B" else "C") + found.query[at + 1 :]
        with pytest.raises(SignatureInvalid):
            signer.read("GET", KEY, "model.bin", altered)


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "PUT"},
        {"key": BlobKey("ff" * 16)},
        {"filename": "other.bin"},
    ],
)
def test_a_signature_is_good_for_one_thing_only(asked):
    signer = Signer([SECRET])
    query = urlsplit(signer.path(claims())).query
    right = {"method": "GET", "key": KEY, "filename": "model.bin", "query": query}
    assert signer.read(**right)
    with pytest.raises(SignatureInvalid):
        signer.read(**{**right, **asked})


@pytest.mark.parametrize("extra", ["&x=1", "&n=99999", "&s=abc", "&"])
def test_nothing_can_be_added(extra):
    signer = Signer([SECRET])
    query = urlsplit(signer.path(claims())).query
    with pytest.raises(SignatureInvalid):
        signer.read("GET", KEY, "model.bin", query + extra)


@pytest.mark.parametrize("query", ["", "s=", "&s=", "e=99999999999", "e=1&s=ü", "s=x&s=y"])
def test_what_is_not_signed_is_refused(query):
    with pytest.raises(SignatureInvalid):
        Signer([SECRET]).read("GET", KEY, "model.bin", query)


def test_an_expired_url_is_refused():
    signer = Signer([SECRET])
    with pytest.raises(SignatureInvalid, match="expired"):
        read(signer, signer.path(claims(expires_at=int(time.time()) - 1)))


def test_secrets_can_be_rotated():
    old, both, new = Signer([SECRET]), Signer([OTHER, SECRET]), Signer([OTHER])
    assert read(both, old.path(claims()))
    assert read(new, both.path(claims()))
    with pytest.raises(SignatureInvalid):
        read(new, old.path(claims()))


@pytest.mark.parametrize("secrets", [[], [b"short"]])
def test_weak_secrets_are_refused(secrets):
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(secrets)


def test_an_address_lasts_as_long_as_is_said_or_as_the_others_do():
    urls = Urls("http://host", Signer([SECRET]), get_lasts_s=600, put_lasts_s=60)
    before = int(time.time())
    lasts = {
        urls.get_blob(KEY, "a", 5): 600,
        urls.get_blob(KEY, "a", 5, lasts_s=7): 7,
        urls.put_blob(KEY, "a", Expected()): 60,
        urls.put_part(KEY, "upload", 1, MD5): 60,
    }
    after = int(time.time())
    for url, seconds in lasts.items():
        expires_at = read(urls.signer, url, "PUT" if seconds == 60 else "GET").expires_at
        assert before <= expires_at - seconds <= after


def test_an_upload_brings_its_digests():
    urls = Urls("http://host", Signer([SECRET]))
    url = urls.put_blob(KEY, "model.bin", Expected(MD5, None, MD5))
    assert read(urls.signer, url, "PUT").expected == Expected(MD5, None, MD5)
