"""Binds schema/aliases.graphql: aliases given, taken and protected."""

from typing import Any

from registrum.core import ids
from registrum.core.collections import Alias
from registrum.core.policy import Action
from registrum.core.projects import Project, ProjectName
from registrum.server.db import aliases, projects
from registrum.server.db.tx import Tx
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.context import Write
from registrum.server.graphql.pages import connection
from registrum.server.services import aliases as service
from registrum.server.services.aliases import AliasIn

mutation = Root("Mutation")
project = Type("Project")
alias = Type(
    "ArtifactAlias",
    value=Alias,
    reads={
        "id": GlobalId("ArtifactAlias"),
        "alias": "name",
        "artifactCollection": "collection",
    },
)


@mutation.field("addAliases", is_write=True)
def resolve_add(_: None, info: Info, input: dict[str, Any]) -> Write:
    """Gives aliases to a version."""
    artifact_id, asked = _asked(input)

    def work(tx: Tx) -> dict[str, Any]:
        service.add_aliases(tx, artifact_id, asked)
        return {"success": True}

    return Write(work)


@mutation.field("deleteAliases", is_write=True)
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> Write:
    """Takes aliases from a version."""
    artifact_id, asked = _asked(input)

    def work(tx: Tx) -> dict[str, Any]:
        service.delete_aliases(tx, artifact_id, asked)
        return {"success": True}

    return Write(work)


def _asked(input: dict[str, Any]) -> tuple[int, list[AliasIn]]:
    return ids.decode("Artifact", input["artifactID"]), [
        AliasIn(
            ProjectName(one["entityName"], one["projectName"]),
            one["artifactCollectionName"],
            one["alias"],
        )
        for one in input["aliases"]
    ]


@mutation.field("protectAliases")
def resolve_protect(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes aliases of a registry protected."""
    number, names = ids.decode("Project", input["projectId"]), input["aliases"]
    info.context.write(lambda tx: service.protect_aliases(tx, number, names))
    return _payload(info, number)


@mutation.field("unprotectAliases")
def resolve_unprotect(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes protected aliases of a registry plain again."""
    number, names = ids.decode("Project", input["projectId"]), input["aliases"]
    info.context.write(lambda tx: service.unprotect_aliases(tx, number, names))
    return _payload(info, number)


def _payload(info: Info, number: int) -> dict[str, Any]:
    return {"project": projects.get_for_id(info.context.tx, Action.READ, number).thing}


@project.field("protectedAliases")
def resolve_protected(found: Project, info: Info) -> list[str]:
    """Aliases that only administrators of the registry give or take."""
    return aliases.protected_in(info.context.tx, found)


BINDINGS = [mutation, project, alias, *connection("ArtifactAlias")]
