"""A small world for tests of pages: the people of a first start, a run, two versions of a model, and one of them in the registry."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.routing import Route

from registrum.core.actors import Actor
from registrum.core.artifacts import Artifact
from registrum.core.linking import LinkArtifact
from registrum.core.policy import Action, Role
from registrum.core.projects import ProjectName
from registrum.core.runs import RunName, RunState, SaveRun
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.signing import Signer
from registrum.server.blobs.store import BlobKey, StoredBlob
from registrum.server.config import Config
from registrum.server.config_sources import with_secret_key
from registrum.server.db import Database, open_database, projects, users
from registrum.server.db.migrations import upgrade
from registrum.server.db.tables import project_members
from registrum.server.db.tx import Tx
from registrum.server.services import setup
from registrum.server.services.credentials import NewToken, Secrets, hash_password
from registrum.server.services.lineage import UseArtifact, use_artifact
from registrum.server.services.linking import link_artifact
from registrum.server.services.organizations import add_member
from registrum.server.services.runs import save_run
from registrum.server.services.sessions import SignIns
from registrum.server.services.users import CreateUser, add_account
from registrum.server.transfer.routes import BlobRoutes
from registrum.server.web.routes import routes
from registrum.server.web.visits import Site
from tests.client.live import ADMIN_KEY
from tests.services.desk import Desk

PASSWORD = "correct horse battery staple"
FILES = {
    "weights/model.bin": b"0123456789" * 1000,
    "weights/model 2 ü.bin": b"later",
    "<b>bold</b>.txt": b"markup",
    "empty": b"",
}
EVIL = "<script>alert(1)</script>"


@dataclass
class Scene:
    """What was made.

    Attributes:
        first: version v0 of main/demo/ranker, with a description full of markup.
        link: a one-time link's secret, for the user `newcomer`.
    """

    config: Config
    first: Artifact
    second: Artifact
    link: str


def make_scene(folder: Path, database_url: str | None = None) -> Scene:
    """Makes a data folder with the world in it; nothing is left open.

    Args:
        database_url: an empty PostgreSQL database; None: SQLite.
    """
    # On SQLite the key is kept in the data folder, so that a server started on it finds the same one.
    config = with_secret_key(
        Config(
            data_dir=folder,
            database_url=database_url,
            secret_key=(token_hex(32),) if database_url else (),
            admin_password=PASSWORD,
            admin_api_key=ADMIN_KEY,
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    upgrade(config.database)
    database = open_database(config.database)
    try:
        setup.prepare(database, config)
        return _populate(database, config)
    finally:
        database.close()


def _populate(database: Database, config: Config) -> Scene:
    link = Secrets([key.encode() for key in config.secret_key]).new_token()
    database.write(setup.SYSTEM, lambda tx: _people(tx, link))
    with database.read(setup.SYSTEM) as tx:
        admin = users.get_named(tx, "admin")
    store = DiskStore(Path(config.blobs.removeprefix("file://")))
    desk = Desk(database, store, Actor(admin.id, admin.username, is_admin=True))
    first = _log(desk)
    second = desk.log(
        FILES | {"notes.md": b"# second"},
        references={"far": "s3://bucket/far"},
        entity="main",
        collection="ranker",
    )
    target = ProjectName("registrum-org", "wandb-registry-model")
    desk.write(
        lambda tx: link_artifact(
            tx, LinkArtifact(first.id, None, target, "Ranker", None, ("production",))
        )
    )
    desk.write(lambda tx: use_artifact(tx, UseArtifact(RunName("main", "demo", "r2"), first.id)))
    desk.close()
    store.close()
    return Scene(config, first, second, link.secret)


def _log(desk: Desk) -> Artifact:
    settings = SaveRun(
        display_name="amber harbor",
        config='{"lr": {"value": 0.1}, "note": {"value": "<i>x</i>"}, "_wandb": {"value": {}}}',
        summary='{"loss": 0.123456789, "_step": 3}',
        notes=EVIL,
        tags=("baseline",),
    )
    desk.write(lambda tx: save_run(tx, RunName("main", "demo", "r1"), settings))
    desk.write(
        lambda tx: save_run(tx, RunName("main", "demo", "r2"), SaveRun(state=RunState.FINISHED))
    )
    return desk.log(
        FILES,
        entity="main",
        collection="ranker",
        run="r1",
        description=f"First try {EVIL}",
        metadata='{"accuracy": 0.91, "layers": [1, 2], "note": "</code><script>"}',
        aliases=("latest", "best"),
        tags=("golden",),
    )


def _people(tx: Tx, link: NewToken) -> None:
    hashed = hash_password(PASSWORD)
    add_account(tx, CreateUser("new@example.org", username="newcomer", link=link))
    add_member(tx, "registrum", "newcomer", "member")
    add_account(tx, CreateUser("out@example.org", username="outsider", password_hash=hashed))
    guest = add_account(tx, CreateUser("guest@example.org", username="guest", password_hash=hashed))
    target = ProjectName("registrum-org", "wandb-registry-model")
    model = projects.get_for(tx, Action.READ, target).thing
    tx.run(
        insert(project_members).values(
            project_id=model.id,
            user_id=guest,
            role=Role.RESTRICTED_VIEWER,
            created_at=tx.now,
        )
    )


@contextmanager
def open_pages(config: Config) -> Iterator[Starlette]:
    """The pages and the routes of bytes on a scene's data folder, without the rest of the server."""
    database = open_database(config.database)
    store = DiskStore(Path(config.blobs.removeprefix("file://")))
    keys = [key.encode() for key in config.secret_key]
    secrets, signer = Secrets(keys), Signer(keys)
    site = Site(config, database, store, secrets, signer, SignIns(database, secrets))
    bytes_of = BlobRoutes(store, signer, _NothingComes())
    try:
        yield Starlette(routes=[Route("/blobs/{rest:path}", bytes_of), *routes(site)])
    finally:
        store.close()
        database.close()


class _NothingComes:
    """Pages upload nothing."""

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        """See `transfer.small_uploads.Recorder`."""
        raise AssertionError(stored)
