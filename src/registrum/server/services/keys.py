"""API keys: making and revoking them, and whom one stands for."""

from collections.abc import Sequence
from datetime import datetime

from registrum.core.errors import Invalid, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.server.db import events, keys
from registrum.server.db.keys import Holder
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import NewKey
from registrum.server.services.users import own_or_managed

LONGEST_DESCRIPTION = 256


def generate_api_key(
    tx: Tx,
    key: NewKey,
    *,
    description: str | None = None,
    username: str | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Adds a key, made outside, to one's own account (or as an instance administrator to anybody's).

    Returns:
        The key's number.

    Raises:
        Forbidden, NotFound: it is not the actor's account.
        Invalid: it would have expired already.
    """
    user = own_or_managed(tx, username)
    if expires_at is not None and expires_at <= tx.now:
        raise Invalid("The key would have expired already.")
    text = None if description is None else description[:LONGEST_DESCRIPTION]
    key_id = keys.add(tx, user.id, key.digest, key.mask, description=text, expires_at=expires_at)
    _record(tx, EventKind.KEY_CREATED, key_id, user.id)
    return key_id


def delete_api_key(tx: Tx, key_id: int) -> None:
    """Revokes a key: one's own, or as an instance administrator anybody's.

    Raises:
        NotFound: there is no such living key, or it is another one's.
    """
    owner = keys.owner_of(tx, key_id)
    if owner is None or not (tx.actor.is_admin or owner == tx.actor.user_id):
        raise NotFound("There is no such API key.")
    keys.remove(tx, key_id)
    _record(tx, EventKind.KEY_DELETED, key_id, owner)


def holder_of(tx: Tx, digests: Sequence[bytes]) -> Holder | None:
    """Whom a key stands for; None for one that is unknown, revoked or expired."""
    return keys.holder_of(tx, digests)


def move_to_first(tx: Tx, holder: Holder, digests: Sequence[bytes]) -> None:
    """Stores a key under the hash of the server's first secret key, so that it outlives the others.

    Args:
        digests: the hashes of the key, one for each of the server's secret keys.
    """
    keys.rehash(tx, holder.key_id, holder.digest, digests[0])


def touch(tx: Tx, key_id: int) -> None:
    """Notes that a key was used just now."""
    keys.touch(tx, key_id)


def _record(tx: Tx, kind: EventKind, key_id: int, user_id: int) -> None:
    events.record(
        tx, kind, subject_kind=SubjectKind.KEY, subject_id=key_id, changes={"user": user_id}
    )
