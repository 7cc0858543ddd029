"""What may be said of a registry, checked before it is sent."""

from collections.abc import Iterable
from typing import Any, Literal, get_args

from registrum.core.names import LONGEST
from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import BadValue

Visibility = Literal["organization", "restricted"]

ACCESS = {"organization": "PRIVATE", "restricted": "RESTRICTED"}

_FORBIDDEN_IN_NAMES = "/\\#?%:\r\n"
_FORBIDDEN_IN_TYPES = "/:"


def without_none(**given: Any) -> dict[str, Any]:
    """What is given, without what is None: the server leaves that as it is."""
    return {name: value for name, value in given.items() if value is not None}


def checked_visibility(value: str) -> Visibility:
    """A visibility, from its name or what the wire calls it.

    Raises:
        BadValue: it is none; a ValueError.
    """
    for name, access in ACCESS.items():
        if value in (name, access):
            return name  # type: ignore[return-value]
    choices = " or ".join(repr(choice) for choice in get_args(Visibility))
    raise BadValue(f"A registry's visibility is {choices}, not {value!r}.")


def checked_name(name: str) -> str:
    """A registry's name without its prefix.

    Raises:
        BadValue: it is empty, too long, or has what a name can't have; a ValueError.
    """
    longest = LONGEST - len(REGISTRY_PREFIX)
    if not name or len(name) > longest or any(bad in name for bad in _FORBIDDEN_IN_NAMES):
        raise BadValue(
            f"A registry's name has 1 to {longest} characters, and none of / \\ # ? % : or line ends: {name[:longest]!r}."
        )
    return name


def checked_types(types: Iterable[str] | None) -> list[dict[str, str]] | None:
    """Artifact types as the server takes them; None for none.

    Raises:
        BadValue: a name is too long, or has what it can't have; a ValueError.
    """
    found = [types] if isinstance(types, str) else list(types or ())
    for name in found:
        if len(name) > LONGEST or any(bad in name for bad in _FORBIDDEN_IN_TYPES):
            raise BadValue(
                f"An artifact type has at most {LONGEST} characters, and no '/' or ':': {name[:LONGEST]!r}."
            )
    return [{"name": name} for name in found] or None
