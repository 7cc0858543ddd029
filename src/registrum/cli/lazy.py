"""A click group whose commands are imported when they are used, so that `--version` and `--help` stay quick."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click


class LazyNoun(NamedTuple):
    """A command that is not imported yet: the attribute `command` of `module`, or another after a colon."""

    name: str
    module: str
    short_help: str


class LazyGroup(click.Group):
    """Lists its nouns without importing them."""

    def __init__(self, *args: Any, nouns: Sequence[LazyNoun] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._nouns = {noun.name: noun for noun in nouns}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order they were declared."""
        return [*self._nouns, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the noun that is asked for."""
        if cmd_name not in self._nouns:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._nouns[cmd_name].module.partition(":")
        command: click.Command = getattr(import_module(module), attribute or "command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help page's list, from what is known without importing."""
        with formatter.section("Commands"):
            formatter.write_dl([(noun.name, noun.short_help) for noun in self._nouns.values()])


class Noun(click.Group):
    """A noun's verbs, some of which have the name by which other tools know them as well."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of this name or, where there is none, of its other name."""
        found = super().get_command(ctx, cmd_name)
        return found or super().get_command(ctx, OTHER_NAMES.get(cmd_name, cmd_name))


OTHER_NAMES = {"list": "ls", "ls": "list", "rm": "delete", "remove": "rm", "view": "show"}
