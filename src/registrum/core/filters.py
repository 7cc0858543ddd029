"""The search language: JSON conditions in Mongo's style, parsed into values that can be compared and kept as keys.

A field has values: one, several (tags, aliases, lists within metadata) or none. A comparison holds if one of them fits, and
everything negative is the plain opposite: `$ne`, `$nin`, `$nor` and `$not` also hold where there is no value. So every
condition is either true or false, in both databases. docs/search.md is the description for people.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registrum.core.errors import InvalidFilter
from registrum.core.patterns import parse_pattern
from registrum.core.texts import is_storable

MAX_DEPTH = 32
MAX_CONDITIONS = 500
MAX_ITEMS = 1_000
MAX_TEXT_BYTES = 4 << 10
MAX_FILTER_BYTES = 64 << 10

LISTS = ("$and", "$or", "$nor")
SCALARS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")
OPERATORS = (*SCALARS, "$in", "$nin", "$all", "$exists", "$size", "$contains", "$regex", "$not")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition on the values of one field.

    Attributes:
        field: as it was written, `metadata.accuracy`.
        op: `$eq $gt $gte $lt $lte $contains $regex` hold if one value does so; `$in` if one value is among the
            tuple; `$is` if the values are exactly those of the tuple, in any order and however often; `$exists` if
            there is a value (its `value` is True); `$size` if there are so many.
        value: a scalar, a tuple of scalars, a `Pattern`, or a count.
    """

    field: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; without parts: always."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds; without parts: never."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: "Filter"


Filter = Compare | Every | Either | Negation


def parse_filter(text: str | None) -> Filter | None:
    """The filter in a JSON text; None where it is absent or empty.

    Raises:
        InvalidFilter: it is no JSON object, is beyond a limit, or uses what the language does not have.
    """
    if not text:
        return None
    if len(text) > MAX_FILTER_BYTES or len(text.encode("utf-8", "replace")) > MAX_FILTER_BYTES:
        raise InvalidFilter(f"A filter may have at most {MAX_FILTER_BYTES} bytes.")
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidFilter("The filter is not valid JSON.") from None
    if document is None or document == {}:
        return None
    return _Reader().of_object(document, 1)


def _refuse_constant(name: str) -> None:
    raise InvalidFilter(f"A filter cannot hold {name}: JSON has no such number.")


class _Reader:
    """Turns a document into a filter, counting as it goes."""

    def __init__(self) -> None:
        self.conditions = 0

    def of_object(self, document: Any, depth: int) -> Filter:
        if not isinstance(document, dict):
            raise InvalidFilter('A filter is a JSON object like {"name": "x"}.')
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"A filter may be nested at most {MAX_DEPTH} levels deep.")
        return _every(tuple(self._of_item(key, value, depth) for key, value in document.items()))

    def _of_item(self, key: str, value: Any, depth: int) -> Filter:
        if key in LISTS:
            if not isinstance(value, list) or not value:
                raise InvalidFilter(f"{key} takes a list of one or more filters.")
            parts = tuple(self.of_object(part, depth + 1) for part in value)
            if key == "$and":
                return _every(parts)
            return Either(parts) if key == "$or" else Negation(Either(parts))
        if key == "$not":
            return Negation(self.of_object(value, depth + 1))
        if key.startswith("$"):
            raise InvalidFilter(
                f"There is no operator {key[:40]!r} between filters; there are {', '.join(LISTS)} and $not."
            )
        return self._of_field(key, value, depth)

    def _of_field(self, field: str, value: Any, depth: int) -> Filter:
        _check_text(field)
        if not isinstance(value, dict):
            return self._of_operator(field, "$eq", value, depth)
        if not value or not all(op.startswith("$") for op in value):
            raise InvalidFilter(
                f"A condition on {field[:60]!r} is a value or an object of operators: {', '.join(OPERATORS)}. "
                "What is inside a document is written with dots: metadata.accuracy."
            )
        if depth > MAX_DEPTH:
            raise InvalidFilter(f"A filter may be nested at most {MAX_DEPTH} levels deep.")
        return _every(
            tuple(self._of_operator(field, op, operand, depth) for op, operand in value.items())
        )

    def _of_operator(self, field: str, op: str, operand: Any, depth: int) -> Filter:
        # Each item of these is compared by itself.
        is_each = op in ("$all", "$eq", "$ne") and isinstance(operand, list)
        self.conditions += max(1, len(operand)) if is_each else 1
        if self.conditions > MAX_CONDITIONS:
            raise InvalidFilter(f"A filter may have at most {MAX_CONDITIONS} conditions.")
        if op == "$not":
            return Negation(self._of_field(field, operand, depth + 1))
        read = _READERS.get(op)
        if read is None:
            raise InvalidFilter(
                f"There is no operator {op[:40]!r} on a field; there are {', '.join(OPERATORS)}."
            )
        return read(field, op, operand)


def _every(parts: tuple[Filter, ...]) -> Filter:
    return parts[0] if len(parts) == 1 else Every(parts)


def _equal(field: str, value: Any) -> Filter:
    if isinstance(value, list):
        return Compare(field, "$is", tuple(_scalar("$eq", item) for item in _bounded("$eq", value)))
    if value is None:
        return Negation(Compare(field, "$exists", True))
    return Compare(field, "$eq", _scalar("$eq", value))


def _among(field: str, values: list[Any]) -> Filter:
    found = tuple(_scalar("$in", value) for value in values if value is not None)
    parts: tuple[Filter, ...] = (Compare(field, "$in", found),) if found else ()
    if len(found) < len(values):
        parts = (*parts, Negation(Compare(field, "$exists", True)))
    return parts[0] if len(parts) == 1 else Either(parts)


def _all(field: str, values: list[Any]) -> Filter:
    parts = tuple(_equal(field, value) for value in values)
    return _every(parts) if parts else Either(())


def _exists(field: str, there: Any) -> Filter:
    if not isinstance(there, bool):
        raise InvalidFilter("$exists takes true or false.")
    found = Compare(field, "$exists", True)
    return found if there else Negation(found)


def _size(field: str, count: Any) -> Filter:
    if type(count) is not int or not 0 <= count < 2**31:
        raise InvalidFilter("$size takes a whole number from 0.")
    return Compare(field, "$size", count)


def _list(op: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidFilter(f"{op} takes a list.")
    return _bounded(op, value)


def _bounded(op: str, value: list[Any]) -> list[Any]:
    if len(value) > MAX_ITEMS:
        raise InvalidFilter(f"A list of {op} may have at most {MAX_ITEMS} items.")
    return value


def _scalar(op: str, value: Any) -> Scalar:
    if isinstance(value, str):
        return _check_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int | float):
        raise InvalidFilter(f"The number {str(value)[:30]} is too large to compare with.")
    raise InvalidFilter(f"{op} compares with texts, numbers, true and false.")


def _text(op: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidFilter(f"{op} takes a text.")
    return _check_text(value)


def _check_text(value: str) -> str:
    if len(value) > MAX_TEXT_BYTES or len(value.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        raise InvalidFilter(f"A text in a filter may have at most {MAX_TEXT_BYTES} bytes.")
    if not is_storable(value):
        raise InvalidFilter("A text in a filter holds a character that no stored text can have.")
    return value


def _ordered(field: str, op: str, value: Any) -> Filter:
    return Compare(field, op, _scalar(op, value))


_READERS: dict[str, Callable[[str, str, Any], Filter]] = {
    "$eq": lambda field, _, value: _equal(field, value),
    "$ne": lambda field, _, value: Negation(_equal(field, value)),
    **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), _ordered),
    "$in": lambda field, op, value: _among(field, _list(op, value)),
    "$nin": lambda field, _, value: Negation(_among(field, _list("$nin", value))),
    "$all": lambda field, op, value: _all(field, _list(op, value)),
    "$exists": lambda field, _, value: _exists(field, value),
    "$size": lambda field, _, value: _size(field, value),
    "$contains": lambda field, op, value: Compare(field, op, _text(op, value)),
    "$regex": lambda field, op, value: Compare(field, op, parse_pattern(_text(op, value))),
}
