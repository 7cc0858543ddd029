"""Binds schema/members.graphql: members of registries and their roles."""

from collections.abc import Sequence
from typing import Any

from registrum.core import ids
from registrum.core.members import RegistryMember, RegistryTeam
from registrum.core.projects import Project
from registrum.server.db import members as member_rows
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.selection import selected
from registrum.server.graphql.teams import load_for
from registrum.server.services import members
from registrum.server.services.credentials import LARGEST_STAND_IN

NOBODY = 0

mutation = Root("Mutation")
project = Type("Project")
project_member = Type(
    "ProjectMember",
    value=RegistryMember,
    reads={
        "id": lambda m: ids.encode("User", m.user.id),
        "name": lambda m: m.user.name,
        "username": lambda m: m.user.username,
        "email": lambda m: m.user.email,
    },
)
project_team = Type("ProjectTeamMember", value=RegistryTeam)


@project.field("members")
def resolve_members(found: Project, info: Info) -> Sequence[RegistryMember]:
    """Users who are members themselves, in order of joining; none of a project that is no registry."""
    return member_rows.users_of(info.context.tx, found) if found.is_registry else []


@project.field("teamMembers")
def resolve_team_members(found: Project, info: Info) -> Sequence[RegistryTeam]:
    """Teams that are members, in order of joining."""
    if not found.is_registry:
        return []
    members_found = member_rows.teams_of(info.context.tx, found)
    load_for(info, [each.team for each in members_found], selected(info).under("team"))
    return members_found


@mutation.field("createProjectMembers")
def resolve_create(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes users and teams members."""
    number, users, teams = _ids_in(input, info)
    everybody = [user_id for user_id, _ in users]
    role, named = input.get("role"), {user_id for user_id, is_named in users if is_named}
    info.context.write(lambda tx: members.add_members(tx, number, everybody, teams, role, named))
    return {"success": True}


@mutation.field("deleteProjectMembers")
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Ends memberships."""
    number, users, teams = _ids_in(input, info)
    everybody = [user_id for user_id, _ in users]
    info.context.write(lambda tx: members.remove_members(tx, number, everybody, teams))
    return {"success": True}


@mutation.field("updateProjectMember")
def resolve_update_user(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes a user's role."""
    number = ids.decode("Project", input["projectId"])
    user_id = _user_in(input["userId"], info)[0]
    info.context.write(
        lambda tx: members.update_user(tx, number, user_id, input["userProjectRole"])
    )
    return {"success": True}


@mutation.field("updateProjectTeamMember")
def resolve_update_team(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes a team's role."""
    number = ids.decode("Project", input["projectId"])
    team_id = ids.decode("Entity", input["teamId"])
    info.context.write(
        lambda tx: members.update_team(tx, number, team_id, input["teamProjectRole"])
    )
    return {"success": True}


def _ids_in(input: dict[str, Any], info: Info) -> tuple[int, list[tuple[int, bool]], list[int]]:
    return (
        ids.decode("Project", input["projectId"]),
        [_user_in(text, info) for text in input.get("userIds") or ()],
        [ids.decode("Entity", text) for text in input.get("teamIds") or ()],
    )


def _user_in(text: str, info: Info) -> tuple[int, bool]:
    """The user of a global id, and whether it says that this actor has named the user exactly.

    A stand-in that was made for somebody else, or by nobody, is the id of nobody.
    """
    number = ids.decode("User", text, LARGEST_STAND_IN)
    if number <= ids.MAX_ID:
        return number, False
    user_id = info.context.secrets.user_behind(info.context.actor.user_id or 0, number)
    return (NOBODY, False) if user_id is None else (user_id, True)


BINDINGS = [mutation, project, project_member, project_team]
