"""SQL pieces of the search language that the two databases write differently."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
import re2  # type: ignore[import-untyped]
from sqlalchemy import Boolean, Integer, Select, String, Text, func, literal_column, select
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator

from registrum.core.patterns import Pattern

PATTERN_BYTES = 1 << 20


@lru_cache(maxsize=256)
def _compiled(source: str) -> Any:
    """To search in UTF-8: re2 spends more on the places of characters than on finding, where it is given `str`."""
    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.log_errors = False
    options.never_capture = True
    return re2.compile(source.encode(), options)


def is_small_enough(pattern: Pattern) -> bool:
    """Whether RE2 takes an expression within the memory it may use."""
    try:
        _compiled(pattern.for_re2())
    except re2.error:
        return False
    return True


def regexp(source: str, text: str | None) -> bool | None:
    """SQLite's `text REGEXP source`; registered on every connection."""
    return None if text is None else _compiled(source).search(text.encode()) is not None


def sorted_list(numbers: str) -> str:
    """SQLite's `sorted_list(json)`: the same list, ascending; registered on every connection."""
    return orjson.dumps(sorted(orjson.loads(numbers))).decode()


def is_second(ordinal: ColumnElement[int]) -> ColumnElement[bool]:
    """SQL condition: a value is the second one at its path.

    Written as the partial index of such values has it: SQLite takes that for what stands in a statement, not for a parameter.
    """
    return ordinal == literal_column("1")


class PatternText(TypeDecorator[Pattern]):
    """A regular expression, written for the database it goes to."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Pattern to text."""
        return value.for_postgres() if dialect.name == "postgresql" else value.for_re2()


class PathKey(TypeDecorator[str]):
    """A dotted path as a key of `more_facts`: percent-encoded, so that it needs no quoting in SQLite's JSON paths."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Path to key."""
        return path_key(value) if dialect.name == "postgresql" else f'$."{path_key(value)}"'


def path_key(path: str) -> str:
    """The key under which the values of a path are kept in `more_facts`."""
    return quote(path, safe="")


class _Pair(ColumnElement[Any]):
    """Two expressions that an operator or a function joins."""

    inherit_cache = False

    def __init__(self, left: ColumnElement[Any], right: ColumnElement[Any]) -> None:
        self.left = left
        self.right = right

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.left, self.right)

    def self_group(self, against: Any = None) -> Any:
        """Itself: it is written with its parentheses."""
        return self

    def _copy_internals(
        self, clone: Callable[..., Any] | None = None, **kw: Any
    ) -> None:  # part of SQLAlchemy's protocol for custom elements
        if clone is not None:
            self.left = clone(self.left, **kw)
            self.right = clone(self.right, **kw)

    def both(self, compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
        """Both as SQL."""
        return compiler.process(self.left, **kw), compiler.process(self.right, **kw)


class contains(_Pair):  # noqa: N801 - reads as a function where it is used
    """SQL condition: the text on the left has the one on the right in it; case counts."""

    type = Boolean()


@compiles(contains, "sqlite")
def _contains_sqlite(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    left, right = element.both(compiler, **kw)
    return f"(instr({left}, {right}) > 0)"


@compiles(contains, "postgresql")
def _contains_postgresql(element: contains, compiler: SQLCompiler, **kw: Any) -> str:
    left, right = element.both(compiler, **kw)
    return f"(strpos({left}, {right}) > 0)"


class fits(_Pair):  # noqa: N801 - reads as a function where it is used
    """SQL condition: the text on the left fits the regular expression on the right, a `PatternText`."""

    type = Boolean()


@compiles(fits, "sqlite")
def _fits_sqlite(element: fits, compiler: SQLCompiler, **kw: Any) -> str:
    left, right = element.both(compiler, **kw)
    return f"({left} REGEXP {right})"


@compiles(fits, "postgresql")
def _fits_postgresql(element: fits, compiler: SQLCompiler, **kw: Any) -> str:
    left, right = element.both(compiler, **kw)
    return f"({left} ~ {right})"


class within(ColumnElement[bool]):  # noqa: N801 - reads as a function where it is used
    """SQL condition: the id is one of those that a statement gives, which does not depend on the row.

    SQLite makes such a set in half the time if they come in order, and sorts slowly itself.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, thing: ColumnElement[Any], found: "Select[Any]") -> None:
        self.plain = thing.in_(found)
        ids = found.subquery()
        self.thing = thing
        self.list = select(func.json_group_array(ids.c[0])).select_from(ids).scalar_subquery()

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.plain,)

    def self_group(self, against: Any = None) -> "within":
        """Itself: it binds more tightly than AND."""
        return self


@compiles(within, "sqlite")
def _within_sqlite(element: within, compiler: SQLCompiler, **kw: Any) -> str:
    thing, ids = compiler.process(element.thing, **kw), compiler.process(element.list, **kw)
    return f"{thing} IN (SELECT value FROM json_each(sorted_list({ids})))"


@compiles(within, "postgresql")
def _within_postgresql(element: within, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.plain, **kw)


class visiting(ColumnElement[bool]):  # noqa: N801 - reads as a function where it is used
    """SQL condition: the id is one of those that a statement gives, which are few, so that each is looked up.

    PostgreSQL does not believe that they are few, and reads a list in its order instead until a page is full. It
    believes it of an array.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, thing: ColumnElement[Any], found: "Select[Any]", *, is_sorted: bool) -> None:
        self.plain: ColumnElement[bool] = thing.in_(found) if is_sorted else within(thing, found)
        self.thing = thing
        self.ids = found.scalar_subquery()

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.plain,)

    def self_group(self, against: Any = None) -> "visiting":
        """Itself: it binds more tightly than AND."""
        return self


@compiles(visiting, "sqlite")
def _visiting_sqlite(element: visiting, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.plain, **kw)


@compiles(visiting, "postgresql")
def _visiting_postgresql(element: visiting, compiler: SQLCompiler, **kw: Any) -> str:
    thing, ids = compiler.process(element.thing, **kw), compiler.process(element.ids, **kw)
    return f"{thing} = ANY(ARRAY{ids})"


class _Wrapped(ColumnElement[Any]):
    """An expression written in another way."""

    inherit_cache = False

    def __init__(self, inner: ColumnElement[Any]) -> None:
        self.inner = inner
        self.type = inner.type

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.inner,)

    def self_group(self, against: Any = None) -> Any:
        """Itself: it binds more tightly than any operator."""
        return self

    def _copy_internals(
        self, clone: Callable[..., Any] | None = None, **kw: Any
    ) -> None:  # part of SQLAlchemy's protocol for custom elements
        if clone is not None:
            self.inner = clone(self.inner, **kw)


class off_index(_Wrapped):  # noqa: N801 - reads as a function where it is used
    """The same expression, which SQLite's planner is not to find in an index; PostgreSQL's knows its statistics."""


@compiles(off_index, "sqlite")
def _off_index_sqlite(element: off_index, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.inner, **kw)}"


@compiles(off_index, "postgresql")
def _off_index_postgresql(element: off_index, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.inner, **kw)


class together(_Wrapped):  # noqa: N801 - reads as a function where it is used
    """A condition made of some of many, which is one to those around it.

    SQLite refuses a thousand in one row, and PostgreSQL's planner takes seconds over what is `EXISTS` in fifty of them.
    """


@compiles(together, "sqlite")
def _together_sqlite(element: together, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.inner, **kw)})"


@compiles(together, "postgresql")
def _together_postgresql(element: together, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(({compiler.process(element.inner, **kw)}) IS TRUE)"


class _by_code_point(_Wrapped):  # noqa: N801 - reads as a function where it is used
    """A text column whose order and classes are those of code points."""


@compiles(_by_code_point, "sqlite")
def _by_code_point_sqlite(element: _by_code_point, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.inner, **kw)


@compiles(_by_code_point, "postgresql")
def _by_code_point_postgresql(element: _by_code_point, compiler: SQLCompiler, **kw: Any) -> str:
    return f'({compiler.process(element.inner, **kw)} COLLATE "C")'


def by_code_point(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of texts, compared by code point in both databases; other columns as they are."""
    kind = column.type
    return _by_code_point(column) if isinstance(kind, String) and kind.collation != "C" else column


class more_facts(_Pair):  # noqa: N801 - reads as a function where it is used
    """SQL: how many values of a document like `artifacts.more_facts` a condition holds for; 0 where it is null.

    Args:
        document: the column.
        condition: about `more_facts.NUMBER` and `more_facts.TEXT`.
        path: a `PathKey`; None: all values of the document.
    """

    type = Integer()

    def __init__(
        self,
        document: ColumnElement[Any],
        condition: ColumnElement[bool],
        path: ColumnElement[Any] | None,
    ) -> None:
        super().__init__(document, condition)
        self.path = path

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.left, self.right) if self.path is None else (self.left, self.right, self.path)


@compiles(more_facts, "sqlite")
def _more_facts_sqlite(element: more_facts, compiler: SQLCompiler, **kw: Any) -> str:
    document, condition = element.both(compiler, **kw)
    if element.path is None:
        rows = f"json_tree({document}) AS j WHERE j.atom IS NOT NULL"
    else:
        rows = f"json_each({document}, {compiler.process(element.path, **kw)}) AS j"
    return (
        "(SELECT count(*) FROM (SELECT CASE WHEN j.type IN ('integer', 'real') THEN j.value END AS number, "
        f"CASE WHEN j.type = 'text' THEN j.value END AS text FROM {rows}) AS more_values WHERE {condition})"
    )


@compiles(more_facts, "postgresql")
def _more_facts_postgresql(element: more_facts, compiler: SQLCompiler, **kw: Any) -> str:
    document, condition = element.both(compiler, **kw)
    document = f"CAST({document} AS jsonb)"
    if element.path is None:
        rows = f"jsonb_path_query({document}, '$.*[*]') AS j(value)"
    else:
        rows = f"jsonb_array_elements({document} -> {compiler.process(element.path, **kw)}) AS j(value)"
    return (
        "(SELECT count(*) FROM (SELECT CASE WHEN jsonb_typeof(j.value) = 'number' THEN CAST(j.value AS float8) END"
        " AS number, CASE WHEN jsonb_typeof(j.value) = 'string' THEN (j.value #>> '{}') COLLATE \"C\" END AS text"
        f" FROM {rows}) AS more_values WHERE {condition})"
    )
