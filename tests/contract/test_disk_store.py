"""What only the disk does: files that a crash cut short, parts whose size nobody told, restarts, a full disk."""

import asyncio
import gc
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from registrum.core.errors import (
    Conflict,
    DigestMismatch,
    Invalid,
    NotFound,
    StorageFull,
    Unavailable,
    Unprocessable,
)
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.store import BlobKey, BlobsLost, Expected
from tests.contract.test_blob_stores import (
    MIB,
    InParts,
    content_of,
    get,
    md5,
    pieces,
    put,
)
from tests.contract.test_blob_stores import PART_ON_DISK as PART


@pytest.fixture
def store(tmp_path):
    disk = DiskStore(tmp_path)
    yield disk
    disk.close()


def file_of(folder, key: BlobKey):
    return folder / "blobs" / key.text[:2] / key.text


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("left", [0, 99])
def test_a_blob_that_a_crash_cut_short_is_mended_by_the_same_upload(store, tmp_path, size, left):
    key, content = BlobKey.new(), content_of(size)
    put(store, key, content)
    with file_of(tmp_path, key).open("r+b") as file:
        file.truncate(left)
    if left:
        with pytest.raises(Conflict):
            put(store, key, content_of(size))
    put(store, key, content)
    assert get(store, key) == content


def test_a_mended_blob_says_when_its_writing_began(store, tmp_path):
    key, content = BlobKey.new(), content_of(2 * MIB)
    put(store, key, content)
    with file_of(tmp_path, key).open("r+b") as file:
        file.truncate(99)
    probe, later = tmp_path / "probe", 0

    async def slowly():
        nonlocal later
        yield content[:MIB]
        later = time.time_ns()
        while not probe.exists() or probe.stat().st_mtime_ns <= later:
            probe.write_bytes(b"now")
        yield content[MIB:]

    asyncio.run(store.put(key, slowly(), Expected(size_bytes=len(content))))
    assert file_of(tmp_path, key).stat().st_mtime_ns < later


@pytest.mark.parametrize("count", [1, 40])
def test_a_blob_that_was_cut_short_cannot_be_made_durable(store, tmp_path, count):
    keys = [BlobKey.new() for _ in range(count)]
    for key in keys:
        store.put_whole(key, b"content", Expected())
    with file_of(tmp_path, keys[-1]).open("r+b") as file:
        file.truncate(3)
    with pytest.raises(BlobsLost) as lost:
        store.make_durable(dict.fromkeys(keys, 7))
    assert lost.value.keys == (keys[-1],)
    # Gone, so that the next upload is a new one.
    assert store.size(keys[-1]) is None


@pytest.mark.parametrize("count", [3, 60])
def test_what_is_missing_cannot_be_made_durable(store, count):
    keys = [BlobKey.new() for _ in range(count)]
    for key in keys:
        store.put_whole(key, b"content", Expected())
    store.delete(keys[1:2])
    with pytest.raises(Unprocessable):
        store.make_durable(dict.fromkeys(keys, 7))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="tells of open files")
def test_who_leaves_while_a_blob_is_opened_leaves_no_file_open(store, tmp_path):
    key = BlobKey.new()
    put(store, key, content_of(2 * MIB))

    async def first():
        return await anext(store.read(key))

    async def leaves():
        reading = asyncio.create_task(first())
        await asyncio.sleep(0)
        # Now it has been opened, and nobody has been told so yet.
        store._pool.shutdown()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(leaves())
    gc.collect()
    opened = {os.path.realpath(entry.path) for entry in os.scandir("/proc/self/fd")}
    assert str(file_of(tmp_path, key)) not in opened


def test_leftovers_are_swept_when_they_are_old(store, tmp_path):
    (tmp_path / "incoming" / "left").write_bytes(b"x")
    assert store.sweep_incoming(timedelta(hours=1)) == 0
    assert store.sweep_incoming(timedelta(0)) == 1
    assert not list((tmp_path / "incoming").iterdir())


def test_ordinary_writing_gives_the_same(tmp_path):
    disk = DiskStore(tmp_path, direct_io=False)
    key, content = BlobKey.new(), content_of(3 * MIB + 5)
    assert put(disk, key, content).md5 == md5(content)
    assert get(disk, key) == content


@pytest.mark.parametrize("order", [(3, 2, 1), (3, 1, 3, 2), (2, 3, 1), (1, 2, 3)])
def test_the_first_part_but_the_last_tells_the_size_of_all(store, order):
    upload = InParts(store, says_part_size=False)
    for number in order:
        upload.put(number)
    upload.finish()
    assert get(store, upload.key) == upload.content


def test_a_broken_last_part_that_came_first_is_forgotten(store):
    upload = InParts(store, says_part_size=False)
    with pytest.raises(DigestMismatch):
        upload.put(3, b"broken")
    upload.put(1)
    upload.put(3)
    upload.put(2)
    upload.finish()
    assert get(store, upload.key) == upload.content


def test_parts_of_another_size_are_refused(store):
    upload = InParts(store)
    upload.put(1)
    for number, size in ((2, PART - 1), (2, PART + 1), (3, PART + 1)):
        with pytest.raises(Invalid):
            upload.put(number, bytes(size))


def test_a_last_part_that_was_too_long_at_first_leaves_nothing_behind(store):
    upload = InParts(store)
    with pytest.raises(Exception, match="MD5"):
        upload.put(3, bytes(PART))
    for number in (1, 2, 3):
        upload.put(number)
    assert upload.finish().size_bytes == len(upload.content) == store.size(upload.key)


def test_a_bad_repetition_does_not_damage_a_part_that_is_there(store):
    upload = InParts(store)
    for number in (1, 2, 3):
        upload.put(number)
    with pytest.raises(Exception, match="MD5"):
        upload.put(2, bytes(PART))
    assert upload.finish().md5 == md5(upload.content)


def test_a_part_that_stops_half_way_may_come_again(store):
    upload = InParts(store)

    async def broken():
        yield bytes(2 * MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(store.put_part(upload.key, upload.upload_id, 1, broken(), PART))
    for number in (1, 2, 3):
        upload.put(number)
    assert upload.finish().md5 == md5(upload.content)


@pytest.mark.parametrize("before", [(), (1,), (2, 3), (1, 2, 3)])
def test_an_upload_in_parts_goes_on_after_a_restart(tmp_path, before):
    upload = InParts(DiskStore(tmp_path))
    for number in before:
        upload.put(number)
    upload.store = DiskStore(tmp_path)
    assert upload.begin() == upload.upload_id
    for number in {1, 2, 3} - set(before):
        upload.put(number)
    assert upload.finish().md5 == md5(upload.content)
    assert get(upload.store, upload.key) == upload.content
    assert not list((tmp_path / "parts").iterdir())


def test_two_processes_may_take_the_parts_of_one_upload(tmp_path):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    upload = InParts(here, says_part_size=False)
    for store, number in ((here, 1), (there, 2), (there, 3)):
        upload.store = store
        upload.put(number)
    upload.store = here
    assert upload.finish().md5 == md5(upload.content)


def test_what_one_process_has_finished_or_dropped_another_one_knows_of(tmp_path):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    upload = InParts(here)
    for store, number in ((here, 1), (there, 2), (there, 3)):
        upload.store = store
        upload.put(number)
    done = upload.finish()
    upload.store = here
    # The answer was lost, and the client asks once more, another process.
    assert upload.finish().md5 == done.md5
    with pytest.raises(NotFound):
        upload.put(1)
    dropped = InParts(here)
    dropped.put(1)
    there.abort_parts(dropped.key, dropped.upload_id)
    for late in (lambda: dropped.put(2), dropped.finish):
        with pytest.raises(NotFound):
            late()


def test_what_one_process_has_dropped_and_begun_again_another_one_takes_anew(tmp_path):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    first = InParts(here)
    first.put(1)
    first.put(2)
    there.abort_parts(first.key, first.upload_id)
    again = InParts(there)
    again.key = first.key
    again.upload_id = again.begin()
    again.store = here
    assert here.landed_parts(again.key, again.upload_id) == set()
    for number in (3, 2, 1):
        again.put(number)
    assert again.finish().md5 == md5(again.content)
    assert get(there, again.key) == again.content


def test_only_one_process_takes_a_part_at_a_time(tmp_path):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    upload = InParts(here)

    async def both() -> None:
        begun, told = asyncio.Event(), asyncio.Event()

        async def slowly():
            yield bytes(MIB)
            begun.set()
            await told.wait()
            yield bytes(PART - MIB)

        bad = asyncio.create_task(here.put_part(upload.key, upload.upload_id, 1, slowly(), PART))
        await begun.wait()
        part = pieces(upload.parts[0])
        with pytest.raises(Unavailable):
            await there.put_part(upload.key, upload.upload_id, 1, part, PART)
        told.set()
        with pytest.raises(DigestMismatch):
            await bad

    asyncio.run(both())
    for store, number in ((there, 1), (here, 1), (there, 2), (here, 3)):
        upload.store = store
        upload.put(number)
    assert upload.finish().md5 == md5(upload.content)
    assert get(there, upload.key) == upload.content


def test_a_part_that_is_given_up_is_taken_by_whoever_comes_next(tmp_path):
    here, there = DiskStore(tmp_path), DiskStore(tmp_path)
    upload = InParts(here)

    async def given_up() -> None:
        begun = asyncio.Event()

        async def endless():
            yield bytes(MIB)
            begun.set()
            await asyncio.Event().wait()

        sending = here.put_part(upload.key, upload.upload_id, 1, endless(), PART)
        task = asyncio.create_task(sending)
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(given_up())
    upload.store = there
    for number in (1, 2, 3):
        upload.put(number)
    assert upload.finish().md5 == md5(upload.content)


def test_two_processes_that_finish_at_once_both_have_the_result(tmp_path):
    for _ in range(20):
        here, there = DiskStore(tmp_path), DiskStore(tmp_path)
        upload = InParts(here, says_part_size=False)
        for number in (3, 1, 2):
            upload.put(number)
        with ThreadPoolExecutor(2) as pool:
            done = [
                pool.submit(store.finish_parts, upload.key, upload.upload_id)
                for store in (here, there)
            ]
            assert {each.result().md5 for each in done} == {md5(upload.content)}
        assert get(here, upload.key) == upload.content
        assert not list((tmp_path / "parts").iterdir())
        here.close()
        there.close()


def test_a_torn_line_of_the_log_is_a_part_that_did_not_land(tmp_path):
    upload = InParts(DiskStore(tmp_path))
    for number in (1, 2):
        upload.put(number)
    with (tmp_path / "parts" / upload.key.text / "landed").open("a") as log:
        log.write("\n3 77")
    upload.store = DiskStore(tmp_path)
    with pytest.raises(Unprocessable):
        upload.finish()
    upload.put(3)
    upload.store = DiskStore(tmp_path)
    assert upload.finish().md5 == md5(upload.content)


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 4 MiB; mounting needs root."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("announced", [True, False])
def test_a_full_disk_refuses_and_keeps_working(tiny_disk, announced):
    store = DiskStore(tiny_disk)
    size = 9 * MIB
    expect = Expected(size_bytes=size if announced else None)
    with pytest.raises(StorageFull):
        asyncio.run(store.put(BlobKey.new(), pieces(bytes(size)), expect))
    small = BlobKey.new()
    put(store, small, content_of(2 * MIB))
    put(store, BlobKey.new(), content_of(MIB))
    with pytest.raises(StorageFull):
        store.put_whole(BlobKey.new(), content_of(MIB + 1), Expected())
    store.delete([small])
    put(store, small, content_of(MIB + 9))
    assert not list((tiny_disk / "incoming").iterdir())
    store.close()


class FailingDisk:
    """A file system in a file that has holes, in another one that can be filled up: then what is written is lost later."""

    def __init__(self, folder) -> None:
        self.mounted = folder / "mounted"
        self._behind = folder / "behind"
        for made in (self.mounted, self._behind):
            made.mkdir()

    def mount(self) -> bool:
        """Whether that is allowed here."""
        image = str(self._behind / "image")
        return all(
            subprocess.run(command, capture_output=True, check=False).returncode == 0
            for command in (
                ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(self._behind)],
                ["truncate", "-s", "64M", image],
                ["mkfs.ext4", "-q", "-O", "^has_journal", "-E", "nodiscard", image],
                ["mount", "-o", "loop,errors=continue", image, str(self.mounted)],
            )
        )

    def unmount(self) -> None:
        for folder in (self.mounted, self._behind):
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)

    def fill(self) -> None:
        os.sync()
        with (self._behind / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def heal(self) -> None:
        (self._behind / "filling").unlink()

    def have_folders_told(self) -> None:
        """Each folder, too, tells of its loss once, to whom syncs it first: which they are is chance."""
        for folder, _, _ in os.walk(self.mounted):
            opened = os.open(folder, os.O_RDONLY)
            try:
                with suppress(OSError):
                    os.fsync(opened)
            finally:
                os.close(opened)


@pytest.fixture
def failing_disk(tmp_path):
    disk = FailingDisk(tmp_path)
    try:
        if shutil.which("mkfs.ext4") is None or not disk.mount():
            pytest.skip("mounting a file system of one's own is not allowed here")
        yield disk
    finally:
        disk.unmount()


def stored_small(store, count: int) -> dict[BlobKey, int]:
    sizes = {BlobKey.new(): 200_000 for _ in range(count)}
    for key in sizes:
        store.put_whole(key, os.urandom(200_000), Expected())
    return sizes


@pytest.mark.parametrize("count", [20, 3])
def test_what_the_disk_lost_is_not_called_durable_by_who_asks_next(failing_disk, count):
    store = DiskStore(failing_disk.mounted)
    failing_disk.fill()
    first, second = stored_small(store, 20), stored_small(store, count)
    with pytest.raises(BlobsLost) as lost:
        store.make_durable(first)
    assert set(lost.value.keys) == set(first)
    failing_disk.heal()
    # The disk works again, and the kernel has told of what it lost; which files that were nobody knows.
    with pytest.raises(BlobsLost) as lost:
        store.make_durable(second)
    assert set(lost.value.keys) == set(second)
    failing_disk.have_folders_told()
    third = stored_small(store, count)
    store.make_durable(third)
    assert all(store.size(key) == 200_000 for key in third)
    store.close()


def test_what_was_being_written_when_the_disk_failed_is_spoilt(failing_disk):
    store = DiskStore(failing_disk.mounted, direct_io=False)
    failing_disk.fill()
    key, content = BlobKey.new(), content_of(2 * MIB)

    async def begun_before():
        yield content[:MIB]
        with pytest.raises(BlobsLost):
            store.make_durable(stored_small(store, 20))
        failing_disk.heal()
        yield content[MIB:]

    asyncio.run(store.put(key, begun_before(), Expected(size_bytes=len(content))))
    with pytest.raises(BlobsLost):
        store.make_durable({key: len(content)})
    put(store, key, content)
    store.make_durable({key: len(content)})
    store.close()


def test_what_is_measured_is_what_the_disk_has(failing_disk):
    store = DiskStore(failing_disk.mounted)
    failing_disk.fill()
    first, second = stored_small(store, 20), stored_small(store, 20)
    with pytest.raises(BlobsLost):
        store.make_durable(first)
    seen = {key: md5(store.read_whole(key, size)) for key, size in second.items()}
    store.close()
    # As after a restart: the kernel still has in memory what the disk has not.
    failing_disk.heal()
    again, lost = DiskStore(failing_disk.mounted), 0
    for key in second:
        try:
            lost += again.measure(key).md5 != seen[key]
        except BlobsLost:
            lost += 1
    assert lost
    again.close()


def test_many_small_blobs_are_synced_together(store):
    sizes = {}
    for _ in range(500):
        key = BlobKey.new()
        store.put_whole(key, b"x" * 100, Expected())
        sizes[key] = 100
    store.make_durable(sizes)
    assert {key: store.size(key) for key in sizes} == sizes


def test_a_folder_is_trusted_only_since_it_was_opened(tmp_path):
    before = datetime.now(UTC)
    store = DiskStore(tmp_path)
    assert before <= store.unbroken_since() <= datetime.now(UTC)
    later = datetime.now(UTC)
    assert DiskStore(tmp_path).unbroken_since() >= later
