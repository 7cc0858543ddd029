"""What an edge lends to a use case that is more than one transaction: bytes are read and written between them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Protocol, Self, TypeVar

from registrum.core.actors import Actor
from registrum.core.errors import Unavailable
from registrum.server.blobs.store import BlobStore
from registrum.server.db.database import READ_TIMEOUT_S, Database
from registrum.server.db.tx import Tx

T = TypeVar("T")
STORE_TIMEOUT_S = 60.0
"""How long a request waits for the store, of which it reads a few MiB at most."""


class Edge(Protocol):
    """One request, as use cases see it."""

    @property
    def tx(self) -> Tx:
        """The read snapshot, opened on first use; a fresh one after each `write`."""

    @property
    def store(self) -> BlobStore:
        """Where bytes are."""

    def write(self, work: Callable[[Tx], T]) -> T:
        """Runs `work` in one durable transaction; what is read afterwards sees it."""

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for a coroutine of the store.

        Raises:
            Unavailable: it takes longer than `STORE_TIMEOUT_S`.
        """

    def close(self) -> None:
        """Ends the read snapshot, if one is open."""


class LongEdge(Edge, Protocol):
    """A request whose work may go on after it has been answered."""

    def apart(self) -> Self:
        """Another one of the same actor, for work in another thread that may outlast the request; `close` it."""


class OneRequest(ABC):
    """An `Edge` in a worker thread, to which each edge adds its own. Used by one thread; `close` it at the end."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        loop: asyncio.AbstractEventLoop,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._database = database
        self._store = store
        self._loop = loop
        self._timeout_s = timeout_s
        self._open = ExitStack()
        self._tx: Tx | None = None

    @property
    @abstractmethod
    def actor(self) -> Actor:
        """Who asks."""

    @property
    def store(self) -> BlobStore:
        """See `Edge.store`."""
        return self._store

    @property
    def tx(self) -> Tx:
        """See `Edge.tx`."""
        if self._tx is None:
            self._tx = self._open.enter_context(self._database.read(self.actor, self._timeout_s))
        return self._tx

    def write(self, work: Callable[[Tx], T]) -> T:
        """See `Edge.write`."""
        self.close()
        return self._database.write(self.actor, work)

    def await_(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine of the store on the server's loop and waits for it here, in the worker thread."""
        self.close()
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(STORE_TIMEOUT_S)
        except TimeoutError:
            running.cancel()
            raise Unavailable("The store of files does not answer; try again.") from None

    def close(self) -> None:
        """See `Edge.close`."""
        self._tx = None
        self._open.close()
