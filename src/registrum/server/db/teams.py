"""Teams: their members, and those invited to join."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, delete, exists, insert, select, update

from registrum.core.policy import Action, Role
from registrum.core.projects import Entity
from registrum.core.teams import Invite, TeamMember
from registrum.server.db.columns import among
from registrum.server.db.locks import RowLock
from registrum.server.db.roles import Roles
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import entities, invites, team_members, users
from registrum.server.db.tx import Tx
from registrum.server.db.users import OPEN_USER_COLUMNS, user_from, with_default
from registrum.server.db.visibility import Grant, allowed_team


@cache
def _members_statement() -> Prepared:
    seen = select(entities.c.id).where(
        among(entities.c.id, "team_ids"), allowed_team(Action.READ_ENTITY)
    )
    return prepared(
        select(
            *OPEN_USER_COLUMNS,
            team_members.c.team_id,
            team_members.c.role,
            exists(
                select(1).where(
                    invites.c.team_id == team_members.c.team_id,
                    invites.c.user_id == users.c.id,
                    invites.c.deleted_at.is_(None),
                    invites.c.accepted_at.is_(None),
                )
            ).label("is_pending"),
        )
        .select_from(with_default(team_members.join(users, users.c.id == team_members.c.user_id)))
        .where(team_members.c.team_id.in_(seen), users.c.deleted_at.is_(None))
        .order_by(team_members.c.created_at, users.c.id)
    )


def members_by_team(tx: Tx, teams: Sequence[Entity]) -> dict[int, list[TeamMember]]:
    """The members of each of these teams in order of joining.

    Nobody of a team that the actor knows only as a member of some registry, and does not see itself.
    """
    found: dict[int, list[TeamMember]] = {team.id: [] for team in teams}
    for row in tx.rows(_members_statement(), team_ids=list(found)):
        found[row.team_id].append(
            TeamMember(row.team_id, user_from(row), row.role, is_pending=bool(row.is_pending))
        )
    return found


_ROLES = Roles(team_members, "team_id", "user_id")
_REMOVE_IN_ORGANIZATION = prepared(
    delete(team_members).where(
        team_members.c.user_id == bindparam("user_id"),
        team_members.c.team_id.in_(
            select(entities.c.id).where(
                entities.c.organization_id == bindparam("organization_id"),
                entities.c.kind == "team",
            )
        ),
    )
)
_LOCK = RowLock(entities)
_SERVICE_IDS = prepared(
    select(users.c.id)
    .select_from(team_members.join(users, users.c.id == team_members.c.user_id))
    .where(among(team_members.c.team_id, "team_ids"), users.c.is_service == bindparam("yes"))
)


def add_member(tx: Tx, team: Grant[Entity], user_id: int, role: Role) -> bool:
    """Makes a user a member; who is one keeps the role. Whether they are new."""
    found = team.require(Action.ADMINISTER_TEAM)
    return _ROLES.add(tx, found.id, user_id, role)


def role_of(tx: Tx, team_id: int, user_id: int) -> Role | None:
    """A user's role in a team; None for who is no member."""
    return _ROLES.held(tx, team_id, user_id)


def change_role(tx: Tx, team: Grant[Entity], user_id: int, role: Role) -> None:
    """Sets a member's role."""
    found = team.require(Action.ADMINISTER_TEAM)
    _ROLES.change(tx, found.id, user_id, role)


def remove_member(tx: Tx, team_id: int, user_id: int) -> None:
    """Ends a membership; the service asked for the right, unless somebody leaves by themselves."""
    _ROLES.remove(tx, team_id, user_id)


def remove_everywhere(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends all memberships of teams that these users have."""
    _ROLES.remove_holders(tx, user_ids)


def remove_in_organization(tx: Tx, user_id: int, organization_id: int) -> None:
    """Ends a user's memberships of the teams of one organization."""
    tx.run(_REMOVE_IN_ORGANIZATION, user_id=user_id, organization_id=organization_id)


def count_admins(tx: Tx, team_id: int) -> int:
    """How many admins it has; other writers of its members wait until this transaction ends."""
    _LOCK.take(tx, team_id)
    return _ROLES.count(tx, team_id, Role.ADMIN)


def service_ids(tx: Tx, team_ids: Sequence[int]) -> list[int]:
    """The numbers of these teams' service accounts; for their removal."""
    return tx.column(_SERVICE_IDS, team_ids=list(team_ids), yes=True)


def remove_members(tx: Tx, team_ids: Sequence[int]) -> None:
    """Ends all memberships of these teams; for their removal."""
    _ROLES.remove_places(tx, team_ids)


_ADD_INVITE = prepared(
    insert(invites)
    .values(
        team_id=bindparam("team_id"),
        email=bindparam("email"),
        user_id=bindparam("user_id"),
        role=bindparam("role"),
        invited_by=bindparam("by"),
        created_at=bindparam("now"),
        accepted_at=bindparam("accepted_at"),
    )
    .returning(invites.c.id)
)
_INVITE = prepared(
    select(
        invites.c.id,
        invites.c.team_id,
        invites.c.email,
        invites.c.role,
        invites.c.created_at,
        invites.c.accepted_at,
        invites.c.user_id,
    ).where(invites.c.id == bindparam("invite_id"), invites.c.deleted_at.is_(None))
)
_REMOVE_INVITE = prepared(
    update(invites)
    .where(
        invites.c.team_id == bindparam("team_id"),
        invites.c.user_id == bindparam("user_id"),
        invites.c.deleted_at.is_(None),
    )
    .values(deleted_at=bindparam("now"))
)
_ACCEPT = prepared(
    update(invites)
    .where(
        invites.c.user_id == bindparam("user_id"),
        invites.c.deleted_at.is_(None),
        invites.c.accepted_at.is_(None),
    )
    .values(accepted_at=bindparam("now"))
)


def add_invite(
    tx: Tx,
    team: Grant[Entity],
    *,
    email: str | None,
    user_id: int,
    role: Role,
    accepted_at: datetime | None,
) -> int:
    """Adds an invitation and returns its number."""
    found = team.require(Action.ADMINISTER_TEAM)
    return int(
        tx.value(
            _ADD_INVITE,
            team_id=found.id,
            email=email,
            user_id=user_id,
            role=role,
            by=tx.actor.user_id,
            now=tx.now,
            accepted_at=accepted_at,
        )
    )


def invite(tx: Tx, invite_id: int) -> Invite | None:
    """An invitation that was not withdrawn, for the one who made it; its user is not filled in."""
    row = tx.one(_INVITE, invite_id=invite_id)
    if row is None:
        return None
    return Invite(
        row.id, row.team_id, row.user_id, row.email, row.role, row.created_at, row.accepted_at
    )


def remove_invites(tx: Tx, team_id: int, user_id: int) -> None:
    """Withdraws the invitations of a user to a team."""
    tx.run(_REMOVE_INVITE, team_id=team_id, user_id=user_id, now=tx.now)


def accept_invites(tx: Tx, user_id: int) -> None:
    """Notes that a person invited has come: all open invitations are accepted."""
    tx.run(_ACCEPT, user_id=user_id, now=tx.now)
