"""`registrum key`: API keys."""

from datetime import datetime

import click

from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.rehearsal import changes
from registrum.sdk import administration


@click.group("key", cls=Noun)
def command() -> None:
    """Create, list and delete API keys: your own, or as an administrator anybody's."""


@command.command("create")
@click.option("--user", metavar="USERNAME", help="Whose key. [default: yours]")
@click.option("--description", help="What the key is for.")
@click.option(
    "--expires",
    type=click.DateTime(),
    metavar="DATE[THH:MM:SS]",
    help="When it stops working, in UTC.",
)
@changes
@talks_to_server
def create(
    server: Connection, user: str | None, description: str | None, expires: datetime | None
) -> None:
    """Create an API key and print it, this once."""
    until = expires.strftime("%Y-%m-%dT%H:%M:%SZ") if expires else None
    key = administration.create_key(server.ask, user, description, until)
    server.screen.given(key.name, id=key.id, api_key=key.name, expires_at=key.expires_at)


@command.command("list")
@click.option("--user", metavar="USERNAME", help="Whose keys. [default: yours]")
@talks_to_server
def list_(server: Connection, user: str | None) -> None:
    """List API keys; secrets are masked."""
    columns = ("id", "name", "description", "created_at", "expires_at", "last_used_at")
    server.show_all(administration.list_keys(server.ask, user), columns)


@command.command("delete")
@click.argument("key_id", metavar="ID")
@asks_first
@talks_to_server
def delete(server: Connection, key_id: str) -> None:
    """Revoke the API key of this id (see `registrum key list`), at once."""
    administration.delete_key(server.ask, key_id)
    server.say(f"Revoked key {key_id}.", id=key_id)
