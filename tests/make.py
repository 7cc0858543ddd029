"""Plain factories: people, organizations, registries and committed versions, straight into the database."""

from itertools import count

from sqlalchemy import select, update

from registrum.core.actors import Actor
from registrum.core.policy import Action, Role
from registrum.core.projects import REGISTRY_PREFIX, Project, ProjectName
from registrum.server.db import aliases, artifacts, collections, memberships, projects
from registrum.server.db.tables import (
    artifact_types,
    entities,
    organization_members,
    organizations,
    project_members,
    team_members,
    users,
)
from registrum.server.db.tables import artifacts as artifact_rows
from registrum.server.db.tables import projects as project_rows
from registrum.server.db.tx import Tx
from tests.rows import put, put_new

ROOT = Actor(None, "root", is_admin=True)
_digests = count(1)


def user(tx: Tx, name: str) -> Actor:
    """A person with an entity of their own."""
    number = put_new(
        tx, users, username=name, username_key=name, name=name.title(), created_at=tx.now
    )
    entity(tx, "user", name, user_id=number)
    return Actor(number, name)


def entity(
    tx: Tx, kind: str, name: str, *, organization_id: int | None = None, user_id: int | None = None
) -> int:
    """An entity of any kind; its number."""
    return put_new(
        tx,
        entities,
        kind=kind,
        name=name,
        name_key=name,
        organization_id=organization_id,
        user_id=user_id,
        created_at=tx.now,
    )


def organization(tx: Tx, name: str) -> int:
    """An organization with its entity `<name>-org`; its number."""
    own = entity(tx, "organization", f"{name}-org")
    number = put_new(tx, organizations, name=name, name_key=name, entity_id=own, created_at=tx.now)
    tx.run(update(entities).where(entities.c.id == own).values(organization_id=number))
    return number


def team(tx: Tx, organization_id: int, name: str) -> int:
    """A team of an organization; its entity's number."""
    return entity(tx, "team", name, organization_id=organization_id)


def joins_organization(tx: Tx, actor: Actor, organization_id: int, role: Role) -> None:
    """Makes somebody a member of an organization."""
    put(
        tx,
        organization_members,
        organization_id=organization_id,
        user_id=actor.user_id,
        role=role,
        created_at=tx.now,
    )


def joins_team(tx: Tx, actor: Actor, team_id: int, role: Role) -> None:
    """Makes somebody a member of a team."""
    put(tx, team_members, team_id=team_id, user_id=actor.user_id, role=role, created_at=tx.now)


def joins_project(tx: Tx, actor: Actor, project: Project, role: Role) -> None:
    """Gives somebody a role in a registry."""
    put(
        tx,
        project_members,
        project_id=project.id,
        user_id=actor.user_id,
        role=role,
        created_at=tx.now,
    )


def project(
    tx: Tx,
    kind: str,
    entity_id: int,
    name: str,
    *,
    organization_id: int | None = None,
    owner: Actor | None = None,
    visibility: str = "organization",
    organization_role: Role = Role.VIEWER,
    accepts: tuple[str, ...] | None = None,
) -> Project:
    """A project of any kind; `accepts`: the types of a registry, None for all."""
    number = put_new(
        tx,
        project_rows,
        kind=kind,
        entity_id=entity_id,
        organization_id=organization_id,
        owner_id=owner.user_id if owner else None,
        name=name,
        visibility=visibility,
        organization_role=organization_role,
        accepts_any_type=accepts is None,
        created_at=tx.now,
    )
    for type_name in accepts or ():
        put(
            tx,
            artifact_types,
            project_id=number,
            name=type_name,
            is_accepted=True,
            created_at=tx.now,
        )
    return projects.get_for_id(tx, Action.WRITE, number).thing


def registry(tx: Tx, organization: str, organization_id: int, name: str, **rest: object) -> Project:
    """A registry of an organization; its name is given without the prefix."""

    own = tx.value(select(entities.c.id).where(entities.c.name == f"{organization}-org"))
    return project(
        tx,
        "registry",
        own,
        REGISTRY_PREFIX + name,
        organization_id=organization_id,
        **rest,  # type: ignore[arg-type]
    )


def version(
    tx: Tx,
    where: Project,
    collection: str,
    *,
    type_name: str = "model",
    named: tuple[str, ...] = ("latest",),
    state: str = "committed",
) -> int:
    """A version logged into a project's sequence, without files; the artifact's number."""
    granted = projects.get_for(tx, Action.WRITE, ProjectName(where.entity.name, where.name))
    sequence = collections.sequence_for(tx, granted, type_name, collection)
    number = put_new(
        tx,
        artifact_rows,
        project_id=where.id,
        collection_id=sequence.thing.id,
        state=state,
        digest=f"{next(_digests):032x}",
        digest_algorithm="MANIFEST_MD5",
        size_bytes=10,
        file_count=1,
        created_at=tx.now,
    )
    if state != "committed":
        return number
    place = memberships.add_own(tx, artifacts.get_for(tx, Action.WRITE, number), 10)
    tx.run(
        update(artifact_rows)
        .where(artifact_rows.c.id == number)
        .values(version=place.thing.version)
    )
    aliases.point(tx, place, named)
    return number


def entity_of(tx: Tx, name: str) -> int:
    """The number of an entity by its name."""
    return int(tx.value(select(entities.c.id).where(entities.c.name == name)))
