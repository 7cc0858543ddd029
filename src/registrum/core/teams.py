"""Teams: people who own projects together, and those invited to join them."""

from dataclasses import dataclass
from datetime import datetime

from registrum.core.policy import Role
from registrum.core.users import User


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A person or service account in a team.

    Attributes:
        api_key: secret of a new service account's first key, the first time its creator looks; else None.
    """

    team_id: int
    user: User
    role: Role
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Invite:
    """Somebody asked to join a team.

    Attributes:
        email: as invited; None where invited by user name.
        user: the person, where there is an account.
        accepted_at: when they became a member; None while it is open.
    """

    id: int
    team_id: int
    email: str | None
    user: User | None
    role: Role
    created_at: datetime
    accepted_at: datetime | None = None
