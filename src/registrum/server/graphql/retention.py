"""Binds schema/retention.graphql: how long versions are kept that say nothing themselves."""

from typing import Any

from registrum.core.projects import Entity
from registrum.server.db import retention as rows
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.services import retention

mutation = Root("Mutation")
project = Type("Project", reads={"defaultTtlDurationSeconds": "ttl_seconds"})
entity = Type("Entity")


@entity.field("defaultTtlDurationSeconds")
def resolve_default(found: Entity, info: Info) -> int | None:
    """An entity's default."""
    return rows.default_of_entity(info.context.tx, found.id)


@mutation.field("updateDefaultTtl")
def resolve_update_default_ttl(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes a default."""
    ttl = info.context.write(
        lambda tx: retention.update_default_ttl(
            tx, input["entityName"], input.get("projectName"), input["ttlDurationSeconds"]
        )
    )
    return {"ttlDurationSeconds": ttl}


BINDINGS = [mutation, project, entity]
