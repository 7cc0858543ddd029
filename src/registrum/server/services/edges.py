"""What an edge lends to a use case that is more than one transaction: bytes are read and written between them."""

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, Self, TypeVar

from registrum.server.blobs.store import BlobStore
from registrum.server.db.tx import Tx

T = TypeVar("T")


class Edge(Protocol):
    """One request; `graphql.context.Context` is one."""

    @property
    def tx(self) -> Tx:
        """The read snapshot; a fresh one after each `write`."""

    @property
    def store(self) -> BlobStore:
        """Where bytes are."""

    def write(self, work: Callable[[Tx], T]) -> T:
        """Runs `work` in one durable transaction."""

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for a coroutine of the store."""

    def close(self) -> None:
        """Ends the read snapshot, if one is open."""


class LongEdge(Edge, Protocol):
    """A request whose work may go on after it has been answered."""

    def apart(self) -> Self:
        """Another one of the same actor, for work in another thread that may outlast the request; `close` it."""
