"""What every command that talks to a server has: where it is, with which key, and how to print."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial, wraps
from typing import Any

import click

from registrum.sdk import http
from registrum.sdk.administration import Ask
from registrum.sdk.credentials import find


@dataclass(frozen=True, slots=True)
class Connection:
    """A server to ask, and the form to print its answers in."""

    ask: Ask
    as_json: bool

    def show_all(self, things: Sequence[Any], columns: Sequence[str]) -> None:
        """Prints values as a table of these attributes, or as a JSON list of all of them."""
        if self.as_json:
            click.echo(json.dumps([asdict(thing) for thing in things], indent=2))
            return
        rows = [[_cell(getattr(thing, column)) for column in columns] for thing in things]
        heads = [column.replace("_", " ").upper() for column in columns]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        for row in (heads, *rows):
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            click.echo("  ".join(padded).rstrip())

    def show(self, thing: Any, **more: Sequence[Any]) -> None:
        """Prints one value, attribute by attribute, or as a JSON object with `more` in it."""
        if self.as_json:
            lists = {name: [asdict(one) for one in many] for name, many in more.items()}
            click.echo(json.dumps(asdict(thing) | lists, indent=2))
            return
        for name, value in asdict(thing).items():
            click.echo(f"{name.replace('_', ' ')}: {_cell(value)}")

    def say(self, sentence: str, **values: Any) -> None:
        """Prints what was done, or its values as a JSON object."""
        click.echo(json.dumps(values) if self.as_json else sentence)


def talks_to_server(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --url, --api-key and --json; the command's first argument becomes the Connection."""

    @click.option("--url", help="The server's address. [REGISTRUM_URL, WANDB_BASE_URL]")
    @click.option("--api-key", help="API key. [REGISTRUM_API_KEY, WANDB_API_KEY, ~/.netrc]")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @wraps(command)
    def run(url: str | None, api_key: str | None, as_json: bool, **given: Any) -> None:
        credentials = find(url, api_key, os.environ)
        command(Connection(partial(http.ask, credentials), as_json), **given)

    return run


def asks_first(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --yes; without it, the command asks whether to go on, naming its argument."""

    @click.option("--yes", "-y", is_flag=True, help="Do not ask.")
    @wraps(command)
    def run(yes: bool, **given: Any) -> None:
        name = next(
            own.name
            for own in click.get_current_context().command.params
            if not isinstance(own, click.Option)
        )
        if not yes:
            click.confirm(f"Delete {given[name or '']}? It can't be undone.", abort=True, err=True)
        command(**given)

    return run


def read_secret(file: Any) -> str | None:
    """The secret in an opened file, without the line's end; None without a file."""
    return None if file is None else str(file.read()).strip()


def _cell(value: object) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value)
