"""Fixtures of the SDK's tests: those of the client's, and this process as one of its people."""

from pathlib import Path

import pytest

from registrum.sdk.credentials import Credentials
from registrum.sdk.http import Service
from tests.client.fixtures import register
from tests.client.live import Person, Server


def pytest_configure(config: pytest.Config) -> None:
    """Takes in the fixtures of all live tests."""
    register(config)


@pytest.fixture
def here(server: Server, admin: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The server for the administrator, who this process is until the test ends."""
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY", "WANDB_PROJECT", "WANDB_ENTITY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REGISTRUM_URL", server.url)
    monkeypatch.setenv("REGISTRUM_API_KEY", admin.api_key)
    monkeypatch.setenv("REGISTRUM_ENTITY", "main")
    monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("REGISTRUM_ARTIFACT_DIR", str(tmp_path / "artifacts"))
    return Service(Credentials(server.url, admin.api_key))
