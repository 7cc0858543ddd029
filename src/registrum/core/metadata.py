"""An artifact's metadata: the limits of the document, and the scalars in it that search finds ("facts")."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from registrum.core.errors import Invalid, TooLarge
from registrum.core.texts import storable

MAX_METADATA_BYTES = 1 << 20
MAX_METADATA_KEYS = 100
MAX_DEPTH = 64
MAX_FACTS = 64
MAX_FACT_TEXT = 256


@dataclass(frozen=True, slots=True)
class Fact:
    """One scalar of a metadata document.

    Attributes:
        path: keys joined by dots; elements of a list have the list's path.
        ordinal: counts the scalars of one path, from 0.
        number: of a number, else None.
        text: of a text, or `true` or `false`; else None.
    """

    path: str
    ordinal: int
    number: float | None
    text: str | None


def check_metadata(text: str | None) -> str | None:
    """Metadata as it may be kept: a JSON object of at most 100 keys, 1 MiB and 64 levels, or nothing.

    Raises:
        Invalid: no JSON object, or too many keys or levels, or a number that JSON does not have.
        TooLarge: beyond the size.
    """
    if text is None or not text.strip() or text.strip() == "null":
        return None
    if len(text.encode("utf-8", "replace")) > MAX_METADATA_BYTES:
        raise TooLarge(f"Metadata may have at most {MAX_METADATA_BYTES} bytes.")
    document = _parsed(text)
    if len(document) > MAX_METADATA_KEYS:
        raise Invalid(
            f"Metadata may have at most {MAX_METADATA_KEYS} keys; this has {len(document)}."
        )
    return text


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        text.encode()
    except (ValueError, RecursionError):
        raise Invalid("The metadata is not valid JSON.") from None
    if not isinstance(document, dict):
        raise Invalid("The metadata must be a JSON object.")
    if _depth(document) > MAX_DEPTH:
        raise Invalid(f"Metadata may be nested at most {MAX_DEPTH} levels deep.")
    return document


def _refuse_constant(name: str) -> None:
    raise Invalid(f"Metadata cannot hold {name}: JSON has no such number. Use null or a text.")


def _depth(document: Any) -> int:
    deepest, level = 0, [document]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        below: list[Any] = []
        for item in level:
            below.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in below if isinstance(item, dict | list)]
    return deepest


class Facts(NamedTuple):
    """All that search finds in a metadata document.

    Attributes:
        indexed: the first 64 scalars, without paths and texts beyond 256 characters.
        more: the other ones by path; None where there are none.
    """

    indexed: list[Fact]
    more: dict[str, list[float | str]] | None


def facts_of(metadata: str | None) -> Facts:
    """What search finds in a metadata document, in its order."""
    indexed: list[Fact] = []
    more: dict[str, list[float | str]] = {}
    seen: dict[str, int] = {}
    for path, value in _scalars("", json.loads(metadata) if metadata else {}):
        found = _fact(path, seen.get(path, 0), value)
        if found is None:
            continue
        if len(indexed) < MAX_FACTS and _is_indexed(found):
            seen[path] = found.ordinal + 1
            indexed.append(found)
        else:
            kept = found.text if found.number is None else found.number
            assert kept is not None
            more.setdefault(found.path, []).append(kept)
    return Facts(indexed, more or None)


def _scalars(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _scalars(path, inner)
    else:
        yield path, value


def _fact(path: str, ordinal: int, value: Any) -> Fact | None:
    path = storable(path)
    if value is None:
        return None
    if isinstance(value, bool):
        return Fact(path, ordinal, None, "true" if value else "false")
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return Fact(path, ordinal, number, None) if math.isfinite(number) else None
    return Fact(path, ordinal, None, storable(value))


def _is_indexed(fact: Fact) -> bool:
    return len(fact.path) <= MAX_FACT_TEXT and len(fact.text or "") <= MAX_FACT_TEXT
