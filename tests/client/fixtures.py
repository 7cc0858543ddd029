"""Fixtures of every room with live tests: one server for all of them, and people on it. Their `conftest`s register this module."""

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.client.live import Person, Server, add_person, running
from tests.client.processes import copying
from tests.client.whale import Whale, whale

_numbers = count(1)


def register(config: pytest.Config) -> None:
    """Makes these fixtures every room's that the session has; more than once is once."""
    if not config.pluginmanager.has_plugin(__name__):
        config.pluginmanager.register(sys.modules[__name__], __name__)


@pytest.fixture(scope="session", autouse=True)
def quick_processes(pytestconfig: pytest.Config) -> Iterator[None]:
    """Where only fast tests run, processes begin as copies of an interpreter; else as everybody's do."""
    if pytestconfig.option.markexpr != "not slow":
        yield
        return
    with copying():
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A live server on SQLite, shared by the tests of this process; each uses projects of its own."""
    folder = tmp_path_factory.mktemp("server")
    with running(folder / "data", folder / "admin") as live:
        yield live


@pytest.fixture(scope="session")
def world(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whale]:
    """An organization of several people with the client in this process, shared by the tests of this process.

    What fixtures of other files make in it is made once as well (`scope="session"`): where tests are shared out among
    processes, one process may come back to a file that it has left."""
    with whale(server, tmp_path_factory.mktemp("whale")) as made:
        yield made


@pytest.fixture
def admin(server: Server, tmp_path: Path) -> Person:
    """The administrator, with a fresh home."""
    return Person("admin", server.admin.api_key, tmp_path / "admin")


NewPerson = Callable[..., Person]


@pytest.fixture
def new_person(server: Server, tmp_path: Path) -> NewPerson:
    """Makes people: `new_person("ann", organization_role="member", team_role="member")`; None leaves them out."""

    def make(
        name: str,
        organization_role: str | None = "member",
        in_team: bool = True,
    ) -> Person:
        username = f"{name}-{next(_numbers)}-{tmp_path.name[-20:]}".lower().replace("_", "-")
        return add_person(server, username, tmp_path / username, organization_role, in_team)

    return make


@pytest.fixture
def project(tmp_path: Path) -> str:
    """A project name of this test's own."""
    return f"p{next(_numbers)}-{abs(hash(str(tmp_path))) % 10**8}"
