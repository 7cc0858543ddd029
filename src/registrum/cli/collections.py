"""`registrum collection`: the collections of registries."""

from typing import IO, Any

import click

from registrum.cli import records
from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.places import (
    Place,
    find_collection,
    find_registry,
    in_organization,
    of_collection,
)
from registrum.cli.rehearsal import changes, check_free


@click.group("collection", cls=Noun)
def command() -> None:
    """List, show, describe, tag, rename and delete collections."""


@command.command("ls")
@click.argument("registry", required=False)
@click.option("--name", "part", metavar="TEXT", help="Only those with this in their name.")
@click.option("--tag", help="Only those with this tag.")
@click.option(
    "--order",
    default="-created_at",
    show_default=True,
    help="name, created_at or updated_at after + or -.",
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most.")
@in_organization
@talks_to_server
def ls(
    server: Connection,
    *,
    organization: str | None,
    registry: str | None,
    part: str | None,
    tag: str | None,
    order: str,
    limit: int,
) -> None:
    """List the collections of a registry, or of all that you may see."""
    conditions: list[dict[str, Any]] = []
    if part:
        conditions.append({"name": {"$contains": part}})
    if tag:
        conditions.append({"tag": tag})
    condition = {"$and": conditions} if conditions else None
    api = server.api()
    if registry:
        find_registry(api, organization, registry)
    found = api.registries(organization, {"name": registry} if registry else None).collections(
        condition, order, per_page=min(limit, 100)
    )
    columns = ("name", "type", "project", "tags", "description")
    server.screen.table((records.of_collection(own) for own in found), columns, limit)


@command.command("show")
@of_collection
@talks_to_server
def show(server: Connection, place: Place) -> None:
    """Show one collection and its aliases."""
    found = find_collection(server.api(), place)
    server.screen.record({**records.of_collection(found), "aliases": list(found.aliases)})


@command.command("card")
@of_collection
@click.option(
    "--file", "file", type=click.File(), help="A file with the new card, in Markdown; - is stdin."
)
@changes
@talks_to_server
def card(server: Connection, place: Place, file: IO[str] | None) -> None:
    """Print a collection's card, its description in Markdown, or replace it."""
    found = find_collection(server.api(), place)
    if file is not None:
        found.description = file.read()
        found.save()
        server.say(f"Wrote the card of {place}.", **records.of_collection(found))
        return
    server.screen.given(found.description or "", description=found.description)


@command.command("tag")
@of_collection
@click.option("--add", multiple=True, metavar="TAG", help="May be repeated.")
@click.option("--remove", multiple=True, metavar="TAG", help="May be repeated.")
@changes
@talks_to_server
def tag(server: Connection, place: Place, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """List a collection's tags, or add and remove some."""
    found = find_collection(server.api(), place)
    if add or remove:
        kept = [own for own in found.tags if own not in remove]
        found.tags = [*kept, *(own for own in add if own not in kept)]
        found.save()
    server.screen.table([{"tag": own} for own in found.tags], ("tag",))


@command.command("rename")
@of_collection
@click.argument("new_name")
@changes
@talks_to_server
def rename(server: Connection, place: Place, new_name: str) -> None:
    """Give a collection another name. Paths with the old one stop working."""
    api = server.api()
    found = find_collection(api, place)
    other = place._replace(collection=new_name)
    if other != place:
        check_free(f"a collection {other}", lambda: find_collection(api, other))
    found.name = new_name
    found.save()
    server.say(f"Collection {place} is {found.name} now.", **records.of_collection(found))


@command.command("delete")
@of_collection
@asks_first
@talks_to_server
def delete(server: Connection, place: Place) -> None:
    """Delete a collection with its links; versions stay in the projects they were logged to."""
    find_collection(server.api(), place).delete()
    server.say(f"Deleted collection {place}.", name=str(place))
