"""The wire's scalars beyond GraphQL's own: JSON documents, times, wide integers."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import orjson

from registrum.core.errors import Invalid
from registrum.server.graphql.binding import Scalar

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def _json_text(value: Any) -> str:
    """A JSON document as text; text is taken to be one already."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid("A JSONString must be a string that holds a JSON document.")
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _time_text(value: Any) -> str:
    """UTC in whole seconds, as the vendor's server writes it: `2026-11-23T10:30:00Z`."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"A DateTime must be an aware datetime, not {value!r}.")
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    # A third of the time of `isoformat`: a page has hundreds of times, of few days.
    day = _day_text(value.toordinal())
    return f"{day}T{_TWO[value.hour]}:{_TWO[value.minute]}:{_TWO[value.second]}Z"


_TWO = tuple(f"{number:02}" for number in range(60))


@lru_cache(maxsize=4096)
def _day_text(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def _time(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Invalid(f"{str(value)[:80]!r} is not an ISO 8601 time.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _int64(value: Any) -> int:
    """An integer of 64 bits; clients may send it as a string of digits."""
    if type(value) is int and INT64_MIN <= value <= INT64_MAX:
        return value
    try:
        number = int(value) if isinstance(value, str) and len(value) <= 20 else value
    except ValueError:
        number = None
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if not isinstance(number, int) or isinstance(number, bool):
        raise Invalid(f"{str(value)[:80]!r} is not an integer.")
    if not INT64_MIN <= number <= INT64_MAX:
        raise Invalid(f"{str(value)[:80]!r} does not fit into 64 bits.")
    return number


SCALARS = [
    Scalar("JSONString", _json_text, _text, as_is=str),
    Scalar("JSON", _as_it_is, _as_it_is),
    Scalar("DateTime", _time_text, _time, is_strict=True),
    Scalar("Int64", _int64, _int64, is_strict=True),
    Scalar("Duration", _int64, _int64, is_strict=True),
]
"""Given to `build` beside the nouns' bindings; those that the SDL lacks are left aside."""
