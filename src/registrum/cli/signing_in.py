"""`registrum login` and `registrum whoami`."""

import os
import sys

import click

from registrum.cli.connection import Connection, prints, read_secret, talks_to_server
from registrum.cli.screen import Screen
from registrum.core.errors import Unauthenticated
from registrum.sdk import administration, credentials
from registrum.sdk.login import check, keep


@click.command("login")
@click.option(
    "--url", "--host", "url", help="The server's address. [REGISTRUM_URL, WANDB_BASE_URL]"
)
@click.option(
    "--key-file", type=click.File(), help="File with the API key; - is stdin. [default: ask]"
)
@prints
def login(screen: Screen, url: str | None, key_file: object) -> None:
    """Check an API key and keep it in ~/.netrc, where the wandb client finds it, too."""
    address = credentials.address(url, os.environ)
    key = read_secret(key_file)
    if key is None:
        if not sys.stdin.isatty():
            raise Unauthenticated(
                "There is no terminal to ask on: give --key-file - and pipe the key in."
            )
        screen.hint(f"An API key can be made at {address}/authorize.")
        key = str(click.prompt("API key", hide_input=True, err=True)).strip()
    username = check(credentials.Credentials(address, key))
    path = keep(address, key)
    screen.said(
        f"Logged in to {address} as {username}; the key is in {path}.",
        url=address,
        username=username,
    )
    if address != credentials.address(None, os.environ):
        screen.hint(f"To use it without --url: export REGISTRUM_URL={address}")


@click.command("whoami")
@talks_to_server
def whoami(server: Connection) -> None:
    """Show whose key this is, and on which server."""
    user = administration.viewer(server.ask)
    server.screen.record(
        {
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "url": server.credentials.url,
            "default_entity": user.default_entity,
            "organizations": list(user.organizations),
            "teams": list(user.teams),
            "is_admin": user.is_admin,
        }
    )
