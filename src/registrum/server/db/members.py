"""Members of a registry: users and teams with the role each was given, and the role in effect."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import bindparam, delete, exists, func, or_, select

from registrum.core.events import SubjectKind
from registrum.core.members import RegistryMember, RegistryTeam
from registrum.core.policy import Action, Role, organization_part
from registrum.core.projects import Entity, Project
from registrum.server.db.columns import among
from registrum.server.db.entities import ENTITY_COLUMNS, entity_from, with_organization
from registrum.server.db.roles import Roles
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    entities,
    organization_members,
    project_members,
    project_teams,
    projects,
    team_members,
    users,
)
from registrum.server.db.tx import Tx
from registrum.server.db.users import USER_COLUMNS, user_from, with_default
from registrum.server.db.visibility import Grant, allowed, allowed_entity, shares_organization

_ORGANIZATION_ROLE = (
    select(organization_members.c.role)
    .where(
        organization_members.c.organization_id == bindparam("organization_id"),
        organization_members.c.user_id == users.c.id,
    )
    .scalar_subquery()
)
_TEAM_ROLE = (
    select(func.max(project_teams.c.role))
    .select_from(
        project_teams.join(team_members, team_members.c.team_id == project_teams.c.team_id)
    )
    .where(
        project_teams.c.project_id == bindparam("project_id"),
        team_members.c.user_id == users.c.id,
    )
    .scalar_subquery()
)
_USERS_OF = prepared(
    select(
        *USER_COLUMNS,
        project_members.c.role.label("role"),
        _ORGANIZATION_ROLE.label("in_organization"),
        _TEAM_ROLE.label("by_team"),
    )
    .select_from(with_default(project_members.join(users, users.c.id == project_members.c.user_id)))
    .where(project_members.c.project_id == bindparam("project_id"), users.c.deleted_at.is_(None))
    .order_by(project_members.c.created_at, users.c.id)
)
_TEAMS_OF = prepared(
    select(*ENTITY_COLUMNS, project_teams.c.role)
    .select_from(
        with_organization(project_teams.join(entities, entities.c.id == project_teams.c.team_id))
    )
    .where(project_teams.c.project_id == bindparam("project_id"), entities.c.deleted_at.is_(None))
    .order_by(project_teams.c.created_at, entities.c.id)
)


def users_of(tx: Tx, registry: Project) -> list[RegistryMember]:
    """Who is a member of a registry, which the actor was given by a loader, in order of joining.

    Whoever makes a registry may add anybody by number, so e-mail addresses are those of people the actor knows.
    """
    rows = tx.rows(
        _USERS_OF, project_id=registry.id, organization_id=registry.entity.organization_id
    )
    return [
        RegistryMember(
            user_from(row),
            row.role,
            _effective(registry, row.role, row.in_organization, row.by_team),
        )
        for row in rows
    ]


def _effective(
    registry: Project, own: Role, in_organization: int | None, by_team: int | None
) -> Role:
    roles = [own]
    if by_team is not None:
        roles.append(Role(by_team))
    if in_organization is not None:
        held = Role(in_organization)
        if held is Role.ADMIN or registry.visibility == "organization":
            roles.append(organization_part(held, registry.organization_role))
    return max(roles)


def teams_of(tx: Tx, registry: Project) -> list[RegistryTeam]:
    """Which teams are members of a registry, which the actor was given by a loader, in order of joining."""
    rows = tx.rows(_TEAMS_OF, project_id=registry.id)
    return [RegistryTeam(entity_from(row), row.role) for row in rows]


_USERS = Roles(project_members, "project_id", "user_id")
_TEAMS = Roles(project_teams, "project_id", "team_id")
_OF_KIND = {SubjectKind.USER: _USERS, SubjectKind.TEAM: _TEAMS}
_REMOVE_IN_ORGANIZATION = prepared(
    delete(project_members).where(
        project_members.c.user_id == bindparam("user_id"),
        project_members.c.project_id.in_(
            select(projects.c.id).where(projects.c.organization_id == bindparam("organization_id"))
        ),
    )
)


@cache
def _living_users_statement() -> Prepared:
    return prepared(
        select(
            users.c.id,
            users.c.is_service,
            users.c.username,
            or_(
                shares_organization(users.c.id),
                exists(
                    select(1)
                    .select_from(
                        project_members.join(
                            projects, projects.c.id == project_members.c.project_id
                        )
                    )
                    .where(project_members.c.user_id == users.c.id, allowed(Action.READ))
                ),
            ).label("is_visible"),
        ).where(among(users.c.id, "user_ids"), users.c.deleted_at.is_(None))
    )


@cache
def _visible_teams_statement() -> Prepared:
    return prepared(
        select(entities.c.id, entities.c.name).where(
            among(entities.c.id, "team_ids"),
            entities.c.kind == "team",
            allowed_entity(Action.READ_ENTITY),
        )
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user who may become a member."""

    id: int
    is_service: bool
    username: str


def candidates(
    tx: Tx, registry: Grant[Project], user_ids: Sequence[int], named: Collection[int] = ()
) -> dict[int, Candidate]:
    """Those of these living users whom the actor sees: from an organization or team, or as members of a registry.

    Args:
        registry: grant to ADMINISTER.
        named: users whom the actor knows besides, because they were named exactly.
    """
    registry.require(Action.ADMINISTER)
    rows = tx.rows(_living_users_statement(), user_ids=list(user_ids))
    return {
        row.id: Candidate(row.id, row.is_service, row.username)
        for row in rows
        if row.is_visible or row.id in named
    }


def candidate_teams(tx: Tx, team_ids: Sequence[int]) -> dict[int, str]:
    """Names of those of these teams that the actor may see, by number."""
    return {
        row.id: row.name for row in tx.rows(_visible_teams_statement(), team_ids=list(team_ids))
    }


def add_creator(tx: Tx, entity: Grant[Entity], project_id: int, user_id: int) -> None:
    """Makes whoever created a registry, just now, its first member and admin."""
    entity.require(Action.CREATE_REGISTRY)
    _USERS.add(tx, project_id, user_id, Role.ADMIN)


def add(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int, role: Role) -> bool:
    """Makes a user or a team a member; who is one keeps the role. Whether they are new."""
    found, roles = registry.require(Action.ADMINISTER), _OF_KIND[kind]
    return roles.add(tx, found.id, number, role)


def role_of(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int) -> Role | None:
    """The role given to a user or a team in the registry; None for who is no member."""
    roles = _OF_KIND[kind]
    return roles.held(tx, registry.thing.id, number)


def change(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int, role: Role) -> None:
    """Sets the role of a member."""
    found, roles = registry.require(Action.ADMINISTER), _OF_KIND[kind]
    roles.change(tx, found.id, number, role)


def remove(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int) -> None:
    """Ends a membership."""
    found, roles = registry.require(Action.ADMINISTER), _OF_KIND[kind]
    roles.remove(tx, found.id, number)


def remove_everywhere(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends all memberships of registries that these users have."""
    _USERS.remove_holders(tx, user_ids)


def remove_in_organization(tx: Tx, user_id: int, organization_id: int) -> None:
    """Ends a user's memberships of the registries of one organization."""
    tx.run(_REMOVE_IN_ORGANIZATION, user_id=user_id, organization_id=organization_id)


def remove_teams_everywhere(tx: Tx, team_ids: Sequence[int]) -> None:
    """Ends all memberships of registries that these teams have."""
    _TEAMS.remove_holders(tx, team_ids)


def count_admins(tx: Tx, registry: Grant[Project]) -> int:
    """How many users and teams have the role admin in the registry."""
    return sum(roles.count(tx, registry.thing.id, Role.ADMIN) for roles in _OF_KIND.values())
