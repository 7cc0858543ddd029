"""How the values in a filter are read: as a text, a number, a time, or one of the wire's ids."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Text
from sqlalchemy.types import TypeEngine

from registrum.core import ids
from registrum.core.errors import Invalid, InvalidFilter
from registrum.server.db.columns import to_micros


@dataclass(frozen=True)
class Kind:
    """A kind of values.

    Attributes:
        words: for people, `a text`.
        read: the value as the database has it, from the field's name and what the filter says; raises InvalidFilter.
        item: the type of such values in a list.
        type: of a single one; None: the column's own.
    """

    words: str
    read: Callable[[str, Any], Any]
    item: type[TypeEngine[Any]] = BigInteger
    type: TypeEngine[Any] | None = None
    is_text: bool = False


def _wrong(field: str, value: Any, words: str) -> InvalidFilter:
    shown = repr(value[:60]) if isinstance(value, str) else json.dumps(value)[:60]
    return InvalidFilter(f"{field[:60]!r} is {words}; {shown} is not.")


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, value, "a text")
    return value


def _lower(field: str, value: Any) -> str:
    return _text(field, value).lower()


def _number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(field, value, "a number")
    return float(value)


def _whole(field: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(field, value, "a whole number")
    return value


def _version(field: str, value: Any) -> int:
    """`3`, `"3"` or `"v3"`."""
    if isinstance(value, str):
        digits = value.removeprefix("v")
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            return int(digits)
        raise _wrong(field, value, "a version like 3 or v3")
    return _whole(field, value)


def _moment(field: str, value: Any) -> int:
    """Microseconds since 1970, as such columns have them."""
    try:
        found = datetime.fromisoformat(value)
        return to_micros(found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))
    except (TypeError, ValueError, OverflowError):
        raise _wrong(field, value, "an ISO 8601 time like 2026-01-31T12:00:00Z") from None


def id_of(*names: str) -> Kind:
    """The kind of ids: a number, its digits, or a global id with one of these names."""

    def read(field: str, value: Any) -> int:
        if not isinstance(value, str):
            return _whole(field, value)
        if value.isascii() and value.isdigit() and len(value) <= 18:
            return int(value)
        for name in names:
            try:
                return ids.decode(name, value)
            except Invalid:
                continue
        raise _wrong(field, value, f"an id ({names[0]}:1 in base64) or its number")

    return Kind("an id", read)


TEXT = Kind("a text", _text, Text, Text(), is_text=True)
LOWER = Kind("a text", _lower, Text, Text(), is_text=True)
NUMBER = Kind("a number", _number, Float, Float())
WHOLE = Kind("a whole number", _whole, BigInteger, BigInteger())
VERSION = Kind("a version", _version, BigInteger, BigInteger())
MOMENT = Kind("a time", _moment, BigInteger, BigInteger())
