"""Teams: people who own projects together, and those invited to join them."""

from dataclasses import dataclass
from datetime import datetime

from registrum.core.policy import Role
from registrum.core.users import User


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A person or service account in a team.

    Attributes:
        is_pending: the invitation is still open: the person has set no password yet.
        api_key: secret of a new service account's first key, the first time its creator looks; else None.
    """

    team_id: int
    user: User
    role: Role
    is_pending: bool = False
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Invite:
    """Somebody asked to join a team.

    Attributes:
        user_id: the person; an account is made for who has none.
        email: as invited; None where invited by user name.
        accepted_at: None until a person for whom an account was made has set a password.
        user: that person; filled only where asked for.
    """

    id: int
    team_id: int
    user_id: int
    email: str | None
    role: Role
    created_at: datetime
    accepted_at: datetime | None = None
    user: User | None = None
