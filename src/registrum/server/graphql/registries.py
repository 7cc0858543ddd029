"""Binds schema/registries.graphql: what only registries have."""

from typing import Any

from registrum.core import ids
from registrum.core.organizations import Organization
from registrum.core.policy import Role
from registrum.core.projects import Project
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.projects import loaded
from registrum.server.services import projects

mutation = Root("Mutation")
organization = Type(
    "Organization",
    value=Organization,
    reads={"advancedRegistryFeatures": lambda _: {"advancedSearch": True}},
)
project = Type(
    "Project",
    value=Project,
    reads={
        "allowAllArtifactTypesInRegistry": "accepts_any_type",
        "organizationRole": lambda p: p.organization_role if p.is_registry else None,
        "isCoreRegistry": "is_core",
    },
)
role = Type("Role", value=Role, reads={"name": lambda r: r.label})
features = Type("AdvancedRegistryFeatures")


@mutation.field("updateRegistryOrganizationRole")
def resolve_organization_role(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Sets the role of everybody in the organization."""
    number = ids.decode("Project", input["projectId"])
    info.context.write(lambda tx: projects.set_organization_role(tx, number, input["role"]))
    return {"project": loaded(info, number)}


BINDINGS = [mutation, organization, project, role, features]
