"""Binds schema/tags.graphql: tags, and tagging collections."""

from typing import Any

from registrum.core.collections import Tag
from registrum.core.projects import ProjectName
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.services import tags as service

mutation = Root("Mutation")
tag = Type("Tag", value=Tag, reads={"id": GlobalId("Tag")})


@mutation.field("createArtifactCollectionTagAssignments")
def resolve_add(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Gives tags to a collection."""
    project, collection, names = _asked(input)
    given = info.context.write(
        lambda tx: service.add_collection_tags(tx, project, collection, names)
    )
    return {"tags": given}


@mutation.field("deleteArtifactCollectionTagAssignments")
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes tags from a collection."""
    project, collection, names = _asked(input)
    info.context.write(lambda tx: service.delete_collection_tags(tx, project, collection, names))
    return {"success": True}


def _asked(input: dict[str, Any]) -> tuple[ProjectName, str, list[str]]:
    return (
        ProjectName(input["entityName"], input["projectName"]),
        input["artifactCollectionName"],
        [tag["tagName"] for tag in input["tags"]],
    )


BINDINGS = [mutation, tag, *connection("Tag")]
