"""Fixtures of the denial tests: their world on both databases, made once."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from registrum.server.blobs.signing import Signer, Urls
from registrum.server.db import open_database
from registrum.server.db.migrations import upgrade
from tests.contract.denial_stage import Stage, services_on
from tests.contract.denial_world import (
    SECRET,
    build,
)


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own, for the store."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever, daemon=True)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture(scope="session")
def stage(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Stage]:
    """The world on SQLite."""
    folder = tmp_path_factory.mktemp("denials")
    path = shutil.copy(sqlite_template, folder / "registrum.sqlite")
    first = open_database(f"sqlite:///{path}")
    world = build(first, folder / "blobs")
    first.close()
    shutil.copy(path, folder / "pristine.sqlite")
    pristine, live = (apsw.Connection(str(each)) for each in (folder / "pristine.sqlite", path))
    database = open_database(f"sqlite:///{path}")
    urls = Urls("http://registry.test", Signer([SECRET]))
    yield Stage(world, services_on(database, folder, loop), urls, lambda: _copy(pristine, live))
    database.close()
    pristine.close()
    live.close()


def _copy(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as copying:
        copying.step(-1)


@pytest.fixture(scope="session")
def stage_on_postgres(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Stage]:
    """The world on PostgreSQL, which is not restored."""
    cluster = request.getfixturevalue("postgres")
    url, folder = cluster.database_like("migrated", upgrade), tmp_path_factory.mktemp("denials")
    database = open_database(url)
    world = build(database, folder / "blobs")
    cluster.analyze(url)
    urls = Urls("http://registry.test", Signer([SECRET]))

    def restore() -> None:
        raise AssertionError("something was written that was to be refused")

    yield Stage(world, services_on(database, folder, loop), urls, restore)
    database.close()
    cluster.drop(url)
