"""`db/visibility.py` says in SQL what `core/policy.py` says in tables: random worlds, every action, everybody, both databases."""

import shutil
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
from sqlalchemy import insert, select

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.policy import (
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
)
from registrum.core.projects import ProjectName
from registrum.server.db import (
    Database,
    linking,
    members,
    open_database,
    projects,
    tables,
)
from registrum.server.db.migrations import upgrade
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import entities, organizations, project_teams
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import (
    allowed,
    allowed_artifact,
    allowed_entity,
    allowed_organization,
    held_role,
)
from tests import make
from tests.roles import Facts, Place, Roles, Team

SOURCE = tables.projects.c.id == tables.artifacts.c.project_id
ORGANIZATIONS = ("acme", "globex")
PEOPLE = tuple(f"p{number}" for number in range(9))
IN_ORGANIZATION = (None, None, Role.VIEWER, Role.MEMBER, Role.ADMIN)
IN_TEAM = (None, None, Role.VIEWER, Role.MEMBER, Role.ADMIN)
IN_REGISTRY = (None, None, None, *Role)


def some_roles(random: Random, names: tuple[str, ...], among: tuple[Role | None, ...]) -> Roles:
    given = {name: random.choice(among) for name in names}
    return {name: role for name, role in given.items() if role is not None}


def random_facts(random: Random) -> Facts:
    """Two organizations with two teams each, a project of each team and of two people, and registries of every kind."""
    people = {name: some_roles(random, PEOPLE, IN_ORGANIZATION) for name in ORGANIZATIONS}
    teams = {
        f"{name}-team{number}": Team(name, some_roles(random, PEOPLE, IN_TEAM))
        for name in ORGANIZATIONS
        for number in range(2)
    }
    places = {f"of-{name}": Place("team", name, team.organization) for name, team in teams.items()}
    places |= {f"of-{name}": Place("user", name) for name in PEOPLE[:2]}
    for name in ORGANIZATIONS:
        for number in range(4):
            places[f"{name}-registry{number}"] = Place(
                "registry",
                name,
                name,
                random.choice(["organization", "restricted"]),
                random.choice(list(Role)),
                some_roles(random, PEOPLE, IN_REGISTRY),
                some_roles(random, tuple(teams), IN_REGISTRY),
            )
    return Facts(people, teams, places, frozenset({"root"}))


def links(facts: Facts) -> dict[str, str]:
    """For each team project a registry of its organization, into which its one version is linked."""
    registries = {
        name: [own for own, p in facts.projects.items() if p.owner == name]
        for name in ORGANIZATIONS
    }
    of_teams = [name for name, place in facts.projects.items() if place.kind == "team"]
    return {name: registries[facts.projects[name].organization or ""].pop() for name in of_teams}


def path_of(facts: Facts, name: str) -> ProjectName:
    """How a project is named on the wire."""
    place = facts.projects[name]
    return ProjectName(f"{place.owner}-org" if place.kind == "registry" else place.owner, name)


def build(tx: Tx, facts: Facts) -> dict[str, Actor]:
    """The same as rows."""
    actors = {name: make.user(tx, name) for name in PEOPLE}
    organization_ids = {name: make.organization(tx, name) for name in facts.organizations}
    for name, people in facts.organizations.items():
        for who, role in people.items():
            make.joins_organization(tx, actors[who], organization_ids[name], role)
    team_ids = {}
    for name, team in facts.teams.items():
        team_ids[name] = make.team(tx, organization_ids[team.organization], name)
        for who, role in team.people.items():
            make.joins_team(tx, actors[who], team_ids[name], role)
    for name, place in facts.projects.items():
        made = make.project(
            tx,
            place.kind,
            make.entity_of(tx, path_of(facts, name).entity),
            name,
            organization_id=organization_ids.get(place.organization or ""),
            owner=actors.get(place.owner),
            visibility=place.visibility,
            organization_role=place.organization_role,
        )
        for who, role in place.people.items():
            make.joins_project(tx, actors[who], made, role)
        for team_name, role in place.teams.items():
            row = {"project_id": made.id, "team_id": team_ids[team_name], "role": role}
            tx.run(insert(project_teams).values(created_at=tx.now, **row))
    for name, target in links(facts).items():
        source = projects.get_for(tx, Action.WRITE, path_of(facts, name)).thing
        number = make.version(tx, source, "net")
        registry = projects.get_for(tx, Action.LINK, path_of(facts, target))
        source = linking.source_for(tx, Action.DOWNLOAD, number, registry)
        linking.add_link(tx, registry, "linked", source)
    return actors | {"root": Actor(None, "root", is_admin=True), "nobody": ANONYMOUS}


@pytest.fixture(scope="module")
def migrated(request: pytest.FixtureRequest) -> str:
    """How to make databases: the address of an empty SQLite file, or "postgres"."""
    if request.param == "postgres":
        return "postgres"
    return str(request.getfixturevalue("sqlite_template"))


@pytest.fixture
def database(
    migrated: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """An open, empty database."""
    if migrated == "postgres":
        cluster = request.getfixturevalue("postgres")
        url = cluster.database_like("migrated", upgrade)
    else:
        copy = tmp_path_factory.mktemp("world") / "world.sqlite"
        shutil.copy(migrated, copy)
        url = f"sqlite:///{copy}"
    opened = open_database(url)
    yield opened
    opened.close()
    if migrated == "postgres":
        cluster.drop(url)


@pytest.mark.parametrize(
    ("migrated", "seed"),
    [("sqlite", seed) for seed in range(4)] + [("postgres", seed) for seed in range(4, 5)],
    indirect=["migrated"],
)
def test_the_conditions_in_sql_are_the_tables_of_the_policy(database: Database, seed: int) -> None:
    facts = random_facts(Random(seed))
    actors = database.write(make.ROOT, lambda tx: build(tx, facts))
    for who, actor in actors.items():
        with database.read(actor) as tx:
            compare_projects(tx, facts, who)
            compare_organizations(tx, facts, who)
            compare_entities(tx, facts, who)
    with database.read(actors["root"]) as tx:
        compare_roles_in_effect(tx, facts)


@cache
def in_projects() -> Prepared:
    """Each project, what the actor may do there, and the role that refusals name."""
    columns = (allowed(action).label(action.name) for action in PROJECT_RULES)
    return prepared(select(tables.projects.c.name, held_role().label("held"), *columns))


@cache
def through_links() -> Prepared:
    """Each project with a version, and what the actor may do to that by its id."""
    columns = (allowed_artifact(action).label(action.name) for action in PROJECT_RULES)
    joined = tables.artifacts.join(tables.projects, SOURCE)
    return prepared(select(tables.projects.c.name, *columns).select_from(joined))


@cache
def in_organizations() -> Prepared:
    """Each organization and what the actor may do in it."""
    number = organizations.c.id
    columns = (
        allowed_organization(action, number).label(action.name) for action in ORGANIZATION_RULES
    )
    return prepared(select(organizations.c.name, *columns))


@cache
def in_entities() -> Prepared:
    """Each entity and what the actor may do in it."""
    actions = (*TEAM_RULES, Action.CREATE_REGISTRY)
    columns = (allowed_entity(action).label(action.name) for action in actions)
    return prepared(select(entities.c.name, entities.c.kind, *columns))


def names(rows: list[Row], action: Action) -> set[str]:
    """Of what this is allowed."""
    return {row.name for row in rows if getattr(row, action.name)}


def compare_projects(tx: Tx, facts: Facts, who: str) -> None:
    directly, by_artifact = tx.rows(in_projects()), tx.rows(through_links())
    for action in PROJECT_RULES:
        expected = {name for name in facts.projects if facts.may(who, action, name)}
        assert names(directly, action) == expected, (who, action)
        assert names(by_artifact, action) == {
            source for source, target in links(facts).items() if {source, target} & expected
        }, (who, action)
    held = {row.name: row.held for row in directly}
    assert held == {name: int(facts.held(who, name) or 0) for name in facts.projects}


def compare_organizations(tx: Tx, facts: Facts, who: str) -> None:
    rows = tx.rows(in_organizations())
    for action in ORGANIZATION_RULES:
        expected = {
            name for name in facts.organizations if facts.may_in_organization(who, action, name)
        }
        assert names(rows, action) == expected, (who, action)


def compare_entities(tx: Tx, facts: Facts, who: str) -> None:
    rows = tx.rows(in_entities())
    teams = [row for row in rows if row.kind == "team"]
    for action in TEAM_RULES:
        expected = {name for name in facts.teams if facts.may_in_team(who, action, name)}
        assert names(teams, action) == expected, (who, action)
    assert names(rows, Action.CREATE_REGISTRY) == {
        f"{name}-org"
        for name in facts.organizations
        if facts.may_in_organization(who, Action.CREATE_REGISTRY, name)
    }


def compare_roles_in_effect(tx: Tx, facts: Facts) -> None:
    """What lists of members say besides the role that was given."""
    for name, place in facts.projects.items():
        if place.kind != "registry":
            continue
        registry = projects.get_for(tx, Action.READ, path_of(facts, name)).thing
        said = {
            one.user.username: (one.role, one.effective_role)
            for one in members.users_of(tx, registry)
        }
        assert said == {
            who: (role, facts.registry_role(who, name)) for who, role in place.people.items()
        }, name


def test_every_action_is_in_one_table() -> None:
    tables = [*PROJECT_RULES, *ORGANIZATION_RULES, *TEAM_RULES]
    assert sorted(tables) == sorted(Action)
