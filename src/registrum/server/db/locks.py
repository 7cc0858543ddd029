"""Locks of rows: who is about to write what others write too has them wait until the transaction ends."""

from sqlalchemy import Table, bindparam, select

from registrum.server.db.statements import prepared
from registrum.server.db.tx import Tx


class RowLock:
    """The locks of one table's rows, each by its number."""

    def __init__(self, table: Table) -> None:
        """`table`: one with a column `id`."""
        self._take = prepared(
            select(table.c.id).where(table.c.id == bindparam("number")).with_for_update()
        )

    def take(self, tx: Tx, number: int) -> None:
        """Waits until nobody else has it; what is read after it is current. Where there is one writer only, he has it."""
        if tx.is_shared:
            tx.value(self._take, number=number)
