"""The command line, `registrum`: nouns and verbs, each noun loaded only when it is used."""

import sys

import click

from registrum.cli.lazy import LazyGroup, LazyNoun
from registrum.core.errors import RegistrumError

NOUNS = (
    LazyNoun("serve", "registrum.cli.serve", "Run the server."),
    LazyNoun("db", "registrum.cli.admin", "Upgrade the server's database."),
    LazyNoun("user", "registrum.cli.users", "Create, list, show and delete people's accounts."),
    LazyNoun("org", "registrum.cli.organizations", "Manage organizations and their members."),
    LazyNoun("team", "registrum.cli.teams", "Manage teams and their members."),
    LazyNoun("key", "registrum.cli.keys", "Create, list and delete API keys."),
)


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

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings.
    """


def main() -> None:
    """Runs the command line and exits; what is refused is one sentence on standard error."""
    try:
        registrum(prog_name="registrum")
    except RegistrumError as error:
        click.echo(f"registrum: {error.message}", err=True)
        sys.exit(2 if error.code == "invalid_setting" else 1)
