"""Members of a registry: adding and removing users and teams, and changing the role each has."""

from collections.abc import Collection, Sequence

from registrum.core.errors import InUse, Invalid, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.core.policy import (
    DEFAULT_REGISTRY_ROLE,
    DEFAULT_SERVICE_ROLE,
    REGISTRY_ROLES,
    Action,
    Role,
    check_assignable,
    role_named,
)
from registrum.core.projects import Project
from registrum.core.registries import short_name
from registrum.server.db import events, members, organizations, projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

MOST_AT_ONCE = 500


def add_members(
    tx: Tx,
    project_id: int,
    user_ids: Sequence[int],
    team_ids: Sequence[int],
    role: str | None = None,
    named: Collection[int] = (),
) -> None:
    """Makes users and teams members of a registry; who is one keeps the role.

    Args:
        role: for all of them; None: restricted viewer, and member for service accounts.
        named: those of the users whom the actor has named exactly; the others must be known to them.

    Raises:
        NotFound: the registry, a user or a team is missing or hidden.
        Forbidden: the actor does not administer the registry.
        Invalid: no such role, one that a service account cannot have, or it is no registry.
    """
    registry = _registry(tx, project_id)
    wanted = None if role is None else role_named(role, REGISTRY_ROLES)
    found = members.candidates(tx, registry, _bounded(user_ids), named)
    teams = members.candidate_teams(tx, _bounded(team_ids))
    if len(found) < len(set(user_ids)) or len(teams) < len(set(team_ids)):
        raise NotFound("One of the users or teams does not exist, or you may not see it.")
    for user in found.values():
        default = DEFAULT_SERVICE_ROLE if user.is_service else DEFAULT_REGISTRY_ROLE
        given = wanted or default
        check_assignable(given, to_service_account=user.is_service)
        if members.add_user(tx, registry, user.id, given):
            _record(tx, registry, EventKind.MEMBER_ADDED, SubjectKind.USER, user.id, None, given)
    for team_id in teams:
        given = wanted or DEFAULT_REGISTRY_ROLE
        if members.add_team(tx, registry, team_id, given):
            _record(tx, registry, EventKind.MEMBER_ADDED, SubjectKind.TEAM, team_id, None, given)


def remove_members(
    tx: Tx, project_id: int, user_ids: Sequence[int], team_ids: Sequence[int]
) -> None:
    """Ends memberships of a registry; who is no member is left alone.

    Raises:
        NotFound, Forbidden: the actor does not administer the registry.
        InUse: no admin would be left, and the actor does not administer the organization.
    """
    registry = _registry(tx, project_id)
    projects.lock(tx, registry.thing.id)
    removed_admins = 0
    for user_id in _bounded(user_ids):
        held = members.user_role(tx, registry, user_id)
        if held is not None:
            members.remove_user(tx, registry, user_id)
            _record(tx, registry, EventKind.MEMBER_REMOVED, SubjectKind.USER, user_id, held, None)
            removed_admins += held is Role.ADMIN
    for team_id in _bounded(team_ids):
        held = members.team_role(tx, registry, team_id)
        if held is not None:
            members.remove_team(tx, registry, team_id)
            _record(tx, registry, EventKind.MEMBER_REMOVED, SubjectKind.TEAM, team_id, held, None)
            removed_admins += held is Role.ADMIN
    if removed_admins:
        _check_has_admin(tx, registry)


def update_user(tx: Tx, project_id: int, user_id: int, role: str) -> None:
    """Changes the role of a user who is a member.

    Raises:
        NotFound: also for who is no member.
        Forbidden: the actor does not administer the registry.
        Invalid: no such role, or one that a service account cannot have.
        InUse: no admin would be left, and the actor does not administer the organization.
    """
    registry = _registry(tx, project_id)
    wanted = role_named(role, REGISTRY_ROLES)
    projects.lock(tx, registry.thing.id)
    held = members.user_role(tx, registry, user_id)
    user = members.candidates(tx, registry, [user_id]).get(user_id)
    if held is None or user is None:
        raise NotFound(f"There is no such member of registry {short_name(registry.thing)!r}.")
    check_assignable(wanted, to_service_account=user.is_service)
    if held is wanted:
        return
    members.change_user(tx, registry, user_id, wanted)
    if held is Role.ADMIN:
        _check_has_admin(tx, registry)
    _record(tx, registry, EventKind.MEMBER_CHANGED, SubjectKind.USER, user_id, held, wanted)


def update_team(tx: Tx, project_id: int, team_id: int, role: str) -> None:
    """Changes the role of a team that is a member. Raises as `update_user`."""
    registry = _registry(tx, project_id)
    wanted = role_named(role, REGISTRY_ROLES)
    projects.lock(tx, registry.thing.id)
    held = members.team_role(tx, registry, team_id)
    if held is None:
        raise NotFound(f"There is no such member of registry {short_name(registry.thing)!r}.")
    if held is wanted:
        return
    members.change_team(tx, registry, team_id, wanted)
    if held is Role.ADMIN:
        _check_has_admin(tx, registry)
    _record(tx, registry, EventKind.MEMBER_CHANGED, SubjectKind.TEAM, team_id, held, wanted)


def _registry(tx: Tx, project_id: int) -> Grant[Project]:
    registry = projects.get_for_id(tx, Action.ADMINISTER, project_id)
    if not registry.thing.is_registry:
        raise Invalid(
            f"{registry.thing.entity.name}/{registry.thing.name} is not a registry: "
            "its members are those of its team."
        )
    return registry


def _bounded(ids: Sequence[int]) -> list[int]:
    """Each once, in the order given.

    Raises:
        Invalid: too many for one transaction.
    """
    once = list(dict.fromkeys(ids))
    if len(once) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} members can be given at once.")
    return once


def _check_has_admin(tx: Tx, registry: Grant[Project]) -> None:
    """After a change, within its transaction: a refusal takes the change back."""
    found = registry.thing
    if members.count_admins(tx, registry) or organizations.may_administer(
        tx, found.entity.organization_id
    ):
        return
    raise InUse(
        f"Registry {short_name(found)!r} would be left without an admin: make another member admin first, "
        "or ask an admin of the organization."
    )


def _record(
    tx: Tx,
    registry: Grant[Project],
    kind: EventKind,
    subject: SubjectKind,
    number: int,
    before: Role | None,
    after: Role | None,
) -> None:
    events.record(
        tx,
        kind,
        subject_kind=subject,
        subject_id=number,
        project_id=registry.thing.id,
        organization_id=registry.thing.entity.organization_id,
        changes={"role": [before.label if before else "", after.label if after else ""]},
    )
