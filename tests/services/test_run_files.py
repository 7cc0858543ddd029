"""Files of runs: shown once their bytes have come, replaced only by bytes that have come; on both databases."""

import pytest

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Forbidden, InvalidFilter, InvalidName, NotFound
from registrum.core.pages import page_ask
from registrum.core.policy import Action
from registrum.core.run_files import RunFile
from registrum.core.runs import RunName, SaveRun
from registrum.server.blobs.store import BlobKey, StoredBlob
from registrum.server.db import Database, run_files, runs
from registrum.server.services import run_files as service
from registrum.server.services.runs import save_run
from registrum.server.services.uploads import record_stored
from tests.services.test_runs import ANN, STRANGER, VIEWER, people

FIRST = RunName("team", "demo", "first")


@pytest.fixture(autouse=True)
def _run(database: Database) -> None:
    database.write(Actor(None, is_admin=True), people)
    database.write(ANN, lambda tx: save_run(tx, FIRST, SaveRun()))


def reserve(database: Database, *paths: str, actor: Actor = ANN) -> list[str]:
    keys = {path: BlobKey.new().text for path in paths}
    database.write(actor, lambda tx: service.create_run_files(tx, FIRST, keys))
    return list(keys.values())


def store(database: Database, blob: str, size: int) -> None:
    stored = StoredBlob(size, bytes(16))
    database.write(ANONYMOUS, lambda tx: record_stored(tx, blob, stored))


def listed(database: Database, **ask: object) -> list[RunFile]:
    with database.read(ANN) as tx:
        run = runs.get_for_path(tx, Action.READ, FIRST).thing
        found = run_files.page_of_run(tx, Action.READ, run, page_ask(50, None), **ask)  # type: ignore[arg-type]
    return list(found.nodes)


def test_a_file_is_shown_once_its_bytes_are_there(database: Database) -> None:
    (blob,) = reserve(database, "config.yaml")
    assert listed(database) == []
    store(database, blob, 7)
    (found,) = listed(database)
    assert (found.name, found.size_bytes, found.blob_id) == ("config.yaml", 7, blob)
    with database.read(ANN) as tx:
        run = runs.get_for_path(tx, Action.READ, FIRST).thing
        assert run_files.count_of_run(tx, Action.READ, run) == 1


def test_the_old_content_is_shown_until_the_new_one_has_come(database: Database) -> None:
    (first,) = reserve(database, "a.txt")
    store(database, first, 1)
    (second,) = reserve(database, "a.txt")
    assert [f.blob_id for f in listed(database)] == [first]
    (third,) = reserve(database, "a.txt")
    assert [f.blob_id for f in listed(database)] == [first]
    store(database, third, 3)
    assert [(f.blob_id, f.size_bytes) for f in listed(database)] == [(third, 3)]
    assert second != third


def test_files_are_found_by_name_and_by_pattern(database: Database) -> None:
    paths = ["a.json", "media/b.JSON", "c_d.txt", "cxd.txt"]
    for size, blob in enumerate(reserve(database, *paths)):
        store(database, blob, size)
    assert [f.name for f in listed(database)] == ["a.json", "c_d.txt", "cxd.txt", "media/b.JSON"]
    assert [f.name for f in listed(database, names=["a.json", "gone"])] == ["a.json"]
    assert [f.name for f in listed(database, pattern="%.json")] == ["a.json", "media/b.JSON"]
    assert [f.name for f in listed(database, pattern="c\\_d%")] == ["c_d.txt"]
    with pytest.raises(InvalidFilter):
        listed(database, pattern="x\\")


def test_pages_of_files_follow_each_other(database: Database) -> None:
    for blob in reserve(database, "a", "b", "c"):
        store(database, blob, 1)
    with database.read(ANN) as tx:
        run = runs.get_for_path(tx, Action.READ, FIRST).thing
        one = run_files.page_of_run(tx, Action.READ, run, page_ask(2, None, with_total=True))
        two = run_files.page_of_run(tx, Action.READ, run, page_ask(2, one.end_cursor))
    assert [f.name for f in (*one.nodes, *two.nodes)] == ["a", "b", "c"]
    assert (one.total_count, one.has_next_page, two.has_next_page) == (3, True, False)


def test_deleted_files_are_gone(database: Database) -> None:
    for blob in reserve(database, "a", "b"):
        store(database, blob, 1)
    (first, second) = listed(database)
    for actor, error in ((VIEWER, Forbidden), (STRANGER, NotFound)):
        with pytest.raises(error):
            database.write(actor, lambda tx: service.delete_files(tx, [first.id]))
    with pytest.raises(NotFound):
        database.write(ANN, lambda tx: service.delete_files(tx, [first.id, 999]))
    database.write(ANN, lambda tx: service.delete_files(tx, [first.id]))
    assert listed(database) == [second]


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a\nb", "x" * 1025])
def test_paths_that_lead_out_of_the_run_are_refused(database: Database, path: str) -> None:
    with pytest.raises(InvalidName):
        reserve(database, path)


@pytest.mark.parametrize(("actor", "error"), [(VIEWER, Forbidden), (STRANGER, NotFound)])
def test_only_who_may_write_there_saves_files(
    database: Database, actor: Actor, error: type[Exception]
) -> None:
    with pytest.raises(error):
        reserve(database, "a", actor=actor)
    with database.read(actor) as tx, pytest.raises(error):
        service.check_uploaded(tx, FIRST)
