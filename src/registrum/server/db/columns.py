"""Column types that mean the same in SQLite and PostgreSQL, and the one construct for "is one of these ids"."""

import enum
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson
from sqlalchemy import ARRAY, BigInteger, Integer, SmallInteger, Text, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.types import Boolean, TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EXACT = 2**52
"""Microseconds below which seconds as a float are exact to the microsecond: until 2112."""


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970 UTC of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of that many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def _moment_or_none(micros: int | None) -> datetime | None:
    if micros is None:
        return None
    if 0 <= micros < _EXACT:
        return datetime.fromtimestamp(micros / 1_000_000, UTC)  # in half the time of a sum
    return from_micros(micros)


def _micros_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as integer microseconds since 1970: the same order and arithmetic in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Aware datetime to microseconds."""
        return _micros_or_none(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        """The conversion itself; see `result_processor`."""
        return _micros_or_none

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds to aware datetime."""
        return None if value is None else from_micros(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """The conversion itself, without the decorator's two calls around it: rows have many times."""
        return _moment_or_none


E = TypeVar("E", bound=enum.IntEnum)


class Ranked(TypeDecorator[E]):
    """An IntEnum kept as its number, so that SQL can compare ranks."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        self.kind = kind
        super().__init__()

    def process_bind_param(self, value: E | int | None, dialect: Dialect) -> Any:
        """Member (or its number) to number."""
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> E | None:
        """Number to member."""
        return None if value is None else self.kind(value)


def _bool_or_none(value: Any) -> bool | None:
    return None if value is None else bool(value)


class Flag(TypeDecorator[bool]):
    """True or false: an integer in SQLite, a boolean in PostgreSQL; always a `bool` in Python."""

    impl = Boolean
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        """Passes through; SQLite's driver stores 0 or 1."""
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        """0 or 1 to bool."""
        return _bool_or_none(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """The conversion itself; see `Moment.result_processor`."""
        return _bool_or_none


def json_text(value: Any) -> str:
    """A document as compact JSON; also with half surrogate pairs and integers beyond 64 bits."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":"))


def _document_or_none(text: str | None) -> Any:
    return None if text is None else json.loads(text)


class JSONText(TypeDecorator[Any]):
    """A JSON document kept as compact text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Document to text."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Text to document."""
        return _document_or_none(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """The conversion itself; see `Moment.result_processor`."""
        return _document_or_none


# SQLite gives its fast row ids only to INTEGER PRIMARY KEY.
Id = BigInteger().with_variant(Integer(), "sqlite")


class Ids(TypeDecorator[list[Any]]):
    """A list of numbers or texts as one parameter: an array in PostgreSQL, a JSON text in SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]] = BigInteger) -> None:
        self.item = item
        super().__init__()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`bigint[]` or `text[]` in PostgreSQL, text elsewhere."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(self.item()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Sequence to array or JSON text."""
        values = list(value or ())
        return values if dialect.name == "postgresql" else json_text(values)


class among(ColumnElement[bool]):  # noqa: N801 - reads as an operator where it is used
    """SQL condition `column IN (all items of one list parameter)`, prepared once whatever the list's length."""

    inherit_cache = False

    def __init__(
        self, column: ColumnElement[Any], name: str, item: type[TypeEngine[Any]] = BigInteger
    ) -> None:
        self.type = Boolean()
        self.column = column
        self.parameter: BindParameter[Any] = bindparam(name, type_=Ids(item))

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers (adaption to aliases, FROM lists) look into."""
        return (self.column, self.parameter)

    def self_group(self, against: Any = None) -> "among":
        """Itself: SQLite's dialect would otherwise append `= 1`, which keeps it from using an index."""
        return self

    def _copy_internals(
        self, clone: Callable[..., Any] | None = None, **kw: Any
    ) -> None:  # part of SQLAlchemy's protocol for custom elements
        if clone is not None:
            self.column = clone(self.column, **kw)


class those(among):  # noqa: N801 - reads as an operator where it is used
    """The same of ids that were found before: how many there are makes no difference to how they are best looked up.

    PostgreSQL plans a statement anew each time it runs where that seems to pay for the values it is given, and it
    takes longer over that than over running it. What a subquery gives it does not know beforehand.
    """

    inherit_cache = False


@compiles(those, "postgresql")
def _those_postgresql(element: those, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    return f"{column} = ANY(ARRAY(SELECT unnest({compiler.process(element.parameter, **kw)})))"


@compiles(those, "sqlite")
@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (
        compiler.process(element.column, **kw),
        compiler.process(element.parameter, **kw),
    )
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY({compiler.process(element.parameter, **kw)})"
