"""`registrum registry`: an organization's registries, who is in them, and which types they take."""

import click

from registrum.cli import records
from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.places import find_registry, in_organization
from registrum.cli.rehearsal import changes, check_free
from registrum.errors import Missing

ROLES = click.Choice(["admin", "member", "viewer", "restricted_viewer"])
VISIBILITIES = click.Choice(["organization", "restricted"])


@click.group("registry", cls=Noun)
def command() -> None:
    """Create, list, show, edit, rename and delete registries, their members and types."""


@command.command("ls")
@click.option("--name", "part", metavar="TEXT", help="Only those with this in their name.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most.")
@in_organization
@talks_to_server
def ls(server: Connection, organization: str | None, part: str | None, limit: int) -> None:
    """List the registries you may see."""
    condition = {"name": {"$contains": part}} if part else None
    found = server.api().registries(organization, condition, per_page=min(limit, 100))
    columns = ("name", "organization", "visibility", "accepts", "description")
    server.screen.table((records.of_registry(own) for own in found), columns, limit)


@command.command("create")
@click.argument("name")
@click.option(
    "--visibility",
    type=VISIBILITIES,
    default="organization",
    show_default=True,
    help="Who sees it.",
)
@click.option("--description", help="What it is for, in Markdown.")
@click.option(
    "--type",
    "types",
    multiple=True,
    help="A type of versions it takes; may be repeated. [default: all]",
)
@in_organization
@changes
@talks_to_server
def create(
    server: Connection,
    *,
    organization: str | None,
    name: str,
    visibility: str,
    description: str | None,
    types: tuple[str, ...],
) -> None:
    """Create a registry."""
    api = server.api()
    check_free(f"a registry {name!r}", lambda: find_registry(api, organization, name))
    made = api.create_registry(
        name,
        visibility,  # type: ignore[arg-type]  # click has checked it
        organization,
        description,
        list(types) or None,
    )
    server.say(f"Created registry {made.name} of {made.organization}.", **records.of_registry(made))


@command.command("show")
@click.argument("name")
@in_organization
@talks_to_server
def show(server: Connection, organization: str | None, name: str) -> None:
    """Show one registry."""
    server.screen.record(records.of_registry(find_registry(server.api(), organization, name)))


@command.command("edit")
@click.argument("name")
@click.option("--description", help="What it is for, in Markdown.")
@click.option("--visibility", type=VISIBILITIES, help="Who sees it.")
@click.option(
    "--all-types/--listed-types", default=None, help="Whether it takes versions of every type."
)
@in_organization
@changes
@talks_to_server
def edit(
    server: Connection,
    *,
    organization: str | None,
    name: str,
    description: str | None,
    visibility: str | None,
    all_types: bool | None,
) -> None:
    """Change what you give of a registry."""
    own = find_registry(server.api(), organization, name)
    if description is not None:
        own.description = description
    if visibility is not None:
        own.visibility = visibility  # type: ignore[assignment]  # click has checked it
    if all_types is not None:
        own.allow_all_artifact_types = all_types
    own.save()
    server.say(f"Changed registry {own.name}.", **records.of_registry(own))


@command.command("rename")
@click.argument("name")
@click.argument("new_name")
@in_organization
@changes
@talks_to_server
def rename(server: Connection, organization: str | None, name: str, new_name: str) -> None:
    """Give a registry another name. Paths with the old one stop working."""
    api = server.api()
    own = find_registry(api, organization, name)
    if new_name != own.name:
        check_free(f"a registry {new_name!r}", lambda: find_registry(api, organization, new_name))
    own.name = new_name
    own.save()
    server.say(f"Registry {name} is {own.name} now.", **records.of_registry(own))


@command.command("delete")
@click.argument("name")
@in_organization
@asks_first
@talks_to_server
def delete(server: Connection, organization: str | None, name: str) -> None:
    """Delete a registry with its collections; versions stay in the projects they were logged to."""
    find_registry(server.api(), organization, name).delete()
    server.say(f"Deleted registry {name}.", name=name)


@command.command("types")
@click.argument("name")
@click.option(
    "--add",
    multiple=True,
    metavar="TYPE",
    help="A type to take from now on; for good. May be repeated.",
)
@in_organization
@changes
@talks_to_server
def types(server: Connection, organization: str | None, name: str, add: tuple[str, ...]) -> None:
    """List the types of versions that a registry takes, or add to them."""
    own = find_registry(server.api(), organization, name)
    if add:
        own.allow_all_artifact_types = False
        own.artifact_types.extend(kind for kind in add if kind not in own.artifact_types)
        own.save()
    if own.allow_all_artifact_types:
        server.screen.hint(f"Registry {own.name} takes all types; these it has:")
    server.screen.table([{"type": kind} for kind in own.artifact_types], ("type",))


@command.group("members", cls=Noun)
def members() -> None:
    """List, add and remove the people and teams of a registry, and set their roles."""


@members.command("ls")
@click.argument("name")
@in_organization
@talks_to_server
def list_members(server: Connection, organization: str | None, name: str) -> None:
    """List who is in a registry."""
    own = find_registry(server.api(), organization, name)
    server.screen.table(map(records.of_member, own.members()), ("name", "kind", "role"))


@members.command("add")
@click.argument("name")
@click.argument("who", metavar="USERNAME|TEAM")
@click.option("--team", is_flag=True, help="WHO is a team.")
@click.option("--role", type=ROLES, help="What they may do. [default: the server's]")
@in_organization
@changes
@talks_to_server
def add_member(
    server: Connection,
    *,
    organization: str | None,
    name: str,
    who: str,
    team: bool,
    role: str | None,
) -> None:
    """Make a person or team a member of a registry."""
    own = find_registry(server.api(), organization, name)
    member = _member_id(server, who, team)
    own.add_members(member)
    if role:
        own.update_member(member, role)
    server.say(f"{who} is in registry {own.name}.", registry=own.name, name=who, role=role)


@members.command("remove")
@click.argument("name")
@click.argument("who", metavar="USERNAME|TEAM")
@click.option("--team", is_flag=True, help="WHO is a team.")
@in_organization
@changes
@talks_to_server
def remove_member(
    server: Connection, organization: str | None, name: str, who: str, team: bool
) -> None:
    """End a person's or team's membership of a registry."""
    own = find_registry(server.api(), organization, name)
    own.remove_members(_member_id(server, who, team))
    server.say(f"{who} is not in registry {own.name}.", registry=own.name, name=who)


@members.command("set-role")
@click.argument("name")
@click.argument("who", metavar="USERNAME|TEAM")
@click.argument("role", type=ROLES)
@click.option("--team", is_flag=True, help="WHO is a team.")
@in_organization
@changes
@talks_to_server
def set_role(
    server: Connection, *, organization: str | None, name: str, who: str, role: str, team: bool
) -> None:
    """Give a member of a registry another role."""
    own = find_registry(server.api(), organization, name)
    own.update_member(_member_id(server, who, team), role)
    server.say(f"{who} is {role} of registry {own.name}.", registry=own.name, name=who, role=role)


def _member_id(server: Connection, who: str, is_team: bool) -> str:
    api = server.api()
    found = api.team(who) if is_team else api.user(who)
    if found is None:
        raise Missing(f"There is no {'team' if is_team else 'user'} {who!r}.")
    return str(found.id)
