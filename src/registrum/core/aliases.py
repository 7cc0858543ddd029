"""Aliases and the short names of versions: `collection`, `collection:alias`, `collection:v3`."""

from collections.abc import Iterable
from dataclasses import dataclass

from registrum.core.errors import Invalid
from registrum.core.names import check_alias, is_version_name

LATEST = "latest"
MOST_AT_ONCE = 100
_LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Reference:
    """How a version is named within its project.

    Attributes:
        version: its number, where it is named by that.
        alias: otherwise the alias that points at it.
    """

    collection: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        return f"{self.collection}:{self.alias if self.version is None else f'v{self.version}'}"


def reference(text: str) -> Reference:
    """What `collection[:alias or v<number>]` names; the collection alone is its latest version.

    All that stands behind the first colon is the alias, slashes and further colons included.
    """
    collection, _, rest = text.partition(":")
    return reference_in(collection, rest or LATEST)


def reference_in(collection: str, name: str) -> Reference:
    """The version of a collection that an alias or `v<number>` names."""
    if is_version_name(name) and name[1:].isascii() and len(name) <= 11:
        number = int(name[1:])
        if number <= _LARGEST_VERSION and name == f"v{number}":
            return Reference(collection, version=number)
    return Reference(collection, alias=name)


def protected_words(alias: str) -> str:
    """A protected alias in a sentence; "" is one that the reader cannot see, and stays without its name."""
    return f"the protected alias {alias!r}" if alias else "a protected alias in a hidden registry"


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """Aliases as somebody typed them, each once, in their order.

    Raises:
        InvalidName: one of them cannot be an alias; `v3` and its like name versions.
        Invalid: there are more than `MOST_AT_ONCE`.
    """
    found = tuple(dict.fromkeys(check_alias(name) for name in names))
    if len(found) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} aliases can be changed at once.")
    return found
