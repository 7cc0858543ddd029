"""All nouns' binders, and the one schema they make with the SDL."""

from importlib import resources

from registrum.server.graphql import (
    aliases,
    artifacts,
    automations,
    collections,
    files,
    history,
    launch,
    lineage,
    linking,
    manifests,
    members,
    memberships,
    organizations,
    pages,
    projects,
    registries,
    reports,
    retention,
    run_files,
    runs,
    server,
    sweeps,
    tags,
    teams,
    users,
)
from registrum.server.graphql.binding import BoundSchema
from registrum.server.graphql.fitting import build
from registrum.server.graphql.scalars import SCALARS

_NOUNS = (
    aliases,
    artifacts,
    automations,
    collections,
    files,
    history,
    launch,
    lineage,
    linking,
    manifests,
    members,
    memberships,
    organizations,
    pages,
    projects,
    registries,
    reports,
    retention,
    run_files,
    runs,
    server,
    sweeps,
    tags,
    teams,
    users,
)


def bound_schema() -> BoundSchema:
    """The SDL with everything that binds it.

    Raises:
        BindingError: they do not fit; the server must not start.
    """
    folder = resources.files("registrum.server.graphql") / "schema"
    texts = [f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".graphql")]
    return build(texts, [*SCALARS, *(binding for noun in _NOUNS for binding in noun.BINDINGS)])
