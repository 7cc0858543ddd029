"""Small bodies that come at once: stored and written down together, yet each answered for itself."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import httpx
import pytest

from registrum.core.errors import Unavailable
from registrum.server.blobs.store import BlobKey, Expected, StoredBlob
from registrum.server.transfer.routes import BlobRoutes
from registrum.server.transfer.small_uploads import SMALL_BYTES, Body, SmallUploads
from tests.wire.test_transfer import Ledger, Site, md5


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.app.close()
    made.store.close()


def put_at_once(site: Site, asked: Sequence[tuple[str, bytes]]) -> list[httpx.Response]:
    async def asking() -> list[httpx.Response]:
        transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            puts = [client.put(url, content=content) for url, content in asked]
            return await asyncio.gather(*puts)

    return asyncio.run(asking())


class Counted(Ledger):
    """A ledger that knows how many blobs came in each of its transactions."""

    def __init__(self) -> None:
        super().__init__()
        self.together: list[int] = []

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        self.together.append(len(stored))
        return super().record_stored(stored)


def test_those_that_wait_share_a_transaction(site):
    site.ledger = Counted()
    site.app = BlobRoutes(site.store, site.urls.signer, site.ledger)
    contents = [b"%d" % i for i in range(60)]
    asked = [
        (site.urls.put_blob(site.reserve(), "a", Expected(md5(content))), content)
        for content in contents
    ]
    answers = put_at_once(site, asked)
    assert [answer.headers["etag"] for answer in answers] == [f'"{md5(c).hex()}"' for c in contents]
    assert len(site.ledger.stored) == sum(site.ledger.together) == 60
    assert max(site.ledger.together) > 1


def test_one_that_fails_fails_alone(site):
    urls, lost, key = site.urls, BlobKey.new(), site.reserve()
    asked = [
        (urls.put_blob(site.reserve(), "a", Expected(md5(b"good"))), b"good"),
        (urls.put_blob(site.reserve(), "a", Expected(md5(b"good"))), b"evil"),
        (urls.put_blob(lost, "a", Expected()), b"lost"),
        (urls.put_blob(key, "a", Expected()), b"same"),
        (urls.put_blob(key, "a", Expected()), b"same"),
    ] * 3
    statuses = [answer.status_code for answer in put_at_once(site, asked)]
    assert statuses == [200, 422, 404, 200, 200] * 3
    assert len(site.files()) == 2


@pytest.mark.parametrize("size", [SMALL_BYTES, SMALL_BYTES + 1])
def test_a_body_is_stored_whole_whichever_way_it_goes(site, size):
    key, content = site.reserve(), bytes(size)
    [answer] = put_at_once(site, [(site.urls.put_blob(key, "a", Expected(md5(content))), content)])
    assert answer.status_code == 200
    assert site.store.read_whole(key, size) == content
    assert site.ledger.stored[key].size_bytes == size


class Broken(Ledger):
    """A database that does not answer, once."""

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        if not self.stored:
            self.stored |= stored
            raise Unavailable("The database is busy; try again in a moment.")
        return super().record_stored(stored)


def test_what_could_not_be_written_down_may_come_again(site):
    site.ledger = Broken()
    site.app = BlobRoutes(site.store, site.urls.signer, site.ledger)
    asked = [(site.urls.put_blob(site.reserve(), "a", Expected()), b"content")]
    assert [put_at_once(site, asked)[0].status_code for _ in range(2)] == [503, 200]


def test_a_request_that_is_given_up_does_not_disturb_the_others(site):
    async def asking() -> list[object]:
        small = SmallUploads(site.store, site.ledger)
        bodies = [Body(site.reserve(), b"%d" % i, Expected()) for i in range(20)]
        tasks = [asyncio.create_task(small.put(body)) for body in bodies]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(asking())
    assert all(isinstance(each, asyncio.CancelledError) for each in found[::2])
    assert [each.size_bytes for each in found[1::2]] == [len(str(i)) for i in range(1, 20, 2)]
