"""Filters as SQL: what a list can be filtered by, and statements that are prepared once for each shape of a filter.

A filter is split into its shape, with a named gap for each value, and the values. Statements are cached by shape. Every
condition made of one is true or false, never unknown, so that its negation is its opposite. What a condition can be about
is in `column_fields.py` and `document_fields.py`; which of them a list has, in `fields.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, true

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.core.patterns import Pattern
from registrum.server.db.conditions import together

Condition = ColumnElement[bool]

FEW = 12
"""So many conditions stand side by side in a statement; more are put together by so many, and these again."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands in a shape for the value of a condition.

    Attributes:
        name: the parameter; of a list with texts and numbers, followed by `n` and `t`.
        path: the parameter of the path into a document; "" where there is none.
        takes: "number", "text" or "both": what a document is compared with; "" for a plain field.
    """

    name: str
    path: str = ""
    takes: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a statement is to find its rows.

    Attributes:
        leaves: the conditions on one field whose rows an index finds; empty: none.
        drives: those rows are all visited, and then sorted; else they are a set that the rows in order are looked up in.
        more_facts: how many artifacts have metadata beyond what is indexed: "none", "few" or "many".
        one_value: the leaves are about one path, at which no artifact has several values.
        sorted_by: the field that the rows are read in the order of; conditions on it narrow that reading.
        is_recent: of those rows, only what is about artifacts from `from_artifact` on to `below_artifact`.
        also: other conditions on metadata, by which the rows of the leaves are chosen before anything else is looked at;
            where no artifact has more facts.
    """

    leaves: tuple[Compare, ...] = ()
    drives: bool = False
    more_facts: str = "many"
    one_value: bool = False
    sorted_by: str = ""
    is_recent: bool = False
    also: tuple[Compare, ...] = ()


class Field(Protocol):
    """What a condition can be about."""

    takes_path: bool

    def fill(self, leaf: Compare, path: str, name: str, values: dict[str, Any]) -> Filter:
        """The shape of a condition, with gaps named from `name` on, whose values are added; raises InvalidFilter."""

    def condition(self, leaf: Compare, plan: Plan) -> Condition:
        """The SQL condition of a leaf that `fill` made."""

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """The ids of all that these leaves hold for, and few others, if an index finds them; else None."""


Fields = Mapping[str, Field]


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
    count = 0

    def walk(part: Filter) -> Filter:
        nonlocal count
        if isinstance(part, Compare):
            count += 1
            name, path = _named(fields, part.field)
            leaf = Compare(name, part.op, part.value)
            return fields[name].fill(leaf, path, f"{prefix}{count}_", values)
        if isinstance(part, Negation):
            return Negation(walk(part.part))
        return type(part)(tuple(walk(each) for each in part.parts))

    shape = walk(filter_) if filter_ is not None else None
    for name, value in list(values.items()):
        if name.endswith("p"):
            values[f"{name}k"] = value
        elif isinstance(value, Pattern):
            values[f"{name}l"] = value.literal
    return shape, values


def condition(shape: Filter, fields: Fields, plan: Plan | None = None) -> Condition:
    """The SQL condition of a shape that `split` made."""
    plan = plan or Plan()
    if isinstance(shape, Compare):
        return fields[shape.field].condition(shape, plan)
    if isinstance(shape, Negation):
        return not_(condition(shape.part, fields, plan))
    parts = list(_joined(shape, type(shape)))
    if isinstance(shape, Either):
        return or_(false(), *_together(or_, [condition(part, fields, plan) for part in parts]))
    # What an index is to find stays where the database's planner sees it.
    first = [part for part in parts if part in plan.leaves][:FEW]
    rest = [condition(part, fields, plan) for part in parts if part not in first]
    return and_(true(), *(condition(part, fields, plan) for part in first), *_together(and_, rest))


def _joined(shape: Filter, kind: type[Filter]) -> Iterator[Filter]:
    """The parts of nested shapes of one kind."""
    if not isinstance(shape, Every | Either) or not isinstance(shape, kind):
        yield shape
        return
    for part in shape.parts:
        yield from _joined(part, kind)


def _together(join: Callable[..., Condition], parts: list[Condition]) -> list[Condition]:
    """A few conditions that say the same as many."""
    while len(parts) > FEW:
        parts = [together(join(*parts[i : i + FEW])) for i in range(0, len(parts), FEW)]
    return parts


def leaves(shape: Filter | None) -> Iterator[Compare]:
    """All conditions of a shape on one field."""
    if isinstance(shape, Compare):
        yield shape
    elif isinstance(shape, Negation):
        yield from leaves(shape.part)
    elif isinstance(shape, Every | Either):
        for part in shape.parts:
            yield from leaves(part)


def required(shape: Filter | None) -> Iterator[Compare]:
    """The leaves of a shape that hold for every row of the list."""
    if isinstance(shape, Compare):
        yield shape
    elif isinstance(shape, Every):
        for part in shape.parts:
            yield from required(part)


def _named(fields: Fields, written: str) -> tuple[str, str]:
    """The field that is meant, by the first of its names, and the path into it."""
    root, _, path = (written, "", "") if written in fields else written.partition(".")
    if root in fields and (path or root == written):
        if fields[root].takes_path or root == written:
            return next(name for name in fields if fields[name] is fields[root]), path
        raise InvalidFilter(f"{root!r} is no document: there is nothing inside it to filter by.")
    known = ", ".join(f"{n}.…" if fields[n].takes_path else n for n in sorted(fields))
    raise InvalidFilter(f"There is no field {written[:60]!r} to filter by; there are {known}.")
