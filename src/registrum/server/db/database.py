"""The database: opens transactions for actors, on SQLite or PostgreSQL.

The edge opens, the service uses, nobody else commits. `read` gives a snapshot; `write` runs a function in one transaction and
returns once its commit is durable.
"""

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from registrum.core.actors import Actor
from registrum.core.errors import DeadlineExceeded
from registrum.server.db.tx import Tx

T = TypeVar("T")
R = TypeVar("R")

READ_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 25.0
BUSY = "The database is busy; try again in a moment."
VANISHED = "Something that the request refers to has just been deleted; do it again from the start."
"""Said where a foreign key refuses a row."""
UNTAKEABLE = "The request has a text or a number that the database cannot take."
"""Said where no column can hold a value: NUL or half a surrogate pair in a text, a number of more than 64 bits."""


class Pending:
    """A unit of writing that was handed to the writer."""

    __slots__ = ("_future",)

    def __init__(self, future: "Future[Any]") -> None:
        self._future = future

    def call_when_done(self, call: Callable[[], object]) -> None:
        """Calls this once it is committed, refused or given up; in whatever thread that comes about."""
        self._future.add_done_callback(lambda _: call())

    def give_up(self) -> None:
        """Takes it back, unless it is being done already: then it is soon done."""
        self._future.cancel()

    def value(self) -> Any:
        """What came of it, once it is done. Raises as `Database.write`."""
        try:
            return self._future.result()
        except CancelledError:
            raise DeadlineExceeded(BUSY) from None


class Database(Protocol):
    """SQLite or PostgreSQL.

    Attributes:
        is_near: a look-up by index takes less than waking a thread for it; nothing goes over a network.
    """

    is_near: bool

    def read(self, actor: Actor, timeout_s: float = READ_TIMEOUT_S) -> AbstractContextManager[Tx]:
        """A snapshot for one query: nothing that commits meanwhile is seen in it.

        Raises:
            DeadlineExceeded: a statement runs past `timeout_s` seconds after the opening.
        """

    def write(self, actor: Actor, work: Callable[[Tx], T], timeout_s: float = WRITE_TIMEOUT_S) -> T:
        """Runs `work(tx)` in one transaction and returns its value once the commit is durable.

        `work` may be run again after a serialisation failure, or where what it referred to had just been deleted, so it
        does nothing but SQL through `tx`; ids, times and secrets are made outside (`tx.now` is).

        Raises:
            Conflict: what it refers to is gone.
            DeadlineExceeded: it did not get done within `timeout_s` seconds; nothing was written.
            RegistrumError: whatever `work` raises; nothing was written then.
        """

    def write_and_read(
        self,
        actor: Actor,
        work: Callable[[Tx], T],
        read: Callable[[Tx, T], R],
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> R:
        """Runs `work(tx)` as `write` does, then `read(tx, its value)` in a snapshot begun after the commit; its value.

        For the few short reads that answer a write: SQLite does them where the pages are at hand, in the writer.
        """

    def begin_write(
        self,
        actor: Actor,
        work: Callable[[Tx], Any],
        read: Callable[[Tx, Any], Any] | None = None,
        timeout_s: float = WRITE_TIMEOUT_S,
    ) -> "Pending | None":
        """As `write`, or `write_and_read`, but does not wait; None where that is not to be had.

        Who calls takes care that it is given up after `timeout_s` seconds.
        """

    def check(self) -> None:
        """Runs a trivial query.

        Raises:
            Unavailable: the database does not answer.
        """

    def close(self) -> None:
        """Lets running transactions end and closes all connections."""


def utc_now() -> datetime:
    """The present moment; the only clock of the db room."""
    return datetime.now(UTC)
