"""What is said to who may not: the one place where 404 or 403 is decided, and the words for it.

What you may not read does not exist; what you may read but not do is refused with the role held and the role needed.
"""

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, select

from registrum.core.errors import Forbidden, NotFound, RegistrumError, Unauthenticated
from registrum.core.policy import (
    ORGANIZATION_ADMIN_IN_TEAMS,
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
)
from registrum.core.projects import called
from registrum.server.db.statements import prepared
from registrum.server.db.tables import (
    entities,
    organization_members,
    organizations,
    projects,
    team_members,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import (
    ACTOR,
    allowed_entity,
    allowed_organization,
    held_role,
)


@cache
def _held_statement() -> Any:
    return prepared(
        select(held_role().label("held"), projects.c.kind, projects.c.name).where(
            projects.c.id == bindparam("project_id")
        )
    )


def refuse(tx: Tx, action: Action, project_id: int | None, what: str) -> RegistrumError:
    """The error for somebody who asked for `what` and may not do `action` to it.

    404-or-403 is decided here and nowhere else: what you may not read does not exist.

    Args:
        tx: the transaction of the one who asked.
        action: what they wanted to do.
        project_id: the project it is in; None if there is none.
        what: the thing in words, with its name as they typed it.
    """
    row = tx.one(_held_statement(), project_id=project_id) if project_id is not None else None
    if row is None or not row.held:
        return _missing(tx, what)
    rule = PROJECT_RULES[action]
    place = called(row.name)
    if row.kind == "registry":
        needed = rule.registry.at_least
    else:
        needed = rule.team.at_least
        if rule.organization_admin:
            needed += _OR_ORGANIZATION_ADMIN
    return _forbidden(action, place, f"your role there is {Role(row.held).words}", needed)


_OR_ORGANIZATION_ADMIN = ", or admin of its organization"


def _forbidden(action: Action, place: str, held: str, needed: str) -> Forbidden:
    return Forbidden(f"You may not {action.done_to(place)}: {held}, and it takes {needed}.")


def _missing(tx: Tx, what: str) -> RegistrumError:
    if tx.actor.is_anonymous and not tx.actor.is_admin:
        return Unauthenticated(f"Sign in or send an API key to see {what}.")
    return NotFound(f"There is no {what}, or you may not see it.")


@cache
def _held_in_entity_statement() -> Any:
    t, o = team_members.alias(), organization_members.alias()
    return prepared(
        select(
            entities.c.kind,
            entities.c.name,
            entities.c.organization_id,
            allowed_entity(Action.READ_ENTITY).label("visible"),
            t.c.role.label("in_team"),
            o.c.role.label("in_organization"),
        )
        .select_from(
            entities.outerjoin(
                t, and_(t.c.team_id == entities.c.id, t.c.user_id == ACTOR)
            ).outerjoin(
                o,
                and_(o.c.organization_id == entities.c.organization_id, o.c.user_id == ACTOR),
            )
        )
        .where(entities.c.id == bindparam("entity_id"))
    )


def refuse_entity(tx: Tx, action: Action, entity_id: int | None, what: str) -> RegistrumError:
    """The error for somebody who asked for an entity and may not do `action` in it; see `refuse`."""
    row = (
        tx.one(_held_in_entity_statement(), entity_id=entity_id) if entity_id is not None else None
    )
    if row is None or not row.visible:
        return _missing(tx, what)
    if action is Action.CREATE_REGISTRY and row.kind == "organization":
        return refuse_organization(tx, action, row.organization_id, what)
    if row.kind == "user":
        return Forbidden(
            f"You may not {action.done_to(repr(row.name))}: that is the personal entity of another user."
        )
    if row.kind == "organization":
        return Forbidden(
            f"You may not {action.done_to(repr(row.name))}: an organization's entity holds registries only."
        )
    held = "you have no role there"
    if row.in_team:
        held = f"your role there is {Role(row.in_team).words}"
    if row.in_organization == Role.VIEWER:
        held += " (you are only a viewer of its organization)"
    needed = TEAM_RULES[action].at_least
    if action in ORGANIZATION_ADMIN_IN_TEAMS:
        needed += _OR_ORGANIZATION_ADMIN
    return _forbidden(action, f"team {row.name!r}", held, needed)


@cache
def _held_in_organization_statement() -> Any:
    o = organization_members.alias()
    return prepared(
        select(
            organizations.c.name,
            allowed_organization(Action.READ_ORGANIZATION, organizations.c.id).label("visible"),
            o.c.role.label("held"),
        )
        .select_from(
            organizations.outerjoin(
                o, and_(o.c.organization_id == organizations.c.id, o.c.user_id == ACTOR)
            )
        )
        .where(organizations.c.id == bindparam("organization_id"))
    )


def refuse_organization(
    tx: Tx, action: Action, organization_id: int | None, what: str
) -> RegistrumError:
    """The error for somebody who asked for an organization and may not do `action` in it; see `refuse`."""
    row = (
        tx.one(_held_in_organization_statement(), organization_id=organization_id)
        if organization_id is not None
        else None
    )
    if row is None or not row.visible:
        return _missing(tx, what)
    held = Role(row.held).words if row.held else "guest"
    place, needed = f"organization {row.name!r}", ORGANIZATION_RULES[action].at_least
    return _forbidden(action, place, f"your role there is {held}", needed)


def require_instance_admin(tx: Tx, what: str) -> None:
    """Refuses whoever is no administrator of the instance.

    Args:
        what: what only they may do, as it goes on after "may".

    Raises:
        Forbidden: always for others; Unauthenticated for nobody.
    """
    if tx.actor.is_admin:
        return
    if tx.actor.is_anonymous:
        raise Unauthenticated("Sign in or send an API key.")
    raise Forbidden(f"Only an administrator of this instance may {what}; you are not one.")
