"""The composition root: settings become a database, a store, a schema and one ASGI application. The only wiring there is."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from registrum.core.actors import ANONYMOUS
from registrum.core.errors import RegistrumError
from registrum.server import health
from registrum.server.auth.requests import Authenticator
from registrum.server.blobs import open_store
from registrum.server.blobs.signing import Signer
from registrum.server.blobs.store import BlobKey, StoredBlob
from registrum.server.config import Config
from registrum.server.db import Database, open_database
from registrum.server.db.migrations import check_current, upgrade
from registrum.server.graphql.context import Services
from registrum.server.graphql.endpoint import GraphQLEndpoint
from registrum.server.graphql.execution import Engine
from registrum.server.graphql.nouns import bound_schema
from registrum.server.jobs import deletion, expiry, gc, tidying
from registrum.server.jobs.runner import Desk, Runner
from registrum.server.logs import RequestLog
from registrum.server.services import setup, uploads
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets
from registrum.server.services.sessions import SignIns
from registrum.server.services.setup import FirstStart
from registrum.server.transfer.fallback import FallbackRoutes
from registrum.server.transfer.file_stream import FileStream
from registrum.server.transfer.routes import BlobRoutes
from registrum.server.web import routes as pages
from registrum.server.web.visits import Site

__all__ = ["FirstStart", "create_app", "prepare"]

log = logging.getLogger(__name__)


def prepare(config: Config) -> FirstStart | None:
    """Makes folders and schema ready before any request; at the very first start also the first people.

    Returns:
        What the administrator must be told, if this was the first start.

    Raises:
        SchemaMismatch: the database is newer than this code, or a PostgreSQL database needs `registrum db upgrade`.
    """
    config.data_dir.mkdir(parents=True, exist_ok=True)
    if config.is_embedded:
        upgrade(config.database)
    else:
        check_current(config.database)
    database = open_database(config.database)
    try:
        if not setup.knows_last_secret_key(database, config):
            log.warning(
                "the secret key of the last start is not listed any more: API keys, sessions and links that were "
                "made under it and not used since are refused; put it back behind the new one to have them work again"
            )
        return setup.prepare(database, config)
    finally:
        database.close()


def create_app(config: Config) -> ASGIApp:
    """The application of one server process; it opens and closes with the ASGI lifespan."""
    metrics = health.Metrics()
    return RequestLog(_App(config, metrics), metrics.observe_request)


class _App:
    """Opens at startup, hands each request to its room, closes at shutdown."""

    def __init__(self, config: Config, metrics: health.Metrics) -> None:
        self._config = config
        self._metrics = metrics
        self._close: list[Callable[[], object]] = []
        self._rooms: dict[str, ASGIApp] = {}
        self._pages: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        room = self._rooms.get(path[1:].partition("/")[0], self._pages)
        await room(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        except RegistrumError as error:
            await send({"type": "lifespan.startup.failed", "message": error.message})
            raise
        finally:
            for close in reversed(self._close):
                await asyncio.to_thread(close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> None:
        config = self._config
        database = open_database(config.database)
        self._close.append(database.close)
        store = await asyncio.to_thread(open_store, config.blobs)
        self._close.append(store.close)
        keys = [key.encode() for key in config.secret_key]
        secrets, signer = Secrets(keys), Signer(keys)
        commits = Commits()
        self._close.append(commits.close)
        loop = asyncio.get_running_loop()
        services = Services(config, database, store, secrets, loop, commits)
        authenticator = Authenticator(database, secrets)
        endpoint = GraphQLEndpoint(Engine(bound_schema()), services, authenticator, signer)
        self._close.append(endpoint.close)
        # An embedded server is the only one: nobody else is writing, so what lies about is from a crash.
        leftover = timedelta(0) if config.is_embedded else gc.INCOMING_LASTS
        await asyncio.to_thread(store.sweep_incoming, leftover)
        kinds = {**deletion.KINDS, **expiry.KINDS, **gc.KINDS, **tidying.KINDS}
        runner = Runner(Desk(database, store), kinds)
        if config.is_embedded:
            await asyncio.to_thread(runner.take_over)
        await asyncio.to_thread(runner.start)
        self._close.append(runner.close)
        blobs = BlobRoutes(
            store, signer, _Recorder(database), max_upload_bytes=config.max_upload_bytes
        )
        self._close.append(blobs.close)
        fallback = FallbackRoutes(database, store, authenticator)
        self._rooms = {
            "graphql": endpoint,
            "blobs": blobs,
            "files": FileStream(database, authenticator),
            "artifacts": fallback,
            "artifactsV2": fallback,
        }
        checks = {"database": database.check, "store": store.check}
        site = Site(config, database, store, secrets, signer, SignIns(database, secrets))
        self._pages = Starlette(routes=[*health.routes(checks, self._metrics), *pages.routes(site)])


class _Recorder:
    """Notes in the database what the byte routes stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        """See `transfer.small_uploads.Recorder`."""
        return self._database.write(ANONYMOUS, lambda tx: uploads.record_all_stored(tx, stored))
