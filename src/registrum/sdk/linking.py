"""Links: versions in collections besides the one they were logged to."""

from registrum.errors import BadValue
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.paths import ArtifactPath
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
