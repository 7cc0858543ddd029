"""Committing: what holds together becomes a version, and what does not is refused whole."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from registrum.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidName,
    NotFound,
    RegistrumError,
    Unavailable,
    Unprocessable,
)
from registrum.core.pages import PageAsk
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.store import BlobKey, BlobsLost
from registrum.server.db import Database
from registrum.server.db.tables import artifact_blobs, artifacts, blobs, memberships, reservations
from registrum.server.db.tables import files as offers
from registrum.server.services import files
from registrum.server.services.commits import Commits
from tests.services.desk import (
    ANN,
    BOB,
    STRANGER,
    VIEWER,
    Desk,
    artifact_id,
    digest_of,
    entries_of,
    manifest,
    open_desk,
)

MANY = {f"shard-{i:02}": b"shard %d" % i for i in range(40)}
SMALL = {"model.bin": b"weights", "a/deep/er/file.txt": b"x", "empty": b"", "ünï cödé 名.txt": b"u"}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    found = open_desk(database, tmp_path / "blobs")
    yield found
    found.close()
    found.store.close()


def names_of(desk: Desk, number: int) -> list[str]:
    page = files.files_by_artifact(desk, number, None, PageAsk(5000))
    desk.close()
    return [file.entry.path for file in page.nodes]


def test_a_logged_artifact_is_version_zero_with_its_files_and_sums(desk: Desk) -> None:
    done = desk.log(SMALL, references={"far.bin": "s3://bucket/far.bin"})
    assert (done.state, done.version, done.file_count) == ("committed", 0, 5)
    assert done.size_bytes == sum(map(len, SMALL.values())) + 7
    assert names_of(desk, done.id) == sorted([*SMALL, "far.bin"])
    with desk.database.read(ANN) as tx:
        assert tx.value(select(func.count()).select_from(reservations)) == 0


def test_what_is_stored_once_is_not_uploaded_again(desk: Desk) -> None:
    desk.log(SMALL)
    desk.uploaded.clear()
    second = desk.log(SMALL | {"model.bin": b"other weights"})
    assert (second.version, desk.uploaded) == (1, ["model.bin"])


def test_the_same_content_again_is_the_same_version(desk: Desk) -> None:
    first = desk.log(SMALL)
    assert desk.log(SMALL, aliases=("latest", "again")).id == first.id


def test_an_artifact_without_files_can_be_committed(desk: Desk) -> None:
    done = desk.log({})
    assert (done.version, done.file_count, names_of(desk, done.id)) == (0, 0, [])


def test_more_files_than_one_transaction_takes(desk: Desk) -> None:
    many = {f"part-{i:05}": b"%d" % i for i in range(2001)}
    done = desk.log(many)
    assert done.file_count == 2001
    assert names_of(desk, done.id) == sorted(many)
    with desk.database.read(ANN) as tx:
        assert tx.value(select(func.count()).select_from(artifact_blobs)) == 2001
        assert tx.value(select(func.count()).select_from(reservations)) <= 1001


def test_a_second_commit_finds_the_first(desk: Desk) -> None:
    done = desk.log(SMALL)
    assert desk.commit(done.id) == done.id
    with desk.database.read(ANN) as tx:
        assert tx.value(select(func.count()).select_from(memberships)) == 1


def test_two_writers_get_consecutive_versions_and_the_same_commit_twice_is_one(
    desk: Desk,
) -> None:
    pending = []
    for number in range(4):
        content = {"f": b"%d" % number}
        entries = entries_of(content)
        begun = desk.begin(digest_of(entries))
        desk.upload(begun, content)
        desk.upload_manifest(begun, manifest(entries))
        pending.append(begun)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: desk.as_(BOB).commit(each), pending * 2))
    assert sorted(v for v in (desk.get(each).version for each in pending) if v is not None) == [
        0,
        1,
        2,
        3,
    ]


def test_the_database_and_the_store_know_no_blob_that_is_not_durable_after_a_commit(
    desk: Desk,
) -> None:
    done = desk.log(SMALL)
    with desk.database.read(ANN) as tx:
        rows = tx.rows(
            select(blobs.c.durable)
            .join(artifact_blobs, artifact_blobs.c.blob_id == blobs.c.id)
            .where(artifact_blobs.c.artifact_id == done.id)
        )
    assert rows
    assert all(row.durable for row in rows)


def test_calls_for_one_artifact_join_and_a_slow_commit_goes_on(desk: Desk) -> None:
    entries = entries_of(SMALL)
    begun = desk.begin(digest_of(entries))
    desk.upload(begun, SMALL)
    desk.upload_manifest(begun, manifest(entries))
    commits, entered, go_on = Commits(), threading.Event(), threading.Event()
    make_durable = desk.store.make_durable

    def slowly(sizes: Mapping[BlobKey, int]) -> None:
        entered.set()
        assert go_on.wait(30)
        make_durable(sizes)

    desk.store.make_durable = slowly  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="ask again"):
        commits.commit_artifact(desk, begun, patience_s=0.01)
    assert entered.wait(30)
    with pytest.raises(NotFound):
        commits.commit_artifact(desk.as_(STRANGER), begun)
    with ThreadPoolExecutor(3) as pool:
        joined = [pool.submit(commits.commit_artifact, desk.as_(BOB), begun) for _ in range(3)]
        go_on.set()
        assert [each.result(30) for each in joined] == [begun] * 3
    commits.close()
    assert desk.get(begun).version == 0


def refused(
    desk: Desk, document: bytes, digest: str, error: type[RegistrumError], says: str = "."
) -> None:
    begun = desk.begin(digest)
    desk.upload(begun, SMALL)
    desk.upload_manifest(begun, document)
    with pytest.raises(error, match=says):
        desk.commit(begun)
    assert desk.get(begun).state == "pending"
    with desk.database.read(ANN) as tx:
        assert tx.value(select(func.count()).select_from(memberships)) == 0
        assert tx.value(select(func.count()).select_from(artifact_blobs)) == 0


def changed(path: str, **change: Any) -> dict[str, Any]:
    entries = entries_of(SMALL)
    entries[path] = entries[path] | change
    return entries


OTHER = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.mark.parametrize(
    ("entries", "error", "says"),
    [
        (changed("model.bin", size=8), Unprocessable, "7 bytes"),
        (changed("model.bin", digest=OTHER), Unprocessable, "not uploaded"),
        (changed("model.bin", digest="not base64"), Invalid, "digest of 'model.bin'"),
        (changed("model.bin", size=-1), Invalid, "size"),
        (changed("model.bin", size="7"), Invalid, "size"),
        (changed("model.bin", size=True), Invalid, "size"),
        (entries_of(SMALL | {"absent": b"absent"}), Unprocessable, "'absent'"),
        (entries_of({"../up": b"x"}), InvalidName, "within"),
        (entries_of({"/root": b"x"}), InvalidName, "within"),
        (entries_of({"nul\x00": b"x"}), InvalidName, "characters"),
        (entries_of({"n" * 10_000: b"x"}), InvalidName, "10000"),
    ],
)
def test_a_manifest_that_is_not_what_was_uploaded_is_refused(
    desk: Desk, entries: dict[str, Any], error: type[RegistrumError], says: str
) -> None:
    refused(desk, manifest(entries), digest_of(entries), error, says)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"version": 1}',
        b"[" * 100_000,
        manifest({}, version=2),
        manifest({}, version="1"),
        manifest({}, contents=[]),
        manifest({"a": []}),
        manifest({"a": {"digest": 1, "size": 1}}),
        manifest({"\ud800": {"digest": "x", "size": 1}}),
    ],
)
def test_what_is_no_manifest_is_refused(desk: Desk, document: bytes) -> None:
    refused(desk, document, digest_of({}), Invalid)


@pytest.mark.parametrize(
    "said",
    [
        {"extra": {"x": float("nan")}},
        {"extra": {"x": [float("-inf")]}},
        {"extra": {"x": "\ud800"}},
        {"birthArtifactID": "\ud800"},
    ],
)
def test_what_python_reads_and_json_has_no_word_for_is_refused(
    desk: Desk, said: dict[str, Any]
) -> None:
    entries = changed("model.bin", **said)
    refused(desk, manifest(entries), digest_of(entries), Invalid, "JSON")


def test_an_unknown_storage_region_is_named(desk: Desk) -> None:
    document = manifest({}, storagePolicyConfig={"storageRegion": "mars-1"})
    refused(desk, document, digest_of({}), Unprocessable, "mars-1")


def test_a_false_artifact_digest_is_refused(desk: Desk) -> None:
    refused(desk, manifest(entries_of(SMALL)), "0" * 32, Unprocessable, "digest")


def test_a_commit_without_a_manifest_is_refused(desk: Desk) -> None:
    begun = desk.begin(digest_of({}))
    with pytest.raises(Unprocessable, match="manifest"):
        desk.commit(begun)


def test_a_file_that_was_reserved_but_not_uploaded_is_missing(desk: Desk) -> None:
    entries = entries_of({"late": b"late"})
    begun = desk.begin(digest_of(entries))
    desk.reserve(begun, {"late": b"late"})
    desk.upload_manifest(begun, manifest(entries))
    with pytest.raises(Unprocessable, match="'late'"):
        desk.commit(begun)


def test_another_projects_bytes_are_not_there(desk: Desk) -> None:
    desk.as_(STRANGER).log(SMALL, entity="others", project="secret")
    entries = entries_of(SMALL)
    begun = desk.begin(digest_of(entries))
    desk.upload_manifest(begun, manifest(entries))
    with pytest.raises(Unprocessable, match="not uploaded"):
        desk.commit(begun)
    assert [place.file.is_stored for place in desk.upload(begun, SMALL)] == [False] * len(SMALL)


@pytest.mark.parametrize("gone", [(), ("model.bin",), tuple(SMALL)], ids=["all", "some", "none"])
def test_a_draft_keeps_files_of_a_version_that_its_writer_may_download(
    desk: Desk, gone: tuple[str, ...]
) -> None:
    """Also those that their project offers to later uploads no more."""
    first = desk.log(SMALL, project="elsewhere")
    withdrawn = [hashlib.md5(SMALL[path], usedforsecurity=False).digest() for path in gone]
    desk.write(lambda tx: tx.run(delete(offers).where(offers.c.digest.in_(withdrawn))))
    birth = artifact_id(first.id)
    entries = {k: v | {"birthArtifactID": birth} for k, v in entries_of(SMALL).items()}
    begun = desk.begin(digest_of(entries))
    desk.upload_manifest(begun, manifest(entries))
    assert desk.commit(begun) == begun
    assert names_of(desk, begun) == sorted(SMALL)


def test_only_writers_commit(desk: Desk) -> None:
    begun = desk.begin(digest_of({}))
    desk.upload_manifest(begun, manifest({}))
    with pytest.raises(Forbidden, match="viewer"):
        desk.as_(VIEWER).commit(begun)
    with pytest.raises(NotFound):
        desk.as_(STRANGER).commit(begun)


def test_a_committed_artifact_takes_no_more_files_or_manifests(desk: Desk) -> None:
    done = desk.log(SMALL)
    with pytest.raises(Conflict):
        desk.upload(done.id, {"more": b"more"})
    desk.close()
    with pytest.raises(Conflict):
        desk.upload_manifest(done.id, manifest({}))


def test_nothing_uncommitted_is_a_version(desk: Desk) -> None:
    entries = entries_of(SMALL)
    begun = desk.begin(digest_of(entries))
    desk.upload(begun, SMALL)
    with desk.database.read(ANN) as tx:
        assert tx.value(select(artifacts.c.version).where(artifacts.c.id == begun)) is None
        assert tx.value(select(func.count()).select_from(memberships)) == 0


def restarted(desk: Desk, folder: Path) -> Desk:
    """The same database and folder with another server process."""
    desk.close()
    desk.store.close()
    return replace(desk, store=DiskStore(folder), _reading=None)


@pytest.mark.parametrize("content", [SMALL, MANY], ids=["few", "many"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.unlink(),
    ],
    ids=["zeroed", "cut short", "gone"],
)
def test_what_a_loss_of_power_has_damaged_is_refused_and_can_be_uploaded_again(
    desk: Desk, tmp_path: Path, damage: Callable[[Path], object], content: dict[str, bytes]
) -> None:
    entries = entries_of(content)
    begun = desk.begin(digest_of(entries))
    places = desk.upload(begun, content)
    desk.upload_manifest(begun, manifest(entries))
    desk = restarted(desk, tmp_path / "blobs")
    hit = places[0].file
    [path] = tmp_path.rglob(hit.blob_id)
    damage(path)
    with pytest.raises(BlobsLost, match="1 files"):
        desk.commit(begun)
    again = desk.upload(begun, content)
    assert [place.file.wanted.path for place in again if not place.file.is_stored] == [
        hit.wanted.path
    ]
    assert desk.commit(begun) == begun
    assert desk.store.read_whole(BlobKey(hit.blob_id), 1000) == content[hit.wanted.path]


def test_what_was_lost_is_uploaded_again_though_the_manifest_was_refused_first(
    desk: Desk, tmp_path: Path
) -> None:
    begun = desk.begin("0" * 32)
    hit = desk.upload(begun, MANY)[7].file
    desk.upload_manifest(begun, manifest(entries_of(MANY)))
    desk = restarted(desk, tmp_path / "blobs")
    [path] = tmp_path.rglob(hit.blob_id)
    path.unlink()
    with pytest.raises(Unprocessable, match="artifact's digest"):
        desk.commit(begun)
    again = desk.upload(begun, MANY)
    assert [place.file.wanted.path for place in again if not place.file.is_stored] == [
        hit.wanted.path
    ]


def test_many_files_are_durable_and_held_after_a_commit(desk: Desk) -> None:
    done = desk.log(MANY)
    with desk.database.read(ANN) as tx:
        durable = tx.column(
            select(blobs.c.durable)
            .join(artifact_blobs, artifact_blobs.c.blob_id == blobs.c.id)
            .where(artifact_blobs.c.artifact_id == done.id)
        )
    assert durable == [True] * len(MANY)


def test_what_was_uploaded_before_a_restart_and_is_whole_is_committed_after_it(
    desk: Desk, tmp_path: Path
) -> None:
    entries = entries_of(SMALL)
    begun = desk.begin(digest_of(entries))
    desk.upload(begun, SMALL)
    desk.upload_manifest(begun, manifest(entries))
    assert restarted(desk, tmp_path / "blobs").commit(begun) == begun
