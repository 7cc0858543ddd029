"""Values inside JSON documents that are kept as text: one number or one text by its path, the same in SQLite and PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ARRAY, Float, Text, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from registrum.core.errors import InvalidFilter


class JSONPath(TypeDecorator[Sequence[str]]):
    """The keys that lead into a document: an array in PostgreSQL, a path text in SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`text[]` in PostgreSQL, text elsewhere."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(Text()))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Keys to array or path."""
        if dialect.name == "postgresql":
            return list(value)
        return "$" + "".join(f'."{key}"' for key in value)


def check_path(keys: Sequence[str]) -> tuple[str, ...]:
    """Keys that may be used as a path.

    Raises:
        InvalidFilter: one of them is empty or has a quotation mark or NUL in it.
    """
    if not all(keys) or any(bad in key for key in keys for bad in ('"', "\x00")):
        raise InvalidFilter(f"{'.'.join(keys)[:80]!r} is not a path into a document.")
    return tuple(keys)


class _Inside(ColumnElement[Any]):
    inherit_cache = False

    def __init__(self, document: ColumnElement[Any], keys: Sequence[str]) -> None:
        self.document = document
        self.path = bindparam(None, check_path(keys), type_=JSONPath(), unique=True)

    def get_children(self, **kw: Any) -> Any:
        """What SQL tree walkers look into."""
        return (self.document, self.path)

    def _copy_internals(
        self, clone: Callable[..., Any] | None = None, **kw: Any
    ) -> None:  # part of SQLAlchemy's protocol for custom elements
        if clone is not None:
            self.document = clone(self.document, **kw)


class json_number(_Inside):  # noqa: N801 - reads as a function where it is used
    """SQL expression: the number at a path; null where there is none."""

    type = Float()


class json_text(_Inside):  # noqa: N801 - reads as a function where it is used
    """SQL expression: the text at a path, or `true` or `false`; null where there is neither. Ordered by code point."""

    type = Text()


def _parts(element: _Inside, compiler: SQLCompiler, **kw: Any) -> tuple[str, str]:
    return compiler.process(element.document, **kw), compiler.process(element.path, **kw)


@compiles(json_number, "sqlite")
def _number_sqlite(element: json_number, compiler: SQLCompiler, **kw: Any) -> str:
    document, path = _parts(element, compiler, **kw)
    # A whole number too: as a cursor it is one with a point, which may be less than it.
    value = f"CAST(json_extract({document}, {path}) AS REAL)"
    return f"CASE WHEN json_type({document}, {path}) IN ('integer', 'real') THEN {value} END"


@compiles(json_text, "sqlite")
def _text_sqlite(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    document, path = _parts(element, compiler, **kw)
    kind = f"json_type({document}, {path})"
    value = f"json_extract({document}, {path})"
    return f"CASE {kind} WHEN 'text' THEN {value} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END"


@compiles(json_number, "postgresql")
def _number_postgresql(element: json_number, compiler: SQLCompiler, **kw: Any) -> str:
    document, path = _parts(element, compiler, **kw)
    value = f"CAST({document} AS jsonb) #> {path}"
    return f"CASE WHEN jsonb_typeof({value}) = 'number' THEN CAST({value} AS float8) END"


@compiles(json_text, "postgresql")
def _text_postgresql(element: json_text, compiler: SQLCompiler, **kw: Any) -> str:
    document, path = _parts(element, compiler, **kw)
    value = f"CAST({document} AS jsonb) #> {path}"
    text = f"CAST({document} AS jsonb) #>> {path}"
    return (
        f"(CASE WHEN jsonb_typeof({value}) IN ('string', 'boolean') THEN {text} END) COLLATE \"C\""
    )
