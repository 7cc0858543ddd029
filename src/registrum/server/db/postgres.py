"""PostgreSQL: a pool of psycopg connections; READ COMMITTED for writing, a repeatable snapshot for reading."""

import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg import RawCursor, errors
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from registrum.core.actors import Actor
from registrum.core.errors import Conflict, DeadlineExceeded, Invalid, StorageFull, Unavailable
from registrum.server.db.database import (
    READ_TIMEOUT_S,
    UNTAKEABLE,
    VANISHED,
    WRITE_TIMEOUT_S,
    utc_now,
)
from registrum.server.db.tx import Taken, Tx

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")
DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
ATTEMPTS = 5
PREPARED = 300
"""Statements that a connection keeps prepared.

A server of many uses runs more than the driver's 100 in turns, so that none would stay. Each costs PostgreSQL 20 to 900 KB a
connection, 200 on the average.
"""
# The driver refuses texts with half a surrogate pair before PostgreSQL sees them.
_REFUSED = (psycopg.Error, UnicodeEncodeError)
_PLACE = re.compile(r"%(?:\(([^)]*)\)s|%)")


@lru_cache(maxsize=1024)
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with `$1` for `%(name)s`, and the names in their order.

    psycopg would do it anew for each run of a statement longer than 4 KB, as those with conditions about rights are.
    """
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    text = _PLACE.sub(number, sql)
    return text.encode(), tuple(names)


class PostgresDriver:
    """Runs statements on one connection; the deadline is the server's statement_timeout."""

    dialect: Dialect = DIALECT

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """See `tx.Driver`."""
        query, names = _numbered(sql)
        try:
            cursor = RawCursor(self.connection)
            return cursor.execute(query, [parameters[name] for name in names]).fetchall()
        except _REFUSED as error:
            raise _translated(error) from error

    def count(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """See `tx.Driver`."""
        query, names = _numbered(sql)
        try:
            cursor = RawCursor(self.connection)
            return cursor.execute(query, [parameters[name] for name in names]).rowcount
        except _REFUSED as error:
            raise _translated(error) from error

    def many(self, sql: str, parameters: list[dict[str, Any]]) -> None:
        """See `tx.Driver`."""
        query, names = _numbered(sql)
        try:
            with RawCursor(self.connection) as cursor:
                cursor.executemany(query, [[each[name] for name in names] for each in parameters])
        except _REFUSED as error:
            raise _translated(error) from error


# NUL characters are refused before they are sent, without a code; the others are those that no column can hold.
_UNTAKEABLE = (
    None,
    errors.NumericValueOutOfRange.sqlstate,
    errors.UntranslatableCharacter.sqlstate,
    errors.CharacterNotInRepertoire.sqlstate,
)
TOO_LONG = "The request has a name or a path that is too long for PostgreSQL, which takes about 2,700 bytes."
# What a row refers to may have been deleted since it was looked up: another try does not find it any more.
_TRIED_AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.ForeignKeyViolation)


def _translated(error: Exception) -> Exception:
    if isinstance(error, errors.UniqueViolation):
        return Taken(str(error))
    if isinstance(error, errors.QueryCanceled):
        return DeadlineExceeded("The query took too long; narrow its filter or its page.")
    if isinstance(error, errors.DiskFull):
        return StorageFull("The disk that holds the database is full.")
    if isinstance(
        error, errors.ProgramLimitExceeded
    ):  # of a row of an index: an operational error by its class
        return Invalid(TOO_LONG)
    if isinstance(error, UnicodeEncodeError):
        return Invalid(UNTAKEABLE)
    if isinstance(error, psycopg.DataError) and error.sqlstate in _UNTAKEABLE:
        return Invalid(UNTAKEABLE)
    if isinstance(error, _TRIED_AGAIN):
        return error  # by `write`
    if isinstance(error, psycopg.OperationalError):
        return Unavailable("The database does not answer; try again in a moment.")
    return error


def _configure(connection: "psycopg.Connection[Any]") -> None:
    """Compiling conditions about rights, which have many branches of which few are walked, costs more than running them."""
    connection.execute("SET jit = off", prepare=False)
    connection.prepared_max = PREPARED


def _roll_back(connection: "psycopg.Connection[Any]") -> None:
    """Ends a transaction that was given up; if no statement of it failed, what was prepared stays prepared.

    The driver's own `rollback` forgets all of that, as tables may have come and gone. Here none do, and conditions about
    rights would be read and planned anew after every refusal.
    """
    threshold = connection.prepare_threshold
    try:
        if connection.pgconn.transaction_status == TransactionStatus.INTRANS:
            # The driver forgets nothing after a command that it was not to prepare.
            connection.prepare_threshold = None
            connection.execute("ROLLBACK")
        else:
            connection.rollback()
    except psycopg.Error:
        connection.close()
    finally:
        connection.prepare_threshold = threshold


class PostgresDatabase:
    """See `database.Database`."""

    dialect: Dialect = DIALECT
    is_near = False

    def __init__(self, url: str, connections: int = 16) -> None:
        self.url = url
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            open=True,
            kwargs={"autocommit": True},
            configure=_configure,
        )

    @contextmanager
    def read(self, actor: Actor, timeout_s: float = READ_TIMEOUT_S) -> Iterator[Tx]:
        """See `database.Database.read`."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", timeout_s) as c:
            yield Tx(PostgresDriver(c), actor, utc_now())

    def write(self, actor: Actor, work: Callable[[Tx], T], timeout_s: float = WRITE_TIMEOUT_S) -> T:
        """See `database.Database.write`."""
        deadline = time.monotonic() + timeout_s
        now = utc_now()
        for attempt in range(ATTEMPTS):
            left = max(deadline - time.monotonic(), 0.05)
            try:
                with self._transaction("BEGIN ISOLATION LEVEL READ COMMITTED", left) as c:
                    return work(Tx(PostgresDriver(c), actor, now))
            except _TRIED_AGAIN as error:
                if attempt == ATTEMPTS - 1 or time.monotonic() > deadline:
                    if isinstance(error, errors.ForeignKeyViolation):
                        log.warning("a reference to nothing: %s", error)
                        raise Conflict(VANISHED) from None
                    raise Unavailable("The database is busy; try again in a moment.") from None
                time.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads writers
        raise AssertionError("unreachable")

    def write_and_read(
        self,
        actor: Actor,
        work: Callable[[Tx], T],
        read: Callable[[Tx, T], R],
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> R:
        """See `database.Database.write_and_read`."""
        value = self.write(actor, work, timeout_s)
        with self.read(actor) as tx:
            return read(tx, value)

    def begin_write(
        self,
        actor: Actor,
        work: Callable[[Tx], Any],
        read: Callable[[Tx, Any], Any] | None = None,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> None:
        """See `database.Database.begin_write`: here a thread has to wait for the server."""

    def check(self) -> None:
        """See `database.Database.check`."""
        with self._transaction("BEGIN READ ONLY", 2.0) as connection:
            connection.execute("SELECT 1")

    def close(self) -> None:
        """See `database.Database.close`."""
        self._pool.close()

    @contextmanager
    def _transaction(self, begin: str, timeout_s: float) -> "Iterator[psycopg.Connection[Any]]":
        milliseconds = max(int(timeout_s * 1000), 1)
        try:
            lease = self._pool.getconn(timeout_s)
        except (PoolTimeout, psycopg.OperationalError):
            raise Unavailable("The database does not answer; try again in a moment.") from None
        try:
            try:
                # As bytes: text would be composed and searched for parameters first.
                start = f"{begin}; SET LOCAL statement_timeout = {milliseconds}"
                lease.execute(start.encode(), prepare=False)
            except psycopg.OperationalError:
                raise Unavailable("The database does not answer; try again in a moment.") from None
            yield lease
            try:
                lease.execute(b"COMMIT", prepare=False)
            except psycopg.Error as error:
                raise _translated(error) from error
        except BaseException:
            if not lease.closed and not lease.broken:
                _roll_back(lease)
            raise
        finally:
            self._pool.putconn(lease)
