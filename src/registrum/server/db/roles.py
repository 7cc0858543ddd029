"""Who has which role in what: the same statements for each of the tables that say so.

Organizations, teams and registries have people, registries have teams as well; each of the four tables has the place, the
holder, the role, and since when. Whose right it takes to change them, the nouns' own files know.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, select, update

from registrum.core.policy import Role
from registrum.server.db.columns import among
from registrum.server.db.statements import prepared
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert


class Roles:
    """The rows of one of these tables."""

    def __init__(self, table: Table, place: str, holder: str) -> None:
        """`place` and `holder`: the two columns of the table's key."""
        at, who = table.c[place], table.c[holder]
        one = (at == bindparam("place_id"), who == bindparam("holder_id"))
        key: dict[str, Any] = {place: bindparam("place_id"), holder: bindparam("holder_id")}
        self._add = prepared(
            insert(table)
            .values(**key, role=bindparam("role"), created_at=bindparam("now"))
            .on_conflict_do_nothing(index_elements=[place, holder])
        )
        self._role = prepared(select(table.c.role).where(*one))
        self._change = prepared(update(table).where(*one).values(role=bindparam("new_role")))
        self._remove = prepared(delete(table).where(*one))
        self._remove_holders = prepared(delete(table).where(among(who, "holder_ids")))
        self._remove_places = prepared(delete(table).where(among(at, "place_ids")))
        self._count = prepared(
            select(func.count())
            .select_from(table)
            .where(at == bindparam("place_id"), table.c.role == bindparam("role"))
        )

    def add(self, tx: Tx, place_id: int, holder_id: int, role: Role) -> bool:
        """Gives a role; who has one keeps it. Whether they are new."""
        added = tx.run(self._add, place_id=place_id, holder_id=holder_id, role=role, now=tx.now)
        return bool(added)

    def held(self, tx: Tx, place_id: int, holder_id: int) -> Role | None:
        """The role; None for who has none."""
        found: Role | None = tx.value(self._role, place_id=place_id, holder_id=holder_id)
        return found

    def change(self, tx: Tx, place_id: int, holder_id: int, role: Role) -> None:
        """Sets the role of who has one."""
        tx.run(self._change, place_id=place_id, holder_id=holder_id, new_role=role)

    def remove(self, tx: Tx, place_id: int, holder_id: int) -> None:
        """Takes the role away; who has none is left alone."""
        tx.run(self._remove, place_id=place_id, holder_id=holder_id)

    def remove_holders(self, tx: Tx, holder_ids: Sequence[int]) -> None:
        """Takes all roles of these holders away, wherever they have them."""
        tx.run(self._remove_holders, holder_ids=list(holder_ids))

    def remove_places(self, tx: Tx, place_ids: Sequence[int]) -> None:
        """Takes all roles in these places away."""
        tx.run(self._remove_places, place_ids=list(place_ids))

    def count(self, tx: Tx, place_id: int, role: Role) -> int:
        """How many have this role in the place."""
        return int(tx.value(self._count, place_id=place_id, role=role))
