"""`registrum user`: people's accounts."""

from typing import IO

import click

from registrum.cli.connection import Connection, asks_first, read_secret, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.rehearsal import changes, check_free
from registrum.sdk import administration


@click.group("user", cls=Noun)
def command() -> None:
    """Create, list, show, edit and delete people's accounts, as an instance administrator."""


@command.command("create")
@click.argument("username")
@click.option("--email", required=True, help="E-mail address, unique on the server.")
@click.option("--name", help="Name that people read. [default: the user name]")
@click.option("--admin", is_flag=True, help="Make an instance administrator.")
@click.option("--password-file", type=click.File(), help="File with the password; - is stdin.")
@click.option("--key-file", type=click.File(), help="File with an API key of your own making.")
@changes
@talks_to_server
def create(
    server: Connection,
    *,
    username: str,
    email: str,
    name: str | None,
    admin: bool,
    password_file: IO[str] | None,
    key_file: IO[str] | None,
) -> None:
    """Create an account. Without a password, prints a one-time link to set one."""
    check_free(f"a user {username!r}", lambda: administration.find_user(server.ask, username))
    made = administration.create_user(
        server.ask,
        username,
        email,
        name=name,
        admin=admin,
        password=read_secret(password_file),
        api_key=read_secret(key_file),
    )
    more = " The link to set a password:" if made.password_link else ""
    server.say(
        f"Created user {made.user.username}.{more}",
        out=made.password_link,
        username=made.user.username,
        password_link=made.password_link,
    )


@command.command("list")
@talks_to_server
def list_(server: Connection) -> None:
    """List everybody you may see."""
    columns = ("username", "name", "email", "is_admin", "organizations")
    server.show_all(administration.list_users(server.ask), columns)


@command.command("show")
@click.argument("username")
@talks_to_server
def show(server: Connection, username: str) -> None:
    """Show one account."""
    server.show(administration.find_user(server.ask, username))


@command.command("edit")
@click.argument("username")
@click.option("--name", help="Name that people read.")
@click.option("--default-entity", help="Team or user that runs go to where none is given.")
@click.option("--admin/--no-admin", default=None, help="Whether to be an instance administrator.")
@click.option("--password-file", type=click.File(), help="File with the password; - is stdin.")
@changes
@talks_to_server
def edit(
    server: Connection,
    *,
    username: str,
    name: str | None,
    default_entity: str | None,
    admin: bool | None,
    password_file: IO[str] | None,
) -> None:
    """Change what you give of an account."""
    user = administration.update_user(
        server.ask,
        username,
        name=name,
        default_entity=default_entity,
        admin=admin,
        password=read_secret(password_file),
    )
    server.say(f"Changed user {user.username}.", username=user.username)


@command.command("delete")
@click.argument("username")
@click.option("--transfer-to", metavar="USERNAME", help="Who takes over the projects.")
@asks_first
@talks_to_server
def delete(server: Connection, username: str, transfer_to: str | None) -> None:
    """Delete an account, with its keys and sessions."""
    administration.delete_user(server.ask, username, transfer_to)
    server.say(f"Deleted user {username}.", username=username)
