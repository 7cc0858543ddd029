"""Binds schema/memberships.graphql: versions as places in collections."""

from registrum.core.aliases import reference
from registrum.core.artifacts import Artifact, Membership
from registrum.core.filters import parse_filter
from registrum.core.memberships import Wants
from registrum.core.pages import Page, page_ask
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db import membership_pages
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.graphql.binding import GlobalId, Info, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import Selection, selected

project = Type("Project")
entity = Type("Entity")
artifact = Type("Artifact")
membership = Type(
    "ArtifactCollectionMembership",
    value=Membership,
    reads={
        "id": GlobalId("ArtifactCollectionMembership"),
        "versionIndex": "version",
        "artifactCollection": "collection",
    },
)


def wants_of_membership(selection: Selection) -> Wants:
    """What to load of memberships of which this is selected."""
    of_artifact = wants_of_artifact(selection.under("artifact"))
    return Wants(
        aliases="aliases" in selection,
        tags=of_artifact.tags,
        all_aliases=of_artifact.all_aliases,
        collection_tags=of_artifact.collection_tags or "artifactCollection.tags" in selection,
        collection_details=of_artifact.collection_details
        or _shows_details(selection.under("artifactCollection"))
        or _shows_details(selection.under("aliases.artifactCollection")),
    )


def wants_of_artifact(selection: Selection) -> Wants:
    """What to load of memberships whose artifacts are shown, of which this is selected."""
    return Wants(
        tags="tags" in selection,
        all_aliases="aliases" in selection,
        collection_tags="artifactSequence.tags" in selection,
        collection_details=_shows_details(selection.under("artifactSequence")),
    )


_OF_ITS_NAME = ("id", "name", "project")


def _shows_details(of_collection: Selection) -> bool:
    return any(path.partition(".")[0] not in _OF_ITS_NAME for path in of_collection.paths)


@project.field("artifactCollectionMembership", is_point=True)
def resolve_by_name(found: Project, info: Info, name: str) -> Membership:
    """A version by its name in this project."""
    wants = wants_of_membership(selected(info))
    return membership_pages.get_for(
        info.context.tx, Action.READ, found, reference(name), wants
    ).thing


@project.field("artifact", is_point=True)
def resolve_artifact_by_name(
    found: Project, info: Info, name: str, enable_tracking: bool | None
) -> Artifact:
    """The artifact behind a version's name in this project, as older clients ask for it."""
    wants = wants_of_artifact(selected(info))
    return membership_pages.get_for(
        info.context.tx, Action.READ, found, reference(name), wants
    ).thing.artifact


@entity.field("artifactMemberships")
def resolve_of_organization(
    found: Entity,
    info: Info,
    project_filters: str | None,
    collection_filters: str | None,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Membership]:
    """Linked versions of an organization's registries; a person's entity has none."""
    if found.organization_id is None:
        return Page((), False, 0)
    ask = VersionsAsk(
        page_ask(first, after, with_total="totalCount" in selected(info)),
        wants_of_membership(selected(info).under("edges.node")),
        parse_filter(filters),
        parse_filter(collection_filters),
        parse_filter(project_filters),
        order,
    )
    return membership_pages.page_of_organization(
        info.context.tx, Action.READ, found.organization_id, ask
    )


@artifact.field("artifactMemberships")
def resolve_of_artifact(
    found: Artifact, info: Info, after: str | None, first: int | None
) -> Page[Membership]:
    """Every place of an artifact that the actor sees, the one where it was logged first."""
    ask = VersionsAsk(
        page_ask(first, after, with_total="totalCount" in selected(info)),
        wants_of_membership(selected(info).under("edges.node")),
    )
    return membership_pages.page_of_artifact(info.context.tx, Action.READ, found, ask)


BINDINGS = [
    project,
    entity,
    artifact,
    membership,
    *connection("ArtifactCollectionMembership"),
]
