"""Fields that are JSON documents: an artifact's metadata, searched by its facts, and documents that are read row by row."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.expression import FromClause

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Filter
from registrum.core.patterns import Pattern
from registrum.server.db.comparisons import OF_TEXTS, compared, exactly, is_in, put_lists, read
from registrum.server.db.conditions import PathKey, is_second, more_facts, off_index
from registrum.server.db.filters import Condition, Gap, Plan
from registrum.server.db.kinds import NUMBER, TEXT


def _scalar(value: Any) -> float | str:
    """A value as facts have it: true and false are texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else float(value)


class _Document(ABC):
    """A field whose values are the scalars of a JSON document, chosen by a dotted path, numbers and texts apart."""

    takes_path = True

    def fill(self, leaf: Compare, path: str, name: str, values: dict[str, Any]) -> Filter:
        """See `Field.fill`."""
        at = self.at(leaf.field, path, name, values)
        if leaf.op == "$exists":
            return Compare(leaf.field, "$exists", Gap("", at))
        if leaf.op == "$size":
            values[name] = leaf.value
            return Compare(leaf.field, "$size", Gap(name, at))
        if isinstance(leaf.value, Pattern):
            values[name] = read(TEXT, leaf)
            return Compare(leaf.field, "$regex", Gap(name, at, "text"))
        if leaf.op == "$is":
            items = [_scalar(item) for item in leaf.value]
            return exactly(leaf.field, items, name, values, at, "both")
        if leaf.op == "$in":
            takes = put_lists([_scalar(item) for item in leaf.value], name, values)
            return Compare(leaf.field, "$in", Gap(name, at, takes))
        values[name] = value = _scalar(leaf.value)
        return Compare(
            leaf.field, leaf.op, Gap(name, at, "text" if isinstance(value, str) else "number")
        )

    @abstractmethod
    def at(self, field: str, path: str, name: str, values: dict[str, Any]) -> str:
        """The path as the shape has it."""


def _is_searchable(leaf: Compare) -> bool:
    """The index of facts by path and value finds its rows."""
    gap = leaf.value
    is_one = gap.takes != "both" and leaf.op not in ("$size", "$outside", *OF_TEXTS)
    return bool(gap.name and gap.path and is_one)


def _test_scalar(leaf: Compare, number: ColumnElement[Any], text: ColumnElement[Any]) -> Condition:
    """A condition on a row that has a number, or a text, or neither."""
    gap = leaf.value
    if leaf.op == "$exists":
        return or_(number.is_not(None), text.is_not(None))
    op = "$in" if leaf.op == "$outside" else leaf.op
    numbers = and_(number.is_not(None), compared(number, op, gap.name, NUMBER))
    texts = and_(text.is_not(None), compared(text, op, gap.name, TEXT))
    if gap.takes == "both":
        numbers = and_(number.is_not(None), compared(number, op, f"{gap.name}n", NUMBER))
        texts = and_(text.is_not(None), compared(text, op, f"{gap.name}t", TEXT))
        found: Condition = or_(numbers, texts)
    else:
        found = numbers if gap.takes == "number" else texts
    if leaf.op != "$outside":
        return found
    return and_(or_(number.is_not(None), text.is_not(None)), not_(found))


@dataclass(frozen=True)
class Facts(_Document):
    """An artifact's metadata: rows of `facts`, and what goes beyond them.

    Attributes:
        rows: the table `facts`.
        thing: the column of the list with the artifact's id.
        more: `artifacts.more_facts` of the same artifact; `artifacts` is in the statement.
        all_more: an alias of `artifacts`, to find them by that column.
    """

    rows: FromClause
    thing: ColumnElement[Any]
    more: ColumnElement[Any]
    all_more: FromClause

    def at(self, field: str, path: str, name: str, values: dict[str, Any]) -> str:
        """See `_Document.at`."""
        if not path:
            return ""
        same = [other for other, value in values.items() if other[-1] == "p" and value == path]
        at = same[0] if same else f"{name}p"
        values[at] = path
        return at

    def condition(self, leaf: Compare, plan: Plan) -> Condition:
        """See `Field.condition`."""
        if leaf.op == "$size":
            return self._size(leaf, plan)
        if leaf in plan.also:
            return true()
        if leaf in plan.leaves:
            among_found = is_in(self.thing, self.found_by(plan.leaves, plan), plan, plan.leaves)
            if len(plan.leaves) == 1 or plan.one_value:
                return among_found if leaf == plan.leaves[0] else true()
            # What was found may be more than what all the conditions hold for.
            rest = replace(plan, leaves=())
            return (
                and_(among_found, self.condition(leaf, rest))
                if leaf == plan.leaves[0]
                else self.condition(leaf, rest)
            )
        found = self._any(leaf, self.rows, self.thing)
        if plan.more_facts == "none":
            return found
        return or_(found, and_(self.more.is_not(None), self._more(leaf, self.more) > 0))

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        if plan.more_facts == "many" or not all(_is_searchable(leaf) for leaf in leaves):
            return None
        owner, more = self.rows.c.artifact_id, self.all_more.c.more_facts
        found: Any = select(owner).where(
            *self._at(leaves[0]),
            *(_test_scalar(leaf, self.rows.c.number, self.rows.c.text) for leaf in leaves),
            *(self._any(leaf, self.rows.alias(), owner) for leaf in plan.also),
        )
        others = []
        if len(leaves) > 1 and not plan.one_value:
            # Of a list, one value may fit one condition and another value the other one.
            at = self.rows.c.path == bindparam(leaves[0].value.path)
            others.append(select(owner).where(at, is_second(self.rows.c.ordinal)))
        if plan.more_facts == "few":
            enough = [self._more(leaf, more) > 0 for leaf in leaves[:1] if len(leaves) == 1]
            others.append(select(self.all_more.c.id).where(more.is_not(None), *enough))
        combined: Select[Any] = found.union_all(*others) if others else found
        return combined

    def counts_also(self, plan: Plan, most: str) -> "Select[Any]":
        """How many of the first rows of the leaves, up to the parameter `most`, the conditions of `also` hold for."""
        some = self.found_by(plan.leaves, replace(plan, also=()))
        assert some is not None
        first = some.limit(bindparam(most)).subquery()
        also = (self._any(leaf, self.rows.alias(), first.c.artifact_id) for leaf in plan.also)
        return select(func.count()).select_from(first).where(*also)

    def _any(self, leaf: Compare, rows: FromClause, thing: ColumnElement[Any]) -> Condition:
        number: ColumnElement[Any] = rows.c.number
        text: ColumnElement[Any] = rows.c.text
        if leaf.op != "$eq":
            # SQLite is to look into the artifact's facts, not for all with these values.
            number, text = off_index(number), off_index(text)
        row = _test_scalar(leaf, number, text)
        found = select(1).where(rows.c.artifact_id == thing, *self._at(leaf, rows), row)
        return exists(found.correlate_except(rows))

    def _at(self, leaf: Compare, rows: FromClause | None = None) -> list[Condition]:
        path = (self.rows if rows is None else rows).c.path
        return [path == bindparam(leaf.value.path)] if leaf.value.path else []

    def _more(self, leaf: Compare, document: ColumnElement[Any]) -> ColumnElement[Any]:
        number = literal_column("more_values.number", Float())
        text = literal_column("more_values.text", Text(collation="C"))
        path = leaf.value.path
        return more_facts(
            document,
            true() if leaf.op == "$size" else _test_scalar(leaf, number, text),
            bindparam(f"{path}k", type_=PathKey()) if path else None,
        )

    def _size(self, leaf: Compare, plan: Plan) -> Condition:
        rows = select(func.count()).where(self.rows.c.artifact_id == self.thing)
        if leaf.value.path:
            rows = rows.where(self.rows.c.path == bindparam(leaf.value.path))
        count: Any = rows.correlate_except(self.rows).scalar_subquery()
        if plan.more_facts != "none":
            count = count + self._more(leaf, self.more)
        found: Condition = count == bindparam(leaf.value.name, type_=Integer)
        return found


@dataclass(frozen=True)
class Inside(_Document):
    """A JSON document that is read row by row: one number or one text at a path.

    Attributes:
        value: the number and the text at a path, as SQL; raises InvalidFilter.
        document: the column; what a filter without a path asks about.
    """

    value: Callable[[str], tuple[ColumnElement[Any], ColumnElement[Any]]]
    document: ColumnElement[Any]

    def at(self, field: str, path: str, name: str, values: dict[str, Any]) -> str:
        """See `_Document.at`."""
        if not path:
            raise InvalidFilter(f"Say which value of {field!r} is meant: {field}.learning_rate.")
        self.value(path)
        return path

    def condition(self, leaf: Compare, plan: Plan) -> Condition:
        """See `Field.condition`."""
        number, text = self.value(leaf.value.path)
        if leaf.op == "$size":
            count = case((or_(number.is_not(None), text.is_not(None)), 1), else_=0)
            return count == bindparam(leaf.value.name, type_=Integer)
        return _test_scalar(leaf, number, text)

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        return None
