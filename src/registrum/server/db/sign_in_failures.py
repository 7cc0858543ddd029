"""Failures to sign in, counted by the keyed hash of a name or an address: for all server processes together."""

from datetime import datetime

from sqlalchemy import LargeBinary, bindparam, delete, insert, select

from registrum.server.db.columns import Moment
from registrum.server.db.statements import prepared
from registrum.server.db.tables import sign_in_failures
from registrum.server.db.tx import Tx

_KEY = bindparam("key_hash", type_=LargeBinary)
_MOST = 1_000

_LATEST = prepared(
    select(sign_in_failures.c.at)
    .where(
        sign_in_failures.c.key_hash == _KEY,
        sign_in_failures.c.at > bindparam("since", type_=Moment),
    )
    .order_by(sign_in_failures.c.at.desc())
    .limit(bindparam("most"))
)
_ADD = prepared(insert(sign_in_failures).values(key_hash=_KEY, at=bindparam("now")))
_FORGET = prepared(delete(sign_in_failures).where(sign_in_failures.c.key_hash == _KEY))
_FORGET_BEFORE = prepared(
    delete(sign_in_failures).where(
        sign_in_failures.c.id.in_(
            select(sign_in_failures.c.id)
            .where(sign_in_failures.c.at <= bindparam("before", type_=Moment))
            .limit(_MOST)
        )
    )
)


def latest(tx: Tx, key_hash: bytes, since: datetime, most: int) -> list[datetime]:
    """When the last failures of a name or address were, the very last one first.

    Args:
        since: older ones do not count.
        most: how many to look for.
    """
    return tx.column(_LATEST, key_hash=key_hash, since=since, most=most)


def add(tx: Tx, key_hash: bytes) -> None:
    """Counts one now."""
    tx.run(_ADD, key_hash=key_hash, now=tx.now)


def forget(tx: Tx, key_hash: bytes) -> None:
    """Begins to count a name or address anew."""
    tx.run(_FORGET, key_hash=key_hash)


def forget_before(tx: Tx, before: datetime) -> None:
    """Removes old ones, a thousand at a time: more than one failure adds."""
    tx.run(_FORGET_BEFORE, before=before)
