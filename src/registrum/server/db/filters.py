"""Filters as SQL: the fields that a list can be filtered by, and statements that are prepared once for each shape of a filter.

A filter is split into its shape, with a numbered gap for each value, and the values. Statements are cached by shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, and_, bindparam, not_, or_

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.server.db.columns import among


def as_is(value: Any) -> Any:
    """A value that the column takes as it comes."""
    return value


@dataclass(frozen=True)
class Field:
    """One field of a filter.

    Attributes:
        column: what is compared.
        read: the value as the column has it; raises InvalidFilter.
        within: for a relation of many rows: a condition on one row made into one on the thing.
    """

    column: ColumnElement[Any]
    read: Callable[[Any], Any] = as_is
    within: Callable[[ColumnElement[bool]], ColumnElement[bool]] | None = None


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands in a shape for a value, which is the parameter of that name."""

    name: str


def split(
    filter_: Filter | None, fields: Fields, prefix: str
) -> tuple[Filter | None, dict[str, Any]]:
    """The shape of a filter and its values by parameter.

    Args:
        filter_: None: no condition.
        fields: those it may use.
        prefix: keeps the parameters of several filters in one statement apart.

    Raises:
        InvalidFilter: a field that is not among them, or a value it does not take.
    """
    values: dict[str, Any] = {}

    def walk(part: Filter) -> Filter:
        if isinstance(part, Compare):
            field = _field(fields, part.field)
            name = f"{prefix}{len(values)}"
            if isinstance(part.value, tuple):
                values[name] = [field.read(item) for item in part.value]
            else:
                values[name] = None if part.value is None else field.read(part.value)
            gap = None if values[name] is None else Gap(name)
            return Compare(part.field, part.op, gap)
        if isinstance(part, Negation):
            return Negation(walk(part.part))
        return type(part)(tuple(walk(each) for each in part.parts))

    return (walk(filter_) if filter_ is not None else None), values


def condition(shape: Filter, fields: Fields) -> ColumnElement[bool]:
    """The SQL condition of a shape that `split` made."""
    if isinstance(shape, Every):
        return and_(*(condition(part, fields) for part in shape.parts))
    if isinstance(shape, Either):
        return or_(*(condition(part, fields) for part in shape.parts))
    if isinstance(shape, Negation):
        return not_(condition(shape.part, fields))
    field = _field(fields, shape.field)
    negative = shape.op in ("$ne", "$nin")
    found = _compare(field.column, _POSITIVE.get(shape.op, shape.op), shape.value)
    if field.within is not None:
        found = field.within(found)
    return not_(found) if negative else found


_POSITIVE = {"$ne": "$eq", "$nin": "$in"}


def _compare(column: ColumnElement[Any], op: str, gap: Gap | None) -> ColumnElement[bool]:
    if gap is None:
        return column.is_(None)
    if op == "$in":
        is_number = isinstance(column.type, BigInteger | Integer)
        return among(column, gap.name, BigInteger if is_number else Text)
    value: ColumnElement[Any] = bindparam(gap.name, type_=column.type)
    return {
        "$eq": column.__eq__,
        "$gt": column.__gt__,
        "$gte": column.__ge__,
        "$lt": column.__lt__,
        "$lte": column.__le__,
    }[op](value)


def _field(fields: Fields, name: str) -> Field:
    if name not in fields:
        known = ", ".join(sorted(fields))
        raise InvalidFilter(f"There is no field {name[:60]!r} to filter by; there are {known}.")
    return fields[name]
