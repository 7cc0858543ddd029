"""What a resolver has at hand for one request: the actor, one read snapshot, and the way to write."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from registrum.core.actors import Actor
from registrum.server.blobs.signing import Urls
from registrum.server.blobs.store import BlobStore
from registrum.server.config import Config
from registrum.server.db.database import READ_TIMEOUT_S, Database
from registrum.server.db.tx import Tx
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets
from registrum.server.services.edges import OneRequest

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the server: made once in `server/app.py`.

    Attributes:
        loop: the event loop on which the store's coroutines run.
        commits: of artifacts, under way in this process.
    """

    config: Config
    database: Database
    store: BlobStore
    secrets: Secrets
    loop: asyncio.AbstractEventLoop
    commits: Commits


@dataclass(frozen=True, slots=True)
class Write:
    """Given by a resolver that does nothing but write: what is to be done, and answered in its place.

    Attributes:
        work, read: see `Database.write_and_read`; without `read` the value of `work` is the answer.
    """

    work: Callable[[Tx], Any]
    read: Callable[[Tx, Any], Any] | None = None


class Context(OneRequest):
    """One request.

    Attributes:
        urls: makes absolute signed URLs of blobs as this client sees the server.
        request_id: also in logs and errors.
        loaded: what a list's resolver has fetched for all of its rows at once, by field and number; of this snapshot.
    """

    def __init__(
        self,
        services: Services,
        actor: Actor,
        urls: Urls,
        request_id: str,
        timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        super().__init__(services.database, services.store, services.loop, timeout_s)
        self._services = services
        self._actor = actor
        self.urls = urls
        self.request_id = request_id
        self.loaded: dict[str, dict[int, Any]] = {}

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self._actor

    @property
    def secrets(self) -> Secrets:
        """Hashes and makes keys, passwords and one-time links."""
        return self._services.secrets

    @property
    def commits(self) -> Commits:
        """Commits artifacts, each once at a time."""
        return self._services.commits

    def done(self, write: Write) -> Any:
        """The value of what a mutation's resolver gave, once that is done here."""
        if write.read is None:
            return self.write(write.work)
        return self.write_and_read(write.work, write.read)

    def write_and_read(self, work: Callable[[Tx], T], read: Callable[[Tx, T], R]) -> R:
        """As `write`, and then `read` of its value in a snapshot begun after the commit, for a short answer."""
        self.close()
        return self._services.database.write_and_read(self.actor, work, read)

    def apart(self) -> "Context":
        """Another one of the same actor, for work in another thread that may outlast the request; `close` it."""
        return Context(self._services, self.actor, self.urls, self.request_id)

    def close(self) -> None:
        """Ends the read snapshot, if one is open, and forgets what was fetched in it."""
        self.loaded.clear()
        super().close()
