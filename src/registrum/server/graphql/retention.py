"""Binds `schema/retention.graphql`: default TTLs."""

from typing import Any

from registrum.core.projects import Entity
from registrum.server.db import retention
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.services.retention import update_default_ttl

mutation = Root("Mutation")
project = Type("Project", reads={"defaultTtlDurationSeconds": "ttl_seconds"})
entity = Type("Entity")


@entity.field("defaultTtlDurationSeconds")
def resolve_default_ttl(found: Entity, info: Info) -> int | None:
    """What the entity's projects inherit."""
    return retention.default_of(info.context.tx, found)


@mutation.field("updateDefaultTtl")
def resolve_update_default_ttl(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Sets a default TTL."""
    ttl = info.context.write(
        lambda tx: update_default_ttl(
            tx, input["entityName"], input.get("projectName"), input["ttlDurationSeconds"]
        )
    )
    return {"ttlDurationSeconds": ttl}


BINDINGS = [mutation, project, entity]
