"""The client tests have the fixtures of all live tests."""

import pytest

from tests.client.fixtures import register


def pytest_configure(config: pytest.Config) -> None:
    """Takes them in."""
    register(config)
