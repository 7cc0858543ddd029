"""A page takes as many statements whatever its length, as what its rows need is fetched for all of them at once; a write takes few."""

import asyncio
import runpy
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import apsw
import pytest

from registrum.core import ids
from registrum.core.actors import Actor
from registrum.core.policy import Role
from registrum.server.blobs import open_store
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.config import Config
from registrum.server.db import open_database
from registrum.server.db.database import Database
from registrum.server.db.sqlite import SqliteDatabase
from registrum.server.db.tx import Tx
from registrum.server.graphql.context import Context, Services
from registrum.server.graphql.execution import Engine
from registrum.server.services import members, teams
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets
from registrum.server.services.teams import CreateTeam
from tests import make
from tests.contract.denial_stage import BOUND
from tests.services import acme

KEY = b"a key of enough characters for the signing of URLs"
ENGINE = Engine(BOUND)
OPERATIONS = distribution("wandb").locate_file("wandb/sdk/artifacts/_generated/operations.py")
Ask = Callable[[Actor, str, dict[str, Any]], tuple[Any, int]]


@pytest.fixture(scope="module")
def operations() -> dict[str, str]:
    """The documents of the client, by their names there; the whole client takes a second to import."""
    return runpy.run_path(str(OPERATIONS))


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[SqliteDatabase]:
    """An empty one."""
    path = shutil.copy(sqlite_template, tmp_path / "registrum.sqlite")
    opened = open_database(f"sqlite:///{path}")
    assert isinstance(opened, SqliteDatabase)
    yield opened
    opened.close()


@pytest.fixture
def ask(database: SqliteDatabase, tmp_path: Path) -> Iterator[Ask]:
    """Asks GraphQL: what it gives, and how many statements it took."""
    config, loop = Config(data_dir=tmp_path), asyncio.new_event_loop()
    store = open_store(f"file://{tmp_path}")
    services = Services(config, database, store, Secrets([KEY]), loop, Commits())

    def asked(actor: Actor, query: str, variables: dict[str, Any]) -> tuple[Any, int]:
        seen: list[str] = []
        connections = database._reader().connection, database._writer_driver.connection
        context = Context(services, actor, Urls("http://here", Signer([KEY])), "")

        def note(_: apsw.Cursor, sql: str, __: object) -> bool:
            seen.append(sql)
            return True

        for connection in connections:
            connection.exec_trace = note
        try:
            answer = ENGINE.execute(query, variables, None, context)
        finally:
            context.close()
            for connection in connections:
                connection.exec_trace = None
        assert answer.status == 200, answer.body
        return answer.body, sum(sql.startswith(("SELECT", "INSERT", "UPDATE")) for sql in seen)

    yield asked
    store.close()
    loop.close()


def test_registries_with_their_types(
    database: Database, ask: Ask, operations: dict[str, str]
) -> None:
    query = operations["FETCH_REGISTRIES_GQL"]
    people = acme.found(database)
    given = {"organization": acme.ORGANIZATION, "perPage": 50}
    acme.registry(
        database, people["ada"], "first", accepts_any_type=False, types=(("model", None),)
    )
    _, few = ask(people["ada"], query, given)
    for number in range(8):
        types = ((f"type{number}", None), ("model", None))
        acme.registry(database, people["ada"], f"more{number}", accepts_any_type=False, types=types)
    body, many = ask(people["ada"], query, given)
    assert many == few
    for number in range(8):
        assert f'"type{number}"'.encode() in body


def test_teams_of_a_registry_with_their_members(
    database: Database, ask: Ask, operations: dict[str, str]
) -> None:
    query = operations["REGISTRY_TEAM_MEMBERS_GQL"]
    people = acme.found(database)
    registry = acme.registry(database, people["ada"], "first")
    given = {"project": "wandb-registry-first", "entity": acme.OWNER}

    def join(name: str) -> None:
        number = database.write(
            people["root"],
            lambda tx: teams.create_team(
                tx, CreateTeam(name, admin="max", organization=acme.ORGANIZATION)
            ),
        )
        database.write(
            people["ada"], lambda tx: members.add_members(tx, registry, [], [number], "viewer")
        )

    join("one")
    _, few = ask(people["vic"], query, given)
    for number in range(6):
        join(f"more{number}")
    body, many = ask(people["vic"], query, given)
    assert many == few
    assert body.count(b'"username":"max"') == 7


def test_a_link_and_an_alias_that_moves(
    database: Database, ask: Ask, operations: dict[str, str]
) -> None:
    linking, adding = operations["LINK_ARTIFACT_GQL"], operations["ADD_ALIASES_GQL"]

    def build(tx: Tx) -> tuple[Actor, list[int]]:
        organization = make.organization(tx, "acme")
        team, ann = make.team(tx, organization, "team"), make.user(tx, "ann")
        make.joins_organization(tx, ann, organization, Role.MEMBER)
        make.joins_team(tx, ann, team, Role.MEMBER)
        registry = make.registry(tx, "acme", organization, "models")
        make.joins_project(tx, ann, registry, Role.MEMBER)
        work = make.project(tx, "team", team, "work", organization_id=organization)
        return ann, [make.version(tx, work, "runs") for _ in range(2)]

    ann, (first, second) = database.write(make.ROOT, build)
    place = {"entityName": "acme-org", "projectName": "wandb-registry-models"}

    def link(artifact: int) -> int:
        given = {**place, "artifactID": ids.encode("Artifact", artifact), "aliases": []}
        given["artifactPortfolioName"] = "ranker"
        body, count = ask(ann, linking, {"input": given, "includeAliases": True})
        assert b'"versionIndex"' in body
        return count

    def move(artifact: int) -> int:
        alias = {**place, "artifactCollectionName": "ranker", "alias": "best"}
        given = {"artifactID": ids.encode("Artifact", artifact), "aliases": [alias]}
        return ask(ann, adding, {"input": given})[1]

    link(first)  # which makes the collection
    assert link(second) <= 14
    move(first)
    assert move(second) <= 6
