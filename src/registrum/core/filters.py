"""The search language: JSON conditions in Mongo's style, parsed into values that can be compared and kept as keys."""

import json
from dataclasses import dataclass
from typing import Any

from registrum.core.errors import InvalidFilter

COMPARISONS = frozenset({"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"})


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; for `$in` and `$nin` the value is a tuple."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not hold."""

    part: "Filter"


Filter = Compare | Every | Either | Negation


def parse_filter(text: str | None) -> Filter | None:
    """The filter in a JSON text; None where it is absent or empty.

    Raises:
        InvalidFilter: it is no JSON object, or uses what the language does not have.
    """
    if not text:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidFilter("The filter is not JSON.") from None
    if document is None or document == {}:
        return None
    return _of_object(document)


def _of_object(document: Any) -> Filter:
    if not isinstance(document, dict):
        raise InvalidFilter("A filter must be a JSON object.")
    parts = tuple(_of_item(key, value) for key, value in document.items())
    return parts[0] if len(parts) == 1 else Every(parts)


def _of_item(key: str, value: Any) -> Filter:
    if key in ("$and", "$or", "$nor"):
        if not isinstance(value, list) or not value:
            raise InvalidFilter(f"{key} takes a list of filters.")
        parts = tuple(_of_object(part) for part in value)
        if key == "$and":
            return Every(parts)
        return Either(parts) if key == "$or" else Negation(Either(parts))
    if key == "$not":
        return Negation(_of_object(value))
    if key.startswith("$"):
        raise InvalidFilter(f"The filter operator {key[:40]!r} is not known.")
    if not isinstance(value, dict):
        return Compare(key, "$eq", _scalar(value))
    parts = tuple(_of_operator(key, op, operand) for op, operand in value.items())
    return parts[0] if len(parts) == 1 else Every(parts)


def _of_operator(field: str, op: str, operand: Any) -> Filter:
    if op in COMPARISONS:
        return Compare(field, op, _scalar(operand))
    if op in ("$in", "$nin"):
        if not isinstance(operand, list):
            raise InvalidFilter(f"{op} takes a list.")
        return Compare(field, op, tuple(_scalar(item) for item in operand))
    if op == "$not" and isinstance(operand, dict):
        return Negation(_of_item(field, operand))
    raise InvalidFilter(f"The filter operator {op[:40]!r} is not known.")


def _scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise InvalidFilter("A filter compares with a text, a number, true, false or null.")
    return value
