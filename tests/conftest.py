"""Fixtures for every room: scratch PostgreSQL databases."""

import os
from collections.abc import Iterator

import pytest

from tests.postgres import Cluster, PostgresMissing, running_cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A running PostgreSQL cluster, one per test process, started by the first test that asks."""
    if os.environ.get("REGISTRUM_TEST_POSTGRES") == "skip":
        pytest.skip("REGISTRUM_TEST_POSTGRES=skip")
    try:
        with running_cluster() as cluster:
            yield cluster
    except PostgresMissing as missing:
        pytest.fail(f"{missing}: install PostgreSQL, or set REGISTRUM_TEST_POSTGRES=skip")


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    url = postgres.empty_database()
    yield url
    postgres.drop(url)
