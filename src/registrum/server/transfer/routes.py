"""The byte routes `/blobs/<blob id>/<file name>`: PUT and GET by whoever holds a signed URL; and batches of both.

Raw ASGI, since these are the hottest routes. Neither credentials nor the database are looked at
before the body has been stored: the signature says everything. The query string is a secret and is
never logged.
"""

from registrum.core.errors import NotSupported, SignatureInvalid
from registrum.server.blobs.signing import PREFIX, Signer
from registrum.server.blobs.store import BlobStore
from registrum.server.transfer.addresses import read_address
from registrum.server.transfer.batches import serve_batch, take_batch
from registrum.server.transfer.downloads import Download, serve_blob
from registrum.server.transfer.small_uploads import Recorder, SmallUploads
from registrum.server.transfer.uploads import take_upload
from registrum.server.transfer.wire import (
    ANY_ORIGIN,
    Receive,
    Scope,
    Send,
    answer,
    answer_by,
)

_METHODS = frozenset({"GET", "HEAD", "PUT"})
_UPLOADS, _DOWNLOADS = f"{PREFIX}uploads", f"{PREFIX}downloads"
_BATCHES = frozenset({_UPLOADS, _DOWNLOADS})
# Who holds the address may use it from any page: it says everything, and no cookie adds to it.
_FROM_ANY_PAGE = [
    ANY_ORIGIN,
    (b"access-control-allow-methods", b"GET, HEAD, PUT"),
    (b"access-control-allow-headers", b"content-md5, content-type, range"),
    (b"access-control-max-age", b"3600"),
]


class BlobRoutes:
    """An ASGI application for every path below `/blobs/`."""

    def __init__(
        self,
        store: BlobStore,
        signer: Signer,
        recorder: Recorder,
        *,
        max_upload_bytes: int | None = None,
    ) -> None:
        """Wires the routes.

        Args:
            store: where bytes live.
            signer: verifies the addresses.
            recorder: learns of each blob that was stored.
            max_upload_bytes: the largest body of one upload or part; none for as much as there is
            room.
        """
        self._store = store
        self._signer = signer
        self._recorder = recorder
        self._small = SmallUploads(store, recorder)
        self._max_upload_bytes = max_upload_bytes

    def close(self) -> None:
        """Waits for what is being stored and lets the threads go."""
        self._small.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the edge at which errors become statuses."""
        await answer_by(self._route, scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            await answer(send, 204, _FROM_ANY_PAGE)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in _BATCHES:
            await self._batch(path, method, receive, send)
            return
        if method not in _METHODS:
            await answer(send, 405, [(b"allow", b"GET, HEAD, OPTIONS, PUT")])
            return
        query = scope["query_string"].decode("latin-1")
        claims = read_address(self._signer, "PUT" if method == "PUT" else "GET", path, query)
        if method == "PUT":
            await take_upload(
                scope,
                receive,
                send,
                self._store,
                self._recorder,
                self._small,
                claims=claims,
                max_bytes=self._max_upload_bytes,
            )
            return
        if claims.size_bytes is None:
            raise SignatureInvalid("This address says no size.")
        blob = Download(
            claims.key,
            claims.size_bytes,
            claims.filename,
            claims.md5,
            claims.content_type,
            claims.disposition,
        )
        await serve_blob(scope, receive, send, self._store, blob)

    async def _batch(self, path: str, method: str, receive: Receive, send: Send) -> None:
        if method != "POST":
            await answer(send, 405, [(b"allow", b"OPTIONS, POST")])
            return
        if not self._store.serves_bytes:
            raise NotSupported("Files don't pass through this server: use each one's own address.")
        if path == _UPLOADS:
            await take_batch(receive, send, self._signer, self._small, self._max_upload_bytes)
        else:
            await serve_batch(receive, send, self._signer, self._store)
