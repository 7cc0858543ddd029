"""Use cases run on both databases: the fixture `database` is an empty, migrated one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.server.db import Database, open_database
from registrum.server.db.migrations import upgrade
from registrum.server.db.postgres import PostgresDatabase


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


@pytest.fixture(scope="session")
def open_pools() -> Iterator[dict[str, PostgresDatabase]]:
    """The PostgreSQL databases that stay open for the next test, by address.

    What is kept is connections only: their rows are gone by then, and those that a test did not give back are not kept.
    """
    found: dict[str, PostgresDatabase] = {}
    yield found
    for each in found.values():
        each.close()


@pytest.fixture
def database(database_url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """An open database with every table and no rows."""
    if database_url.startswith("sqlite:"):
        opened = open_database(database_url)
        yield opened
        opened.close()
        return
    pools: dict[str, PostgresDatabase] = request.getfixturevalue("open_pools")
    pooled = pools.pop(database_url, None) or PostgresDatabase(database_url)
    yield pooled
    if _is_whole(pooled):
        pools[database_url] = pooled
    else:
        pooled.close()


def _is_whole(database: PostgresDatabase) -> bool:
    """Whether it is open and has all its connections back."""
    pool = database._pool
    stats = pool.get_stats()
    return not pool.closed and stats["pool_available"] == stats["pool_size"]
