"""One suite for every store: whole or absent, never overwritten, durable when asked."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest
import xxhash

from registrum.core.errors import (
    Conflict,
    DigestMismatch,
    Invalid,
    NotFound,
    TooLarge,
    Unprocessable,
)
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.s3 import S3Store
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, PartsPlan

MIB = 1 << 20
SIZES = [0, 1, 10_000, MIB - 1, MIB, MIB + 1, 3 * MIB + 4097, 20 * MIB]


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "disk":
        opened: BlobStore = DiskStore(tmp_path)
    else:
        server = request.getfixturevalue("seaweed")
        opened = S3Store(server.url(f"{BlobKey.new()}/"), server.environ)
    yield opened
    opened.close()


_starts = count()


@cache
def _noise() -> bytes:
    return os.urandom(21 * MIB)


def content_of(size: int) -> bytes:
    """Random bytes, others at each call."""
    start = next(_starts) % MIB
    return _noise()[start : start + size]


def md5(content: bytes) -> bytes:
    return hashlib.md5(content).digest()


async def pieces(content: bytes, size: int = 70_001) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def breaking(content: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(content):
        yield piece
    raise ConnectionResetError


async def read_into(found: list[bytes], chunks: AsyncIterator[bytes]) -> None:
    found += [chunk async for chunk in chunks]


def put(store: BlobStore, key: BlobKey, content: bytes, expect: Expected | None = None):
    return asyncio.run(store.put(key, pieces(content), expect or Expected()))


def get(store: BlobStore, key: BlobKey, start: int = 0, length: int | None = None) -> bytes:
    # Not as the coroutine's result: `asyncio.run` would write that down in full.
    found: list[bytes] = []
    asyncio.run(read_into(found, store.read(key, start, length)))
    return b"".join(found)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_is_what_is_read(store, size):
    key, content = BlobKey.new(), content_of(size)
    digest = xxhash.xxh3_128(content).digest()
    stored = put(store, key, content, Expected(md5(content), size, digest))
    assert stored.size_bytes == store.size(key) == size
    assert stored.md5 == md5(content)
    assert stored.sha256 == hashlib.sha256(content).digest()
    assert stored.xxh128 == digest
    assert get(store, key) == content
    assert store.measure(key) == stored


@pytest.mark.parametrize("size", SIZES)
def test_a_body_of_unknown_size_and_digest_is_stored_too(store, size):
    key, content = BlobKey.new(), content_of(size)
    stored = put(store, key, content)
    assert (stored.size_bytes, stored.md5, stored.xxh128) == (size, md5(content), None)
    assert get(store, key) == content


@pytest.mark.parametrize("size", [5, 3 * MIB])
def test_bytes_in_memory_are_stored_and_read_whole(store, size):
    key, content = BlobKey.new(), content_of(size)
    assert store.put_whole(key, content, Expected(md5(content))).md5 == md5(content)
    assert store.read_whole(key, size) == content
    with pytest.raises(TooLarge):
        store.read_whole(key, size - 1)


@pytest.mark.parametrize("size", [10, 5 * MIB + 3])
@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (3, 4), (7, None), (0, 0), (9, 1), (9, 50), (2, 4 * MIB)]
)
def test_parts_of_a_blob_are_read(store, size, start, length):
    key, content = BlobKey.new(), content_of(size)
    put(store, key, content)
    end = None if length is None else start + length
    assert get(store, key, start, length) == content[start:end]


def test_chunks_are_at_most_one_mebibyte(store):
    key, content = BlobKey.new(), content_of(2 * MIB + 5)
    put(store, key, content)

    async def sizes() -> list[int]:
        return [len(chunk) async for chunk in store.read(key)]

    assert max(asyncio.run(sizes())) <= MIB


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize(
    ("expect", "error"),
    [
        (lambda content: Expected(md5=md5(b"other")), DigestMismatch),
        (lambda content: Expected(md5(content), xxh128=md5(b"other")), DigestMismatch),
        (lambda content: Expected(size_bytes=len(content) + 1), Invalid),
        (lambda content: Expected(size_bytes=len(content) - 1), Invalid),
    ],
)
def test_a_body_that_is_not_what_was_expected_leaves_nothing(store, size, expect, error, tmp_path):
    key, content = BlobKey.new(), content_of(size)
    with pytest.raises(error):
        put(store, key, content, expect(content))
    assert_absent(store, key, tmp_path)


@pytest.mark.parametrize("size", [100, 5 * MIB])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_stops_half_way_leaves_nothing(store, size, announced, tmp_path):
    key, content = BlobKey.new(), content_of(size)
    expect = Expected(size_bytes=2 * size if announced else None)
    with pytest.raises(ConnectionResetError):
        asyncio.run(store.put(key, breaking(content), expect))
    assert_absent(store, key, tmp_path)


def test_a_cancelled_upload_leaves_nothing(store, tmp_path):
    key = BlobKey.new()

    async def cancel_in_the_middle() -> None:
        half_sent = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            async for piece in pieces(content_of(4 * MIB)):
                yield piece
            half_sent.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(store.put(key, body(), Expected(size_bytes=9 * MIB)))
        await half_sent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_the_middle())
    assert_absent(store, key, tmp_path)


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_the_same_content_again_is_success(store, size):
    key, content = BlobKey.new(), content_of(size)
    assert put(store, key, content) == put(store, key, content)
    assert get(store, key) == content


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_a_blob_is_never_overwritten(store, size):
    key, content = BlobKey.new(), content_of(size)
    put(store, key, content)
    with pytest.raises(Conflict):
        put(store, key, content_of(size))
    assert get(store, key) == content


def test_of_many_writers_of_one_key_all_with_the_same_content_succeed(store):
    key, content = BlobKey.new(), content_of(2 * MIB)

    async def race() -> list[object]:
        return await asyncio.gather(
            *(store.put(key, pieces(content), Expected()) for _ in range(6))
        )

    assert len(set(asyncio.run(race()))) == 1
    assert get(store, key) == content


def test_many_bodies_at_once_stay_apart(store):
    bodies = {BlobKey.new(): content_of(size) for size in (10, 2 * MIB, 3 * MIB + 1) * 4}

    async def together() -> None:
        await asyncio.gather(
            *(store.put(key, pieces(body), Expected(md5(body))) for key, body in bodies.items())
        )

    asyncio.run(together())
    for key, body in bodies.items():
        assert get(store, key) == body


def test_what_is_absent_says_so(store):
    key = BlobKey.new()
    assert store.size(key) is None
    assert store.look(key) is None
    for act in (
        lambda: get(store, key),
        lambda: store.read_whole(key, 9),
        lambda: store.measure(key),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_look_knows_size_and_md5(store):
    key, content = BlobKey.new(), content_of(1000)
    put(store, key, content)
    seen = store.look(key)
    assert (seen.size_bytes, seen.md5) == (1000, md5(content))


def test_deleting_again_is_fine(store):
    key, other = BlobKey.new(), BlobKey.new()
    put(store, key, b"bytes")
    store.delete([key, other])
    store.delete([key])
    assert store.size(key) is None


@pytest.mark.parametrize("count", [0, 3, 60])
def test_blobs_are_made_durable(store, count):
    keys = [BlobKey.new() for _ in range(count)]
    for key in keys:
        store.put_whole(key, b"content", Expected())
    store.make_durable(dict.fromkeys(keys, 7))
    assert all(store.read_whole(key, 7) == b"content" for key in keys)


@pytest.mark.parametrize(
    "text", ["", "../../etc/passwd", "AA" * 16, "a" * 31, "a" * 33, "a" * 31 + "\n"]
)
def test_a_key_is_never_a_path(text):
    with pytest.raises(Invalid):
        BlobKey(text)


def assert_absent(store: BlobStore, key: BlobKey, folder: Path) -> None:
    """Neither a blob nor a leftover of one."""
    assert store.size(key) is None
    assert store.sweep_incoming(timedelta(0)) == 0
    assert not [path for path in folder.rglob("*") if path.is_file()]


PART = 5 * MIB
"""The smallest that S3 takes for a part that is not the last."""
PART_ON_DISK = 3 * MIB
"""Some pieces; a disk takes parts of any size."""


class InParts:
    """A blob of three parts, and the calls of its upload."""

    def __init__(self, store: BlobStore, *, says_part_size: bool = True) -> None:
        self.store = store
        self.key = BlobKey.new()
        self.part = part = PART_ON_DISK if isinstance(store, DiskStore) else PART
        self.content = content_of(2 * part + 777)
        self.parts = [self.content[at : at + part] for at in range(0, len(self.content), part)]
        digests = [md5(each) for each in self.parts]
        self.plan = PartsPlan(digests, part if says_part_size else None)
        digest = xxhash.xxh3_128(self.content).digest()
        self.expect = Expected(md5(self.content), None, digest)
        self.upload_id = self.begin()

    def begin(self) -> str:
        return self.store.begin_parts(self.key, self.plan, self.expect)

    def put(self, number: int, content: bytes | None = None) -> bytes:
        body = self.parts[number - 1] if content is None else content
        sent = self.store.put_part(self.key, self.upload_id, number, pieces(body), len(body))
        return asyncio.run(sent)

    def finish(self):
        return self.store.finish_parts(self.key, self.upload_id)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (1, 1, 2, 3, 2)])
def test_parts_in_any_order_make_the_whole(store, order):
    upload = InParts(store)
    for number in order:
        assert upload.put(number) == md5(upload.parts[number - 1])
    assert store.size(upload.key) is None
    stored = upload.finish()
    assert (stored.size_bytes, stored.md5) == (len(upload.content), md5(upload.content))
    assert get(store, upload.key) == upload.content
    store.make_durable({upload.key: stored.size_bytes})


def test_parts_may_come_at_once(store):
    upload = InParts(store)

    async def together() -> None:
        await asyncio.gather(
            *(
                store.put_part(upload.key, upload.upload_id, at, pieces(part), len(part))
                for at, part in enumerate(upload.parts, 1)
            )
        )

    asyncio.run(together())
    upload.finish()
    assert get(store, upload.key) == upload.content


def test_a_part_with_another_digest_is_refused_and_may_come_again(store):
    upload = InParts(store)
    upload.put(1)
    upload.put(3)
    with pytest.raises(DigestMismatch):
        upload.put(2, content_of(upload.part))
    with pytest.raises(Unprocessable):
        upload.finish()
    upload.put(2)
    assert upload.finish().md5 == md5(upload.content)


def test_finishing_again_finds_the_result(store):
    upload = InParts(store)
    for number in (1, 2, 3):
        upload.put(number)
    first = upload.finish()
    again = upload.finish()
    assert (again.md5, again.size_bytes) == (first.md5, first.size_bytes)


def test_two_who_finish_at_once_both_get_the_result(store):
    upload = InParts(store)
    for number in (1, 2, 3):
        upload.put(number)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(upload.finish) for _ in range(2)]
        assert {result.result().md5 for result in results} == {md5(upload.content)}


def test_a_whole_that_is_not_what_was_expected_is_dropped(store):
    upload = InParts(store)
    upload.expect = Expected(md5(b"other"))
    upload.store.abort_parts(upload.key, upload.upload_id)
    upload.upload_id = upload.begin()
    for number in (1, 2, 3):
        upload.put(number)
    with pytest.raises(DigestMismatch):
        upload.finish()
    assert store.size(upload.key) is None
    with pytest.raises(NotFound):
        upload.finish()


def test_a_dropped_upload_takes_no_more_parts(store):
    upload = InParts(store)
    upload.put(1)
    store.abort_parts(upload.key, upload.upload_id)
    store.abort_parts(upload.key, upload.upload_id)
    with pytest.raises(NotFound):
        upload.put(2)
    with pytest.raises(NotFound):
        upload.finish()


def test_a_store_tells_which_parts_have_landed(store):
    upload = InParts(store)
    assert store.landed_parts(upload.key, upload.upload_id) == set()
    with pytest.raises(DigestMismatch):
        upload.put(1, content_of(upload.part))
    upload.put(2)
    assert upload.begin() == upload.upload_id
    assert store.landed_parts(upload.key, upload.upload_id) == {2}
    store.abort_parts(upload.key, upload.upload_id)
    with pytest.raises(NotFound):
        store.landed_parts(upload.key, upload.upload_id)


def test_an_upload_is_not_begun_again_with_other_parts(store):
    upload = InParts(store)
    upload.put(1)
    upload.plan = PartsPlan([md5(upload.content)])
    with pytest.raises(Conflict):
        upload.begin()
    assert store.landed_parts(upload.key, upload.upload_id) == {1}


LARGE_PART = 96 * MIB
LITTLE = 64 * MIB


async def much(size: int) -> AsyncIterator[bytes]:
    """So many zeros, which take no memory here."""
    chunk = bytes(MIB)
    for _ in range(size // MIB):
        yield chunk


def memory_bytes(name: str) -> int:
    """Of this process, as Linux calls it."""
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)
    ]
    return int(line.split()[1]) * 1024


def most_memory(work: Callable[[], object]) -> int:
    """How much more memory this process has at most while the work goes on than before."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on
    before = memory_bytes("VmRSS:")
    work()
    return memory_bytes("VmHWM:") - before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its peak anew")
def test_a_large_part_is_never_in_memory_as_a_whole(store):
    key, zeros = BlobKey.new(), hashlib.md5(usedforsecurity=False)
    for _ in range(LARGE_PART // MIB):
        zeros.update(bytes(MIB))
    wrong, right = md5(b"another"), zeros.digest()
    for digest in (wrong, right):
        upload_id = store.begin_parts(key, PartsPlan([digest]), Expected(right))

        def send(upload_id: str = upload_id) -> None:
            part = store.put_part(key, upload_id, 1, much(LARGE_PART), LARGE_PART)
            asyncio.run(part)

        if digest == wrong:
            with pytest.raises(DigestMismatch):
                send()
            assert store.landed_parts(key, upload_id) == set()
            store.abort_parts(key, upload_id)
        else:
            assert most_memory(send) < LITTLE
            assert store.landed_parts(key, upload_id) == {1}
    assert store.finish_parts(key, upload_id).size_bytes == LARGE_PART


@pytest.mark.parametrize("size", [PART, 12 * MIB])
@pytest.mark.parametrize("more", [-1, 1])
def test_a_part_that_is_shorter_or_longer_than_announced_is_refused(store, size, more):
    key, content = BlobKey.new(), content_of(size)
    upload_id = store.begin_parts(key, PartsPlan([md5(content)]), Expected(md5(content)))
    for said in (size + more, size):
        sent = store.put_part(key, upload_id, 1, pieces(content), said)
        if said == size:
            asyncio.run(sent)
        else:
            with pytest.raises(Invalid):
                asyncio.run(sent)
            assert store.landed_parts(key, upload_id) == set()
    assert store.finish_parts(key, upload_id).md5 == md5(content)


@pytest.mark.parametrize("size", [PART, 12 * MIB])
def test_a_part_whose_body_breaks_off_may_come_again(store, size):
    key, content = BlobKey.new(), content_of(size)
    upload_id = store.begin_parts(key, PartsPlan([md5(content)]), Expected(md5(content)))
    with pytest.raises(ConnectionResetError):
        asyncio.run(store.put_part(key, upload_id, 1, breaking(content[: size - MIB]), size))
    assert store.landed_parts(key, upload_id) == set()
    asyncio.run(store.put_part(key, upload_id, 1, pieces(content), size))
    assert store.finish_parts(key, upload_id).md5 == md5(content)


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_part_that_was_not_announced_is_refused(store, number):
    with pytest.raises(NotFound):
        InParts(store).put(number, b"content")
