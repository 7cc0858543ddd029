"""For every room: scratch files and scratch databases."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.passwords import quick_hashes

if TYPE_CHECKING:
    from tests.postgres import Cluster

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes; ten times what the fast tests ever have there."""


def pytest_configure(config: pytest.Config) -> None:
    """Scratch files are in memory where only fast tests run, for waiting for a disk is a third of their time.

    The slow ones write more than that, and who says `TMPDIR` gets that.
    """
    only_fast = config.option.markexpr == "not slow"
    if only_fast and "TMPDIR" not in os.environ and MEMORY.is_dir():
        if shutil.disk_usage(MEMORY).free < ROOM:
            return
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """What collecting made stays to the end, so no collection of garbage need look at it again; and they come less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def quick_passwords() -> Iterator[None]:
    """Hashes of passwords cost a hundredth, for tests that make or check several and are not about their strength."""
    with quick_hashes():
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    from registrum.server.db.migrations import upgrade

    path = tmp_path_factory.mktemp("template") / "registrum.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Cluster]":
    """A running PostgreSQL cluster, one per test process, started by the first test that asks."""
    from tests.postgres import PLANNED_ONCE, PostgresMissing, preparing_at_once, running_cluster

    if os.environ.get("REGISTRUM_TEST_POSTGRES") == "skip":
        pytest.skip("REGISTRUM_TEST_POSTGRES=skip")
    try:
        with preparing_at_once(), running_cluster(PLANNED_ONCE) as cluster:
            yield cluster
    except PostgresMissing as missing:
        pytest.fail(f"{missing}: install PostgreSQL, or set REGISTRUM_TEST_POSTGRES=skip")


@pytest.fixture
def postgres_url(postgres: "Cluster") -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    url = postgres.empty_database()
    yield url
    postgres.drop(url)
