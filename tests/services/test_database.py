"""Transactions: what is atomic, what is seen, and what a failure leaves behind."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, bindparam, insert, select, text

from registrum.core.actors import ANONYMOUS
from registrum.core.errors import Conflict, DeadlineExceeded, Invalid, StorageFull
from registrum.server.db import Database
from registrum.server.db.migrations import upgrade
from registrum.server.db.postgres import PostgresDatabase
from registrum.server.db.sqlite import SqliteDatabase
from registrum.server.db.tables import api_keys, instance
from registrum.server.db.tx import Taken, Tx
from tests.postgres import Cluster


def _put(key: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run(insert(instance).values(key=key, value="x"))


def _keys(database: Database) -> list[str]:
    with database.read(ANONYMOUS) as tx:
        return tx.column(select(instance.c.key).order_by(instance.c.key))


def test_what_a_write_returns_is_there_for_the_next_reader(database: Database) -> None:
    database.write(ANONYMOUS, lambda tx: tx.run(insert(instance).values(key="a", value="x")))
    assert _keys(database) == ["a"]


def test_a_failing_unit_leaves_nothing_and_its_error_reaches_the_caller(database: Database) -> None:
    def work(tx: Tx) -> None:
        tx.run(insert(instance).values(key="a", value="x"))
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        database.write(ANONYMOUS, work)
    assert _keys(database) == []


def test_an_answer_is_read_after_the_commit_and_its_failure_undoes_nothing(
    database: Database,
) -> None:
    def read(tx: Tx, count: int) -> list[str]:
        assert count == 1
        return tx.column(select(instance.c.key))

    assert database.write_and_read(ANONYMOUS, _put("a"), read) == ["a"]

    def fail(tx: Tx, count: int) -> None:
        raise Conflict("no")

    with pytest.raises(Conflict, match="no"):
        database.write_and_read(ANONYMOUS, _put("b"), fail)
    with pytest.raises(Taken):
        database.write_and_read(ANONYMOUS, _put("b"), fail)
    assert _keys(database) == ["a", "b"]


def test_a_refusal_does_not_forget_what_postgresql_has_prepared(postgres: Cluster) -> None:
    prepared = text("SELECT name FROM pg_prepared_statements")

    def refused(tx: Tx) -> None:
        tx.rows(select(instance.c.key))
        raise Conflict("no")

    with postgres.lend("migrated", upgrade) as url:
        database = PostgresDatabase(url, connections=1)
        for _ in range(8):
            _keys(database)
        with database.read(ANONYMOUS) as tx:
            before = set(tx.column(prepared))
        with pytest.raises(Conflict):
            database.write(ANONYMOUS, refused)
        with database.read(ANONYMOUS) as tx:
            after = set(tx.column(prepared))
        database.close()
    assert before
    assert before <= after


def test_a_unique_constraint_is_reported_as_taken(database: Database) -> None:
    database.write(ANONYMOUS, lambda tx: tx.run(insert(instance).values(key="a", value="x")))
    with pytest.raises(Taken):
        database.write(ANONYMOUS, lambda tx: tx.run(insert(instance).values(key="a", value="y")))


def test_a_reader_keeps_its_snapshot_while_others_commit(database: Database) -> None:
    with database.read(ANONYMOUS) as tx:
        assert tx.column(select(instance.c.key)) == []
        with ThreadPoolExecutor(1) as pool:
            pool.submit(
                database.write,
                ANONYMOUS,
                lambda t: t.run(insert(instance).values(key="a", value="x")),
            ).result()
        assert tx.column(select(instance.c.key)) == []
    assert _keys(database) == ["a"]


def test_units_that_queue_up_together_succeed_and_fail_each_for_itself(database: Database) -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(20) as pool:
        blocked = pool.submit(database.write, ANONYMOUS, lambda tx: gate.wait(10))
        odd = [pool.submit(database.write, ANONYMOUS, _put(f"k{i}")) for i in range(9)]
        bad = [pool.submit(database.write, ANONYMOUS, _put("k0")) for _ in range(3)]
        gate.set()
        blocked.result()
        outcomes = [f.exception() for f in odd[:1] + bad]
        assert all(f.exception() is None for f in odd[1:])
    assert sum(e is None for e in outcomes) == 1
    assert sum(isinstance(e, Taken) for e in outcomes) == 3
    assert len(_keys(database)) == 9


def test_a_slow_query_ends_at_its_deadline(database: Database) -> None:
    endless = text(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
    )
    with pytest.raises(DeadlineExceeded), database.read(ANONYMOUS, timeout_s=0.2) as tx:
        tx.rows(endless)
    assert _keys(database) == []


def test_a_text_that_no_database_takes_is_the_fault_of_who_sent_it(database: Database) -> None:
    statement = select(instance.c.key).where(instance.c.key == bindparam("wanted"))
    # SQLite takes it and finds nothing; PostgreSQL does not, and that is no failure of the server.
    with suppress(Invalid), database.read(ANONYMOUS) as tx:
        assert tx.column(statement, wanted="a\x00b") == []


def test_a_reference_to_what_is_not_there_is_a_conflict(database: Database) -> None:
    row = {"user_id": 404, "secret_hash": b"x", "mask": "m"}

    def work(tx: Tx) -> None:
        tx.run(insert(instance).values(key="a", value="x"))
        tx.run(insert(api_keys).values(created_at=tx.now, **row))

    with pytest.raises(Conflict, match="just been deleted"):
        database.write(ANONYMOUS, work)
    assert _keys(database) == []


@pytest.mark.parametrize(
    ("column", "value"), [(api_keys.c.id, 2**70), (instance.c.key, "half a pair: \ud800")]
)
def test_a_value_that_no_column_holds_is_the_fault_of_who_sent_it(
    database: Database, column: ColumnElement[Any], value: object
) -> None:
    statement = select(column).where(column == bindparam("wanted"))
    with pytest.raises(Invalid, match="cannot take"), database.read(ANONYMOUS) as tx:
        tx.column(statement, wanted=value)
    with pytest.raises(Invalid, match="cannot take"):
        database.write(
            ANONYMOUS, lambda tx: tx.run(insert(instance).values(key="a", value="\ud800"))
        )
    assert _keys(database) == []


def test_writing_goes_on_after_a_transaction_that_ended_by_itself(database: Database) -> None:
    # As SQLite ends one where the disk is full, whatever the statement was.
    ended = text("ROLLBACK")
    database.write_and_read(ANONYMOUS, _put("a"), lambda tx, _: tx.run(ended))
    with database.read(ANONYMOUS) as tx:
        tx.run(ended)
    database.write(ANONYMOUS, _put("b"), timeout_s=5.0)
    assert _keys(database) == ["a", "b"]


def test_units_that_queue_up_behind_a_full_disk_are_told_of_it(
    sqlite_template: Path, tmp_path: Path
) -> None:
    database = SqliteDatabase(str(shutil.copy(sqlite_template, tmp_path / "full.sqlite")))

    def fill(tx: Tx) -> None:
        tx.run(text("ROLLBACK"))
        raise StorageFull("The disk that holds the database is full.")

    begun, gate = threading.Event(), threading.Event()

    def block(tx: Tx) -> None:
        begun.set()
        gate.wait(10)

    with ThreadPoolExecutor(3) as pool:
        blocked = pool.submit(database.write, ANONYMOUS, block)
        assert begun.wait(10)
        units = [pool.submit(database.write, ANONYMOUS, work) for work in (_put("a"), fill)]
        while database._queue.qsize() < len(units):
            assert not any(unit.done() for unit in units)
        gate.set()
        blocked.result()
        assert {type(unit.exception()) for unit in units} == {StorageFull}
    assert _keys(database) == []
    database.close()


def test_what_was_begun_is_committed_refused_or_given_up(
    sqlite_template: Path, tmp_path: Path
) -> None:
    database = SqliteDatabase(str(shutil.copy(sqlite_template, tmp_path / "begun.sqlite")))
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def block(tx: Tx) -> None:
        begun.set()
        gate.wait(10)

    running = database.begin_write(ANONYMOUS, block)
    assert begun.wait(10)
    good = database.begin_write(ANONYMOUS, _put("a"), lambda tx, _: _found(tx))
    bad = database.begin_write(ANONYMOUS, _put("a"))
    late = database.begin_write(ANONYMOUS, _put("b"))
    for each in (late, running):  # whose transaction is running already: it stays
        each.give_up()
    last = database.begin_write(ANONYMOUS, _put("c"))
    last.call_when_done(done.set)
    assert not done.is_set()
    gate.set()
    assert done.wait(10)
    assert running.value() is None
    assert good.value() == ["a"]
    with pytest.raises(Taken):
        bad.value()
    with pytest.raises(DeadlineExceeded):
        late.value()
    assert _keys(database) == ["a", "c"]
    database.close()


def _found(tx: Tx) -> list[str]:
    return [key for key in tx.column(select(instance.c.key)) if key == "a"]
