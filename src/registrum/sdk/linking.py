"""Links: versions in collections besides the one they were logged to."""

import os

from registrum.errors import BadValue
from registrum.sdk import organizations, paths
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.paths import ArtifactPath
from registrum.sdk.resolving import UNNAMED_PROJECT
from registrum.sdk.versions import Node, Place, place_of


def link(service: Service, artifact_id: str, target: ArtifactPath, aliases: list[str]) -> Node:
    """Adds a version to a collection; the node of its place there.

    Args:
        service: the server.
        artifact_id: global id.
        target: all parts of it; the collection is made where new.
        aliases: to give there.
    """
    given = {
        "artifactID": artifact_id,
        "artifactPortfolioName": target.collection,
        "entityName": target.entity,
        "projectName": target.project,
        "aliases": [
            {"artifactCollectionName": target.collection, "alias": alias} for alias in aliases
        ],
    }
    # Linking again what is linked is the link there is, so it may be sent twice.
    answer = service.ask(operations.LINK, {"input": given}, repeatable=True)
    place: Node = answer["linkArtifact"]["place"]
    return place


def target(service: Service, source: Place, path: str) -> ArtifactPath:
    """The collection that a link goes to, with all that is left out of its path.

    Args:
        source: where the version was logged; its organization has the registry, its owner any other project.
        path: as somebody wrote it.

    Raises:
        ValueError: it is no path, or it can't be found out which organization is meant.
    """
    project = os.environ.get("REGISTRUM_PROJECT") or os.environ.get("WANDB_PROJECT")
    return full_path(
        service, paths.parse(path), source.entity, source.entity, project or UNNAMED_PROJECT
    )


def full_path(
    service: Service, path: ArtifactPath, member: str, entity: str, project: str
) -> ArtifactPath:
    """A path with the parts that were left out.

    Args:
        member: entity whose organization has the registry, where the path is a registry's.
        entity, project: of any other path.
    """
    path = path._replace(project=path.project or project)
    if not path.is_registry:
        return path._replace(entity=path.entity or entity)
    named = (
        path.entity
        or os.environ.get("REGISTRUM_ORGANIZATION")
        or os.environ.get("WANDB_ORGANIZATION")
    )
    owner = organizations.organization_of(service, member, named or None).org_entity.name
    return path._replace(entity=owner)


def users_of(service: Service, artifact_id: str) -> list[Node]:
    """The runs that used a version, as far as their projects can be seen."""
    found: list[Node] = []
    after: str | None = None
    while True:
        answer = service.ask(operations.USED_BY, {"id": artifact_id, "after": after})["artifact"]
        page = answer["usedBy"] if answer else None
        if not page:
            return found
        nodes = [edge["node"] for edge in page["edges"]]
        found += [node for node in nodes if node and node["project"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def links_of(service: Service, artifact_id: str) -> list[Place]:
    """The places of a version other than that where it was logged; the first 500."""
    found = service.ask(operations.LINKS, {"id": artifact_id})["artifact"]
    nodes = [edge["node"] for edge in found["places"]["edges"]] if found else []
    return [
        place_of(node)
        for node in nodes
        if node["artifactCollection"]["__typename"] == "ArtifactPortfolio"
    ]


def unlink(service: Service, artifact_id: str, place: Place) -> None:
    """Takes a version out of a collection."""
    given = {"artifactID": artifact_id, "artifactPortfolioID": _collection_id(service, place)}
    service.ask(operations.UNLINK, {"input": given})


def _collection_id(service: Service, place: Place) -> str:
    if place.collection_id:
        return place.collection_id
    asked = {"entity": place.entity, "project": place.project, "name": place.collection}
    project = service.ask(operations.COLLECTION_ID, asked)["project"]
    if not project or not project["artifactCollection"]:
        raise BadValue(f"There is no collection {place.collection!r} in {place.project!r}.")
    return str(project["artifactCollection"]["id"])
