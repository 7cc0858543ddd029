"""`registrum team`: teams and their members."""

import click

from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.rehearsal import changes, check_free
from registrum.sdk import administration

ROLES = click.Choice(["admin", "member", "viewer"])


@click.group("team", cls=Noun)
def command() -> None:
    """Create, list, show and delete teams; add, change and remove their members."""


@command.command("create")
@click.argument("name")
@click.option("--admin", metavar="USERNAME", help="Its first administrator. [default: you]")
@click.option(
    "--org",
    "--organization",
    "organization",
    metavar="NAME",
    help="Where. [default: the administrator's first]",
)
@changes
@talks_to_server
def create(server: Connection, name: str, admin: str | None, organization: str | None) -> None:
    """Create a team in an organization."""
    check_free(f"a team {name!r}", lambda: administration.find_team(server.ask, name))
    made = administration.create_team(server.ask, name, admin, organization)
    server.say(
        f"Created team {made.name} in organization {made.organization}.",
        name=made.name,
        organization=made.organization,
    )


@command.command("list")
@click.option(
    "--org", "--organization", "organization", metavar="NAME", help="Only the teams of this one."
)
@talks_to_server
def list_(server: Connection, organization: str | None) -> None:
    """List the teams you may see."""
    columns = ("name", "organization", "created_at")
    server.show_all(administration.list_teams(server.ask, organization), columns)


@command.command("show")
@click.argument("name")
@talks_to_server
def show(server: Connection, name: str) -> None:
    """Show one team and its members."""
    team, members = administration.find_team(server.ask, name)
    server.show(team, members=members)
    if not server.screen.as_json:
        click.echo()
        server.show_all(members, ("username", "name", "email", "role"))


@command.command("delete")
@click.argument("name")
@asks_first
@talks_to_server
def delete(server: Connection, name: str) -> None:
    """Delete a team, with its projects."""
    administration.delete_team(server.ask, name)
    server.say(f"Deleted team {name}.", name=name)


@command.command("add")
@click.argument("name")
@click.argument("who", metavar="USERNAME|EMAIL")
@click.option("--role", type=ROLES, default="member", show_default=True, help="What they may do.")
@changes
@talks_to_server
def add(server: Connection, name: str, who: str, role: str) -> None:
    """Add a person to a team. For an address without an account, prints a one-time link."""
    link = administration.add_team_member(server.ask, name, who, role)
    more = " The link to set a password:" if link else ""
    server.say(f"{who} is in team {name}.{more}", out=link, name=name, who=who, password_link=link)


@command.command("set-role")
@click.argument("name")
@click.argument("username")
@click.argument("role", type=ROLES)
@changes
@talks_to_server
def set_role(server: Connection, name: str, username: str, role: str) -> None:
    """Change a member's role."""
    administration.update_team_member(server.ask, name, username, role)
    server.say(f"{username} is {role} of team {name}.", username=username, role=role)


@command.command("remove")
@click.argument("name")
@click.argument("who", metavar="USERNAME|EMAIL")
@changes
@talks_to_server
def remove(server: Connection, name: str, who: str) -> None:
    """Remove a person, or an open invitation, from a team."""
    administration.remove_team_member(server.ask, name, who)
    server.say(f"{who} is not in team {name}.", name=name, who=who)
