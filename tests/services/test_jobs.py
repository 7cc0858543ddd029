"""Jobs: done once, in steps, again after a failure, and taken over from a process that died."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from registrum.core.actors import ANONYMOUS
from registrum.server.blobs import open_store
from registrum.server.db import Database, jobs
from registrum.server.db.database import utc_now
from registrum.server.db.tables import jobs as table
from registrum.server.jobs.runner import ATTEMPTS, Desk, Kind, Runner
from registrum.server.jobs.tidying import FAILURES_LAST, forget_failures


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, open_store(f"file://{tmp_path / 'blobs'}"))


def _state(database: Database) -> list[tuple[str, int]]:
    with database.read(ANONYMOUS) as tx:
        rows = tx.rows(select(table.c.state, table.c.attempts).order_by(table.c.id))
        return [(row.state, row.attempts) for row in rows]


def test_a_job_goes_on_in_steps_until_it_says_it_is_done(desk: Desk) -> None:
    seen: list[dict[str, Any]] = []

    def step(_: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
        seen.append(argument)
        return {"at": argument["at"] + 1} if argument["at"] < 2 else None

    desk.database.write(ANONYMOUS, lambda tx: jobs.add(tx, "count", {"at": 0}))
    runner = Runner(desk, {"count": Kind(step)})
    while runner.run_next():
        pass
    assert seen == [{"at": 0}, {"at": 1}, {"at": 2}]
    assert _state(desk.database) == [], "what is done leaves no row"


def test_a_failed_job_waits_for_its_next_try_with_the_reason(desk: Desk) -> None:
    def step(_: Desk, __: dict[str, Any]) -> None:
        raise OSError("no such disk")

    desk.database.write(ANONYMOUS, lambda tx: jobs.add(tx, "break", {}))
    runner = Runner(desk, {"break": Kind(step)})
    assert runner.run_next()
    assert not runner.run_next()
    with desk.database.read(ANONYMOUS) as tx:
        row = tx.one(select(table))
    assert row.state == "waiting"
    assert row.last_error == "OSError: no such disk"
    assert row.due_at > utc_now()


def test_a_job_of_a_dead_process_is_taken_again_once_its_lease_has_ended(
    database: Database,
) -> None:
    database.write(ANONYMOUS, lambda tx: jobs.add(tx, "x", {"a": 1}))
    first = database.write(ANONYMOUS, lambda tx: jobs.take(tx, timedelta(hours=1)))
    assert first is not None
    assert database.write(ANONYMOUS, lambda tx: jobs.take(tx, timedelta(hours=1))) is None
    past = utc_now() - timedelta(seconds=1)
    database.write(ANONYMOUS, lambda tx: tx.run(update(table).values(locked_until=past)))
    again = database.write(ANONYMOUS, lambda tx: jobs.take(tx, timedelta(hours=1)))
    assert again is not None
    assert (again.id, again.attempts) == (first.id, 2)


def test_the_only_server_goes_on_at_once_with_what_its_predecessor_had_taken(desk: Desk) -> None:
    seen: list[dict[str, Any]] = []

    def step(_: Desk, argument: dict[str, Any]) -> None:
        seen.append(argument)

    desk.database.write(ANONYMOUS, lambda tx: jobs.add(tx, "x", {"a": 1}))
    desk.database.write(ANONYMOUS, lambda tx: jobs.take(tx, timedelta(hours=1)))
    runner = Runner(desk, {"x": Kind(step)})
    assert not runner.run_next()
    runner.take_over()
    assert runner.run_next()
    assert seen == [{"a": 1}]


def test_a_job_that_was_given_up_stays_visible_for_thirty_days(desk: Desk) -> None:
    def step(_: Desk, __: dict[str, Any]) -> None:
        raise OSError("no such disk")

    desk.database.write(ANONYMOUS, lambda tx: jobs.add(tx, "break", {}))
    desk.database.write(ANONYMOUS, lambda tx: tx.run(update(table).values(attempts=ATTEMPTS)))
    assert Runner(desk, {"break": Kind(step)}).run_next()
    forget_failures(desk, {})
    assert _state(desk.database) == [("failed", ATTEMPTS + 1)]
    long_ago = utc_now() - FAILURES_LAST - timedelta(seconds=1)
    desk.database.write(ANONYMOUS, lambda tx: tx.run(update(table).values(finished_at=long_ago)))
    forget_failures(desk, {})
    assert _state(desk.database) == []


def test_a_recurring_job_has_one_row_however_often_servers_start(database: Database) -> None:
    for _ in range(3):
        database.write(ANONYMOUS, lambda tx: jobs.ensure_recurring(tx, "tidy"))
    assert _state(database) == [("waiting", 0)]
