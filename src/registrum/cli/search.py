"""`registrum search`: versions, collections and registries of an organization by what is known of them."""

import json
from typing import Any

import click

from registrum.cli import records
from registrum.cli.connection import Connection, talks_to_server
from registrum.cli.places import in_organization
from registrum.cli.versions import show_found
from registrum.errors import BadValue

OPERATORS = {">=": "$gte", "<=": "$lte", "!=": "$ne", ">": "$gt", "<": "$lt", "=": "$eq"}


@click.command("search")
@click.argument("text", required=False)
@click.option(
    "--kind",
    type=click.Choice(["version", "collection", "registry"]),
    default="version",
    show_default=True,
    help="What to find.",
)
@click.option("--registry", help="Only in this one.")
@click.option("--alias", help="Versions that it points to.")
@click.option("--tag", help="Versions or collections with this tag.")
@click.option(
    "--where",
    "wheres",
    multiple=True,
    metavar="PATH OP VALUE",
    help="By metadata, like 'accuracy>=0.9' or 'framework=jax'; may be repeated.",
)
@click.option(
    "--filter", "given", metavar="JSON", help="Further conditions, in the search language."
)
@click.option("--order", help="A field after + or -, such as -created_at.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@in_organization
@talks_to_server
def command(
    server: Connection,
    *,
    organization: str | None,
    text: str | None,
    kind: str,
    registry: str | None,
    alias: str | None,
    tag: str | None,
    wheres: tuple[str, ...],
    given: str | None,
    order: str | None,
    limit: int,
) -> None:
    """Find versions, collections or registries whose collection or name has TEXT in it."""
    _check_kind(kind, alias=alias, tag=tag, where=wheres)
    api = server.api()
    own = _of_text(given)
    of_names = [{"name": {"$contains": text}}] if text else []
    of_registry: list[dict[str, Any]] = [{"name": registry}] if registry else []
    per_page = min(limit, 100)
    if kind == "registry":
        condition = _all([*of_registry, *of_names, *own])
        found = api.registries(organization, condition, order, per_page)
        columns = ("name", "organization", "visibility", "accepts", "description")
        server.screen.table((records.of_registry(one) for one in found), columns, limit)
        return
    registries = api.registries(organization, _all(of_registry))
    if kind == "collection":
        of_tag = [{"tag": tag}] if tag else []
        condition = _all([*of_names, *of_tag, *own])
        collections = registries.collections(condition, order, per_page)
        told = (records.of_collection(one) for one in collections)
        server.screen.table(told, ("name", "type", "project", "tags", "description"), limit)
        return
    conditions: list[dict[str, Any]] = [condition_of(where) for where in wheres]
    conditions += [{"alias": alias}] if alias else []
    conditions += [{"tag": tag}] if tag else []
    inner = registries.collections(_all(of_names)) if of_names else registries
    show_found(server, inner.versions(_all([*conditions, *own]), order, per_page), limit)


def _check_kind(kind: str, **conditions: object) -> None:
    """Refuses conditions that what is looked for can't meet, rather than leave them out."""
    taken = {"version": set(conditions), "collection": {"tag"}}.get(kind, set())
    for name, given in conditions.items():
        if given and name not in taken:
            raise click.UsageError(f"--{name} is not for --kind {kind}.")


def condition_of(where: str) -> dict[str, Any]:
    """A condition on metadata from `path op value`; the value is JSON where it can be, else a text.

    Raises:
        BadValue: there is no operator in it.
    """
    at, operator = min(
        ((where.find(one), one) for one in OPERATORS if one in where),
        key=lambda found: (found[0], -len(found[1])),
        default=(-1, ""),
    )
    path, value = where[:at].strip(), where[at + len(operator) :].strip()
    if at < 1 or not path:
        raise BadValue(f"{where!r} is not PATH OP VALUE; OP is one of {' '.join(OPERATORS)}.")
    try:
        meant = json.loads(value)
    except ValueError:
        meant = value
    return {f"metadata.{path}": {OPERATORS[operator]: meant}}


def _of_text(given: str | None) -> list[dict[str, Any]]:
    if given is None:
        return []
    try:
        told = json.loads(given)
    except ValueError as error:
        raise BadValue(f"--filter is no JSON: {error}") from None
    if not isinstance(told, dict):
        raise BadValue("--filter must be a JSON object.")
    return [told]


def _all(conditions: list[dict[str, Any]]) -> dict[str, Any] | None:
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return {"$and": conditions}
