"""How commands name a collection or a version in a registry: `[organization/]registry/collection[:alias]`."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import BadValue, Missing

if TYPE_CHECKING:
    from registrum.sdk.api import Api
    from registrum.sdk.artifacts import Artifact
    from registrum.sdk.collections import ArtifactCollection
    from registrum.sdk.registries import Registry


class Place(NamedTuple):
    """A collection of a registry, or one version in it.

    Attributes:
        organization: None: the caller's only one.
        registry: without the prefix that W&B's paths have.
        alias: an alias or `v3`; None for the collection.
    """

    organization: str | None
    registry: str
    collection: str
    alias: str | None

    def __str__(self) -> str:
        path = "/".join(part for part in self[:3] if part)
        return f"{path}:{self.alias}" if self.alias else path


class PlaceType(click.ParamType[Place]):
    """Takes a text for a `Place`."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """The parts; wrong usage where there are too few or too many."""
        if isinstance(value, Place):
            return value
        path, colon, alias = str(value).partition(":")
        parts = path.split("/")
        if len(parts) not in {2, 3} or not all(parts) or (colon and not alias):
            self.fail(f"{value!r} is not [ORGANIZATION/]REGISTRY/COLLECTION[:ALIAS].", param, ctx)
        *owners, registry, collection = parts
        name = registry.removeprefix(REGISTRY_PREFIX)
        return Place(owners[0] if owners else None, name, collection, alias or None)


def in_organization(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --org, for those who are in several organizations."""

    @click.option(
        "--org",
        "organization",
        metavar="NAME",
        envvar="REGISTRUM_ORGANIZATION",
        help="The organization. [default: your only one] [REGISTRUM_ORGANIZATION]",
    )
    @wraps(command)
    def run(**given: Any) -> None:
        command(**given)

    return run


def of_collection(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the argument that names a collection, as `place`."""
    return click.argument("place", metavar="REGISTRY/COLLECTION", type=PlaceType())(command)


def of_version(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the argument that names a version, as `place`; without an alias it is `latest`."""
    return click.argument("place", metavar="REGISTRY/COLLECTION[:ALIAS]", type=PlaceType())(command)


def find_registry(api: "Api", organization: str | None, name: str) -> "Registry":
    """The registry of that name.

    Raises:
        Missing: it is not there, or hidden.
        BadValue: the caller is in several organizations, and none was named.
    """
    return api.registry(name.removeprefix(REGISTRY_PREFIX), organization)


def find_collection(api: "Api", place: Place) -> "ArtifactCollection":
    """The collection of that place.

    Raises:
        Missing: it is not there, or hidden.
    """
    registry = find_registry(api, place.organization, place.registry)
    found = next(iter(registry.collections(filter={"name": place.collection}, per_page=1)), None)
    if found is None:
        raise Missing(f"There is no collection {place.collection!r} in registry {registry.name!r}.")
    return found


def find_version(api: "Api", place: Place) -> "Artifact":
    """The version of that place; `latest` without an alias.

    Raises:
        Missing: it is not there, or hidden.
    """
    registry = find_registry(api, place.organization, place.registry)
    path = f"{registry.entity}/{registry.full_name}/{place.collection}:{place.alias or 'latest'}"
    return api.artifact(path)


def needs_alias(place: Place) -> str:
    """The alias or version that the place names.

    Raises:
        BadValue: it names the whole collection.
    """
    if place.alias is None:
        raise BadValue(f"Say which version: {place}:ALIAS or {place}:vN.")
    return place.alias
