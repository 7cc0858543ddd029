"""Who may see and touch which row: `core/policy.py` as SQL conditions, and the grants that loaders mint.

The conditions are about the actor of the transaction through two parameters that every statement carries, `:actor_id` and
`:actor_is_admin`, so they are static and can be prepared. They are all of the form "this row of `projects` (or an alias of it) …".
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    false,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.expression import FromClause

from registrum.core.policy import (
    ORGANIZATION_ADMIN_IN_TEAMS,
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
)
from registrum.server.db.tables import (
    artifacts,
    collections,
    entities,
    memberships,
    organization_members,
    project_members,
    project_teams,
    projects,
    team_members,
)

T = TypeVar("T")
ACTOR = bindparam("actor_id", type_=Integer)
IS_ADMIN = bindparam("actor_is_admin", type_=Integer) == 1


@dataclass(frozen=True, slots=True)
class Grant(Generic[T]):
    """A thing that the actor may do `action` to; only loaders of the db room make it, writers ask for it.

    Attributes:
        thing: the loaded value.
        action: what was allowed.
    """

    thing: T
    action: Action

    def require(self, *actions: Action) -> T:
        """The thing, if the grant is for one of these actions; anything else is a mistake in our code."""
        if self.action not in actions:
            raise AssertionError(f"a grant to {self.action.name} was used for {actions[0].name}")
        return self.thing


def _organization_role_at_least(
    organization_id: ColumnElement[Any], role: Role
) -> ColumnElement[bool]:
    m = organization_members.alias()
    return exists(
        select(1).where(
            m.c.organization_id == organization_id, m.c.user_id == ACTOR, m.c.role >= role
        )
    )


def _registry_part(p: FromClause, least: Role) -> ColumnElement[bool]:
    people, teams, mine = project_members.alias(), project_teams.alias(), team_members.alias()
    everyone = organization_members.alias()
    # What everybody in the organization gets: core/policy.py, organization_part.
    capped = or_(everyone.c.role != Role.VIEWER, literal(least <= Role.VIEWER))
    return or_(
        exists(
            select(1).where(
                everyone.c.organization_id == p.c.organization_id,
                everyone.c.user_id == ACTOR,
                or_(
                    everyone.c.role == Role.ADMIN,
                    and_(p.c.visibility == "organization", p.c.organization_role >= least, capped),
                ),
            )
        ),
        exists(
            select(1).where(
                people.c.project_id == p.c.id, people.c.user_id == ACTOR, people.c.role >= least
            )
        ),
        exists(
            select(1)
            .select_from(teams.join(mine, mine.c.team_id == teams.c.team_id))
            .where(teams.c.project_id == p.c.id, mine.c.user_id == ACTOR, teams.c.role >= least)
        ),
    )


def _team_part(p: FromClause, action: Action) -> ColumnElement[bool]:
    rule, mine = PROJECT_RULES[action], team_members.alias()
    in_team = and_(
        mine.c.team_id == p.c.entity_id, mine.c.user_id == ACTOR, mine.c.role >= rule.team
    )
    condition: ColumnElement[bool] = exists(select(1).where(in_team))
    if rule.team > Role.VIEWER:
        condition = and_(condition, ~_is_organization_viewer(p.c.organization_id))
    if rule.organization_admin:
        condition = or_(condition, _organization_role_at_least(p.c.organization_id, Role.ADMIN))
    return condition


def _is_organization_viewer(organization_id: ColumnElement[Any]) -> ColumnElement[bool]:
    # Never within another EXISTS: SQLAlchemy correlates a subquery with the statement right around it only.
    m = organization_members.alias()
    return exists(
        select(1).where(
            m.c.organization_id == organization_id, m.c.user_id == ACTOR, m.c.role == Role.VIEWER
        )
    )


def allowed(action: Action, p: FromClause = projects) -> ColumnElement[bool]:
    """SQL condition: the project `p` (the table or an alias of it) is alive and the actor may do `action` in it."""
    may = _may_in_projects(action) if p is projects else _may_in(action, p)
    return and_(p.c.deleted_at.is_(None), may)


@cache
def _may_in_projects(action: Action) -> ColumnElement[bool]:
    """Made once for the many statements that have it."""
    return _may_in(action, projects)


def _may_in(action: Action, p: FromClause) -> ColumnElement[bool]:
    least = PROJECT_RULES[action].registry
    # No CASE by kind: SQLite evaluates the whole of its branches, but stops at the first part of an OR that holds.
    return or_(
        IS_ADMIN,
        and_(p.c.kind == "registry", _registry_part(p, least)),
        and_(p.c.kind == "team", _team_part(p, action)),
        and_(p.c.kind != "registry", p.c.kind != "team", p.c.owner_id == ACTOR),
    )


def allowed_artifact(action: Action, a: FromClause = artifacts) -> ColumnElement[bool]:
    """SQL condition, by artifact id: the source project, or any living membership's project, allows the actor `action`."""
    source, target = projects.alias(), projects.alias()
    m, c = memberships.alias(), collections.alias()
    linked = exists(
        select(1)
        .select_from(
            m.join(c, c.c.id == m.c.collection_id).join(target, target.c.id == c.c.project_id)
        )
        .where(
            m.c.artifact_id == a.c.id,
            m.c.deleted_at.is_(None),
            c.c.deleted_at.is_(None),
            allowed(action, target),
        )
    )
    return or_(
        exists(select(1).where(source.c.id == a.c.project_id, allowed(action, source))),
        and_(linked, is_alive(a.c.project_id)),
    )


def is_alive(project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: the project with this id is not deleted.

    What was logged into a project is gone with it, at once and wherever it is linked, though its rows follow in steps.
    """
    p = projects.alias()
    return exists(select(1).where(p.c.id == project_id, p.c.deleted_at.is_(None)))


def allowed_organization(
    action: Action, organization_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """SQL condition: the actor may do `action` in the organization with this id.

    Guests, who belong to one of its registries or teams only, may see that it is there.
    """
    condition = or_(
        IS_ADMIN, _organization_role_at_least(organization_id, ORGANIZATION_RULES[action])
    )
    if action is not Action.READ_ORGANIZATION:
        return condition
    return or_(condition, _is_guest(organization_id))


def belongs_to(organization_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: the actor is a member of the organization with this id, and not only a guest."""
    return _organization_role_at_least(organization_id, min(Role))


def _is_guest(organization_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: the actor has a place in a registry or a team of this organization."""
    p, people, teams, mine = (
        projects.alias(),
        project_members.alias(),
        project_teams.alias(),
        team_members.alias(),
    )
    own, team = team_members.alias(), entities.alias()
    return or_(
        exists(
            select(1)
            .select_from(people.join(p, p.c.id == people.c.project_id))
            .where(
                people.c.user_id == ACTOR,
                p.c.organization_id == organization_id,
                p.c.deleted_at.is_(None),
            )
        ),
        exists(
            select(1)
            .select_from(
                mine.join(teams, teams.c.team_id == mine.c.team_id).join(
                    p, p.c.id == teams.c.project_id
                )
            )
            .where(
                mine.c.user_id == ACTOR,
                p.c.organization_id == organization_id,
                p.c.deleted_at.is_(None),
            )
        ),
        exists(
            select(1)
            .select_from(own.join(team, team.c.id == own.c.team_id))
            .where(own.c.user_id == ACTOR, team.c.organization_id == organization_id)
        ),
    )


def allowed_entity(action: Action, e: FromClause = entities) -> ColumnElement[bool]:
    """SQL condition: the actor may do `action` in the entity `e` (the table or an alias of it)."""
    if action is Action.CREATE_REGISTRY:
        own_entity = and_(e.c.kind == "organization", e.c.deleted_at.is_(None))
        return and_(own_entity, allowed_organization(action, e.c.organization_id))
    team = _may_in_team(action, e)
    own: ColumnElement[bool] = e.c.user_id == ACTOR
    organization: ColumnElement[bool] = false()
    if action is Action.READ_ENTITY:
        own = or_(own, shares_organization(e.c.user_id))
        organization = allowed_organization(Action.READ_ORGANIZATION, e.c.organization_id)
    return and_(
        e.c.deleted_at.is_(None),
        or_(
            IS_ADMIN,
            case((e.c.kind == "team", team), (e.c.kind == "user", own), else_=organization),
        ),
    )


def allowed_team(action: Action, e: FromClause = entities) -> ColumnElement[bool]:
    """SQL condition: the entity `e` (the table or an alias of it) is a team, and the actor may do `action` in it."""
    may = or_(IS_ADMIN, _may_in_team(action, e))
    return and_(e.c.deleted_at.is_(None), e.c.kind == "team", may)


def _may_in_team(action: Action, e: FromClause) -> ColumnElement[bool]:
    mine = team_members.alias()
    in_team: ColumnElement[bool] = and_(
        mine.c.team_id == e.c.id, mine.c.user_id == ACTOR, mine.c.role >= TEAM_RULES[action]
    )
    condition: ColumnElement[bool] = exists(select(1).where(in_team))
    if action is Action.CREATE_PROJECT:
        condition = and_(condition, ~_is_organization_viewer(e.c.organization_id))
    if action in ORGANIZATION_ADMIN_IN_TEAMS:
        condition = or_(condition, _organization_role_at_least(e.c.organization_id, Role.ADMIN))
    if action is Action.READ_ENTITY:
        condition = or_(condition, _organization_role_at_least(e.c.organization_id, Role.VIEWER))
    return condition


def shares_organization(user_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: the user with this id is the actor, or they belong to one organization or team together."""
    ours, theirs = organization_members.alias(), organization_members.alias()
    my_team, their_team = team_members.alias(), team_members.alias()
    return or_(
        IS_ADMIN,
        user_id == ACTOR,
        exists(
            select(1)
            .select_from(theirs.join(ours, ours.c.organization_id == theirs.c.organization_id))
            .where(theirs.c.user_id == user_id, ours.c.user_id == ACTOR)
        ),
        exists(
            select(1)
            .select_from(their_team.join(my_team, my_team.c.team_id == their_team.c.team_id))
            .where(their_team.c.user_id == user_id, my_team.c.user_id == ACTOR)
        ),
    )


def held_role(p: FromClause = projects) -> ColumnElement[int]:
    """SQL expression: the number of the actor's effective role in project `p`; 0 for none.

    The highest role that some action's condition allows; it follows from `allowed`, so the two cannot differ.
    """
    of_role = {
        Role.ADMIN: Action.PROTECT_ALIAS,
        Role.MEMBER: Action.WRITE,
        Role.VIEWER: Action.DOWNLOAD,
        Role.RESTRICTED_VIEWER: Action.READ,
    }
    return case(*((allowed(action, p), int(role)) for role, action in of_role.items()), else_=0)


def decided(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """A condition as a column, 1 or 0: SQLite stops at what decides it, where it would evaluate every part of a bare one."""
    return case((condition, 1), else_=0)
