"""The database: opens transactions for actors, on SQLite or PostgreSQL.

The edge opens, the service uses, nobody else commits. `read` gives a snapshot; `write` runs a function in one transaction and
returns once its commit is durable.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from registrum.core.actors import Actor
from registrum.server.db.tx import Tx

T = TypeVar("T")
R = TypeVar("R")

READ_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 25.0
VANISHED = "Something that the request refers to has just been deleted; do it again from the start."
"""Said where a foreign key refuses a row."""
UNTAKEABLE = "The request has a text or a number that the database cannot take."
"""Said where no column can hold a value: NUL or half a surrogate pair in a text, a number of more than 64 bits."""


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
