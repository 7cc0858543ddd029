"""People and service accounts, and the keys that stand for them."""

import re
from dataclasses import dataclass
from datetime import datetime

from registrum.core.errors import Invalid

ONE_TIME_PATH = "/set-password/"
"""Before the token of a one-time link, which is a secret: whoever has it sets the password."""

SHORTEST_KEY = 40
LONGEST_KEY = 256
_KEY = re.compile(rf"(?:\w*-[\w-]{{{SHORTEST_KEY},}}|\w{{{SHORTEST_KEY},}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A secret that stands for a person; the secret itself is known only when it is made.

    Attributes:
        name: the secret in the answer that makes it, later a mask that is unique to the key.
        last_used_at: to the nearest minutes.
    """

    id: int
    user_id: int
    name: str
    description: str | None
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person, or a team's service account.

    Attributes:
        username: unique without regard to case; also the name of the personal entity.
        email: None where there is none, or where the actor may not see it.
        name: the one that people read.
        default_entity: name of the entity that is used where none is given.
        deleted_at: when the account was removed; None while it lives.
        is_known: they share an organization or a team with whoever asks; False: they were only named exactly.
        stand_in: the number that they have in global ids given to somebody who does not know them; None: `id`.
    """

    id: int
    username: str
    name: str
    email: str | None
    is_admin: bool
    is_service: bool
    default_entity: str | None
    photo_url: str | None
    created_at: datetime
    deleted_at: datetime | None = None
    is_known: bool = True
    stand_in: int | None = None


def check_key(secret: str) -> str:
    """An API key as all clients take it: letters, digits, `_` and `-`, where a prefix up to the first `-` does not count.

    Raises:
        Invalid: it is not of that form.
    """
    if len(secret) > LONGEST_KEY or not _KEY.fullmatch(secret):
        raise Invalid(
            f"An API key must have from {SHORTEST_KEY} to {LONGEST_KEY} letters, digits, '-' or '_', "
            "not counting what stands before its first '-'."
        )
    return secret
