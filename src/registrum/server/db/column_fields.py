"""Fields that are columns: one of the list itself, or one of another table with several rows for each of its rows."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, exists, func, select, true
from sqlalchemy.sql.expression import FromClause

from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.server.db.comparisons import OF_TEXTS, compared, exactly, is_in, read
from registrum.server.db.conditions import off_index
from registrum.server.db.filters import Condition, Gap, Plan
from registrum.server.db.kinds import MOMENT, TEXT, Kind

SECOND = 1_000_000


@dataclass(frozen=True)
class Plain:
    """A field with one value or none.

    Attributes:
        column: what is compared.
        kind: how a filter's values are read.
        is_optional: the column may be null.
        is_indexed: an index of the list begins with its scope and this column.
    """

    column: ColumnElement[Any]
    kind: Kind = TEXT
    is_optional: bool = False
    is_indexed: bool = False
    takes_path = False

    def fill(self, leaf: Compare, path: str, name: str, values: dict[str, Any]) -> Filter:
        """See `Field.fill`."""
        there = Compare(leaf.field, "$exists", None)
        if leaf.op == "$exists":
            return there
        if leaf.op == "$size":
            return (Negation(there), there)[leaf.value] if leaf.value < 2 else Either(())
        value = read(self.kind, leaf)
        if leaf.op == "$is":
            if not value:
                return Negation(there)
            if any(item != value[0] for item in value):
                return Either(())
            leaf, value = Compare(leaf.field, "$eq", value[0]), value[0]
        if self.kind is MOMENT:
            return _at_moments(leaf, value, name, values)
        values[name] = value
        return Compare(leaf.field, leaf.op, Gap(name))

    def condition(self, leaf: Compare, plan: Plan) -> Condition:
        """See `Field.condition`."""
        if leaf.op == "$exists":
            return self.column.is_not(None) if self.is_optional else true()
        narrows = leaf in plan.leaves or plan.sorted_by == leaf.field
        column = off_index(self.column) if self.is_indexed and not narrows else self.column
        found = compared(column, leaf.op, leaf.value.name, self.kind)
        return and_(self.column.is_not(None), found) if self.is_optional else found

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        return None


def _at_moments(leaf: Compare, value: Any, name: str, values: dict[str, Any]) -> Filter:
    """A comparison with a time; in whole seconds, as the wire shows times, it stands for the whole of that second."""

    def at(op: str, micros: int, gap: str) -> Filter:
        values[gap] = micros
        return Compare(leaf.field, op, Gap(gap))

    def within(micros: int, gap: str) -> Filter:
        if micros % SECOND:
            return at("$eq", micros, gap)
        return Every((at("$gte", micros, f"{gap}a"), at("$lt", micros + SECOND, f"{gap}b")))

    if leaf.op == "$in":
        return Either(tuple(within(micros, f"{name}_{i}") for i, micros in enumerate(value)))
    if leaf.op == "$eq":
        return within(value, name)
    if leaf.op in ("$gt", "$lte") and value % SECOND == 0:
        return at("$gte" if leaf.op == "$gt" else "$lt", value + SECOND, name)
    return at(leaf.op, value, name)


@dataclass(frozen=True)
class Many:
    """A field with the values of another table's rows: tags, aliases.

    Attributes:
        value: the column with the values.
        owner: the column of that table that names the thing.
        thing: the column of the list that it equals.
        where: which rows of the table count.
    """

    value: ColumnElement[Any]
    owner: ColumnElement[Any]
    thing: ColumnElement[Any]
    where: Condition | None = None
    kind: Kind = TEXT
    takes_path = False

    def fill(self, leaf: Compare, path: str, name: str, values: dict[str, Any]) -> Filter:
        """See `Field.fill`."""
        if leaf.op == "$exists":
            return Compare(leaf.field, "$exists", None)
        if leaf.op == "$size":
            values[name] = leaf.value
            return Compare(leaf.field, "$size", Gap(name))
        value = read(self.kind, leaf)
        if leaf.op == "$is":
            return exactly(leaf.field, value, name, values, "")
        values[name] = value
        return Compare(leaf.field, leaf.op, Gap(name))

    def condition(self, leaf: Compare, plan: Plan) -> Condition:
        """See `Field.condition`."""
        if leaf.op == "$size":
            count = select(func.count()).select_from(self._table).where(*self._rows())
            return count.where(self.owner == self.thing).correlate_except(
                self._table
            ).scalar_subquery() == bindparam(leaf.value.name, type_=Integer)
        if leaf.op == "$exists":
            return self._any()
        if leaf in plan.leaves:
            return is_in(self.thing, self.found_by((leaf,), plan), plan, [leaf])
        return self._any(compared(off_index(self.value), leaf.op, leaf.value.name, self.kind))

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        (leaf,) = leaves
        if not isinstance(leaf.value, Gap) or leaf.op in ("$size", "$outside", *OF_TEXTS):
            return None
        row = compared(self.value, leaf.op, leaf.value.name, self.kind)
        return select(self.owner).where(*self._rows(), row)

    @property
    def _table(self) -> FromClause:
        return self.value.table  # type: ignore[no-any-return]

    def _rows(self) -> list[Condition]:
        return [] if self.where is None else [self.where]

    def _any(self, *row: Condition) -> Condition:
        rows = select(1).select_from(self._table).where(self.owner == self.thing)
        return exists(rows.where(*self._rows(), *row).correlate_except(self._table))
