"""Statements: SQLAlchemy Core text and types, compiled once and run by the database's own driver.

SQLAlchemy's execution layer costs more than most of our queries (docs/performance.md). So a statement is compiled here to the driver's SQL
with named parameters; parameters and results still pass through the types' converters. `prepared(...)` keeps the compiled
form for the life of the process; anything else is compiled when it is run.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Float
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Row = Any  # a named tuple with the statement's labels

_Converter = Callable[[Any], Any]
_Reader = Callable[[Sequence[Sequence[Any]]], list[Row]]
_FLOAT8 = 701


class Compiled:
    """A statement for one dialect: SQL text, how parameters go in and how rows come out."""

    __slots__ = ("_bind", "_defaults", "_read", "text")

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        assert isinstance(compiled, SQLCompiler)
        if compiled.literal_execute_params or compiled.post_compile_params:
            compiled = statement.compile(  # type: ignore[attr-defined]
                dialect=dialect, compile_kwargs={"render_postcompile": True}
            )
        self.text = str(compiled)
        self._bind: dict[str, _Converter] = {}
        for bind, name in compiled.bind_names.items():
            converter = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if converter is not None:
                self._bind[name] = converter
        self._defaults = {
            name: (self._bind[name](value) if name in self._bind and value is not None else value)
            for name, value in compiled.params.items()
        }
        columns = compiled._result_columns
        names = [str(c.keyname) for c in columns]
        row = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        self._read = _reader(row, [_result_processor(c.type, dialect) for c in columns])

    def parameters(
        self, given: Mapping[str, Any], always: Mapping[str, int] | None = None
    ) -> dict[str, Any]:
        """The driver's parameters: the statement's literals and those given, converted; surplus ones are dropped.

        Args:
            always: what the driver takes as it is, where the statement has it and it is not given.
        """
        values = self._defaults.copy()
        for name, number in (always or {}).items():
            if name in values:
                values[name] = number
        for name, value in given.items():
            if name in values:
                convert = self._bind.get(name)
                values[name] = value if convert is None else convert(value)
        return values

    def many(
        self, given: Iterable[Mapping[str, Any]], same: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The driver's parameters for each of many runs; `same` is converted once for all of them."""
        shared = self.parameters(same)
        found = [{**shared, **each} for each in given]
        if not found:
            return found
        for name, convert in self._bind.items():
            if name not in same and name in found[0]:
                for values in found:
                    values[name] = convert(values[name])
        return found

    def rows(self, raw: Sequence[Sequence[Any]]) -> list[Row]:
        """Driver rows as named tuples of Python values."""
        return self._read(raw)


def _reader(row: type, converters: Sequence[_Converter | None]) -> _Reader:
    """From driver rows to named tuples: written out for these columns, so that a row is unpacked and made anew once."""
    names: dict[str, Any] = {"new": tuple.__new__, "Row": row}
    if not any(converters):
        source = "lambda raw: [new(Row, values) for values in raw]"
    else:
        values = []
        for i, convert in enumerate(converters):
            names[f"f{i}"] = convert
            values.append(f"f{i}(c{i})" if convert is not None else f"c{i}")
        columns = "".join(f"c{i}, " for i in range(len(converters)))
        source = f"lambda raw: [new(Row, ({', '.join(values)},)) for {columns}in raw]"
    read: _Reader = eval(source, names)  # noqa: S307 - nothing in it comes from outside
    return read


def _result_processor(type_: TypeEngine[Any], dialect: Dialect) -> _Converter | None:
    # PostgreSQL's floats ask for the driver's type code; psycopg gives Python floats for its float8.
    code = _FLOAT8 if isinstance(type_, Float) else None
    found: _Converter | None = type_.dialect_impl(dialect).result_processor(dialect, code)
    return found


class Prepared:
    """A statement that is compiled once per dialect; make it at module level or in a cached function."""

    __slots__ = ("_compiled", "statement")

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: dict[str, Compiled] = {}

    def for_dialect(self, dialect: Dialect) -> Compiled:
        """Its compiled form."""
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = Compiled(self.statement, dialect)
        return found


def prepared(statement: Executable) -> Prepared:
    """Marks a statement as one that stays: all its variable parts are `bindparam`s."""
    return Prepared(statement)
