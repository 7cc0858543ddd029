"""Binds schema/linking.graphql: linking a version and taking a link back."""

from typing import Any

from registrum.core import ids
from registrum.core.artifacts import Membership
from registrum.core.errors import NotFound
from registrum.core.linking import LinkArtifact
from registrum.core.memberships import Place, Wants
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.server.db import membership_pages
from registrum.server.db.tx import Tx
from registrum.server.graphql.binding import Info, Root
from registrum.server.graphql.context import Write
from registrum.server.graphql.memberships import wants_of_membership
from registrum.server.graphql.selection import selected
from registrum.server.services import linking as service

mutation = Root("Mutation")


@mutation.field("linkArtifact", is_write=True)
def resolve_link(_: None, info: Info, input: dict[str, Any]) -> Write:
    """Links a version into a collection."""
    artifact, portfolio = input.get("artifactID"), input.get("artifactPortfolioID")
    project = input.get("projectName")
    ask = LinkArtifact(
        artifact_id=ids.decode("Artifact", artifact) if artifact else None,
        client_id=input.get("clientID"),
        target=ProjectName(input.get("entityName") or "", project) if project else None,
        collection=input.get("artifactPortfolioName"),
        collection_id=(
            ids.decode("ArtifactCollection", portfolio) if portfolio and not project else None
        ),
        aliases=tuple(one["alias"] for one in input.get("aliases") or ()),
    )
    selection = selected(info)
    if "artifactMembership" not in selection:
        return Write(lambda tx: _linked(service.link_artifact(tx, ask), None))
    wants = wants_of_membership(selection.under("artifactMembership"))

    def answer(tx: Tx, place: Place) -> dict[str, Any]:
        return _linked(place, _membership(tx, place.id, wants))

    return Write(lambda tx: service.link_artifact(tx, ask), answer)


def _linked(place: Place, membership: Membership | None) -> dict[str, Any]:
    return {"versionIndex": place.version, "artifactMembership": membership}


def _membership(tx: Tx, number: int, wants: Wants) -> Membership | None:
    try:
        return membership_pages.get_for_id(tx, Action.READ, number, wants).thing
    except NotFound:  # taken away again by somebody else
        return None


@mutation.field("unlinkArtifact")
def resolve_unlink(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes a linked version out of a collection."""
    artifact_id = ids.decode("Artifact", input["artifactID"])
    collection_id = ids.decode("ArtifactCollection", input["artifactPortfolioID"])
    info.context.write(lambda tx: service.unlink_artifact(tx, artifact_id, collection_id))
    return {"success": True}


BINDINGS = [mutation]
