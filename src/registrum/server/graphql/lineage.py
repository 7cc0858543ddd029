"""Binds `schema/lineage.graphql`: which run logged a version, and which used it."""

from typing import Any

from registrum.core import ids
from registrum.core.artifacts import Artifact
from registrum.core.pages import Edge, Page, page_ask
from registrum.core.policy import Action
from registrum.core.runs import Run, RunName
from registrum.core.users import User
from registrum.server.db import artifacts, lineage, runs, users
from registrum.server.graphql.artifacts import filled
from registrum.server.graphql.binding import Abstract, Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import selected
from registrum.server.services.lineage import UseArtifact, use_artifact

mutation = Root("Mutation")
artifact = Type("Artifact")
run = Type("Run")
creator = Abstract("ArtifactCreator", type_of=lambda v: "Run" if isinstance(v, Run) else "User")


@artifact.field("createdBy")
def resolve_created_by(found: Artifact, info: Info) -> Run | User | None:
    """The run that logged a version first; without one, the person."""
    tx = info.context.tx
    if found.run_id is not None:
        return runs.by_ids(tx, Action.READ, [found.run_id]).get(found.run_id)
    if found.created_by is not None:
        return users.by_ids(tx, [found.created_by]).get(found.created_by)
    return None


@artifact.field("usedBy")
def resolve_used_by(found: Artifact, info: Info, after: str | None, first: int | None) -> Page[Run]:
    """The runs that used a version, as far as the caller sees them."""
    ask = page_ask(first, after, with_total="totalCount" in selected(info))
    return lineage.page_of_users(info.context.tx, Action.READ, found.id, ask)


@run.field("inputArtifacts")
def resolve_inputs(
    found: Run, info: Info, after: str | None, first: int | None, **_: object
) -> Page[Artifact]:
    """The versions that a run used."""
    ask = page_ask(first, after, with_total="totalCount" in selected(info))
    return _filled(info, lineage.page_of_inputs(info.context.tx, Action.READ, found.id, ask))


@run.field("outputArtifacts")
def resolve_outputs(
    found: Run, info: Info, after: str | None, first: int | None, **_: object
) -> Page[Artifact]:
    """The versions that a run logged."""
    ask = page_ask(first, after, with_total="totalCount" in selected(info))
    return _filled(info, lineage.page_of_outputs(info.context.tx, Action.READ, found.id, ask))


def _filled(info: Info, page: Page[Artifact]) -> Page[Artifact]:
    nodes = filled(info.context.tx, page.nodes, selected(info).under("edges.node"))
    edges = (Edge(node, edge.cursor) for node, edge in zip(nodes, page.edges, strict=True))
    return Page(tuple(edges), page.has_next_page, page.total_count)


@mutation.field("useArtifact")
def resolve_use(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Notes that a run used a version."""
    ask = UseArtifact(
        run=RunName(input["entityName"], input["projectName"], input["runName"]),
        artifact_id=ids.decode("Artifact", input["artifactID"]),
        used_as=input.get("usedAs"),
    )
    artifact_id = info.context.write(lambda tx: use_artifact(tx, ask))
    tx = info.context.tx
    found = artifacts.by_ids(tx, Action.READ, [artifact_id]).get(artifact_id)
    wants = selected(info).under("artifact")
    return {"artifact": filled(tx, [found], wants)[0] if found else None}


BINDINGS = [mutation, artifact, run, creator, *connection("InputArtifact")]
