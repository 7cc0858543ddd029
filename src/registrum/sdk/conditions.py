"""Filters and orders as people write them, checked, and turned into what the server reads.

Fields have short names for people and one name on the wire, as in W&B's client; docs/search.md describes them. The operators
are checked by the same grammar that the server uses, so that a mistake is told at once and not at the first page.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from typing import Any

from registrum.core import filters
from registrum.core.errors import InvalidFilter
from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import BadValue

Fields = dict[str, str]


def _fields(*own: str, **aliases: str) -> Fields:
    return {name: name for name in own} | aliases


_TIMES = ("description", "created_at", "updated_at")
REGISTRIES = _fields("id", "name", "entity_id", *_TIMES)
COLLECTIONS = _fields(
    "artifact_collection_id",
    "name",
    "tag",
    *_TIMES,
    id="artifact_collection_id",
    collection_id="artifact_collection_id",
)
REGISTRIES_OF_VERSIONS = _fields("project_id", "name", "entity_id", id="project_id")
COLLECTIONS_OF_VERSIONS = _fields(
    "artifact_collection_id",
    "name",
    "tag",
    id="artifact_collection_id",
    collection_id="artifact_collection_id",
    collection_name="name",
    artifact_collection_name="name",
    tags="tag",
)
VERSION_TIMES = _fields(
    "artifact_created_at",
    "artifact_size",
    "acm_created_at",
    created_at="artifact_created_at",
    linked_at="acm_created_at",
)
VERSIONS = VERSION_TIMES | _fields(
    "artifact_id",
    "version",
    "tag",
    "alias",
    "metadata",
    id="artifact_id",
    version_index="version",
    tags="tag",
    aliases="alias",
    artifact_metadata="metadata",
)
SORTABLE = _fields("name", "created_at", "updated_at")

_ORDER = re.compile(r"([+-]?)([A-Za-z_]\w*)\Z", re.ASCII)
_PREFIXED = frozenset((*filters.LISTS, *filters.OPERATORS)) - {"$regex"}


def filter_text(condition: Mapping[str, Any] | None, fields: Fields | None) -> str | None:
    """A filter as JSON, with the names of fields that the server knows.

    Args:
        condition: as in docs/search.md. None: no filter.
        fields: the names that may be used, to those on the wire. None: any, as they are.

    Raises:
        TypeError: it is no mapping.
        BadValue: it uses fields or operators that there are not; a ValueError.
    """
    if condition is None:
        return None
    if not isinstance(condition, Mapping):
        raise TypeError(f"A filter is a dict, not a {type(condition).__name__}.")
    text = json.dumps(_renamed(condition, fields) if fields else condition, default=_plain)
    try:
        filters.parse_filter(text)
    except InvalidFilter as error:
        raise BadValue(error.message) from None
    return text


def of_registries(condition: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A filter whose registry names have the prefix that they have on the wire; regular expressions stay."""
    if not isinstance(condition, Mapping):
        return condition
    return _each_field(condition, lambda field, value: (field, _prefixed_if_name(field, value)))


def order_text(order: str | None, fields: Fields | None) -> str | None:
    """An order such as `-created_at` as the server reads it; ascending where no sign is given.

    Raises:
        BadValue: it is no order, or of a field that can't be sorted by; a ValueError.
    """
    if order is None:
        return None
    found = _ORDER.match(order) if isinstance(order, str) else None
    if not found:
        raise BadValue(f"An order is a field after + or -, not {order!r}.")
    sign, name = found.groups()
    if fields and name not in fields:
        raise BadValue(f"Can't be sorted by {name!r}, only by {', '.join(sorted(fields))}.")
    return f"{sign or '+'}{fields[name] if fields else name}"


def _renamed(condition: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    def rename(field: str, value: Any) -> tuple[str, Any]:
        root, dot, rest = field.partition(".")
        if root not in fields:
            raise BadValue(f"There is no field {root!r} here, only {', '.join(sorted(fields))}.")
        return f"{fields[root]}{dot}{rest}", value

    return _each_field(condition, rename)


def _each_field(
    condition: Mapping[str, Any], change: Callable[[str, Any], tuple[str, Any]]
) -> dict[str, Any]:
    """A filter with the same structure whose fields and operands are changed."""
    found: dict[str, Any] = {}
    for key, value in condition.items():
        name, operand = key, value
        if key in filters.LISTS and isinstance(value, list | tuple):
            operand = [
                _each_field(part, change) if isinstance(part, Mapping) else part for part in value
            ]
        elif key == "$not" and isinstance(value, Mapping):
            operand = _each_field(value, change)
        elif not str(key).startswith("$"):
            name, operand = change(str(key), value)
        if name in found:
            raise BadValue(f"The filter gives {name!r} twice, by two of its names.")
        found[name] = operand
    return found


def _prefixed_if_name(field: str, value: Any) -> Any:
    return _prefixed(value) if field == "name" else value


def _prefixed(operand: Any) -> Any:
    if isinstance(operand, str):
        return operand if operand.startswith(REGISTRY_PREFIX) else REGISTRY_PREFIX + operand
    if isinstance(operand, Mapping):
        return {op: _prefixed(value) if op in _PREFIXED else value for op, value in operand.items()}
    if isinstance(operand, list | tuple):
        return [_prefixed(one) for one in operand]
    return operand


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"A filter can't hold a {type(value).__name__}.")
