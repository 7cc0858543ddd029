"""`registrum alias`: names that point to versions."""

import click

from registrum.cli.connection import Connection, asks_first, talks_to_server
from registrum.cli.lazy import Noun
from registrum.cli.places import (
    Place,
    find_collection,
    find_registry,
    find_version,
    needs_alias,
    of_collection,
    of_version,
)
from registrum.cli.rehearsal import changes
from registrum.errors import Missing


@click.group("alias", cls=Noun)
def command() -> None:
    """List, set and remove aliases of versions in registries."""


@command.command("ls")
@of_collection
@talks_to_server
def ls(server: Connection, place: Place) -> None:
    """List the aliases of a collection, and what they point to."""
    api = server.api()
    find_collection(api, place)
    registry = find_registry(api, place.organization, place.registry)
    versions = registry.collections({"name": place.collection}).versions(per_page=100)
    told = (
        {"alias": alias, "version": version.version, "digest": version.digest}
        for version in versions
        for alias in version.aliases
    )
    server.screen.table(sorted(told, key=lambda own: own["alias"]), ("alias", "version"))


@command.command("set")
@of_version
@click.argument("aliases", nargs=-1, required=True, metavar="ALIAS...")
@changes
@talks_to_server
def set_(server: Connection, place: Place, aliases: tuple[str, ...]) -> None:
    """Point aliases to a version, such as model/ranker:v3 production; they leave where they were."""
    needs_alias(place)
    version = find_version(server.api(), place)
    version.aliases = [*version.aliases, *(own for own in aliases if own not in version.aliases)]
    version.save()
    server.say(
        f"{', '.join(aliases)} {'is' if len(aliases) == 1 else 'are'}"
        f" {place.registry}/{place.collection}:{version.version} now.",
        version=version.version,
        aliases=list(version.aliases),
    )


@command.command("rm")
@of_version
@click.argument("aliases", nargs=-1, required=True, metavar="ALIAS...")
@asks_first
@talks_to_server
def rm(server: Connection, place: Place, aliases: tuple[str, ...]) -> None:
    """Remove aliases from a version; the version stays."""
    needs_alias(place)
    version = find_version(server.api(), place)
    if strangers := [own for own in aliases if own not in version.aliases]:
        raise Missing(f"{place} has no alias {', '.join(strangers)}.")
    version.aliases = [own for own in version.aliases if own not in aliases]
    version.save()
    server.say(
        f"Removed {', '.join(aliases)} from {place.registry}/{place.collection}:{version.version}.",
        version=version.version,
        aliases=list(version.aliases),
    )
