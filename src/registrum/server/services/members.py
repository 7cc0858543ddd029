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
    registry = _registry_in_turn(tx, project_id)
    wanted = None if role is None else role_named(role, REGISTRY_ROLES)
    found = members.candidates(tx, registry, _bounded(user_ids), named)
    teams = members.candidate_teams(tx, _bounded(team_ids))
    if len(found) < len(set(user_ids)) or len(teams) < len(set(team_ids)):
        raise NotFound("One of the users or teams does not exist, or you may not see it.")
    for user in found.values():
        default = DEFAULT_SERVICE_ROLE if user.is_service else DEFAULT_REGISTRY_ROLE
        given = wanted or default
        check_assignable(given, to_service_account=user.is_service)
        _add(tx, registry, SubjectKind.USER, user.id, given)
    for team_id in teams:
        _add(tx, registry, SubjectKind.TEAM, team_id, wanted or DEFAULT_REGISTRY_ROLE)


def _add(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int, role: Role) -> None:
    if members.add(tx, registry, kind, number, role):
        _record(tx, registry, EventKind.MEMBER_ADDED, kind, number, None, role)


def remove_members(
    tx: Tx, project_id: int, user_ids: Sequence[int], team_ids: Sequence[int]
) -> None:
    """Ends memberships of a registry; who is no member is left alone.

    Raises:
        NotFound, Forbidden: the actor does not administer the registry.
        InUse: no admin would be left, and the actor does not administer the organization.
    """
    registry = _registry_in_turn(tx, project_id)
    gone = [
        *(_remove(tx, registry, SubjectKind.USER, number) for number in _bounded(user_ids)),
        *(_remove(tx, registry, SubjectKind.TEAM, number) for number in _bounded(team_ids)),
    ]
    if Role.ADMIN in gone:
        _check_has_admin(tx, registry)


def _remove(tx: Tx, registry: Grant[Project], kind: SubjectKind, number: int) -> Role | None:
    """The role that was taken away, if there was one."""
    held = members.role_of(tx, registry, kind, number)
    if held is not None:
        members.remove(tx, registry, kind, number)
        _record(tx, registry, EventKind.MEMBER_REMOVED, kind, number, held, None)
    return held


def update_user(tx: Tx, project_id: int, user_id: int, role: str) -> None:
    """Changes the role of a user who is a member.

    Raises:
        NotFound: also for who is no member.
        Forbidden: the actor does not administer the registry.
        Invalid: no such role, or one that a service account cannot have.
        InUse: no admin would be left, and the actor does not administer the organization.
    """
    registry = _registry_in_turn(tx, project_id)
    wanted = role_named(role, REGISTRY_ROLES)
    user = members.candidates(tx, registry, [user_id]).get(user_id)
    if user is None:
        raise _no_member(registry.thing)
    _update(tx, registry, SubjectKind.USER, user_id, wanted, is_service=user.is_service)


def update_team(tx: Tx, project_id: int, team_id: int, role: str) -> None:
    """Changes the role of a team that is a member. Raises as `update_user`."""
    registry = _registry_in_turn(tx, project_id)
    wanted = role_named(role, REGISTRY_ROLES)
    _update(tx, registry, SubjectKind.TEAM, team_id, wanted, is_service=False)


def _update(
    tx: Tx,
    registry: Grant[Project],
    kind: SubjectKind,
    number: int,
    wanted: Role,
    *,
    is_service: bool,
) -> None:
    held = members.role_of(tx, registry, kind, number)
    if held is None:
        raise _no_member(registry.thing)
    check_assignable(wanted, to_service_account=is_service)
    if held is wanted:
        return
    members.change(tx, registry, kind, number, wanted)
    if held is Role.ADMIN:
        _check_has_admin(tx, registry)
    _record(tx, registry, EventKind.MEMBER_CHANGED, kind, number, held, wanted)


def _no_member(registry: Project) -> NotFound:
    return NotFound(f"There is no such member of registry {short_name(registry)!r}.")


def _registry_in_turn(tx: Tx, project_id: int) -> Grant[Project]:
    """The registry, whose members nobody else changes until this transaction ends.

    Who had to wait is asked again: the one who came first may have taken the right away.
    """
    registry = _registry(tx, project_id)
    projects.lock(tx, registry.thing.id)
    return _registry(tx, project_id) if tx.is_shared else registry


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
    events.record_in(
        tx,
        kind,
        registry.thing,
        subject_kind=subject,
        subject_id=number,
        changes={"role": [before.label if before else "", after.label if after else ""]},
    )
