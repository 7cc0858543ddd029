"""Use cases run on both databases: the fixture `database` is an empty, migrated one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.server.db import Database, open_database
from registrum.server.db.migrations import upgrade


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "registrum.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        path = tmp_path / "registrum.sqlite"
        shutil.copy(template, path)
        yield f"sqlite:///{path}"
        return
    cluster = request.getfixturevalue("postgres")
    with cluster.lend("migrated", upgrade) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database with every table and no rows."""
    opened = open_database(database_url)
    yield opened
    opened.close()
