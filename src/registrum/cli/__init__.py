"""The command line, `registrum`: nouns and verbs, each noun loaded only when it is used."""

import io
import os
import sys
from typing import NoReturn

import click

from registrum.cli.lazy import LazyGroup, LazyNoun
from registrum.core.errors import RegistrumError

NOUNS = (
    LazyNoun("login", "registrum.cli.signing_in:login", "Keep an API key for a server."),
    LazyNoun("whoami", "registrum.cli.signing_in:whoami", "Show whose key this is."),
    LazyNoun("registry", "registrum.cli.registries", "Manage registries, members and types."),
    LazyNoun("collection", "registrum.cli.collections", "Manage the collections of registries."),
    LazyNoun("version", "registrum.cli.versions", "List, compare and link versions."),
    LazyNoun("alias", "registrum.cli.aliases", "Point names to versions."),
    LazyNoun("artifact", "registrum.cli.artifacts", "Upload, download and verify versions."),
    LazyNoun("run", "registrum.cli.runs", "List and show runs."),
    LazyNoun("search", "registrum.cli.search", "Find versions, collections and registries."),
    LazyNoun("cache", "registrum.cli.cache", "Show and prune this machine's cache of files."),
    LazyNoun("user", "registrum.cli.users", "Create, list, show and delete people's accounts."),
    LazyNoun("org", "registrum.cli.organizations", "Manage organizations and their members."),
    LazyNoun("team", "registrum.cli.teams", "Manage teams and their members."),
    LazyNoun("key", "registrum.cli.keys", "Create, list and delete API keys."),
    LazyNoun("completion", "registrum.cli.completion", "Print completion for a shell."),
    LazyNoun("serve", "registrum.cli.serve", "Run the server."),
    LazyNoun("db", "registrum.cli.admin", "Upgrade the server's database."),
)

EXIT_CODES = {
    "invalid_setting": 2,
    "unauthenticated": 3,
    "not_found": 4,
    "forbidden": 5,
    "unavailable": 6,
}


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from registrum import __version__

        click.echo(f"registrum {__version__}")
        context.exit()


@click.group(cls=LazyGroup, nouns=NOUNS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def registrum() -> None:
    """An open, self-hosted registry of model and data artifacts.

    `registrum serve` runs the server. The other commands talk to a running one, at --url or
    REGISTRUM_URL, with the API key in --api-key, REGISTRUM_API_KEY or ~/.netrc.

    Data goes to standard output, talk to standard error. --json prints what programs can rely on;
    into a pipe, lists are lines of cells parted by tabs. NO_COLOR is heeded.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 not logged in, 4 not found,
    5 not permitted, 6 the server can't be reached, 130 interrupted.
    """


def main() -> None:
    """Runs the command line and exits; what is refused is one sentence on standard error."""
    _make_printable()
    try:
        # Not click's own ending: an interruption is 130 here, as shells have it.
        sys.exit(registrum(prog_name="registrum", standalone_mode=False) or 0)
    except RegistrumError as error:
        fail(error)
    except click.exceptions.Abort as stop:
        is_interruption = isinstance(stop.__cause__, KeyboardInterrupt)
        click.echo("registrum: interrupted" if is_interruption else "registrum: not done", err=True)
        sys.exit(130 if is_interruption else 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def _make_printable() -> None:
    """Output that somebody closed swallows what is printed, and characters that a terminal has not become escapes."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def fail(error: RegistrumError) -> NoReturn:
    """Says what went wrong, where the server's log tells more of it, and exits with the code for it."""
    click.echo(f"registrum: {error.message}", err=True)
    number = getattr(error, "request_id", None)
    if number and getattr(error, "http_status", 0) >= 500 and number not in error.message:
        click.echo(f"The server's log has more under request {number}.", err=True)
    sys.exit(EXIT_CODES.get(error.code, 1))
