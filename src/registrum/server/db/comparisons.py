"""Comparisons as SQL, as all kinds of fields have them: one value or a list, as a parameter that a gap names."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, not_, select

from registrum.core.errors import InvalidFilter
from registrum.core.filters import OPERATORS, Compare, Every, Filter, Negation
from registrum.server.db.columns import among
from registrum.server.db.conditions import (
    PatternText,
    by_code_point,
    contains,
    fits,
    is_small_enough,
    off_index,
    visiting,
    within,
)
from registrum.server.db.filters import Condition, Gap, Plan
from registrum.server.db.kinds import Kind

OF_TEXTS = ("$contains", "$regex")
OF_LISTS = ("$in", "$outside")


def compared(column: ColumnElement[Any], op: str, name: str, kind: Kind) -> Condition:
    """`column op :name`, for a column that is not null; of `$regex` with its literal as `:namel`."""
    if op in OF_LISTS:
        found: Condition = among(column, name, kind.item)
        return not_(found) if op == "$outside" else found
    if op == "$regex":
        # Most expressions have a literal text in them, and looking for that is much cheaper.
        literal = contains(column, bindparam(f"{name}l", type_=Text()))
        return and_(literal, fits(by_code_point(column), bindparam(name, type_=PatternText())))
    value: ColumnElement[Any] = bindparam(name, type_=kind.type or column.type)
    if op == "$contains":
        return contains(column, value)
    column = column if op == "$eq" else by_code_point(column)
    return {
        "$eq": column.__eq__,
        "$gt": column.__gt__,
        "$gte": column.__ge__,
        "$lt": column.__lt__,
        "$lte": column.__le__,
    }[op](value)


def read(kind: Kind, leaf: Compare) -> Any:
    """The value of a leaf as a column of that kind has it."""
    if leaf.op in OF_TEXTS and not kind.is_text:
        others = ", ".join(op for op in OPERATORS if op not in OF_TEXTS)
        raise InvalidFilter(
            f"{leaf.field[:60]!r} is {kind.words}: it has no {leaf.op}; it has {others}."
        )
    if leaf.op == "$regex":
        if not is_small_enough(leaf.value):
            raise InvalidFilter("The $regex is too large: use fewer or smaller repetitions.")
        return leaf.value
    if leaf.op in OF_LISTS or leaf.op == "$is":
        return [kind.read(leaf.field, value) for value in leaf.value]
    return kind.read(leaf.field, leaf.value)


def is_in(
    thing: ColumnElement[Any], found: "Select[Any] | None", plan: Plan, leaves: Sequence[Compare]
) -> Condition:
    """SQL condition: the thing is one of those that `Field.found_by` gave for these leaves."""
    assert found is not None
    if plan.is_recent:
        (id_,) = found.subquery().c
        found = select(id_).where(
            id_ >= bindparam("from_artifact"), id_ < bindparam("below_artifact")
        )
    # What equals one value comes in the order of ids from its index.
    is_sorted = [leaf.op for leaf in leaves] == ["$eq"]
    if plan.drives:
        return visiting(thing, found, is_sorted=is_sorted)
    # Without the index on `thing`, SQLite keeps the order it reads in and looks each row up in the set.
    thing = off_index(thing)
    return thing.in_(found) if is_sorted else within(thing, found)


def exactly(
    field: str, items: Sequence[Any], name: str, values: dict[str, Any], path: str, takes: str = ""
) -> Filter:
    """The shape of "has all of these values and no other"."""
    distinct = list(dict.fromkeys(items))
    if not distinct:
        return Negation(Compare(field, "$exists", Gap("", path) if takes else None))
    parts: list[Filter] = []
    for i, item in enumerate(distinct):
        values[f"{name}_{i}"] = item
        kind = takes and ("text" if isinstance(item, str) else "number")
        parts.append(Compare(field, "$eq", Gap(f"{name}_{i}", path, kind)))
    outside = Gap(name, path, takes and put_lists(distinct, name, values))
    if not takes:
        values[name] = distinct
    return Every((*parts, Negation(Compare(field, "$outside", outside))))


def put_lists(items: Sequence[Any], name: str, values: dict[str, Any]) -> str:
    """Adds the numbers and the texts of a list as parameters; which of them there are."""
    texts = [item for item in items if isinstance(item, str)]
    numbers = [item for item in items if not isinstance(item, str)]
    if texts and numbers:
        values[f"{name}t"], values[f"{name}n"] = texts, numbers
        return "both"
    values[name] = texts or numbers
    return "text" if texts else "number"
