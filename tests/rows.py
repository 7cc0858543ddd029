"""Rows straight into tables, by statements that are compiled once: worlds of the tests have thousands."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, insert

from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tx import Tx


def put(tx: Tx, table: Table, **values: Any) -> None:
    """Writes one row."""
    tx.run(_insert(table, tuple(values)), **{f"its_{name}": each for name, each in values.items()})


def put_new(tx: Tx, table: Table, **values: Any) -> int:
    """Writes one row; its `id`."""
    given = {f"its_{name}": each for name, each in values.items()}
    return int(tx.value(_insert(table, tuple(values), "id"), **given))


def put_many(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows that all have the same columns."""
    if rows:
        given = [{f"its_{name}": each for name, each in row.items()} for row in rows]
        tx.run_many(_insert(table, tuple(rows[0])), given)


@cache
def _insert(table: Table, columns: tuple[str, ...], *returned: str) -> Prepared:
    statement = insert(table).values({name: bindparam(f"its_{name}") for name in columns})
    return prepared(
        statement.returning(*(table.c[name] for name in returned)) if returned else statement
    )
