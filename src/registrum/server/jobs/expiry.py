"""The jobs of retention: deleting versions whose time has come, and following a changed default TTL."""

from datetime import timedelta
from functools import partial
from typing import Any

from registrum.server.db import retention as rows
from registrum.server.jobs.runner import SYSTEM, Desk, Kind
from registrum.server.services import retention


def expire(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Deletes the next batch of expired versions, each in a transaction of its own."""
    with desk.database.read(SYSTEM) as tx:
        found = rows.expired(tx, argument.get("behind", 0), retention.AT_ONCE)
    for artifact_id in found:
        desk.database.write(SYSTEM, partial(retention.expire_one, artifact_id=artifact_id))
    return {"behind": found[-1]} if len(found) == retention.AT_ONCE else None


def follow_default(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Gives the next batch of inheriting versions its new end."""
    return desk.database.write(SYSTEM, partial(retention.follow_default, argument=argument))


KINDS = {
    "expire-versions": Kind(expire, every=timedelta(minutes=10)),
    retention.FOLLOW_DEFAULT: Kind(follow_default),
}
