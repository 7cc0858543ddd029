"""Artifacts: sets of files with a name, versioned; drafts that are being put together, and versions that are saved."""

from __future__ import annotations

from typing import Any

from registrum.errors import BadValue
from registrum.sdk import linking
from registrum.sdk.artifact_facts import Facts
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.versions import Node, Place, Version, place_of, version_of


class Artifact(Facts):
    """A set of files, and what is said about it."""

    @property
    def source_artifact(self) -> Artifact:
        """The version as it was logged; itself, unless it is a link."""
        version = self._saved("source_artifact")
        if not self.is_link:
            return self
        source = version.source
        return by_name(self._at(), source.entity, source.project, source.name)

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """Its links, at most 500; none of a link."""
        version = self._saved("linked_artifacts")
        if self.is_link:
            return []
        places = linking.links_of(self._at(), version.id)
        return [_settled(self._at(), version, place) for place in places]

    def unlink(self) -> None:
        """Takes it out of the collection that it is linked into; the source stays.

        Raises:
            ValueError: it is no link.
        """
        place = self._placed("unlink")
        if not self.is_link:
            raise BadValue(f"{self.qualified_name!r} is no link; use delete() to remove it.")
        linking.unlink(self._at(), self._saved("unlink").id, place)

    def delete(self, delete_aliases: bool = False) -> None:
        """Removes the version with its links; of a link, the link only.

        Args:
            delete_aliases: whether its aliases may go with it; without, one that has aliases is refused.

        Raises:
            Refused: it has aliases, or it may not be removed.
        """
        version = self._saved("delete")
        if self.is_link:
            self.unlink()
            return
        given = {"artifactID": version.id, "deleteAliases": delete_aliases}
        self._at().ask(operations.DELETE, {"input": given})

    def json_encode(self) -> dict[str, Any]:
        """How a run's settings refer to it."""
        version = self._saved("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": version.id,
            "version": version.source.version,
            "sequenceName": version.source.collection,
            "usedAs": None,
        }


def of_place(service: Service, node: Node, name: str | None = None) -> Artifact:
    """The artifact of a membership node.

    Args:
        service: the server that told it.
        node: selected with `PlaceParts`.
        name: how it was asked for, such as `collection:alias`.
    """
    return _settled(service, version_of(node["artifact"]), place_of(node, name))


def of_version(service: Service, node: Node, place: Place | None = None) -> Artifact:
    """The artifact of an artifact node.

    Args:
        service: the server that told it.
        node: selected with `VersionParts`, and `AliasesParts` if it shall know its aliases.
        place: the collection it was reached through (`versions.listed_place`); None: the one it was logged to.
    """
    return _settled(service, version_of(node), place)


def by_name(service: Service, entity: str, project: str, name: str) -> Artifact:
    """The artifact called `collection`, `collection:alias` or `collection:v3`.

    Raises:
        BadValue: there is no such project or artifact, or the caller can't see it; a ValueError.
    """
    asked = {"entity": entity, "project": project, "name": name}
    found = service.ask(operations.PLACE_BY_NAME, asked)["project"]
    if found is None:
        raise BadValue(f"project {project!r} not found under entity {entity!r}")
    if found["place"] is None or found["place"]["artifact"] is None:
        raise BadValue(f"artifact membership {name!r} not found in {f'{entity}/{project}'!r}")
    return of_place(service, found["place"], name)


def by_id(service: Service, artifact_id: str) -> Artifact | None:
    """The artifact of that global id; None where there is none, or none that the caller may see."""
    node = service.ask(operations.VERSION_BY_ID, {"id": artifact_id})["artifact"]
    return of_version(service, node) if node else None


def _settled(service: Service, version: Version, place: Place | None) -> Artifact:
    artifact = Artifact.__new__(Artifact)
    Facts.__init__(artifact, service, version.source.collection, version.type)
    artifact._settle(version, place)
    return artifact
