"""Ending projects, registries, teams and people: what goes along, what stays, what stands in the way."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from registrum.core.actors import Actor
from registrum.core.errors import Forbidden, InUse, NotFound
from registrum.core.linking import LinkArtifact
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.server.db import Database, artifacts, keys, projects
from registrum.server.db.tables import alias_spans, entities, events, memberships, team_members
from registrum.server.db.tx import Tx
from registrum.server.services.aliases import protect_aliases
from registrum.server.services.credentials import Secrets
from registrum.server.services.linking import link_artifact
from registrum.server.services.organizations import delete_organization
from registrum.server.services.projects import UpsertProject, delete_project, upsert_project
from registrum.server.services.setup import SYSTEM
from registrum.server.services.teams import (
    CreateTeam,
    create_service_account,
    create_team,
    delete_team,
)
from registrum.server.services.users import delete_user
from tests import make
from tests.services import acme

SECRETS = Secrets([b"k" * 40])


@dataclass(frozen=True)
class Stage:
    """`net` of the team's project, linked into a registry as `production`."""

    people: dict[str, Actor]
    project: int
    registry: int
    artifact: int


@pytest.fixture
def stage(database: Database) -> Stage:
    people = acme.found(database)
    registry = acme.registry(database, people["max"], "ranker")

    def work(tx: Tx) -> tuple[int, int]:
        source = projects.create_on_demand(tx, acme.TEAM, "training").thing
        return source.id, link(tx, make.version(tx, source, "net"))

    project, artifact = database.write(people["max"], work)
    return Stage(people, project, registry, artifact)


def link(tx: Tx, artifact_id: int) -> int:
    target = ProjectName(acme.OWNER, REGISTRY_PREFIX + "ranker")
    link_artifact(tx, LinkArtifact(artifact_id, None, target, "best", None, ("production",)))
    return artifact_id


def protect(database: Database, stage: Stage) -> None:
    database.write(
        stage.people["max"], lambda tx: protect_aliases(tx, stage.registry, ["production"])
    )


def links_of(database: Database, artifact_id: int) -> int:
    statement = select(memberships.c.id).where(
        memberships.c.artifact_id == artifact_id, memberships.c.deleted_at.is_(None)
    )
    with database.read(SYSTEM) as tx:
        return len(tx.rows(statement))


def sees(database: Database, actor: Actor, artifact_id: int) -> bool:
    with database.read(actor) as tx:
        try:
            artifacts.get_for(tx, Action.READ, artifact_id)
        except NotFound:
            return False
        return True


def test_a_registry_goes_with_its_links_but_not_the_sources(
    database: Database, stage: Stage
) -> None:
    assert links_of(database, stage.artifact) == 2
    assert sees(database, stage.people["vic"], stage.artifact)
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.registry, force=False))
    assert links_of(database, stage.artifact) == 1
    assert sees(database, stage.people["max"], stage.artifact)
    assert not sees(database, stage.people["vic"], stage.artifact)


def test_a_project_goes_with_its_artifacts_and_their_links(
    database: Database, stage: Stage
) -> None:
    with pytest.raises(NotFound):
        database.write(
            stage.people["sam"], lambda tx: delete_project(tx, stage.project, force=False)
        )
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.project, force=False))
    assert links_of(database, stage.artifact) == 0
    assert not sees(database, stage.people["root"], stage.artifact)


def test_a_protected_alias_keeps_registry_project_and_team(
    database: Database, stage: Stage
) -> None:
    protect(database, stage)
    for attempt in (
        lambda tx: delete_project(tx, stage.registry, force=False),
        lambda tx: delete_project(tx, stage.project, force=True),
        lambda tx: delete_team(tx, acme.TEAM),
        lambda tx: delete_organization(tx, acme.ORGANIZATION, force=False),
    ):
        with pytest.raises(InUse, match="'production' stands in collection 'best'"):
            database.write(stage.people["ada"], attempt)
    assert links_of(database, stage.artifact) == 2


def test_force_is_for_admins_of_the_organization(database: Database, stage: Stage) -> None:
    protect(database, stage)
    with pytest.raises(InUse):
        database.write(
            stage.people["max"], lambda tx: delete_project(tx, stage.registry, force=True)
        )
    database.write(stage.people["ada"], lambda tx: delete_project(tx, stage.registry, force=True))
    with database.read(SYSTEM) as tx:
        statement = select(events.c.changes).where(events.c.kind == "registry.deleted")
        assert tx.column(statement) == [{"name": REGISTRY_PREFIX + "ranker", "force": True}]


def test_an_organization_goes_with_teams_machines_and_guests(
    database: Database, stage: Stage
) -> None:
    protect(database, stage)
    ada, machines = stage.people["ada"], {}
    for name in (acme.TEAM, "second", "third"):
        if name != acme.TEAM:
            ask = CreateTeam(name, admin="ada", organization=acme.ORGANIZATION)
            database.write(ada, lambda tx, ask=ask: create_team(tx, ask))
        key = machines[name] = SECRETS.new_key_with_seed()
        database.write(ada, lambda tx, n=name, k=key: create_service_account(tx, n, "CI", k))
    database.write(ada, lambda tx: delete_organization(tx, acme.ORGANIZATION, force=True))
    assert not sees(database, stage.people["root"], stage.artifact)
    with database.read(SYSTEM) as tx:
        for name, key in machines.items():
            assert keys.holder_of(tx, [key.digest]) is None, name
        assert tx.column(select(team_members.c.team_id)) == []
        names = select(entities.c.name).where(
            entities.c.kind == "team", entities.c.deleted_at.is_(None)
        )
        assert tx.column(names) == []


def test_linked_artifacts_keep_their_owner_unless_somebody_takes_over(
    database: Database, stage: Stage
) -> None:
    max_ = stage.people["max"]

    def own(tx: Tx) -> int:
        source = projects.create_on_demand(tx, "max", "own").thing
        return link(tx, make.version(tx, source, "net"))

    artifact = database.write(max_, own)
    with pytest.raises(InUse, match="ranker/best"):
        database.write(stage.people["root"], lambda tx: delete_user(tx, "max", None))
    with pytest.raises(Forbidden):
        database.write(stage.people["ada"], lambda tx: delete_user(tx, "max", "ada"))
    database.write(stage.people["root"], lambda tx: delete_user(tx, "max", "ada"))
    assert links_of(database, artifact) == 2
    with database.read(stage.people["ada"]) as tx:
        assert artifacts.get_for(tx, Action.WRITE, artifact)


def test_acts_are_in_the_ledger_with_what_changed(database: Database, stage: Stage) -> None:
    ask = UpsertProject(project_id=stage.registry, description="d", access="RESTRICTED")
    database.write(stage.people["max"], lambda tx: upsert_project(tx, ask))
    statement = (
        select(events)
        .where(events.c.project_id == stage.registry, events.c.kind.like("registry.%"))
        .order_by(events.c.id)
    )
    with database.read(SYSTEM) as tx:
        made, changed = tx.rows(statement)
    assert (made.kind, made.actor_id) == ("registry.created", stage.people["max"].user_id)
    assert changed.changes == {
        "description": [None, "d"],
        "visibility": ["organization", "restricted"],
    }
    assert changed.organization_id is not None


def test_a_refused_act_is_not_in_the_ledger(database: Database, stage: Stage) -> None:
    with pytest.raises(Forbidden):
        database.write(
            stage.people["vic"], lambda tx: delete_project(tx, stage.registry, force=False)
        )
    with database.read(SYSTEM) as tx:
        assert not tx.rows(select(events).where(events.c.kind == "registry.deleted"))


def test_latest_moves_on_where_the_newest_link_came_from_a_project_that_ends(
    database: Database, stage: Stage
) -> None:
    def work(tx: Tx) -> int:
        source = projects.create_on_demand(tx, acme.TEAM, "more").thing
        link(tx, make.version(tx, source, "net"))
        return source.id

    number = database.write(stage.people["max"], work)
    database.write(stage.people["ada"], lambda tx: delete_project(tx, number, force=False))
    with database.read(SYSTEM) as tx:
        left = tx.rows(
            select(memberships.c.artifact_id)
            .join(alias_spans, alias_spans.c.membership_id == memberships.c.id)
            .where(
                memberships.c.project_id == stage.registry,
                alias_spans.c.alias == "latest",
                alias_spans.c.until.is_(None),
            )
        )
    assert [row.artifact_id for row in left] == [stage.artifact]
