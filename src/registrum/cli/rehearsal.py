"""`--dry-run`: a command goes as far as it can without changing anything.

What it names is looked up and what it is given is read, so that mistakes are found; the first thing that would change the
server ends it. That is decided in one place, where a command's requests leave, and so is the same for all commands.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from registrum.core.errors import Conflict, NotFound
from registrum.sdk.http import Service

_KEY = "registrum.cli.is_rehearsed"
_VERBS = {
    "card": "write the card of",
    "put": "upload",
    "rm": "remove",
    "set-role": "set the role of",
    "tag": "change the tags of",
    "types": "add to the types of",
}


class WouldChange(Exception):
    """The command has come to where it would change something."""


class Rehearsal(Service):
    """A server that is read only."""

    def before_change(self) -> None:
        """Ends what is rehearsed.

        Raises:
            WouldChange: always.
        """
        raise WouldChange


def changes(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --dry-run to a command that changes something on the server."""

    @click.option("--dry-run", is_flag=True, help="Tell what would be done, and change nothing.")
    @wraps(command)
    def run(dry_run: bool, **given: Any) -> None:
        click.get_current_context().meta[_KEY] = dry_run
        command(**given)

    return run


def is_rehearsed() -> bool:
    """Whether the command that runs was given --dry-run."""
    return bool(click.get_current_context().meta.get(_KEY))


def check_free(what: str, find: Callable[[], object]) -> None:
    """In a rehearsal, refuses a name that is taken; in earnest the server does, which sees more.

    Args:
        what: the thing, with its name.
        find: looks for it.

    Raises:
        Conflict: it is there.
    """
    if not is_rehearsed():
        return
    try:
        find()
    except NotFound:
        return
    raise Conflict(f"There is {what} already.")


@contextmanager
def rehearsed(say: Callable[..., None]) -> Iterator[None]:
    """Runs a command to where it would change something, and tells what it would do."""
    context = click.get_current_context()
    arguments = [own.name for own in context.command.params if isinstance(own, click.Argument)]
    told = {name: _text(context.params.get(name or "")) for name in arguments}
    verb = context.info_name or ""
    try:
        yield
    except WouldChange:
        parts = (text for text in told.values() if text)
        what = (" to " if verb == "rename" else " ").join(parts)
        say(f"{f'Would {_VERBS.get(verb, verb)} {what}'.strip()}.", would=verb, **told)
    else:
        say("Nothing would change.", would=None, **told)


def _text(value: object) -> str | None:
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return " ".join(map(str, value))
    return None if value is None else str(value)
