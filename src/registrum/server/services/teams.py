"""Teams: making and ending them, bringing people in, service accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from registrum.core import ids
from registrum.core.errors import Conflict, InUse, Invalid, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_email, check_entity_name
from registrum.core.policy import TEAM_ROLES, Action, Role, role_named
from registrum.core.projects import Entity
from registrum.core.teams import TeamMember
from registrum.server.db import (
    entities,
    events,
    keys,
    organizations,
    project_removal,
    teams,
    users,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.credentials import NewKey, NewToken, Secrets
from registrum.server.services.organizations import join
from registrum.server.services.removal import check_unprotected, end_projects, end_teams
from registrum.server.services.users import CreateUser, add_account


@dataclass(frozen=True, slots=True)
class CreateTeam:
    """A team to make.

    Attributes:
        admin: user name of its first administrator; None: the actor.
        organization: None: the first, by age, that the administrator belongs to.
    """

    name: str
    admin: str | None = None
    organization: str | None = None


def create_team(tx: Tx, ask: CreateTeam) -> int:
    """Makes a team in an organization and returns its entity's number.

    Raises:
        NotFound, Forbidden: the actor may not in that organization; or there is no such user.
        Invalid: the administrator belongs to no organization.
        NameTaken: some entity has or had the name.
    """
    name = check_entity_name(ask.name)
    admin = users.get_named(tx, ask.admin or tx.actor.username or "")
    organization_id, organization = _organization_for(tx, ask, admin.id, admin.username)
    team_id = entities.add(tx, "team", name, organization_id=organization_id)
    join(tx, organization_id, admin.id, Role.MEMBER)
    team = entities.get_for_id(tx, Action.ADMINISTER_TEAM, team_id)
    _enter(tx, team, admin.id, Role.ADMIN)
    events.record(
        tx,
        EventKind.TEAM_CREATED,
        subject_kind=SubjectKind.TEAM,
        subject_id=team_id,
        organization_id=organization_id,
        changes={"name": name, "organization": organization},
    )
    return team_id


def _organization_for(tx: Tx, ask: CreateTeam, admin_id: int, admin: str) -> tuple[int, str]:
    if ask.organization is not None:
        found = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, ask.organization).thing
        return found.id, found.name
    numbers = users.organization_ids_of(tx, admin_id)
    if not numbers:
        raise Invalid(
            f"User {admin!r} belongs to no organization, and a team needs one: "
            "name it (organizationName), or add the user to one first."
        )
    allowed = organizations.by_ids(tx, Action.READ_ORGANIZATION, numbers)
    for number in numbers:
        if number in allowed:
            own = allowed[number]
            organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, own.entity.name)
            return own.id, own.name
    raise NotFound(f"There is no organization of user {admin!r}, or you may not see it.")


def delete_team(tx: Tx, name: str) -> None:
    """Ends a team with its projects and service accounts.

    Raises:
        NotFound, Forbidden: the actor does not administer its organization.
        InUse: a protected alias stands on one of its versions.
    """
    team = _team(tx, name)
    found = team.thing
    organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, found.organization_name or "")
    project_ids = project_removal.ids_in(tx, [found.id])
    check_unprotected(tx, project_ids)
    end_projects(tx, project_ids)
    end_teams(tx, [found.id])
    events.record(
        tx,
        EventKind.TEAM_DELETED,
        subject_kind=SubjectKind.TEAM,
        subject_id=found.id,
        organization_id=found.organization_id,
        changes={"name": found.name},
    )


def _team(tx: Tx, name: str) -> Grant[Entity]:
    team = entities.get_for(tx, Action.ADMINISTER_TEAM, name)
    if team.thing.kind != "team":
        raise Invalid(f"{name!r} is not a team.")
    return team


@dataclass(frozen=True, slots=True)
class InviteToTeam:
    """Whom to bring into a team: by e-mail address or by user name.

    Attributes:
        role: "admin", "member" or "viewer".
        link: a one-time link, for who has no account yet.
    """

    team: str
    email: str | None
    username: str | None
    role: str
    link: NewToken


@dataclass(frozen=True, slots=True)
class Invited:
    """What came of it: `is_new` where an account was made, whose password the link sets."""

    invite_id: int
    is_new: bool


def create_invite(tx: Tx, ask: InviteToTeam) -> Invited:
    """Makes somebody a member of a team at once; who has no account gets one and a link to set its password.

    Who comes from outside the organization becomes a member of it where the actor administers it, else a guest.

    Raises:
        NotFound, Forbidden: the actor may not; or there is no user of that name.
        Conflict: a member already.
        Invalid: neither name nor address, or no such role.
    """
    team = _team(tx, ask.team)
    role = role_named(ask.role, TEAM_ROLES)
    email = check_email(ask.email) if ask.email else None
    if (email is None) == (not ask.username):
        raise Invalid("Name the person to invite by an e-mail address or by a user name.")
    found = users.named(tx, ask.username or email or "")
    is_new = not found
    if is_new:
        if email is None:
            raise NotFound(f"There is no user {ask.username!r}.")
        user_id = add_account(tx, CreateUser(email, link=ask.link))
    else:
        user_id = found[0].id
    if not _enter(tx, team, user_id, role):
        raise Conflict(
            f"{ask.username or email!r} is a member of team {team.thing.name!r} already."
        )
    _join_organization(tx, team.thing, user_id, role)
    invite_id = teams.add_invite(
        tx,
        team,
        email=email,
        user_id=user_id,
        role=role,
        accepted_at=None if is_new else tx.now,
    )
    events.record(
        tx,
        EventKind.INVITE_CREATED,
        subject_kind=SubjectKind.INVITE,
        subject_id=invite_id,
        organization_id=team.thing.organization_id,
        changes={"team": team.thing.name, "user": user_id},
    )
    return Invited(invite_id, is_new)


def _enter(tx: Tx, team: Grant[Entity], user_id: int, role: Role) -> bool:
    if not teams.add_member(tx, team, user_id, role):
        return False
    users.adopt_first_team(tx, user_id, team.thing.id)
    _record(tx, EventKind.TEAM_MEMBER_ADDED, team.thing, user_id, {"role": ["", role.label]})
    return True


def _join_organization(tx: Tx, team: Entity, user_id: int, role: Role) -> None:
    if team.organization_id is not None and organizations.may_administer(tx, team.organization_id):
        join(tx, team.organization_id, user_id, min(role, Role.MEMBER))


def delete_invite(tx: Tx, team_name: str, text: str) -> None:
    """Takes a member, or somebody invited, out of a team; one may also leave by oneself.

    Args:
        text: global id of the user or of the invitation.

    Raises:
        NotFound: no such member or invitation, or the actor may not see the team.
        Forbidden: the actor may not.
        InUse: the last admin of the team would go.
    """
    user_id = _user_of(tx, text)
    leaves = user_id is not None and user_id == tx.actor.user_id
    action = Action.READ_ENTITY if leaves else Action.ADMINISTER_TEAM
    team = entities.get_for(tx, action, team_name).thing
    held = None if user_id is None else teams.role_of(tx, team.id, user_id)
    if user_id is None or held is None:
        raise NotFound(f"There is no such member of team {team.name!r}.")
    if held is Role.ADMIN:
        _check_not_last_admin(tx, team)
    teams.remove_member(tx, team.id, user_id)
    teams.remove_invites(tx, team.id, user_id)
    _record(tx, EventKind.TEAM_MEMBER_REMOVED, team, user_id, {"role": [held.label, ""]})


def _user_of(tx: Tx, text: str) -> int | None:
    try:
        return ids.decode("User", text)
    except Invalid:
        found = teams.invite(tx, ids.decode("Invite", text))
        return found.user_id if found else None


def update_team_member(tx: Tx, team_name: str, username: str, role: str) -> None:
    """Changes somebody's role in a team.

    Raises:
        NotFound: also for who is no member.
        Forbidden: the actor may not.
        InUse: the last admin of the team would go.
        Invalid: no such role.
    """
    team = _team(tx, team_name)
    wanted = role_named(role, TEAM_ROLES)
    user = users.get_named(tx, username)
    held = teams.role_of(tx, team.thing.id, user.id)
    if held is None:
        raise NotFound(f"{username!r} is no member of team {team.thing.name!r}.")
    if held is wanted:
        return
    if held is Role.ADMIN:
        _check_not_last_admin(tx, team.thing)
    teams.change_role(tx, team, user.id, wanted)
    _record(
        tx,
        EventKind.TEAM_MEMBER_CHANGED,
        team.thing,
        user.id,
        {"role": [held.label, wanted.label]},
    )


def _check_not_last_admin(tx: Tx, team: Entity) -> None:
    if teams.count_admins(tx, team.id) <= 1 and not organizations.may_administer(
        tx, team.organization_id
    ):
        raise InUse(f"Team {team.name!r} would be left without an admin: make another one first.")


def create_service_account(tx: Tx, team_name: str, description: str, key: NewKey) -> int:
    """Makes a service account in a team, with its first API key, and returns its number.

    Args:
        description: what it is for; becomes its name.
        key: made with a seed; the creator sees its secret when the team is loaded for the first time.

    Raises:
        NotFound, Forbidden: the actor may not.
        Invalid: there is no description.
    """
    team = _team(tx, team_name)
    text = description.strip()
    if not text:
        raise Invalid("A service account needs a description.")
    user_id = add_account(tx, CreateUser(None, name=text), is_service=True)
    keys.add(tx, user_id, key.digest, key.mask, description=text, seed=key.seed)
    _enter(tx, team, user_id, Role.MEMBER)
    _join_as_creature(tx, team.thing, user_id)
    return user_id


def _join_as_creature(tx: Tx, team: Entity, user_id: int) -> None:
    """Gives a service account no more in the organization than who made it has: a guest's is a guest."""
    if team.organization_id is None:
        return
    if organizations.may_administer(tx, team.organization_id):
        join(tx, team.organization_id, user_id, Role.MEMBER)
        return
    held = organizations.role_of(tx, team.organization_id, tx.actor.user_id or 0)
    if held is not None:
        join(tx, team.organization_id, user_id, min(held, Role.MEMBER))


def reveal_first_keys(
    tx: Tx, secrets: Secrets, members_of_team: Sequence[TeamMember]
) -> tuple[list[TeamMember], list[int]]:
    """The same members, with the first keys of service accounts that the actor made and has not seen.

    Returns:
        The members, and the numbers of the keys shown: forget their seeds before answering (`forget_first_keys`).
    """
    services = [m.user.id for m in members_of_team if m.user.is_service]
    found = {
        user_id: (key_id, secrets.key_from(seed, digest))
        for key_id, user_id, seed, digest in (keys.seeds_of(tx, services) if services else [])
    }
    shown = [
        replace(m, api_key=found[m.user.id][1]) if m.user.id in found else m
        for m in members_of_team
    ]
    return shown, [key_id for key_id, _ in found.values()]


def forget_first_keys(tx: Tx, key_ids: Sequence[int]) -> None:
    """The secrets of these keys were shown and can't be had again."""
    keys.forget_seeds(tx, key_ids)


def _record(
    tx: Tx, kind: EventKind, team: Entity, user_id: int, changes: dict[str, list[str]]
) -> None:
    events.record(
        tx,
        kind,
        subject_kind=SubjectKind.USER,
        subject_id=user_id,
        organization_id=team.organization_id,
        changes={"team": team.name, **changes},
    )
