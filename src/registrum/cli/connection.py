"""What every command that talks to a server has: where it is, with which key, and how to print."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from registrum.cli.rehearsal import Rehearsal, changes, is_rehearsed, rehearsed
from registrum.cli.screen import Record, Screen
from registrum.core.errors import RegistrumError, Unauthenticated
from registrum.errors import BadValue
from registrum.sdk.credentials import Credentials, find

if TYPE_CHECKING:
    from registrum.sdk.api import Api


@dataclass(frozen=True, slots=True)
class Connection:
    """A server to ask, and the form to print its answers in.

    Attributes:
        is_rehearsed: whether nothing may be changed: --dry-run.
    """

    credentials: Credentials
    screen: Screen
    is_rehearsed: bool = False

    def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Sends one GraphQL operation; its data."""
        from registrum.sdk import http

        if self.is_rehearsed:
            return Rehearsal(self.credentials).ask(document, variables)
        return http.ask(self.credentials, document, variables)

    def api(self) -> "Api":
        """The SDK's directory of nouns, on this server."""
        from registrum.sdk.api import Api

        api = Api(overrides={"base_url": self.credentials.url}, api_key=self.credentials.api_key)
        if self.is_rehearsed:
            api.service = Rehearsal(self.credentials)
        return api

    def show_all(self, things: Sequence[Any], columns: Sequence[str]) -> None:
        """Prints values as a table of these attributes, or as a JSON list of all of them."""
        self.screen.table([asdict(thing) for thing in things], columns)

    def show(self, thing: Any, **more: Sequence[Any]) -> None:
        """Prints one value, attribute by attribute; in JSON with the lists `more` in it."""
        record: Record = asdict(thing)
        if self.screen.as_json:
            record = {**record} | {
                name: [asdict(one) for one in many] for name, many in more.items()
            }
        self.screen.record(record)

    def say(self, sentence: str, out: str | None = None, **values: Any) -> None:
        """Tells what was done, or prints its values as a JSON object.

        Args:
            sentence: the talk.
            out: what came of it that is wanted on standard output, such as a one-time link.
            **values: the same for programs.
        """
        self.screen.said(sentence, **values)
        if out and not self.screen.as_json:
            click.echo(out)


def talks_to_server(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --url, --api-key, --json and --quiet; the command's first argument becomes the Connection."""

    @click.option("--url", help="The server's address. [REGISTRUM_URL, WANDB_BASE_URL]")
    @click.option("--api-key", help="API key. [REGISTRUM_API_KEY, WANDB_API_KEY, ~/.netrc]")
    @prints
    @wraps(command)
    def run(url: str | None, api_key: str | None, screen: Screen, **given: Any) -> None:
        found = find(url, api_key, os.environ)
        with _way_in_told(found.url):
            if not is_rehearsed():
                command(Connection(found, screen), **given)
                return
            with rehearsed(screen.said):
                command(Connection(found, Screen(is_quiet=True), is_rehearsed=True), **given)

    return run


def prints(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --json and --quiet; the command gets them as `screen`."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @click.option("--quiet", "-q", "is_quiet", is_flag=True, help="Print names only, and no talk.")
    @wraps(command)
    def run(as_json: bool, is_quiet: bool, **given: Any) -> None:
        if is_quiet:
            os.environ["REGISTRUM_SILENT"] = "true"
        with _mistakes_told():
            command(screen=Screen(as_json, is_quiet), **given)

    return run


@contextmanager
def _way_in_told(url: str) -> Iterator[None]:
    """Where the server does not take the key, says how to log in."""
    try:
        yield
    except RegistrumError as error:
        if error.code != Unauthenticated.code:
            raise
        raise Unauthenticated(
            f"{error.message}\nLog in with: registrum login --url {url}"
        ) from None


@contextmanager
def _mistakes_told() -> Iterator[None]:
    """What the machine or the package refuses ends a command with a sentence, and with nothing where nobody reads on."""
    try:
        yield
    except RegistrumError:
        raise
    except BrokenPipeError:
        # Who reads our output, such as `head`, has enough. Python's last flush must not find the pipe broken again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise BadValue(f"{where}{error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise BadValue(
            f"{error.object!r} can't be written in this machine's {error.encoding}: set PYTHONUTF8=1, or a UTF-8 locale."
        ) from error
    except ValueError as error:
        raise BadValue(str(error)) from error


def asks_first(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --yes and --dry-run; without them, the command asks whether to go on, naming its argument."""

    @click.option("--yes", "-y", is_flag=True, help="Do not ask.")
    @wraps(command)
    def run(yes: bool, **given: Any) -> None:
        context = click.get_current_context()
        name = next(own.name for own in context.command.params if not isinstance(own, click.Option))
        if not yes and not is_rehearsed():
            verb = {"rm": "remove aliases of"}.get(context.info_name or "", context.info_name or "")
            question = f"{verb.capitalize()} {given[name or '']}? It can't be undone."
            click.confirm(question, abort=True, err=True)
        command(**given)

    return changes(run)


def read_secret(file: Any) -> str | None:
    """The secret in an opened file, without the line's end; None without a file."""
    return None if file is None else str(file.read()).strip()
