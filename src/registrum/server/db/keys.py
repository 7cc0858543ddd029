"""API keys: whom one stands for, and making, listing and revoking them. Only keyed hashes are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, and_, bindparam, insert, or_, select, update

from registrum.core.actors import Actor
from registrum.core.errors import NameTaken
from registrum.core.users import ApiKey
from registrum.server.db.columns import among
from registrum.server.db.statements import prepared
from registrum.server.db.tables import api_keys, users
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import ACTOR, IS_ADMIN


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a key stands for.

    Attributes:
        digest: the hash under which the key is stored.
    """

    actor: Actor
    key_id: int
    expires_at: datetime | None
    last_used_at: datetime | None
    digest: bytes


_HOLDER = prepared(
    select(
        api_keys.c.id,
        api_keys.c.expires_at,
        api_keys.c.last_used_at,
        users.c.id.label("user_id"),
        users.c.username,
        users.c.is_admin,
        users.c.is_service,
    )
    .select_from(api_keys.join(users, users.c.id == api_keys.c.user_id))
    .where(
        api_keys.c.secret_hash == bindparam("digest", type_=LargeBinary),
        api_keys.c.deleted_at.is_(None),
        users.c.deleted_at.is_(None),
        or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > bindparam("now")),
    )
)


def holder_of(tx: Tx, digests: Sequence[bytes]) -> Holder | None:
    """Whom a living key stands for; None for one that is unknown, revoked or expired.

    Args:
        digests: its hashes, one for each of the server's secret keys.
    """
    for digest in digests:
        row = tx.one(_HOLDER, digest=digest, now=tx.now)
        if row is not None:
            actor = Actor(row.user_id, row.username, row.is_admin, row.is_service)
            return Holder(actor, row.id, row.expires_at, row.last_used_at, digest)
    return None


_BY_USER = prepared(
    select(
        users.c.id.label("holder_id"),
        api_keys.c.id,
        api_keys.c.mask,
        api_keys.c.description,
        api_keys.c.created_at,
        api_keys.c.expires_at,
        api_keys.c.last_used_at,
    )
    .select_from(
        users.outerjoin(
            api_keys, and_(api_keys.c.user_id == users.c.id, api_keys.c.deleted_at.is_(None))
        )
    )
    .where(among(users.c.id, "user_ids"), or_(IS_ADMIN, users.c.id == ACTOR))
    .order_by(api_keys.c.id)
)


def by_user(tx: Tx, user_ids: Sequence[int]) -> dict[int, list[ApiKey]]:
    """The living keys by age of those of these users whose keys the actor may see: one's own, or for an instance administrator all."""
    found: dict[int, list[ApiKey]] = {}
    for row in tx.rows(_BY_USER, user_ids=list(user_ids)):
        held = found.setdefault(row.holder_id, [])
        if row.id is not None:
            held.append(ApiKey(row.id, row.holder_id, *row[2:]))
    return found


_ADD = prepared(
    insert(api_keys)
    .values(
        user_id=bindparam("user_id"),
        secret_hash=bindparam("digest"),
        mask=bindparam("mask"),
        description=bindparam("description"),
        sealed_secret=bindparam("seed"),
        created_by=bindparam("by"),
        created_at=bindparam("now"),
        expires_at=bindparam("expires_at"),
    )
    .returning(api_keys.c.id)
)


def add(
    tx: Tx,
    user_id: int,
    digest: bytes,
    mask: str,
    *,
    description: str | None = None,
    seed: bytes | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Adds a key and returns its number.

    Args:
        seed: of a service account's first key, until its creator has loaded it once.

    Raises:
        NameTaken: the same secret was a key before.
    """
    try:
        return int(
            tx.value(
                _ADD,
                user_id=user_id,
                digest=digest,
                mask=mask,
                description=description,
                seed=seed,
                by=tx.actor.user_id,
                now=tx.now,
                expires_at=expires_at,
            )
        )
    except Taken:
        raise NameTaken("This API key cannot be used: choose another one.") from None


_OWNER = prepared(
    select(api_keys.c.user_id).where(
        api_keys.c.id == bindparam("key_id"), api_keys.c.deleted_at.is_(None)
    )
)
_REMOVE = prepared(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"), api_keys.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), sealed_secret=None)
)
_REMOVE_ALL = prepared(
    update(api_keys)
    .where(among(api_keys.c.user_id, "user_ids"), api_keys.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), sealed_secret=None)
)
_TOUCH = prepared(
    update(api_keys)
    .where(api_keys.c.id == bindparam("key_id"))
    .values(last_used_at=bindparam("now"))
)


_REHASH = prepared(
    update(api_keys)
    .where(
        api_keys.c.id == bindparam("key_id"),
        api_keys.c.secret_hash == bindparam("before", type_=LargeBinary),
    )
    .values(secret_hash=bindparam("after", type_=LargeBinary))
)


def rehash(tx: Tx, key_id: int, before: bytes, after: bytes) -> None:
    """Stores a key under another hash of the same secret."""
    tx.run(_REHASH, key_id=key_id, before=before, after=after)


def owner_of(tx: Tx, key_id: int) -> int | None:
    """Whose living key this is; None if there is none."""
    found = tx.value(_OWNER, key_id=key_id)
    return None if found is None else int(found)


def remove(tx: Tx, key_id: int) -> None:
    """Revokes a key."""
    tx.run(_REMOVE, key_id=key_id, now=tx.now)


def remove_all(tx: Tx, user_ids: Sequence[int]) -> None:
    """Revokes all keys of these users."""
    tx.run(_REMOVE_ALL, user_ids=list(user_ids), now=tx.now)


def touch(tx: Tx, key_id: int) -> None:
    """Notes that a key was used."""
    tx.run(_TOUCH, key_id=key_id, now=tx.now)


_SEEDS = prepared(
    select(
        api_keys.c.id, api_keys.c.user_id, api_keys.c.sealed_secret, api_keys.c.secret_hash
    ).where(
        among(api_keys.c.user_id, "user_ids"),
        api_keys.c.created_by == ACTOR,
        api_keys.c.sealed_secret.is_not(None),
        api_keys.c.deleted_at.is_(None),
    )
)
_FORGET = prepared(
    update(api_keys).where(among(api_keys.c.id, "key_ids")).values(sealed_secret=None)
)


def seeds_of(tx: Tx, user_ids: Sequence[int]) -> list[tuple[int, int, bytes, bytes]]:
    """(key, user, seed, hash) of first keys that the actor made for these service accounts and has not loaded."""
    rows = tx.rows(_SEEDS, user_ids=list(user_ids))
    return [(r.id, r.user_id, bytes(r.sealed_secret), bytes(r.secret_hash)) for r in rows]


def forget_seeds(tx: Tx, key_ids: Sequence[int]) -> None:
    """From now on these keys' secrets can't be had from the server."""
    tx.run(_FORGET, key_ids=list(key_ids))
