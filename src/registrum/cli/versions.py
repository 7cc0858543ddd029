"""`registrum version`: versions in the collections of registries."""

from collections.abc import Sequence
from shlex import quote
from typing import Any

import click

from registrum.cli import comparison, records
from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.places import (
    Place,
    PlaceType,
    find_collection,
    find_registry,
    find_version,
    needs_alias,
    of_collection,
    of_version,
)
from registrum.cli.rehearsal import changes
from registrum.cli.screen import size_text

COLUMNS = ("type", "aliases", "tags", "size", "created_at")


@click.group("version", cls=Noun)
def command() -> None:
    """List, show, compare, link, unlink and delete versions in registries."""


@command.command("ls")
@of_collection
@click.option("--alias", help="Only those it points to.")
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--order",
    default="-created_at",
    show_default=True,
    help="created_at, artifact_size or linked_at after + or -.",
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most.")
@talks_to_server
def ls(
    server: Connection, *, place: Place, alias: str | None, tag: str | None, order: str, limit: int
) -> None:
    """List the versions in a collection."""
    api = server.api()
    registry = find_registry(api, place.organization, place.registry)
    condition: dict[str, Any] = {}
    if alias:
        condition["alias"] = alias
    if tag:
        condition["tag"] = tag
    found = registry.collections({"name": place.collection}).versions(
        condition or None, order, per_page=min(limit, 100)
    )
    if not found[:1]:
        find_collection(api, place)
    show_all(server, found, limit)


def show_all(server: Connection, versions: Any, limit: int) -> None:
    """Prints the first so many versions of a collection as a table, with sizes as people read them."""
    _show(server, versions, ("name", *COLUMNS), limit)


def show_found(server: Connection, versions: Any, limit: int) -> None:
    """The same of versions of many collections, each by its whole path."""
    _show(server, versions, ("path", *COLUMNS), limit)


def _show(server: Connection, versions: Any, columns: Sequence[str], limit: int) -> None:
    told = (records.of_version(own) for own in versions)
    if not server.screen.as_json:
        told = (own | {"size": size_text(own["size"])} for own in told)
    server.screen.table(told, columns, limit)


@command.command("show")
@of_version
@talks_to_server
def show(server: Connection, place: Place) -> None:
    """Show one version: what it is, where it comes from, and how to fetch it."""
    found = find_version(server.api(), place)
    told = records.of_version(found)
    if not server.screen.as_json:
        told |= {"size": size_text(found.size)}
    server.screen.record(told)
    server.screen.hint(f"Fetch it with: registrum artifact get {quote(found.qualified_name)}")


@command.command("files")
@of_version
@click.option("--limit", type=click.IntRange(1), help="At most. [default: all]")
@talks_to_server
def files(server: Connection, place: Place, limit: int | None) -> None:
    """List the files of a version."""
    found = find_version(server.api(), place)
    told: Any = (
        {"name": own.name, "size": own.size, "digest": own.digest}
        for own in found.files(per_page=min(limit or 1000, 1000))
    )
    if not server.screen.as_json:
        told = (own | {"size": size_text(own["size"])} for own in told)
    server.screen.table(told, ("name", "size", "digest"), limit)


@command.command("diff")
@click.argument("first", metavar="A", type=PlaceType())
@click.argument("second", metavar="B", type=PlaceType())
@talks_to_server
def diff(server: Connection, first: Place, second: Place) -> None:
    """Compare two versions: metadata, files, aliases, and metrics of the runs that logged them.

    Exits with 0 whether they differ or not.
    """
    api = server.api()
    found = comparison.compare(find_version(api, first), find_version(api, second))
    if server.screen.as_json:
        server.screen.record(found.as_json())
    else:
        comparison.show(server.screen, found, str(first), str(second))


@command.command("link")
@click.argument("source", metavar="VERSION")
@of_collection
@click.option("--alias", "aliases", multiple=True, help="To point to it there; may be repeated.")
@changes
@talks_to_server
def link(server: Connection, source: str, place: Place, aliases: tuple[str, ...]) -> None:
    """Link a version, such as team/project/name:v3, into a collection of a registry.

    The collection is made where there is none.
    """
    api = server.api()
    registry = find_registry(api, place.organization, place.registry)
    found = api.artifact(source)
    linked = found.link(
        f"{registry.entity}/{registry.full_name}/{place.collection}", list(aliases) or None
    )
    server.say(f"Linked {source} as {linked.qualified_name}.", **records.of_version(linked))


@command.command("unlink")
@of_version
@asks_first
@talks_to_server
def unlink(server: Connection, place: Place) -> None:
    """Take a version out of a collection; it stays in the project it was logged to."""
    needs_alias(place)
    find_version(server.api(), place).unlink()
    server.say(f"Unlinked {place}.", name=str(place))


@command.command("delete")
@of_version
@click.option("--with-aliases", is_flag=True, help="Even where aliases point to it.")
@asks_first
@talks_to_server
def delete(server: Connection, place: Place, with_aliases: bool) -> None:
    """Delete a version at its source, and with it from every collection it is linked into."""
    needs_alias(place)
    version = find_version(server.api(), place)
    (version.source_artifact if version.is_link else version).delete(delete_aliases=with_aliases)
    server.say(f"Deleted {place}.", name=str(place))
