"""Binds schema/collections.graphql: collections, their types, and editing them."""

from typing import Any

from registrum.core import ids
from registrum.core.aliases import reference_in
from registrum.core.artifacts import Artifact, Membership
from registrum.core.collections import Alias, ArtifactType, Collection
from registrum.core.filters import parse_filter
from registrum.core.pages import Page, page_ask, page_of, whole
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project, ProjectName
from registrum.server.db import (
    aliases,
    artifact_types,
    artifacts,
    collection_pages,
    collections,
    membership_pages,
)
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.graphql.artifacts import filled
from registrum.server.graphql.binding import Abstract, GlobalId, Info, Root, Type
from registrum.server.graphql.memberships import wants_of_artifact, wants_of_membership
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import selected
from registrum.server.services import collections as service

query = Root("Query")
mutation = Root("Mutation")
project = Type("Project")
entity = Type("Entity")
collection = Abstract(
    "ArtifactCollection",
    type_of=lambda c: "ArtifactPortfolio" if c.kind == "portfolio" else "ArtifactSequence",
    reads={
        "id": GlobalId("ArtifactCollection"),
        "state": lambda c: "DELETED" if c.is_deleted else "READY",
        "defaultArtifactType": "type",
        "tags": lambda c: whole(c.tags),
    },
)
sequence = Type("ArtifactSequence")
artifact_type = Type("ArtifactType", reads={"id": GlobalId("ArtifactType")})
versioned_edge = Type(
    "VersionedArtifactEdge",
    reads={
        "version": lambda edge: f"v{edge.node.version}",
        "node": lambda edge: edge.node.artifact,
    },
)


def _number_of(text: str) -> int:
    return ids.decode("ArtifactCollection", text)


@query.field("artifactCollection")
def resolve_collection_by_id(_: None, info: Info, id: str) -> Collection:
    """A collection of a project that the actor may see."""
    return _with_tags(info, collections.get_for(info.context.tx, Action.READ, _number_of(id)).thing)


@project.field("artifactCollection", is_point=True)
def resolve_collection(found: Project, info: Info, name: str) -> Collection:
    """A collection of either kind, by name."""
    return _with_tags(
        info, collections.get_for_name(info.context.tx, Action.READ, found, name).thing
    )


@artifact_type.field("artifactCollection")
def resolve_collection_of_type(found: ArtifactType, info: Info, name: str) -> Collection | None:
    """A collection of this type, by name."""
    if found.project is None:
        return None
    one = collections.get_for_name(info.context.tx, Action.READ, found.project, name).thing
    return _with_tags(info, one) if one.type_id == found.id else None


def _with_tags(info: Info, one: Collection) -> Collection:
    if "tags" not in selected(info):
        return one
    return collections.with_tags(info.context.tx, [one])[0]


@project.field("artifactCollections")
def resolve_collections(
    found: Project,
    info: Info,
    filters: str | None,
    order: str | None,
    collection_types: list[str] | None,
    after: str | None,
    first: int | None,
) -> Page[Collection]:
    """Collections of a project."""
    ask = _collections_ask(info, filters, order, after, first, collection_types)
    return collection_pages.page_of_project(info.context.tx, Action.READ, found, ask)


@entity.field("artifactCollections")
def resolve_collections_of_organization(
    found: Entity,
    info: Info,
    project_filters: str | None,
    filters: str | None,
    collection_types: list[str] | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Collection]:
    """Collections of an organization's registries; a person's entity has none."""
    if found.organization_id is None:
        return Page((), False, 0)
    ask = _collections_ask(info, filters, order, after, first, collection_types, project_filters)
    return collection_pages.page_of_organization(
        info.context.tx, Action.READ, found.organization_id, ask
    )


@artifact_type.field("artifactCollections")
def resolve_collections_of_type(
    found: ArtifactType,
    info: Info,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Collection] | None:
    """Collections of one type, of both kinds."""
    if found.project is None:
        return None
    ask = _collections_ask(info, filters, order, after, first, None)
    return collection_pages.page_of_type(info.context.tx, Action.READ, found.project, found.id, ask)


def _collections_ask(
    info: Info,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
    kinds: list[str] | None,
    project_filters: str | None = None,
) -> CollectionsAsk:
    selection = selected(info)
    return CollectionsAsk(
        page_ask(first, after, with_total="totalCount" in selection),
        parse_filter(filters),
        parse_filter(project_filters),
        tuple(kind.lower() for kind in kinds) if kinds else collection_pages.KINDS,
        order,
        with_tags="edges.node.tags" in selection,
    )


@collection.field("aliases")
def resolve_aliases(
    found: Collection, info: Info, after: str | None, first: int | None
) -> Page[Alias]:
    """Aliases given in a collection, by name."""
    return aliases.page_of_collection(info.context.tx, Action.READ, found, page_ask(first, after))


@collection.field("artifacts")
def resolve_artifacts(
    found: Collection,
    info: Info,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Membership]:
    """Versions of a collection, newest first."""
    selection = selected(info)
    ask = VersionsAsk(
        page_ask(first, after, with_total="totalCount" in selection),
        wants_of_artifact(selection.under("edges.node")),
        parse_filter(filters),
        order=order,
    )
    return membership_pages.page_of_collection(info.context.tx, Action.READ, found, ask)


@collection.field("artifactMembership")
def resolve_membership(found: Collection, info: Info, alias_name: str) -> Membership | None:
    """A version of a collection, by alias or `v<number>`."""
    if found.project is None:
        return None
    name = reference_in(found.name, alias_name)
    wants = wants_of_membership(selected(info))
    return membership_pages.get_for(info.context.tx, Action.READ, found.project, name, wants).thing


@sequence.field("latestArtifact")
def resolve_latest(found: Collection, info: Info) -> Artifact | None:
    """The newest version that the actor may see."""
    tx = info.context.tx
    newest = artifacts.latest_in(tx, found.id)
    return filled(tx, [newest], selected(info))[0] if newest else None


@project.field("artifactType", is_point=True)
def resolve_type(found: Project, info: Info, name: str) -> ArtifactType:
    """A type of a project, by name."""
    return artifact_types.get_for(info.context.tx, Action.READ, found, name)


@project.field("artifactTypes")
def resolve_types(
    found: Project, info: Info, include_all: bool | None, after: str | None, first: int | None
) -> Page[ArtifactType]:
    """Types of a project; of a registry those on its list and those in use, whatever `includeAll` says."""
    tx, ask = info.context.tx, page_ask(first, after)
    if not found.is_registry:
        return artifact_types.page_of_project(tx, Action.READ, found, ask)
    known = info.context.loaded.get("artifactTypes", {}).get(found.id)
    if known is not None and ask.after is None:
        return page_of(known[: ask.first + 1], ask.first, lambda each: [each.id])
    return artifact_types.page_of_used(tx, Action.READ, found, ask)


@artifact_type.field("description")
def resolve_type_description(found: ArtifactType, info: Info) -> str | None:
    """What artifacts of the type are."""
    return _whole_type(info, found).description


@artifact_type.field("createdAt")
def resolve_type_created_at(found: ArtifactType, info: Info) -> Any:
    """When the type was made."""
    return _whole_type(info, found).created_at


def _whole_type(info: Info, found: ArtifactType) -> ArtifactType:
    """The type with all its fields: where it was reached through a collection, it is known by name only."""
    if found.created_at is not None:
        return found
    return artifact_types.get_for_id(info.context.tx, Action.READ, found.id)


@artifact_type.field("artifact")
def resolve_artifact_of_type(found: ArtifactType, info: Info, name: str) -> Artifact | None:
    """A version of this type, as older clients ask for it."""
    if found.project is None:
        return None
    collection_name, _, alias = name.partition(":")
    reference = reference_in(collection_name, alias or "latest")
    wants = wants_of_artifact(selected(info))
    one = membership_pages.get_for(
        info.context.tx, Action.READ, found.project, reference, wants
    ).thing
    return one.artifact if one.collection.type_id == found.id else None


@mutation.field("createArtifactType")
def resolve_create_type(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes a type."""
    where, name = ProjectName(input["entityName"], input["projectName"]), input["name"]
    description = input.get("description")
    number = info.context.write(
        lambda tx: service.create_artifact_type(tx, where, name, description)
    )
    return {"artifactType": artifact_types.get_for_id(info.context.tx, Action.READ, number)}


@mutation.field("updateArtifactSequence")
def resolve_update_sequence(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Renames or describes a sequence."""
    return _updated(info, "sequence", input["artifactSequenceID"], input)


@mutation.field("updateArtifactPortfolio")
def resolve_update_portfolio(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Renames or describes a portfolio."""
    return _updated(info, "portfolio", input["artifactPortfolioID"], input)


def _updated(info: Info, kind: str, id_: str, input: dict[str, Any]) -> dict[str, Any]:
    number, name, text = _number_of(id_), input.get("name"), input.get("description")
    info.context.write(lambda tx: service.update_collection(tx, kind, number, name, text))
    return _payload(info, number)


@mutation.field("moveArtifactSequence")
def resolve_move(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Gives a collection another type."""
    number, type_name = (
        _number_of(input["artifactSequenceID"]),
        input["destinationArtifactTypeName"],
    )
    info.context.write(lambda tx: service.move_collection(tx, number, type_name))
    return _payload(info, number)


def _payload(info: Info, number: int) -> dict[str, Any]:
    found = collections.get_for(info.context.tx, Action.READ, number).thing
    if "artifactCollection.tags" in selected(info):
        found = collections.with_tags(info.context.tx, [found])[0]
    return {"artifactCollection": found}


@mutation.field("deleteArtifactSequence")
def resolve_delete_sequence(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Deletes a sequence with its versions and their links."""
    number = _number_of(input["artifactSequenceID"])
    gone = info.context.write(lambda tx: service.delete_collection(tx, "sequence", number))
    return {"artifactCollection": gone}


@mutation.field("deleteArtifactPortfolio")
def resolve_delete_portfolio(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Deletes a portfolio with its links."""
    number = _number_of(input["artifactPortfolioID"])
    gone = info.context.write(lambda tx: service.delete_collection(tx, "portfolio", number))
    return {"artifactCollection": gone}


BINDINGS = [
    query,
    mutation,
    project,
    entity,
    collection,
    sequence,
    artifact_type,
    *connection("ArtifactCollection"),
    *connection("ArtifactType"),
    Type("VersionedArtifactConnection", reads={"pageInfo": lambda page: page}),
    versioned_edge,
]
