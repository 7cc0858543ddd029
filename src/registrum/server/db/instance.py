"""What the instance remembers of itself: single values by key."""

from sqlalchemy import bindparam, select

from registrum.server.db.statements import prepared
from registrum.server.db.tables import instance
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert as insert_or_leave

_VALUE = prepared(select(instance.c.value).where(instance.c.key == bindparam("wanted")))
_CLAIM = prepared(
    insert_or_leave(instance)
    .values(key=bindparam("wanted"), value=bindparam("new_value"))
    .on_conflict_do_nothing(index_elements=["key"])
)


_KEEP = prepared(
    insert_or_leave(instance)
    .values(key=bindparam("wanted"), value=bindparam("new_value"))
    .on_conflict_do_update(index_elements=["key"], set_={"value": bindparam("new_value")})
)


def value_of(tx: Tx, key: str) -> str | None:
    """The value kept under a key; None if there is none."""
    found = tx.value(_VALUE, wanted=key)
    return None if found is None else str(found)


def claim(tx: Tx, key: str, value: str) -> bool:
    """Sets a value once and for all; whether this call did, of all that ever try."""
    return bool(tx.run(_CLAIM, wanted=key, new_value=value))


def keep(tx: Tx, key: str, value: str) -> None:
    """Sets a value, whatever was there."""
    tx.run(_KEEP, wanted=key, new_value=value)
