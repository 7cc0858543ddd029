"""`registrum org`: organizations and their members."""

import click

from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.rehearsal import changes, check_free
from registrum.sdk import administration

ROLES = click.Choice(["admin", "member", "viewer"])


@click.group("org", cls=Noun)
def command() -> None:
    """Create, list, show and delete organizations; add, change and remove their members."""


@command.command("create")
@click.argument("name")
@click.option("--admin", metavar="USERNAME", help="Its first administrator. [default: you]")
@click.option("--no-core-registries", is_flag=True, help="Without registries model and dataset.")
@changes
@talks_to_server
def create(server: Connection, name: str, admin: str | None, no_core_registries: bool) -> None:
    """Create an organization, with its core registries for models and datasets."""
    check_free(
        f"an organization {name!r}", lambda: administration.find_organization(server.ask, name)
    )
    made = administration.create_organization(
        server.ask, name, admin, core_registries=not no_core_registries
    )
    server.say(
        f"Created organization {made.name}; its registries belong to {made.entity}.",
        name=made.name,
        entity=made.entity,
    )


@command.command("list")
@talks_to_server
def list_(server: Connection) -> None:
    """List the organizations you may see."""
    columns = ("name", "entity", "created_at")
    server.show_all(administration.list_organizations(server.ask), columns)


@command.command("show")
@click.argument("name")
@talks_to_server
def show(server: Connection, name: str) -> None:
    """Show one organization and its members."""
    organization = administration.find_organization(server.ask, name)
    members = administration.organization_members(server.ask, name)
    server.show(organization, members=members)
    if not server.screen.as_json:
        click.echo()
        server.show_all(members, ("username", "name", "email", "role"))


@command.command("delete")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also where protected aliases would go with it.")
@asks_first
@talks_to_server
def delete(server: Connection, name: str, force: bool) -> None:
    """Delete an organization, with its teams, registries and artifacts."""
    administration.delete_organization(server.ask, name, force=force)
    server.say(f"Deleted organization {name}.", name=name)


@command.command("add")
@click.argument("name")
@click.argument("username")
@click.option("--role", type=ROLES, default="member", show_default=True, help="What they may do.")
@changes
@talks_to_server
def add(server: Connection, name: str, username: str, role: str) -> None:
    """Add a person to an organization. Who is a member already keeps the role."""
    administration.add_organization_member(server.ask, name, username, role)
    server.say(f"{username} is in organization {name}.", name=name, username=username)


@command.command("set-role")
@click.argument("name")
@click.argument("username")
@click.argument("role", type=ROLES)
@changes
@talks_to_server
def set_role(server: Connection, name: str, username: str, role: str) -> None:
    """Change a member's role."""
    administration.update_organization_member(server.ask, name, username, role)
    server.say(f"{username} is {role} of organization {name}.", username=username, role=role)


@command.command("remove")
@click.argument("name")
@click.argument("username")
@changes
@talks_to_server
def remove(server: Connection, name: str, username: str) -> None:
    """Remove a person from an organization."""
    administration.remove_organization_member(server.ask, name, username)
    server.say(f"{username} is not in organization {name}.", name=name, username=username)
