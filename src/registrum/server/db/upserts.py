"""INSERT … ON CONFLICT as SQLite and PostgreSQL both have it; a server on SQLite need not load PostgreSQL's dialect for it."""

from collections.abc import Iterable
from typing import Any, Self

from sqlalchemy import Table
from sqlalchemy.dialects.sqlite import dml


class _DoNothing(dml.OnConflictDoNothing):
    constraint_target = None  # PostgreSQL's compiler looks for it.
    inherit_cache = True


class _DoUpdate(dml.OnConflictDoUpdate):
    constraint_target = None
    inherit_cache = True


class Upsert(dml.Insert):
    """An INSERT that may say what becomes of rows that are there already."""

    inherit_cache = True

    def on_conflict_do_nothing(
        self, index_elements: Iterable[Any] | None = None, index_where: Any = None
    ) -> Self:
        """Leaves such rows as they are."""
        return self.ext(_DoNothing(index_elements, index_where))

    def on_conflict_do_update(
        self,
        index_elements: Iterable[Any] | None = None,
        index_where: Any = None,
        set_: Any = None,
        where: Any = None,
    ) -> Self:
        """Changes such rows; `excluded` are the values that were to be inserted."""
        return self.ext(_DoUpdate(index_elements, index_where, set_, where))


def insert(table: Table) -> Upsert:
    """An INSERT into the table."""
    return Upsert(table)
