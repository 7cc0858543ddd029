"""Parts of a large upload over HTTP: each by its own signed URL, answered with the ETag that clients copy back."""

import pytest

from registrum.server.blobs.store import BlobKey, Expected, PartsPlan
from tests.wire.test_transfer import Site, md5, message

PARTS = [bytes([at]) * 1000 for at in (1, 2)] + [b"the rest"]


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.store.close()


def begin(site: Site, key: BlobKey) -> list[str]:
    """Opens an upload and gives the URL of each part."""
    whole = Expected(md5(b"".join(PARTS)))
    upload_id = site.store.begin_parts(key, PartsPlan([md5(part) for part in PARTS]), whole)
    return [site.urls.put_part(key, upload_id, at, md5(part)) for at, part in enumerate(PARTS, 1)]


def test_parts_are_put_and_the_whole_is_read(site):
    key = site.reserve()
    for url, part in zip(begin(site, key), PARTS, strict=True):
        answer = site.ask("PUT", url, content=part)
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{md5(part).hex()}"')
    stored = site.store.finish_parts(key, key.text)
    got = site.ask("GET", site.urls.get_blob(key, "large.bin", stored.size_bytes))
    assert got.content == b"".join(PARTS)


def test_a_wrong_part_is_422_and_may_come_again(site):
    first, *_ = begin(site, site.reserve())
    answer = site.ask("PUT", first, content=bytes(1000))
    assert answer.status_code == 422
    assert "Part 1" in message(answer)
    assert site.ask("PUT", first, content=PARTS[0]).status_code == 200


def test_the_last_part_may_come_before_all_others(site):
    urls = begin(site, site.reserve())
    answers = [site.ask("PUT", urls[at], content=PARTS[at]) for at in (2, 0, 1)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_the_url_of_one_part_takes_no_other(site):
    first, second, _ = begin(site, site.reserve())
    assert site.ask("PUT", first.replace("p=1", "p=2"), content=PARTS[1]).status_code == 403
    assert site.ask("PUT", second, content=PARTS[0]).status_code == 422


def test_a_part_of_a_dropped_upload_is_404(site):
    key = site.reserve()
    first, *_ = begin(site, key)
    site.store.abort_parts(key, key.text)
    assert site.ask("PUT", first, content=PARTS[0]).status_code == 404
