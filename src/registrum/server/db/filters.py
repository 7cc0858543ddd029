"""Filters as SQL: what a list can be filtered by, and statements that are prepared once for each shape of a filter.

A filter is split into its shape, with a named gap for each value, and the values. Statements are cached by shape. Every
condition made here is true or false, never unknown, so that its negation is its opposite.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

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
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.expression import FromClause

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.core.patterns import Pattern
from registrum.server.db.columns import among
from registrum.server.db.conditions import (
    PathKey,
    PatternText,
    by_code_point,
    contains,
    fits,
    is_small_enough,
    more_facts,
    off_index,
    within,
)
from registrum.server.db.kinds import MOMENT, NUMBER, TEXT, Kind

Condition = ColumnElement[bool]
OF_TEXTS = ("$contains", "$regex")
OF_LISTS = ("$in", "$outside")


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


def test(column: ColumnElement[Any], op: str, name: str, kind: Kind) -> Condition:
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


def _read(kind: Kind, leaf: Compare) -> Any:
    """The value of a leaf as a column of that kind has it."""
    if leaf.op == "$regex":
        if not kind.is_text:
            raise InvalidFilter(f"{leaf.field[:60]!r} is {kind.words}: it has no $regex.")
        if not is_small_enough(leaf.value):
            raise InvalidFilter("The $regex is too large: use fewer or smaller repetitions.")
        return leaf.value
    if leaf.op == "$contains" and not kind.is_text:
        raise InvalidFilter(f"{leaf.field[:60]!r} is {kind.words}: it has no $contains.")
    if leaf.op in OF_LISTS or leaf.op == "$is":
        return [kind.read(leaf.field, value) for value in leaf.value]
    return kind.read(leaf.field, leaf.value)


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
        value = _read(self.kind, leaf)
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
        found = test(column, leaf.op, leaf.value.name, self.kind)
        return and_(self.column.is_not(None), found) if self.is_optional else found

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        return None


SECOND = 1_000_000


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
        value = _read(self.kind, leaf)
        if leaf.op == "$is":
            return _exactly(leaf.field, value, name, values, "")
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
            return _is_in(self.thing, self.found_by((leaf,), plan), plan, [leaf])
        return self._any(test(off_index(self.value), leaf.op, leaf.value.name, self.kind))

    def found_by(self, leaves: tuple[Compare, ...], plan: Plan) -> "Select[Any] | None":
        """See `Field.found_by`."""
        (leaf,) = leaves
        if not isinstance(leaf.value, Gap) or leaf.op in ("$size", "$outside", *OF_TEXTS):
            return None
        row = test(self.value, leaf.op, leaf.value.name, self.kind)
        return select(self.owner).where(*self._rows(), row)

    @property
    def _table(self) -> FromClause:
        return self.value.table  # type: ignore[no-any-return]

    def _rows(self) -> list[Condition]:
        return [] if self.where is None else [self.where]

    def _any(self, *row: Condition) -> Condition:
        rows = select(1).select_from(self._table).where(self.owner == self.thing)
        return exists(rows.where(*self._rows(), *row).correlate_except(self._table))


def _is_in(
    thing: ColumnElement[Any], found: "Select[Any] | None", plan: Plan, leaves: Sequence[Compare]
) -> Condition:
    assert found is not None
    if plan.is_recent:
        (id_,) = found.subquery().c
        found = select(id_).where(
            id_ >= bindparam("from_artifact"), id_ < bindparam("below_artifact")
        )
    # Without the index on `thing`, SQLite keeps the order it reads in and looks each row up in the set.
    thing = thing if plan.drives else off_index(thing)
    # What equals one value comes in the order of ids from its index.
    return thing.in_(found) if [leaf.op for leaf in leaves] == ["$eq"] else within(thing, found)


def _exactly(
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
    outside = Gap(name, path, takes and _put_lists(distinct, name, values))
    if not takes:
        values[name] = distinct
    return Every((*parts, Negation(Compare(field, "$outside", outside))))


def _put_lists(items: Sequence[Any], name: str, values: dict[str, Any]) -> str:
    """Adds the numbers and the texts of a list as parameters; which of them there are."""
    texts = [item for item in items if isinstance(item, str)]
    numbers = [item for item in items if not isinstance(item, str)]
    if texts and numbers:
        values[f"{name}t"], values[f"{name}n"] = texts, numbers
        return "both"
    values[name] = texts or numbers
    return "text" if texts else "number"


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
            values[name] = _read(TEXT, leaf)
            return Compare(leaf.field, "$regex", Gap(name, at, "text"))
        if leaf.op == "$is":
            items = [_scalar(item) for item in leaf.value]
            return _exactly(leaf.field, items, name, values, at, "both")
        if leaf.op == "$in":
            takes = _put_lists([_scalar(item) for item in leaf.value], name, values)
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
    numbers = and_(number.is_not(None), test(number, op, gap.name, NUMBER))
    texts = and_(text.is_not(None), test(text, op, gap.name, TEXT))
    if gap.takes == "both":
        numbers = and_(number.is_not(None), test(number, op, f"{gap.name}n", NUMBER))
        texts = and_(text.is_not(None), test(text, op, f"{gap.name}t", TEXT))
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
            among_found = _is_in(self.thing, self.found_by(plan.leaves, plan), plan, plan.leaves)
            if len(plan.leaves) == 1 or plan.one_value:
                return among_found if leaf is plan.leaves[0] else true()
            # What was found may be more than what all the conditions hold for.
            rest = replace(plan, leaves=())
            return (
                and_(among_found, self.condition(leaf, rest))
                if leaf is plan.leaves[0]
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
            others.append(select(owner).where(at, self.rows.c.ordinal == 1))
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


# --- Splitting and compiling


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
    if isinstance(shape, Every):
        return and_(true(), *(condition(part, fields, plan) for part in shape.parts))
    if isinstance(shape, Either):
        return or_(false(), *(condition(part, fields, plan) for part in shape.parts))
    if isinstance(shape, Negation):
        return not_(condition(shape.part, fields, plan))
    return fields[shape.field].condition(shape, plan)


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
