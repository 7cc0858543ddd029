"""What a server says about a version, and about its place in one collection: nodes of GraphQL become values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]


ON_THE_WAY = ("project", "artifactCollection", "artifactMembership")
"""What an answer about a place has around what was asked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A version in one collection: where it was logged, or a link.

    Attributes:
        entity, project: empty where the caller may not see the project.
        version: `v` and the number it has there.
        name: `collection:version`; where somebody asked by an alias, `collection:alias`.
        aliases: those of this collection; None where they were not asked for.
        collection_id: global id, where it was asked for.
        created_at: when it was logged or linked there, where that was asked for.
    """

    entity: str
    project: str
    collection: str
    version: str
    name: str
    aliases: tuple[str, ...] | None = None
    collection_id: str | None = None
    created_at: str | None = None

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def key(self) -> dict[str, Any]:
        """What says on the wire which version of which collection it is."""
        return {
            "entity": self.entity,
            "project": self.project,
            "collection": self.collection,
            "version": self.version,
        }


@dataclass(frozen=True, slots=True)
class Version:
    """A version, whatever collection it is seen in.

    Attributes:
        state: "PENDING", "COMMITTED" or "DELETED".
        source: the place it was logged to.
        metadata: JSON text.
        digest: of its content, hexadecimal.
        size_bytes: of all its files and references.
        ttl_s: how long it is kept; None: without end.
    """

    id: str
    state: str
    source: Place
    type: str
    description: str | None
    metadata: str | None
    tags: tuple[str, ...]
    digest: str
    digest_algorithm: str
    commit_hash: str | None
    size_bytes: int
    file_count: int
    history_step: int | None
    ttl_s: int | None
    ttl_is_inherited: bool
    created_at: str
    updated_at: str | None


def version_of(node: Node) -> Version:
    """The version of a node that was selected with `VersionParts`."""
    ttl_s = node["ttlDurationSeconds"]
    return Version(
        id=node["id"],
        state=node["state"],
        source=_source_of(node),
        type=node["artifactType"]["name"],
        description=node["description"],
        metadata=node["metadata"],
        tags=tuple(tag["name"] for tag in node["tags"]),
        digest=node["digest"],
        digest_algorithm=node["digestAlgorithm"] or "MANIFEST_MD5",
        commit_hash=node["commitHash"],
        size_bytes=node["size"],
        file_count=node["fileCount"],
        history_step=node["historyStep"],
        ttl_s=ttl_s if ttl_s > 0 else None,
        ttl_is_inherited=node["ttlIsInherited"],
        created_at=node["createdAt"],
        updated_at=node["updatedAt"],
    )


def place_of(node: Node, name: str | None = None) -> Place:
    """The place of a membership node.

    Args:
        node: selected with `PlaceParts`, or with what stands before its `artifact`.
        name: how it was asked for, such as `collection:alias`.
    """
    collection = node["artifactCollection"]
    version = f"v{node['versionIndex']}"
    asked = name or collection["name"]
    return Place(
        *_owner_of(collection),
        collection=collection["name"],
        version=version,
        name=asked if ":" in asked else f"{asked}:{version}",
        aliases=tuple(alias["alias"] for alias in node["aliases"]),
        collection_id=collection.get("id"),
        created_at=node["createdAt"],
    )


def listed_place(entity: str, project: str, collection: str, version: str, node: Node) -> Place:
    """The place of a version that was listed as one of a collection's; its aliases are taken from its node."""
    aliases = aliases_in(node, entity, project, collection)
    return Place(entity, project, collection, version, f"{collection}:{version}", aliases)


def _source_of(node: Node) -> Place:
    sequence, version = node["artifactSequence"], f"v{node['versionIndex']}"
    entity, project = _owner_of(sequence)
    name = sequence["name"]
    aliases = aliases_in(node, entity, project, name)
    return Place(entity, project, name, version, f"{name}:{version}", aliases)


def _owner_of(collection: Node) -> tuple[str, str]:
    project = collection.get("project")
    return (project["entity"]["name"], project["name"]) if project else ("", "")


def aliases_in(node: Node, entity: str, project: str, collection: str) -> tuple[str, ...] | None:
    """Aliases of one collection in a node selected with `AliasesParts`; None where they were not asked for."""
    if node.get("aliases") is None:
        return None
    return tuple(
        alias["alias"]
        for alias in node["aliases"]
        if (at := alias["artifactCollection"])
        and at["name"] == collection
        and _owner_of(at) == (entity, project)
    )
