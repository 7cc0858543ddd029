"""Browser sessions and one-time links, stored by the keyed hash of their secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, Table, bindparam, delete, insert, select, update

from registrum.core.actors import Actor
from registrum.server.db.columns import among
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import password_links, sessions, users
from registrum.server.db.tx import Tx

_DIGEST = bindparam("digest", type_=LargeBinary)


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        csrf: what its forms must carry.
    """

    actor: Actor
    csrf: str
    expires_at: datetime


_FIND = prepared(
    select(
        sessions.c.csrf,
        sessions.c.expires_at,
        users.c.id,
        users.c.username,
        users.c.is_admin,
        users.c.is_service,
    )
    .select_from(sessions.join(users, users.c.id == sessions.c.user_id))
    .where(
        sessions.c.secret_hash == _DIGEST,
        sessions.c.expires_at > bindparam("now"),
        users.c.deleted_at.is_(None),
    )
)
_ADD = prepared(
    insert(sessions).values(
        secret_hash=_DIGEST,
        user_id=bindparam("user_id"),
        csrf=bindparam("csrf"),
        created_at=bindparam("now"),
        expires_at=bindparam("expires_at"),
    )
)
_REMOVE = prepared(delete(sessions).where(sessions.c.secret_hash == _DIGEST))
_REMOVE_ALL = prepared(delete(sessions).where(among(sessions.c.user_id, "user_ids")))
_SWEEP = prepared(
    delete(sessions).where(
        sessions.c.user_id == bindparam("user_id"), sessions.c.expires_at <= bindparam("now")
    )
)


def find(tx: Tx, digests: Sequence[bytes]) -> Session | None:
    """The living session of a secret; None if it is unknown, ended or expired."""
    for digest in digests:
        row = tx.one(_FIND, digest=digest, now=tx.now)
        if row is not None:
            actor = Actor(row.id, row.username, row.is_admin, row.is_service)
            return Session(actor, row.csrf, row.expires_at)
    return None


def add(tx: Tx, user_id: int, digest: bytes, csrf: str, expires_at: datetime) -> None:
    """Begins a session, and clears away the user's expired ones."""
    tx.run(_SWEEP, user_id=user_id, now=tx.now)
    tx.run(_ADD, user_id=user_id, digest=digest, csrf=csrf, now=tx.now, expires_at=expires_at)


def remove(tx: Tx, digests: Sequence[bytes]) -> None:
    """Ends a session."""
    for digest in digests:
        tx.run(_REMOVE, digest=digest)


def remove_all(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends all sessions of these users."""
    tx.run(_REMOVE_ALL, user_ids=list(user_ids))


_MOST = 1_000


def _forgetting(table: Table) -> Prepared:
    expired = (
        select(table.c.secret_hash).where(table.c.expires_at <= bindparam("before")).limit(_MOST)
    )
    return prepared(delete(table).where(table.c.secret_hash.in_(expired)))


_FORGET = (_forgetting(sessions), _forgetting(password_links))


def forget_expired(tx: Tx, before: datetime) -> bool:
    """Removes sessions and links that ended before then, a thousand of each at a time; whether there may be more."""
    return max(tx.run(statement, before=before) for statement in _FORGET) == _MOST


_ADD_LINK = prepared(
    insert(password_links).values(
        secret_hash=_DIGEST,
        user_id=bindparam("user_id"),
        created_at=bindparam("now"),
        expires_at=bindparam("expires_at"),
    )
)
_LINK = prepared(
    select(users.c.id, users.c.username, users.c.is_admin)
    .select_from(password_links.join(users, users.c.id == password_links.c.user_id))
    .where(
        password_links.c.secret_hash == _DIGEST,
        password_links.c.used_at.is_(None),
        password_links.c.expires_at > bindparam("now"),
        users.c.deleted_at.is_(None),
    )
)
_USE_LINK = prepared(
    update(password_links)
    .where(
        password_links.c.secret_hash == _DIGEST,
        password_links.c.used_at.is_(None),
        password_links.c.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"))
    .returning(password_links.c.user_id)
)
_END_LINKS = prepared(
    update(password_links)
    .where(among(password_links.c.user_id, "user_ids"), password_links.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


def add_link(tx: Tx, user_id: int, digest: bytes, expires_at: datetime) -> None:
    """Adds a one-time link to set a password; earlier ones of the user end."""
    end_links(tx, [user_id])
    tx.run(_ADD_LINK, user_id=user_id, digest=digest, now=tx.now, expires_at=expires_at)


def link_holder(tx: Tx, digests: Sequence[bytes]) -> Actor | None:
    """Whose password a link may set; None if it is unknown, used or expired."""
    for digest in digests:
        row = tx.one(_LINK, digest=digest, now=tx.now)
        if row is not None:
            return Actor(row.id, row.username, row.is_admin)
    return None


def use_link(tx: Tx, digests: Sequence[bytes]) -> int | None:
    """Takes a link out of use and returns whose it is; None if it is unknown, used or expired."""
    for digest in digests:
        found = tx.value(_USE_LINK, digest=digest, now=tx.now)
        if found is not None:
            return int(found)
    return None


def end_links(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends all unused links of these users."""
    tx.run(_END_LINKS, user_ids=list(user_ids), now=tx.now)
