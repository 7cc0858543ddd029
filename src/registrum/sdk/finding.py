"""Artifacts found by their name or id, and made of what a server told of them."""

from registrum.errors import BadValue, Missing
from registrum.sdk import linking, paths
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.versions import Node, Place, place_of, version_of


def of_place(service: Service, node: Node, name: str | None = None) -> Artifact:
    """The artifact of a membership node.

    Args:
        service: the server that told it.
        node: selected with `PlaceParts`.
        name: how it was asked for, such as `collection:alias`.
    """
    return Artifact.of_version(service, version_of(node["artifact"]), place_of(node, name))


def of_version(service: Service, node: Node, place: Place | None = None) -> Artifact:
    """The artifact of an artifact node.

    Args:
        service: the server that told it.
        node: selected with `VersionParts`, and `AliasesParts` if it shall know its aliases.
        place: the collection it was reached through (`versions.listed_place`); None: the one it was logged to.
    """
    return Artifact.of_version(service, version_of(node), place)


def by_name(service: Service, entity: str, project: str, name: str) -> Artifact:
    """The artifact called `collection`, `collection:alias` or `collection:v3`.

    Raises:
        Missing: there is no such project or artifact, or the caller can't see it; a ValueError.
    """
    asked = {"entity": entity, "project": project, "name": name}
    found = service.ask(operations.PLACE_BY_NAME, asked)["project"]
    if found is None:
        raise Missing(f"project {project!r} not found under entity {entity!r}")
    if found["place"] is None or found["place"]["artifact"] is None:
        raise Missing(f"artifact membership {name!r} not found in {f'{entity}/{project}'!r}")
    return of_place(service, found["place"], name)


def by_id(service: Service, artifact_id: str) -> Artifact | None:
    """The artifact of that global id; None where there is none, or none that the caller may see."""
    node = service.ask(operations.VERSION_BY_ID, {"id": artifact_id})["artifact"]
    return of_version(service, node) if node else None


def find(service: Service, path: str, type: str | None, *, entity: str, project: str) -> Artifact:
    """The artifact that a run means by a path.

    Args:
        path: `name:alias`, `project/name:alias` or `entity/project/name:alias`; of a registry too.
        type: that it must have. None: any.
        entity, project: the run's, where the path leaves them out.

    Raises:
        Missing: there is none; a ValueError.
        BadValue: it has another type; a ValueError.
    """
    asked = linking.full_path(service, paths.parse(path), entity, entity, project)
    found = by_name(service, asked.entity or "", asked.project or "", asked.name)
    if type is not None and found.type != type:
        raise BadValue(f"type {type!r} specified but this artifact is of type {found.type!r}")
    return found
