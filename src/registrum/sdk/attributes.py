"""Things of which the server tells more than has a property of its own: the rest is read by its name."""

from collections.abc import Mapping
from typing import Any


class Told:
    """Something the server told; `thing.photo_url` and `thing.photoUrl` both read what it calls `photoUrl`."""

    def __init__(self, attrs: Mapping[str, Any]) -> None:
        self._attrs: dict[str, Any] = dict(attrs)

    def __getattr__(self, name: str) -> Any:
        """What the server told under this name."""
        if name.startswith("_"):
            raise AttributeError(name)
        for key in (_camel(name), name):
            if key in self._attrs:
                return self._attrs[key]
        raise AttributeError(f"{self!r} has no attribute {name!r}.")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
