"""Who asks: the value that every transaction carries and every permission is decided for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or service account, or nobody.

    Attributes:
        user_id: the account's number; None for an anonymous caller.
        username: the account's unique name; None for an anonymous caller.
        is_admin: administers the whole instance and may do everything.
        is_service: a service account, which belongs to one team.
    """

    user_id: int | None
    username: str | None = None
    is_admin: bool = False
    is_service: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Nobody is signed in."""
        return self.user_id is None


ANONYMOUS = Actor(None)
