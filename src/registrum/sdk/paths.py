"""Paths of artifacts and collections as people write them: `entity/project/name:alias`."""

from typing import NamedTuple

from registrum.core.projects import is_registry_name
from registrum.errors import BadValue


class ArtifactPath(NamedTuple):
    """A path whose first parts may be missing.

    Attributes:
        name: `collection`, `collection:alias` or `collection:v3`; the alias may have slashes and colons.
        project: a project, or a registry with its prefix.
        entity: owner of the project; for a registry its organization, by display name or entity.
    """

    name: str
    project: str | None = None
    entity: str | None = None

    @property
    def collection(self) -> str:
        """The name without alias or version."""
        return self.name.partition(":")[0]

    @property
    def is_registry(self) -> bool:
        """Whether the project is named as a registry's is."""
        return is_registry_name(self.project or "")

    def __str__(self) -> str:
        return "/".join(part for part in (self.entity, self.project, self.name) if part)


def parse(path: str) -> ArtifactPath:
    """The parts of a path.

    Raises:
        BadValue: it has more than three; a ValueError.
    """
    before, colon, alias = path.partition(":")
    parts = before.split("/")
    if len(parts) > 3:
        raise BadValue(f"Invalid artifact path: {path!r}")
    *owners, name = parts
    return ArtifactPath(f"{name}{colon}{alias}", *reversed(owners))
