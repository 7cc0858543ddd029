"""An artifact's metadata: the limits of the document, and the scalars in it that search finds ("facts")."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from registrum.core.errors import Invalid, TooLarge

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
    raise ValueError(name)


def _depth(document: Any) -> int:
    deepest, level = 0, [document]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        below: list[Any] = []
        for item in level:
            below.extend(item.values() if isinstance(item, dict) else item)
        level = [item for item in below if isinstance(item, dict | list)]
    return deepest


def facts_of(metadata: str | None) -> list[Fact]:
    """The first 64 scalars of a metadata document, in its order; texts beyond 256 characters are left out."""
    if not metadata:
        return []
    facts: list[Fact] = []
    seen: dict[str, int] = {}
    for path, value in _scalars("", json.loads(metadata)):
        found = _fact(path, seen.get(path, 0), value)
        if found is not None:
            seen[path] = found.ordinal + 1
            facts.append(found)
            if len(facts) == MAX_FACTS:
                break
    return facts


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
    if value is None or not _storable(path):
        return None
    if isinstance(value, bool):
        return Fact(path, ordinal, None, "true" if value else "false")
    if isinstance(value, int | float):
        try:
            return Fact(path, ordinal, float(value), None)
        except OverflowError:
            return None
    return Fact(path, ordinal, None, value) if _storable(value) else None


def _storable(text: str) -> bool:
    """Short enough, and of characters that every database keeps."""
    return (
        len(text) <= MAX_FACT_TEXT
        and "\x00" not in text
        and not any("\ud800" <= char <= "\udfff" for char in text)
    )
