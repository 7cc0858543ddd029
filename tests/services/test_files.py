"""Pages of files, and the addresses that clients make themselves."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from registrum.core.actors import ANONYMOUS
from registrum.core.errors import DigestMismatch, Forbidden, Invalid, InvalidName, NotFound
from registrum.core.files import ArtifactFile
from registrum.core.pages import Page, PageAsk, page_ask
from registrum.server.blobs.store import BlobKey, Expected, StoredBlob
from registrum.server.db import Database, tables
from registrum.server.db import blobs as blob_rows
from registrum.server.db import files as file_rows
from registrum.server.db.tx import Tx
from registrum.server.services import files, uploads
from registrum.server.services.files import resolve_fallback
from registrum.server.services.uploads import UploadFile, UploadPlace
from tests.services.desk import STRANGER, VIEWER, Desk, artifact_id, md5_of, open_desk
from tests.services.plans import plan_of

MANY = {f"folder {i % 7}/file-{i:04}.txt": b"%d" % i for i in range(1203)}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    found = open_desk(database, tmp_path / "blobs")
    yield found
    found.close()
    found.store.close()


def page(
    desk: Desk, number: int, ask: PageAsk, names: list[str] | None = None
) -> Page[ArtifactFile]:
    try:
        return files.files_by_artifact(desk, number, names, ask)
    finally:
        desk.close()


@pytest.mark.parametrize(("count", "sizes"), [(20, [1]), (1203, [499, 500, 501, 1203, 5000])])
def test_pages_are_full_and_make_the_whole(desk: Desk, count: int, sizes: list[int]) -> None:
    some = dict(list(MANY.items())[:count])
    done = desk.log(some)
    for size in sizes:
        found: list[ArtifactFile] = []
        after = None
        while True:
            got = page(desk, done.id, page_ask(size, after))
            assert got.total_count == len(some)
            assert len(got.nodes) == min(size, len(some) - len(found))
            found += got.nodes
            after = got.end_cursor
            if not got.has_next_page:
                break
        assert [file.entry.path for file in found] == sorted(some)
        for file in found:
            assert file.blob_id is not None
            content = desk.store.read_whole(BlobKey(file.blob_id), 1 << 20)
            assert content == some[file.entry.path]


def test_files_by_name(desk: Desk) -> None:
    done = desk.log(dict(list(MANY.items())[:711]))
    wanted = ["folder 0/file-0000.txt", "folder 3/file-0710.txt", "absent", "zzz", ""]
    got = page(desk, done.id, PageAsk(50), wanted)
    assert [file.entry.path for file in got.nodes] == wanted[:2]
    assert (got.total_count, got.has_next_page) == (2, False)
    first = page(desk, done.id, PageAsk(1), wanted)
    assert first.has_next_page
    rest = page(desk, done.id, page_ask(1, first.end_cursor), wanted)
    assert [file.entry.path for file in rest.nodes] == wanted[1:2]


def test_references_are_listed_without_content(desk: Desk) -> None:
    done = desk.log({"a": b"a"}, references={"far": "s3://bucket/far"})
    got = page(desk, done.id, PageAsk(50))
    assert [(f.entry.path, f.entry.ref, f.blob_id is None) for f in got.nodes] == [
        ("a", None, False),
        ("far", "s3://bucket/far", True),
    ]


def test_the_kept_manifest_tells_nothing_of_the_clients_machine(desk: Desk) -> None:
    done = desk.log({"a": b"a"})
    with desk.database.read(VIEWER) as tx:
        manifest = files.manifest_of(tx, done.id)
    assert manifest is not None
    text = desk.store.read_whole(BlobKey(manifest.blob_id), 1 << 20)
    assert b"local_path" not in text
    assert b"/staging/" not in text


@pytest.mark.parametrize("after", ["WzFd", "bm90IG91cnM="])
def test_a_foreign_cursor_is_refused_or_harmless(desk: Desk, after: str) -> None:
    done = desk.log({"a": b"a"})
    if after == "WzFd":
        assert page(desk, done.id, page_ask(5, after)).nodes == ()
        return
    with pytest.raises(Invalid):
        page(desk, done.id, page_ask(5, after))


def test_viewers_read_and_strangers_see_nothing(desk: Desk) -> None:
    done = desk.log({"a": b"a"})
    assert len(page(desk.as_(VIEWER), done.id, PageAsk(5)).nodes) == 1
    with pytest.raises(NotFound):
        page(desk.as_(STRANGER), done.id, PageAsk(5))


def test_a_pending_artifact_lists_nothing(desk: Desk) -> None:
    begun = desk.begin("0" * 32)
    assert page(desk, begun, PageAsk(5)) == Page((), False, 0)


def test_every_form_of_a_fallback_address(desk: Desk) -> None:
    content = b"weights"
    done = desk.log({"dir/model.bin": content})
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    number = artifact_id(done.id)
    forms = [
        ["default", "team", "demo", "net", number, "", digest, "model.bin"],
        ["default", "team", "demo", "net", number, number, digest, "model.bin"],
        ["default", "TEAM", "demo", "net", number, digest, "model.bin"],
        ["default", "team", "demo", "net", number, digest],
        ["default", "team", number, digest, "model.bin"],
        ["default", "team", number, digest],
        ["team", digest],
    ]
    for form in forms:
        with desk.database.read(VIEWER) as tx:
            blob, name = resolve_fallback(tx, form)
        assert desk.store.read_whole(BlobKey(blob.id), 100) == content
        assert name in ("model.bin", digest)
        with desk.database.read(STRANGER) as tx, pytest.raises(NotFound):
            resolve_fallback(tx, form)
    # What is not offered to later uploads is found by looking at all that a version holds.
    desk.write(lambda tx: tx.run(delete(tables.files)))
    for form in forms[:-1]:
        with desk.database.read(VIEWER) as tx:
            assert resolve_fallback(tx, form)[0] == blob


def test_a_fallback_address_leads_to_its_file_by_an_index(database: Database) -> None:
    """A version may have a hundred thousand files."""

    given = {"artifact_id": 1, "of_artifact": 1, "digest": b"d"}
    names = {"entity_key": "e", "project_name": "p", "collection_name": "c"}
    [many] = blob_rows.look_ups([b"d"])

    def look(tx: Tx) -> None:
        in_artifact, _ = file_rows._of_artifact_statements()
        in_collection, _ = file_rows._in_collection_statements()
        of_many, _ = file_rows._blobs_of_artifact_statements()
        for statement in (in_artifact, in_collection, of_many):
            plan = plan_of(tx, statement, given | names | many)
            if tx.is_shared:
                assert not [line for line in plan if "Seq Scan" in line], plan
            else:
                found = [line for line in plan if re.search(" (files|artifact_blobs) ", line)]
                assert [line.partition("(")[2] for line in found] == [
                    "project_id=? AND algorithm=? AND digest=?)",
                    "artifact_id=? AND blob_id=?)",
                ]

    database.write(ANONYMOUS, look)


@pytest.mark.parametrize(
    "segments",
    [
        ["team", "nothex"],
        ["team", "0" * 32],
        ["default", "team", "!!!", "0" * 32],
        ["default", "team", "demo", "net", "!!!", "", "0" * 32, "x"],
        ["default", "team", "demo", "other", "", "0" * 32, "x"],
        ["a", "b", "c"],
    ],
)
def test_other_addresses_are_not_found(desk: Desk, segments: list[str]) -> None:
    desk.log({"a": b"a"})
    with desk.database.read(desk.actor) as tx, pytest.raises(NotFound):
        resolve_fallback(tx, segments)


@pytest.mark.parametrize("path", ["", "/abs", "../up", "a/../b", "a/.", "nul\x00", "n" * 10_000])
def test_paths_that_leave_the_artifact_are_refused(desk: Desk, path: str) -> None:
    begun = desk.begin("0" * 32)
    with pytest.raises(InvalidName):
        uploads.create_files(desk, [UploadFile(begun, path, md5_of(b""), None, None)], None)
    desk.close()


def test_the_longest_path_is_kept_or_refused_for_good(desk: Desk) -> None:
    path = "".join(chr(0x4E00 + i * 7919 % 0x51A6) for i in range(4096))
    begun = desk.begin("0" * 32)
    if desk.database.is_near:
        (place,) = desk.reserve(begun, {path: b"x"})
        assert place.file.wanted.path == path
    else:
        with pytest.raises(Invalid, match="too long for PostgreSQL"):
            desk.reserve(begun, {path: b"x"})


@pytest.mark.parametrize("md5", [None, "", "AAAA", "not base64!", "A" * 44])
def test_a_file_needs_its_md5(desk: Desk, md5: str | None) -> None:
    begun = desk.begin("0" * 32)
    with pytest.raises(Invalid):
        uploads.create_files(desk, [UploadFile(begun, "a", md5, None, None)], None)
    desk.close()


def test_the_same_places_again_and_in_the_same_order(desk: Desk) -> None:
    begun = desk.begin("0" * 32)
    wanted = [
        UploadFile(begun, f"f{i % 3}-{i}", md5_of(b"%d" % (i % 4)), None, None) for i in range(9)
    ]
    first = uploads.create_files(desk, wanted, None)
    again = uploads.create_files(desk, wanted, None)
    desk.close()
    assert [p.file.wanted.path for p in first] == [w.path for w in wanted]
    assert [p.file.blob_id for p in first] == [p.file.blob_id for p in again]
    assert len({p.file.blob_id for p in first}) == 4


def test_a_body_of_other_bytes_is_not_kept(desk: Desk) -> None:
    begun = desk.begin("0" * 32)
    [place] = uploads.create_files(desk, [UploadFile(begun, "a", md5_of(b"a"), None, None)], None)
    desk.close()
    with pytest.raises(DigestMismatch):
        desk.put(place.file.blob_id, b"b", place.expect)
    assert desk.store.size(BlobKey(place.file.blob_id)) is None


def test_bytes_that_nobody_waits_for_are_not_recorded(desk: Desk) -> None:
    stored = StoredBlob(1, b"0" * 16, b"0" * 32)
    with pytest.raises(NotFound):
        desk.write(lambda tx: uploads.record_stored(tx, BlobKey.new().text, stored))


def test_viewers_upload_nothing(desk: Desk) -> None:
    begun = desk.begin("0" * 32)
    with pytest.raises(Forbidden):
        uploads.create_files(
            desk.as_(VIEWER), [UploadFile(begun, "a", md5_of(b"a"), None, None)], None
        )


def test_a_file_in_parts(desk: Desk) -> None:
    parts = [b"x" * (5 << 20), b"y" * 1000]
    whole = b"".join(parts)
    md5s = tuple(hashlib.md5(part, usedforsecurity=False).hexdigest() for part in parts)
    begun = desk.begin("0" * 32)
    wanted = UploadFile(begun, "big", md5_of(whole), None, None, md5s)
    [place] = uploads.create_files(desk, [wanted], None)
    desk.close()
    upload_id = place.upload_id
    assert upload_id is not None

    async def send(number: int) -> bytes:
        async def chunks() -> AsyncIterator[bytes]:
            yield parts[number]

        key = BlobKey(place.file.blob_id)
        return await desk.store.put_part(key, upload_id, number + 1, chunks(), len(parts[number]))

    for number in range(len(parts)):
        desk.await_(send(number))
    for _ in range(2):
        assert uploads.complete_parts(desk, begun, upload_id) == Expected(place.expect.md5).md5
        desk.close()
    with pytest.raises(NotFound):
        uploads.complete_parts(desk.as_(STRANGER), begun, upload_id)
    [place] = uploads.create_files(desk, [wanted], None)
    desk.close()
    assert place.file.is_stored


def in_parts(
    desk: Desk, artifact: int, parts: list[bytes], path: str = "big", *, resumes: bool = True
) -> UploadPlace:
    md5s = tuple(hashlib.md5(part, usedforsecurity=False).hexdigest() for part in parts)
    wanted = UploadFile(artifact, path, md5_of(b"".join(parts)), None, None, md5s, resumes)
    [place] = uploads.create_files(desk, [wanted], None)
    desk.close()
    return place


def send_part(desk: Desk, place: UploadPlace, number: int, content: bytes) -> None:
    async def send() -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        key = BlobKey(place.file.blob_id)
        assert place.upload_id is not None
        await desk.store.put_part(key, place.upload_id, number, chunks(), len(content))

    desk.await_(send())


def test_another_version_goes_on_with_an_open_upload(desk: Desk) -> None:
    parts = [b"x" * 1000, b"y" * 1000, b"z"]
    first = in_parts(desk, desk.begin("1" * 32), parts, resumes=False)
    send_part(desk, first, 2, parts[1])

    second = desk.begin("2" * 32)
    found = in_parts(desk, second, parts)
    assert (found.file.blob_id, found.landed) == (first.file.blob_id, {2})
    again = in_parts(desk, second, parts)
    assert (again.upload_id, again.landed) == (found.upload_id, found.landed)
    for number in (1, 3):
        send_part(desk, found, number, parts[number - 1])
    assert found.upload_id is not None
    uploads.complete_parts(desk, second, found.upload_id)
    desk.close()
    assert in_parts(desk, desk.begin("3" * 32), parts).file.is_stored


def test_only_the_same_parts_of_the_same_project_are_gone_on_with(desk: Desk) -> None:
    parts = [b"x" * 1000, b"y" * 1000, b"z"]
    first = in_parts(desk, desk.begin("1" * 32), parts)
    send_part(desk, first, 1, parts[0])
    others = [
        in_parts(desk, desk.begin("2" * 32), parts, resumes=False),
        in_parts(desk, desk.begin("3" * 32), [b"x" * 1000, b"y" * 1001]),
        in_parts(desk, desk.begin("4" * 32), [b"x" * 500, b"x" * 500, parts[1], parts[2]]),
        in_parts(desk, desk.begin("5" * 32, project="other"), parts),
    ]
    assert {place.file.blob_id for place in others}.isdisjoint({first.file.blob_id})
    assert not any(place.landed for place in others)


def test_an_upload_that_the_store_gave_up_is_begun_anew(desk: Desk) -> None:
    parts = [b"x" * 1000, b"y"]
    first = in_parts(desk, desk.begin("1" * 32), parts)
    send_part(desk, first, 1, parts[0])
    assert first.upload_id is not None
    desk.store.abort_parts(BlobKey(first.file.blob_id), first.upload_id)
    second = desk.begin("2" * 32)
    found = in_parts(desk, second, parts)
    assert (found.file.blob_id, found.landed) == (first.file.blob_id, set())
    for number, part in enumerate(parts, 1):
        send_part(desk, found, number, part)
    assert found.upload_id is not None
    uploads.complete_parts(desk, second, found.upload_id)
