"""`registrum run`: what runs reported."""

from typing import Any

import click

from registrum.cli import records
from registrum.cli.connection import Connection, talks_to_server
from registrum.cli.lazy import Noun
from registrum.core.runs import RunState


@click.group("run", cls=Noun)
def command() -> None:
    """List and show runs."""


@command.command("ls")
@click.argument("project", metavar="[ENTITY/]PROJECT")
@click.option("--state", type=click.Choice(list(RunState)), help="Only those in this state.")
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--order",
    default="-created_at",
    show_default=True,
    help="A field after + or -, such as -summary_metrics.loss.",
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@talks_to_server
def ls(
    server: Connection, *, project: str, state: str | None, tag: str | None, order: str, limit: int
) -> None:
    """List the runs of a project, newest first."""
    condition: dict[str, Any] = {}
    if state:
        condition["state"] = state
    if tag:
        condition["tags"] = tag
    found = server.api().runs(project, condition, order, per_page=min(limit, 100))
    columns = ("id", "name", "state", "user", "created_at", "tags")
    server.screen.table((records.of_run(own) for own in found), columns, limit)


@command.command("show")
@click.argument("path", metavar="[ENTITY/]PROJECT/ID")
@talks_to_server
def show(server: Connection, path: str) -> None:
    """Show one run: its settings, its last metrics, and the versions it used and logged."""
    run = server.api().run(path)
    told = records.of_run(run)
    told["used"] = [own.qualified_name for own in run.used_artifacts()]
    told["logged"] = [own.qualified_name for own in run.logged_artifacts()]
    server.screen.record(told)
