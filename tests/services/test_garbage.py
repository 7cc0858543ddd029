"""Garbage collection: what is needed stays, what is not goes, bytes after rows; and what a crash lost is asked for again."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from registrum.core.actors import ANONYMOUS
from registrum.core.errors import NotFound, Unprocessable
from registrum.core.history import Lines, Stream
from registrum.core.run_reports import Report
from registrum.core.runs import RunName, SaveRun
from registrum.server.blobs.store import BlobKey, Expected
from registrum.server.db import Database, garbage
from registrum.server.db.database import utc_now
from registrum.server.db.statements import Prepared
from registrum.server.db.tables import (
    artifacts,
    blobs,
    manifests,
    reservations,
    run_chunks,
    run_files,
    runs,
)
from registrum.server.jobs import gc
from registrum.server.jobs.runner import Desk as JobDesk
from registrum.server.services.artifacts import delete_artifact
from registrum.server.services.history import write_report
from registrum.server.services.run_files import create_run_files
from registrum.server.services.runs import save_run
from tests.services.desk import ANN, Desk, digest_of, entries_of, manifest, open_desk
from tests.services.plans import plan_of

FILES = {"a": b"first", "b": b"second", "empty": b""}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    found = open_desk(database, tmp_path / "blobs")
    yield found
    found.close()
    found.store.close()


def years_pass(desk: Desk) -> None:
    """Everything so far was long ago."""
    before = utc_now() - timedelta(days=365)

    def age(tx: garbage.Tx) -> None:
        for table in (artifacts, blobs, manifests, reservations):
            tx.run(update(table).values(created_at=before))
        for table in (artifacts, runs):
            tx.run(update(table).where(table.c.deleted_at.is_not(None)).values(deleted_at=before))

    desk.write(age)


def collect(desk: Desk) -> None:
    """Runs every job to its end."""
    jobs = JobDesk(desk.database, desk.store)
    for kind in gc.KINDS.values():
        argument = kind.step(jobs, {})
        while argument is not None:
            argument = kind.step(jobs, argument)


def stored(desk: Desk) -> set[str]:
    root = Path(desk.store._blobs)
    return {path.name for path in root.rglob("*") if path.is_file()}


def known(desk: Desk) -> dict[str, str]:
    with desk.database.read(ANN) as tx:
        return {row.id: row.state for row in tx.rows(select(blobs.c.id, blobs.c.state))}


def test_what_versions_runs_and_young_uploads_need_stays(desk: Desk) -> None:
    desk.log(FILES)
    years_pass(desk)
    young = desk.begin(digest_of(entries_of({"new": b"new"})))
    desk.upload(young, {"new": b"new"})
    before = stored(desk)
    collect(desk)
    left = stored(desk)
    # Only the manifest as the client wrote it goes: ours has taken its place.
    assert len(before - left) == 1
    assert set(known(desk)) == left
    assert len(left) == len(FILES) + 2
    entries = entries_of({"new": b"new"})
    desk.upload_manifest(young, manifest(entries))
    desk.commit(young)
    assert desk.get(young).version == 1


def test_an_upload_without_a_word_for_long_is_given_up(desk: Desk) -> None:
    given_up = desk.begin(digest_of(entries_of(FILES)), client_id="c1")
    places = desk.upload(given_up, FILES)
    unsent = desk.begin(digest_of(entries_of({"x": b"x"})))
    years_pass(desk)
    collect(desk)
    with pytest.raises(NotFound):
        desk.get(given_up)
    with pytest.raises(NotFound):
        desk.get(unsent)
    assert stored(desk) == set()
    assert known(desk) == {}
    with pytest.raises(NotFound):
        desk.put(places[0].file.blob_id, FILES["a"], Expected())
    desk.uploaded.clear()
    assert desk.log(FILES, client_id="c1").version == 0
    assert sorted(desk.uploaded) == sorted(FILES)


def test_a_deleted_version_keeps_its_bytes_a_while_and_shared_ones_for_ever(desk: Desk) -> None:
    first = desk.log(FILES)
    second = desk.log(FILES | {"b": b"other"})
    desk.write(lambda tx: delete_artifact(tx, first.id, with_aliases=True))
    collect(desk)
    held = stored(desk)
    years_pass(desk)
    collect(desk)
    gone = held - stored(desk)
    assert len(gone) == 4  # "second", both manifests as uploaded, and the first one's canonical
    assert set(known(desk)) == stored(desk)
    assert desk.get(second.id).state == "committed"
    desk.uploaded.clear()
    desk.log(FILES | {"c": b"c"})
    assert desk.uploaded == ["b", "c"]


def test_files_of_deleted_runs_go_and_those_of_living_ones_stay(desk: Desk) -> None:
    keys = {}
    for name in ("living", "dead"):
        run = RunName("team", "demo", name)
        desk.write(lambda tx, n=name: save_run(tx, RunName("team", "demo", n), SaveRun()))  # type: ignore[misc]
        key = keys[name] = BlobKey.new().text
        desk.write(lambda tx, r=run, k=key: create_run_files(tx, r, {"out.log": k}))  # type: ignore[misc]
        desk.put(key, name.encode(), Expected())
    now = utc_now()
    desk.write(lambda tx: tx.run(update(runs).where(runs.c.name == "dead").values(deleted_at=now)))
    years_pass(desk)
    collect(desk)
    assert stored(desk) == {keys["living"]}


def test_history_of_deleted_runs_goes_and_that_of_living_ones_stays(desk: Desk) -> None:
    for name in ("living", "dead"):
        run = RunName("team", "demo", name)
        report = Report((Lines(Stream.HISTORY, 0, ('{"_step": 0}',), (0,)),))
        desk.write(lambda tx, r=run: save_run(tx, r, SaveRun()))  # type: ignore[misc]
        desk.write(lambda tx, r=run, p=report: write_report(tx, r, p))  # type: ignore[misc]
    now = utc_now()
    desk.write(lambda tx: tx.run(update(runs).where(runs.c.name == "dead").values(deleted_at=now)))
    years_pass(desk)
    collect(desk)
    with desk.database.read(ANONYMOUS) as tx:
        left = select(runs.c.name).join(run_chunks, run_chunks.c.run_id == runs.c.id)
        assert tx.column(left) == ["living"]


def test_a_blob_that_is_referred_to_again_is_not_marked(desk: Desk) -> None:
    given_up = desk.begin(digest_of(entries_of(FILES)))
    desk.upload(given_up, FILES)
    desk.write(lambda tx: tx.run(reservations.delete()))
    years_pass(desk)
    with desk.database.read(ANONYMOUS) as tx:
        found, _ = garbage.unreferenced(tx, utc_now(), "")
    assert len(found) == 3
    again = desk.begin(digest_of(entries_of(FILES | {"z": b""})))
    desk.uploaded.clear()
    desk.upload(again, {"a": FILES["a"]})
    assert desk.uploaded == []
    assert len(desk.write(lambda tx: garbage.mark(tx, found))) == 2
    desk.upload(again, FILES)
    assert sorted(desk.uploaded) == ["b", "empty"]


def test_what_a_crash_lost_is_refused_once_and_uploaded_again(desk: Desk) -> None:
    entries = entries_of(FILES)
    begun = desk.begin(digest_of(entries))
    places = desk.upload(begun, FILES)
    desk.upload_manifest(begun, manifest(entries))
    lost = BlobKey(places[0].file.blob_id)
    desk.store.delete([lost])
    Path(desk.store._path(BlobKey(places[1].file.blob_id))).write_bytes(b"sec")
    with pytest.raises(Unprocessable, match="2 files were lost in a crash; upload them again"):
        desk.commit(begun)
    assert desk.get(begun).state == "pending"
    desk.uploaded.clear()
    other = desk.log(FILES | {"c": b"c"})
    assert sorted(desk.uploaded) == ["a", "b", "c"]
    assert other.version == 0
    desk.uploaded.clear()
    desk.upload(begun, FILES)
    desk.commit(begun)
    assert desk.get(begun).version == 1
    with desk.database.read(ANN) as tx:
        assert not tx.rows(select(run_files.c.id))


def statements() -> Iterator[Prepared]:
    """All that garbage collection asks and does."""
    for value in vars(garbage).values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Prepared):
                yield each


def test_no_statement_reads_a_whole_table(database: Database) -> None:
    """Each runs every hour or so, however much there is."""
    looked_at = []

    def look(tx: garbage.Tx) -> None:
        given = {"before": utc_now(), "now": utc_now(), "ids": ["b"], "artifact_id": 1}
        for statement in statements():
            behind = "" if "blobs" in statement.for_dialect(tx.dialect).text else 0
            plan = plan_of(tx, statement, {**given, "behind": behind})
            whole = [
                line for line in plan if re.match(r"SCAN (?!holders|json_each)|.*Seq Scan", line)
            ]
            assert not whole, plan
            looked_at.append(plan)

    database.write(ANONYMOUS, look)
    assert len(looked_at) > 12
