"""`GET /artifactsV2/…` and `/artifacts/…`: artifact files by address and credentials, for clients that hold no signed URL."""

import asyncio
from collections.abc import Callable
from urllib.parse import unquote

from registrum.core.actors import Actor
from registrum.core.errors import NotFound
from registrum.server.blobs.store import BlobKey, BlobStore
from registrum.server.db import Database
from registrum.server.services import files
from registrum.server.transfer.downloads import Download, serve_blob
from registrum.server.transfer.wire import Receive, Scope, Send, answer, answer_by

_FEWEST, _MOST = 2, 8
_ROOTS = frozenset({"artifacts", "artifactsV2"})


class FallbackRoutes:
    """The ASGI application of the paths below `/artifacts/` and `/artifactsV2/`."""

    def __init__(
        self, database: Database, store: BlobStore, authenticate: Callable[[Scope], Actor]
    ) -> None:
        """Wires the routes.

        Args:
            database: knows which file an address stands for, and who may have it.
            store: where bytes live.
            authenticate: tells who asks; called in a worker thread.
        """
        self._database = database
        self._store = store
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the edge at which errors become statuses."""
        await answer_by(self._route, scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, [(b"allow", b"GET, HEAD")])
            return
        blob = await asyncio.to_thread(self._find, scope)
        await serve_blob(scope, receive, send, self._store, blob)

    def _find(self, scope: Scope) -> Download:
        segments = _segments(scope)
        actor = self._authenticate(scope)
        scope.setdefault("state", {})["actor"] = actor
        with self._database.read(actor) as tx:
            blob, name = files.resolve_fallback(tx, segments)
        assert blob.size_bytes is not None
        return Download(BlobKey(blob.id), blob.size_bytes, name, blob.md5)


def _segments(scope: Scope) -> list[str]:
    """The path's parts behind the route's own name, each decoded; ids and names may hold an escaped slash."""
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition("?")[0].removeprefix(scope.get("root_path", ""))
    root, *parts = path.strip("/").split("/")
    if root not in _ROOTS or not _FEWEST <= len(parts) <= _MOST:
        raise NotFound("There is nothing at this address.")
    return [unquote(part) for part in parts]
