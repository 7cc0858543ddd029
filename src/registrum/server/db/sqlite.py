"""SQLite: a reader connection per thread, and one writer thread that commits what queued up together.

Group commit: the writer takes all waiting units of work (at most `BATCH`), runs each within a savepoint of its own (one
that comes alone needs none), commits once, and only then answers them; a unit that fails is rolled back alone, and if the
commit fails all of its batch fail. WAL with synchronous=FULL, so an acknowledged commit survives power loss.

SQLite itself is the one that apsw brings, not Python's: the same on every machine, newer and faster. Two SQLites in one process
would lose each other's locks of a file that both have open, so whatever else opens our databases does it by `connect`.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import apsw
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

from registrum.core.actors import Actor
from registrum.core.errors import Conflict, DeadlineExceeded, Invalid, StorageFull, Unavailable
from registrum.server.db.conditions import regexp, sorted_list
from registrum.server.db.database import (
    BUSY,
    READ_TIMEOUT_S,
    UNTAKEABLE,
    VANISHED,
    WRITE_TIMEOUT_S,
    Pending,
    utc_now,
)
from registrum.server.db.tx import Taken, Tx

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")

DIALECT = sqlite.dialect(paramstyle="named")
BATCH = 64
_BUSY_MS = 5000
_FUNCTIONS: tuple[tuple[str, Any, int], ...] = (
    ("regexp", regexp, 2),
    ("sorted_list", sorted_list, 1),
)
_STEPS_BETWEEN_CLOCK_READS = 20_000
# The driver refuses integers beyond 64 bits, and texts with half a surrogate pair, before SQLite sees them.
_REFUSED = (apsw.Error, OverflowError, UnicodeEncodeError)


def connect(path: str, *, read_only: bool) -> apsw.Connection:
    """A connection set up as all of ours are.

    Args:
        path: the database file.
        read_only: refuses writing statements.
    """
    connection = apsw.Connection(path, statementcachesize=512)
    connection.set_busy_timeout(_BUSY_MS)
    # Plans do not depend on the values of parameters, so no statement is planned anew each time it is run.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-8192")
    connection.execute("PRAGMA mmap_size=2147418112")
    connection.execute("PRAGMA temp_store=MEMORY")
    for name, function, arguments in _FUNCTIONS:
        connection.create_scalar_function(name, function, arguments, deterministic=True)
    if read_only:
        connection.execute("PRAGMA query_only=ON")
    return connection


class SqliteDriver:
    """Runs statements on one connection, within a deadline."""

    dialect: Dialect = DIALECT

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.deadline = float("inf")
        connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_CLOCK_READS)

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """See `tx.Driver`."""
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except _REFUSED as error:
            raise _translated(error) from error

    def count(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """See `tx.Driver`."""
        try:
            self.connection.execute(sql, parameters)
            return self.connection.changes()
        except _REFUSED as error:
            raise _translated(error) from error

    def many(self, sql: str, parameters: list[dict[str, Any]]) -> None:
        """See `tx.Driver`."""
        try:
            self.connection.executemany(sql, parameters)
        except _REFUSED as error:
            raise _translated(error) from error

    def roll_back(self) -> None:
        """Ends the transaction, unless it has ended by itself, as one does where the disk is full."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


def _translated(error: Exception) -> Exception:
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return Invalid(UNTAKEABLE)
    code = getattr(error, "extendedresult", 0)
    if code in (apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY):
        return Taken(str(error))
    if code == apsw.SQLITE_CONSTRAINT_FOREIGNKEY:
        log.warning("a reference to nothing")
        return Conflict(VANISHED)
    if code == apsw.SQLITE_INTERRUPT:
        return DeadlineExceeded("The query took too long; narrow its filter or its page.")
    if code & 0xFF == apsw.SQLITE_FULL:
        return StorageFull("The disk that holds the database is full.")
    if code & 0xFF in (apsw.SQLITE_BUSY, apsw.SQLITE_LOCKED):
        return Unavailable(BUSY)
    return error


@dataclass(slots=True)
class _Unit:
    """Work that waits for the writer; `read` makes the answer of its value, once that is committed."""

    actor: Actor
    now: datetime
    work: Callable[[Tx], Any]
    deadline: float
    future: "Future[Any]"
    read: Callable[[Tx, Any], Any] | None = None


class SqliteDatabase:
    """See `database.Database`."""

    dialect: Dialect = DIALECT
    is_near = True

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: list[apsw.Connection] = []
        self._readers_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._writer_driver = SqliteDriver(connect(path, read_only=False))
        self._writer = threading.Thread(target=self._write_all, name="sqlite-writer", daemon=True)
        self._writer.start()

    @contextmanager
    def read(self, actor: Actor, timeout_s: float = READ_TIMEOUT_S) -> Iterator[Tx]:
        """See `database.Database.read`."""
        driver = self._reader()
        driver.deadline = time.monotonic() + timeout_s
        driver.connection.execute("BEGIN")
        try:
            yield Tx(driver, actor, utc_now())
        finally:
            driver.deadline = float("inf")
            driver.roll_back()

    def write(self, actor: Actor, work: Callable[[Tx], T], timeout_s: float = WRITE_TIMEOUT_S) -> T:
        """See `database.Database.write`."""
        deadline = time.monotonic() + timeout_s
        unit = _Unit(actor, utc_now(), work, deadline, Future())
        return cast(T, self._answer(unit, timeout_s))

    def write_and_read(
        self,
        actor: Actor,
        work: Callable[[Tx], T],
        read: Callable[[Tx, T], R],
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> R:
        """See `database.Database.write_and_read`."""
        deadline = time.monotonic() + timeout_s
        unit = _Unit(actor, utc_now(), work, deadline, Future(), read)
        return cast(R, self._answer(unit, timeout_s))

    def begin_write(
        self,
        actor: Actor,
        work: Callable[[Tx], Any],
        read: Callable[[Tx, Any], Any] | None = None,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> Pending:
        """See `database.Database.begin_write`."""
        deadline = time.monotonic() + timeout_s
        unit = _Unit(actor, utc_now(), work, deadline, Future(), read)
        self._queue.put(unit)
        return Pending(unit.future)

    def _answer(self, unit: _Unit, timeout_s: float) -> Any:
        self._queue.put(unit)
        try:
            return unit.future.result(timeout_s)
        except FutureTimeout:
            if unit.future.cancel():
                raise DeadlineExceeded(BUSY) from None
            return unit.future.result()  # its transaction is running: the answer is near

    def check(self) -> None:
        """See `database.Database.check`."""
        try:
            self._reader().connection.execute("SELECT 1").fetchall()
        except apsw.Error as error:
            raise Unavailable(f"The database does not answer: {error}.") from error

    def close(self) -> None:
        """See `database.Database.close`."""
        self._queue.put(None)
        self._writer.join()
        self._writer_driver.connection.close()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()
            self._readers.clear()

    def _reader(self) -> SqliteDriver:
        driver: SqliteDriver | None = getattr(self._local, "driver", None)
        if driver is None:
            driver = self._local.driver = SqliteDriver(connect(self.path, read_only=True))
            with self._readers_lock:
                self._readers.append(driver.connection)
        return driver

    def _write_all(self) -> None:
        """What the writer thread does until the database is closed."""
        while True:
            unit = self._queue.get()
            if unit is None:
                return
            batch, last = [unit], False
            while len(batch) < BATCH:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._write_batch(batch)
            if last:
                return

    def _write_batch(self, batch: list[_Unit]) -> None:
        connection = self._writer_driver.connection
        answers: list[Callable[[], None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for unit in batch:
                if unit.future.set_running_or_notify_cancel():
                    answers.append(self._write_unit(unit, is_alone=len(batch) == 1))
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException as error:
            self._fail(batch, error)
            return
        for answer in answers:
            answer()

    def _write_unit(self, unit: _Unit, *, is_alone: bool) -> Callable[[], None]:
        """Runs one unit, in a savepoint where there are others; what to tell its waiter once the batch is committed."""
        driver = self._writer_driver
        driver.deadline = unit.deadline
        if not is_alone:
            driver.connection.execute("SAVEPOINT unit")
        try:
            value = unit.work(Tx(driver, unit.actor, unit.now))
        except Exception as error:  # the waiter's, whatever it is: raised again in its thread
            driver.deadline = float("inf")
            failure = error
            if is_alone:
                driver.roll_back()
            elif not driver.connection.in_transaction:
                raise  # With it went what the others of the batch had written.
            else:
                driver.connection.execute("ROLLBACK TO unit")
                driver.connection.execute("RELEASE unit")
            return lambda: unit.future.set_exception(failure)
        driver.deadline = float("inf")
        if not is_alone:
            driver.connection.execute("RELEASE unit")
        if unit.read is None:
            return lambda: unit.future.set_result(value)
        return lambda: self._read_unit(unit, value)

    def _read_unit(self, unit: _Unit, value: Any) -> None:
        """Makes the answer of a unit that was committed; this thread alone writes, so nothing changes meanwhile."""
        assert unit.read is not None
        driver = self._writer_driver
        driver.deadline = unit.deadline
        try:
            driver.connection.execute("BEGIN")
            answer = unit.read(Tx(driver, unit.actor, unit.now), value)
        except Exception as error:  # the waiter's, as above
            unit.future.set_exception(error)
        else:
            unit.future.set_result(answer)
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        """Ends what the writer has begun; where that fails, it is said, and the writer goes on."""
        driver = self._writer_driver
        driver.deadline = float("inf")
        try:
            driver.roll_back()
        except apsw.Error:
            log.exception("rolling back")

    def _fail(self, batch: list[_Unit], error: BaseException) -> None:
        self._roll_back()
        failure = _translated(error) if isinstance(error, apsw.Error) else error
        for unit in batch:
            if not unit.future.done() and (
                unit.future.running() or unit.future.set_running_or_notify_cancel()
            ):
                unit.future.set_exception(failure)
