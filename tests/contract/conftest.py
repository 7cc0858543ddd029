"""Fixtures of the contract suites: a real S3 server, and the world of the denial tests."""

from collections.abc import Iterator

import pytest

from tests.contract.denial_fixtures import loop, stage, stage_on_postgres
from tests.seaweed import Seaweed, SeaweedMissing, running_seaweed

__all__ = ["loop", "seaweed", "stage", "stage_on_postgres"]


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """A running S3 server, one per test process, started by the first test that asks."""
    try:
        with running_seaweed() as server:
            yield server
    except SeaweedMissing as missing:
        pytest.fail(str(missing))
