"""Binds `schema/artifacts.graphql`: versions by id, and the steps of their life."""

from collections.abc import Sequence
from typing import Any

from registrum.core import ids
from registrum.core.artifacts import Artifact
from registrum.core.digests import artifact_algorithm
from registrum.core.errors import Invalid
from registrum.core.policy import Action
from registrum.server.db import aliases, artifacts, tags
from registrum.server.db.tx import Tx
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.context import Context
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import Selection, selected
from registrum.server.services import artifacts as services
from registrum.server.services.artifacts import CreateArtifact, UpdateArtifact

query = Root("Query")
mutation = Root("Mutation")
entity = Type("Entity", reads={"xxhashDigestsEnabled": lambda _: True})
artifact = Type(
    "Artifact",
    value=Artifact,
    reads={
        "id": GlobalId("Artifact"),
        "artifactSequence": "source",
        "versionIndex": "version",
        "artifactType": lambda a: a.source.type,
        "ttlDurationSeconds": "ttl_seconds",
        "state": lambda a: a.state.upper(),
        "size": "size_bytes",
        "commitHash": lambda a: a.digest if a.state == "committed" else None,
    },
)


def filled(tx: Tx, found: Sequence[Artifact], wants: Selection) -> list[Artifact]:
    """Artifacts with their tags and aliases, where the query asks for them.

    Args:
        wants: what is selected beneath the artifact.
    """
    numbers = [a.id for a in found]
    all_tags = tags.by_artifacts(tx, numbers) if "tags" in wants else {}
    all_aliases = aliases.by_artifacts(tx, numbers) if "aliases" in wants else {}
    return [
        a._replace(tags=all_tags.get(a.id, ()), aliases=all_aliases.get(a.id, ())) for a in found
    ]


def _loaded(context: Context, artifact_id: int, wants: Selection) -> Artifact | None:
    found = artifacts.by_ids(context.tx, Action.READ, [artifact_id]).get(artifact_id)
    return filled(context.tx, [found], wants)[0] if found else None


@query.field("artifact")
def resolve_artifact(_: None, info: Info, id: str) -> Artifact | None:
    """A version by its id, if any path to it is open."""
    return _loaded(info.context, ids.decode("Artifact", id), selected(info))


@query.field("clientIDMapping")
def resolve_client_id(_: None, info: Info, client_id: str) -> dict[str, Any] | None:
    """The server's id for one that a client made."""
    found = artifacts.by_client_id(info.context.tx, client_id)
    return {"serverID": ids.encode("Artifact", found.id)} if found else None


@mutation.field("createArtifact")
def resolve_create(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Begins a version, or finds the one that is meant."""
    ask = _create_artifact(input)
    artifact_id = info.context.write(lambda tx: services.create_artifact(tx, ask))
    return {"artifact": _loaded(info.context, artifact_id, selected(info).under("artifact"))}


def _create_artifact(given: dict[str, Any]) -> CreateArtifact:
    names = given.get("artifactCollectionNames") or []
    collection = given.get("artifactCollectionName") or (names[0] if names else None)
    if not collection or len(names) > 1:
        raise Invalid("Name the one collection into which the artifact is logged.")
    return CreateArtifact(
        entity=given["entityName"],
        project=given["projectName"],
        type_name=given["artifactTypeName"],
        collection=collection,
        digest=given["digest"],
        algorithm=artifact_algorithm(given.get("digestAlgorithm")),
        run=given.get("runName") or None,
        aliases=tuple(each["alias"] for each in given.get("aliases") or ()),
        tags=tuple(each["tagName"] for each in given.get("tags") or ()),
        description=given.get("description"),
        metadata=given.get("metadata"),
        ttl_seconds=given.get("ttlDurationSeconds"),
        history_step=given.get("historyStep"),
        finds_same_content=bool(given.get("enableDigestDeduplication")),
        client_id=given.get("clientID") or None,
        sequence_client_id=given.get("sequenceClientID") or None,
        region=given.get("storageRegion"),
        distributed_id=given.get("distributedID"),
    )


@mutation.field("commitArtifact")
def resolve_commit(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Verifies what was uploaded and makes it a version."""
    context: Context = info.context
    number = ids.decode("Artifact", input["artifactID"])
    artifact_id = context.commits.commit_artifact(context, number)
    return {"artifact": _loaded(info.context, artifact_id, selected(info).under("artifact"))}


@mutation.field("updateArtifact")
def resolve_update(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes what is said about a version."""
    names = input.get("aliases")
    ask = UpdateArtifact(
        artifact_id=ids.decode("Artifact", input["artifactID"]),
        description=input.get("description"),
        metadata=input.get("metadata"),
        tags_to_add=tuple(each["tagName"] for each in input.get("tagsToAdd") or ()),
        tags_to_remove=tuple(each["tagName"] for each in input.get("tagsToDelete") or ()),
        ttl_seconds=input.get("ttlDurationSeconds"),
        aliases=None if names is None else tuple(each["alias"] for each in names),
    )
    artifact_id = info.context.write(lambda tx: services.update_artifact(tx, ask))
    return {"artifact": _loaded(info.context, artifact_id, selected(info).under("artifact"))}


@mutation.field("deleteArtifact")
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Removes a version and its links."""
    artifact_id = ids.decode("Artifact", input["artifactID"])
    may = bool(input.get("deleteAliases"))
    gone = info.context.write(
        lambda tx: services.delete_artifact(tx, artifact_id, with_aliases=may)
    )
    return {"artifact": gone._replace(state="deleted")}


BINDINGS = [query, mutation, entity, artifact, *connection("Artifact")]
