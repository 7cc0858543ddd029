"""Acme, made by the use cases themselves: an administrator, an organization with two registries, a team, people."""

from registrum.core.actors import Actor
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, Project, ProjectName
from registrum.server.db import Database, projects, users
from registrum.server.db.tx import Tx
from registrum.server.services.organizations import (
    CreateOrganization,
    add_member,
    create_organization,
)
from registrum.server.services.projects import UpsertProject, upsert_project
from registrum.server.services.setup import SYSTEM
from registrum.server.services.teams import CreateTeam, create_team
from registrum.server.services.users import CreateUser, create_user

ORGANIZATION, OWNER, TEAM = "Acme Inc", "acme-inc-org", "research"


def person(tx: Tx, name: str, role: str | None = "member", *, admin: bool = False) -> Actor:
    """Somebody with an account, in Acme with that role (None: not)."""
    number = create_user(tx, CreateUser(f"{name}@example.org", username=name, is_admin=admin))
    if role is not None:
        add_member(tx, ORGANIZATION, name, role)
    return Actor(number, name, admin)


def found(database: Database) -> dict[str, Actor]:
    """Makes Acme: `root` of the instance, `ada` admin, `max` member, `vic` viewer, `sam` a stranger."""

    def work(tx: Tx) -> dict[str, Actor]:
        people = {"root": person(tx, "root", None, admin=True)}
        people["ada"] = person(tx, "ada", None)
        create_organization(tx, CreateOrganization(ORGANIZATION, admin="ada"))
        people["max"] = person(tx, "max")
        people["vic"] = person(tx, "vic", "viewer")
        people["sam"] = person(tx, "sam", None)
        create_team(tx, CreateTeam(TEAM, admin="max", organization=ORGANIZATION))
        return people

    return database.write(SYSTEM, work)


def registry(database: Database, actor: Actor, name: str, **rest: object) -> int:
    """A registry of Acme made by that actor; its number."""
    ask = UpsertProject(entity=OWNER, name=REGISTRY_PREFIX + name, **rest)  # type: ignore[arg-type]
    return database.write(actor, lambda tx: upsert_project(tx, ask)).project_id


def read(database: Database, actor: Actor, name: str, entity: str = OWNER) -> Project:
    """A project as that actor sees it; registries without the prefix."""
    full = REGISTRY_PREFIX + name if entity == OWNER else name
    with database.read(actor) as tx:
        return projects.get_for(tx, Action.READ, ProjectName(entity, full)).thing


def number_of(database: Database, name: str) -> int:
    """The number of a user."""
    with database.read(SYSTEM) as tx:
        return users.get_named(tx, name).id
