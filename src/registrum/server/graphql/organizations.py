"""Binds schema/organizations.graphql: organizations and who belongs to them."""

from typing import Any

from registrum.core.organizations import Organization, OrganizationMember
from registrum.core.pages import Page, page_ask
from registrum.core.policy import Action
from registrum.core.projects import Entity
from registrum.server.db import organizations as organization_rows
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import selected
from registrum.server.graphql.teams import load_for
from registrum.server.services import organizations
from registrum.server.services.organizations import CreateOrganization

query = Root("Query")
mutation = Root("Mutation")
organization = Type(
    "Organization",
    value=Organization,
    reads={
        "id": GlobalId("Organization"),
        "orgEntity": "entity",
        "coreWeaveOrganizationId": lambda _: None,
        "featureFlags": lambda _, _args: [],
    },
)
member = Type(
    "OrganizationMember", value=OrganizationMember, reads={"role": lambda m: m.role.label}
)


@query.field("organization")
def resolve_organization(_: None, info: Info, name: str) -> Organization:
    """An organization the caller may see, by display name or by its entity's name."""
    return organization_rows.get_for(info.context.tx, Action.READ_ORGANIZATION, name).thing


@query.field("organizations")
def resolve_organizations(
    _: None, info: Info, after: str | None, first: int | None
) -> Page[Organization]:
    """One's own organizations, oldest first; for an instance administrator all."""
    return organization_rows.page_of_own(
        info.context.tx, Action.READ_ORGANIZATION, page_ask(first, after)
    )


@organization.field("teams")
def resolve_teams(
    found: Organization, info: Info, after: str | None, first: int | None
) -> Page[Entity]:
    """Its teams by name, for who belongs to it."""
    page = organization_rows.page_of_teams(
        info.context.tx, Action.READ_ORGANIZATION, found, page_ask(first, after)
    )
    load_for(info, page.nodes, selected(info).under("edges.node"))
    return page


@organization.field("members")
def resolve_members(
    found: Organization, info: Info, after: str | None, first: int | None
) -> Page[OrganizationMember]:
    """Its people by user name, for who belongs to it."""
    return organization_rows.page_of_members(
        info.context.tx, Action.READ_ORGANIZATION, found, page_ask(first, after)
    )


@mutation.field("createOrganization")
def resolve_create_organization(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Founds an organization."""
    ask = CreateOrganization(
        input["name"], input.get("adminUsername"), input.get("coreRegistries") is not False
    )
    number = info.context.write(lambda tx: organizations.create_organization(tx, ask))
    found = organization_rows.by_ids(info.context.tx, Action.READ_ORGANIZATION, [number])
    return {"organization": found.get(number)}


@mutation.field("deleteOrganization")
def resolve_delete_organization(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Ends an organization."""
    info.context.write(
        lambda tx: organizations.delete_organization(
            tx, input["name"], force=bool(input.get("force"))
        )
    )
    return {"success": True}


@mutation.field("addOrganizationMember")
def resolve_add_member(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Brings a person in."""
    info.context.write(
        lambda tx: organizations.add_member(
            tx, input["organizationName"], input["username"], input.get("role")
        )
    )
    return {"success": True}


@mutation.field("removeOrganizationMember")
def resolve_remove_member(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes a person out."""
    info.context.write(
        lambda tx: organizations.remove_member(tx, input["organizationName"], input["username"])
    )
    return {"success": True}


@mutation.field("updateOrganizationMember")
def resolve_update_member(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes somebody's role."""
    info.context.write(
        lambda tx: organizations.update_member(
            tx, input["organizationName"], input["username"], input["role"]
        )
    )
    return {"success": True}


BINDINGS = [
    query,
    mutation,
    organization,
    member,
    *connection("Organization"),
    *connection("OrganizationMember"),
]
