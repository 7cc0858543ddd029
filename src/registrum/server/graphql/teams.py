"""Binds schema/teams.graphql: entities, teams and who is in them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from registrum.core import ids
from registrum.core.organizations import Organization
from registrum.core.policy import Action, Role
from registrum.core.projects import Entity
from registrum.core.teams import Invite, TeamMember
from registrum.core.users import User
from registrum.server.db import entities as entity_rows
from registrum.server.db import organizations as organization_rows
from registrum.server.db import teams as team_rows
from registrum.server.db import users as user_rows
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import Selection, selected
from registrum.server.graphql.users import link_url
from registrum.server.services import teams
from registrum.server.services.teams import CreateTeam, InviteToTeam

query = Root("Query")
mutation = Root("Mutation")
entity = Type(
    "Entity",
    reads={
        "id": GlobalId("Entity"),
        "entityType": "kind",
        "isTeam": lambda e: e.kind == "team",
        "available": lambda _: True,
        "isPaid": lambda _: True,
        "readOnlyAdmin": lambda _: False,
        "privateOnly": lambda _: True,
        "defaultAccess": lambda _: "PRIVATE",
        "codeSavingEnabled": lambda _: True,
        "limits": lambda _: {},
    },
)
member = Type(
    "Member",
    value=TeamMember,
    reads={
        "id": lambda m: ids.encode("User", m.user.id),
        "role": lambda m: m.role.label,
        "admin": lambda m: m.role is Role.ADMIN,
        "pending": "is_pending",
        "email": lambda m: m.user.email,
        "username": lambda m: m.user.username,
        "name": lambda m: m.user.name,
        "photoUrl": lambda m: m.user.photo_url,
        "accountType": lambda m: "SERVICE" if m.user.is_service else "MEMBER",
    },
)
invite = Type(
    "Invite",
    value=Invite,
    reads={
        "id": GlobalId("Invite"),
        "name": lambda i: i.user.name if i.user else None,
        "toUser": "user",
    },
)


@query.field("entity")
def resolve_entity(_: None, info: Info, name: str | None) -> Entity:
    """An entity the caller may see, in any case; without a name the default one."""
    tx = info.context.tx
    return entity_rows.get_for(tx, Action.READ_ENTITY, name or entity_rows.default_name(tx)).thing


@entity.field("readOnly")
def resolve_read_only(found: Entity, info: Info) -> bool:
    """Whether the caller may not create anything here."""
    known: bool | None = info.context.loaded.get("readOnly", {}).get(found.id)
    return _read_only(info, [found])[found.id] if known is None else known


@entity.field("storageBytes")
def resolve_storage(found: Entity, info: Info) -> int:
    """Bytes of the artifacts logged under it."""
    known: int | None = info.context.loaded.get("storageBytes", {}).get(found.id)
    if known is None:
        return entity_rows.size_bytes(info.context.tx, [found.id]).get(found.id, 0)
    return known


@entity.field("members")
def resolve_members(found: Entity, info: Info) -> Sequence[TeamMember]:
    """Members in order of joining; the first load by its creator shows a service account's first key."""
    if found.kind != "team":
        return []
    known: Sequence[TeamMember] | None = info.context.loaded.get("members", {}).get(found.id)
    return _members(info, [found], selected(info))[found.id] if known is None else known


def load_for(info: Info, found: Sequence[Entity], wants: Selection) -> None:
    """Fetches for all entities of a list at once what is asked of each; their fields then find it in the context.

    Args:
        wants: what is selected beneath each of them.
    """
    loaded: dict[str, dict[int, Any]] = {}
    teams_found = [each for each in found if each.kind == "team"]
    if "members" in wants and teams_found:
        # First: it may write, after which nothing else that was read counts.
        loaded["members"] = _members(info, teams_found, wants.under("members"))
    if "readOnly" in wants:
        loaded["readOnly"] = _read_only(info, found)
    if "storageBytes" in wants:
        sizes = entity_rows.size_bytes(info.context.tx, [each.id for each in found])
        loaded["storageBytes"] = {each.id: sizes.get(each.id, 0) for each in found}
    info.context.loaded.update(loaded)


def _read_only(info: Info, found: Sequence[Entity]) -> dict[int, bool]:
    tx = info.context.tx
    owners = [each.id for each in found if each.kind == "organization"]
    others = [each.id for each in found if each.kind != "organization"]
    open_to = entity_rows.may(tx, Action.CREATE_REGISTRY, owners) if owners else set()
    if others:
        open_to |= entity_rows.may(tx, Action.CREATE_PROJECT, others)
    return {each.id: each.id not in open_to for each in found}


def _members(
    info: Info, found: Sequence[Entity], wants: Selection
) -> dict[int, Sequence[TeamMember]]:
    context = info.context
    people = team_rows.members_by_team(context.tx, found)
    if "apiKey" not in wants:
        return {**people}
    everybody = [one for each in people.values() for one in each]
    shown, key_ids = teams.reveal_first_keys(context.tx, context.secrets, everybody)
    if key_ids:
        context.write(lambda tx: teams.forget_first_keys(tx, key_ids))
    by_team: dict[int, list[TeamMember]] = {each.id: [] for each in found}
    for one in shown:
        by_team[one.team_id].append(one)
    return {**by_team}


@entity.field("organization")
def resolve_organization(found: Entity, info: Info) -> Organization | None:
    """The one of a team or of an organization's own entity, where the caller sees it."""
    number = found.organization_id
    if number is None:
        return None
    # The owners of the projects of one list are mostly of one organization.
    known = info.context.loaded.setdefault("organization", {})
    if number not in known:
        by_id = organization_rows.by_ids(info.context.tx, Action.READ_ORGANIZATION, [number])
        known[number] = by_id.get(number)
    one: Organization | None = known[number]
    return one


@entity.field("user")
def resolve_user(found: Entity, info: Info) -> User | None:
    """The person of a personal entity."""
    if found.user_id is None:
        return None
    return user_rows.by_ids(info.context.tx, [found.user_id]).get(found.user_id)


@mutation.field("createTeam")
def resolve_create_team(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes a team."""
    ask = CreateTeam(
        input["teamName"], input.get("teamAdminUserName"), input.get("organizationName")
    )
    team_id = info.context.write(lambda tx: teams.create_team(tx, ask))
    return {"entity": entity_rows.by_ids(info.context.tx, [team_id]).get(team_id)}


@mutation.field("deleteTeam")
def resolve_delete_team(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Ends a team."""
    info.context.write(lambda tx: teams.delete_team(tx, input["teamName"]))
    info.context.secrets.note_revocation()
    return {"success": True}


@mutation.field("createInvite")
def resolve_create_invite(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Brings somebody into a team; the answer has a link for who has no account yet."""
    link = info.context.secrets.new_token()
    role = input.get("role") or (Role.ADMIN if input.get("admin") else Role.MEMBER).label
    ask = InviteToTeam(input["entityName"], input.get("email"), input.get("username"), role, link)
    invited = info.context.write(lambda tx: teams.create_invite(tx, ask))
    tx = info.context.tx
    made = team_rows.invite(tx, invited.invite_id)
    if made is not None:
        made = replace(made, user=user_rows.by_ids(tx, [made.user_id]).get(made.user_id))
    return {
        "invite": made,
        "passwordLink": link_url(info, link.secret) if invited.is_new else None,
    }


@mutation.field("deleteInvite")
def resolve_delete_invite(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Takes somebody out of a team."""
    info.context.write(
        lambda tx: teams.delete_invite(tx, input.get("entityName") or "", input.get("id") or "")
    )
    return {"success": True}


@mutation.field("updateTeamMember")
def resolve_update_team_member(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes somebody's role in a team."""
    info.context.write(
        lambda tx: teams.update_team_member(tx, input["teamName"], input["username"], input["role"])
    )
    return {"success": True}


@mutation.field("createServiceAccount")
def resolve_create_service_account(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes a service account; its key is in the first load of the team by the caller."""
    key = info.context.secrets.new_key_with_seed()
    user_id = info.context.write(
        lambda tx: teams.create_service_account(tx, input["entityName"], input["description"], key)
    )
    return {"user": user_rows.by_ids(info.context.tx, [user_id]).get(user_id)}


BINDINGS = [query, mutation, entity, member, invite, *connection("Entity")]
