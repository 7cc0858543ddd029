"""What people write down about a version, as the JSON object that a server keeps."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from registrum.core.metadata import MAX_METADATA_KEYS


def checked(given: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Metadata as plain JSON values; NaN, which JSON has not, becomes None.

    Arrays and scalars of NumPy and its like become lists and numbers, other objects what `str` makes of them.

    Raises:
        TypeError: it is no mapping.
        ValueError: more than 100 keys, or an infinite number.
    """
    if isinstance(given, str):
        given = json.loads(given) if given else {}
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"Metadata must be a mapping, not a {type(given).__name__}.")
    if len(given) > MAX_METADATA_KEYS:
        raise ValueError(
            f"Metadata may have at most {MAX_METADATA_KEYS} keys; this has {len(given)}."
        )
    return {str(key): _plain(value, str(key)) for key, value in given.items()}


def _plain(value: Any, where: str) -> Any:
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError(
                f"The metadata at {where!r} is infinite, which JSON has no number for."
            )
        return None if math.isnan(value) else float(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
        return [_plain(inner, where) for inner in value]
    if isinstance(value, slice):
        return {
            "slice_start": value.start,
            "slice_step": value.step,
            "slice_stop": value.stop,
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value), where)
    return _plain_object(value, where)


def _plain_object(value: Any, where: str) -> Any:
    if callable(getattr(value, "isoformat", None)):
        return value.isoformat()
    for name in ("tolist", "item"):
        if callable(convert := getattr(value, name, None)):
            return _plain(convert(), where)
    return str(value)
