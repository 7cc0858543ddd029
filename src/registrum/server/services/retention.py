"""How long versions are kept: defaults of projects and entities, and the expiry of those whose time has come.

What holds a version past its time: a link in a living collection, or an alias of any kind, `latest` among them. So the newest
version of a collection stays until a newer one takes `latest`.
"""

from typing import Any

from registrum.core.errors import InUse, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.core.retention import effective_ttl, expires_at, own_ttl
from registrum.server.db import entities, events, jobs, projects, retention, versions
from registrum.server.db.tx import Tx
from registrum.server.services.artifacts import delete_artifact, record

FOLLOW_DEFAULT = "follow-default-ttl"
AT_ONCE = 100


def update_default_ttl(tx: Tx, entity_name: str, project_name: str | None, wire: int) -> int | None:
    """Sets how long versions live that have no TTL of their own; a job makes standing versions follow.

    Args:
        entity_name: whose projects.
        project_name: only that project; None: all that have no default of their own.
        wire: seconds; -1: nothing is decided here; -2: without end.

    Returns:
        Seconds, -2 for without end, or None where nothing is decided here.

    Raises:
        NotFound, Forbidden: the actor does not administer the project or the entity.
        Invalid: no such TTL.
    """
    ttl = own_ttl(wire)
    if project_name is not None:
        project = projects.get_for(tx, Action.ADMINISTER, ProjectName(entity_name, project_name))
        retention.set_default_of_project(tx, project, ttl)
        entity = project.thing.entity
        project_id: int | None = project.thing.id
    else:
        found = entities.get_for(tx, Action.ADMINISTER_TEAM, entity_name)
        retention.set_default_of_entity(tx, found, ttl)
        entity, project_id = found.thing, None
    follow_from_now(tx, entity.id, project_id)
    events.record(
        tx,
        EventKind.PROJECT_CHANGED,
        subject_kind=SubjectKind.PROJECT,
        subject_id=project_id,
        project_id=project_id,
        organization_id=entity.organization_id,
        changes={"default_ttl_seconds": ttl, "entity": entity.name},
    )
    return ttl


def follow_from_now(tx: Tx, entity_id: int, project_id: int | None) -> None:
    """Has a job give the inheriting versions of an entity, or of one of its projects, their new end."""
    jobs.add(tx, FOLLOW_DEFAULT, {"entity": entity_id, "project": project_id, "behind": 0})


def follow_default(tx: Tx, argument: dict[str, Any]) -> dict[str, Any] | None:
    """A step of the job behind a changed default: the next batch of inheriting versions gets its new end.

    Returns:
        The argument of the next step; None when all are done.
    """
    rows = retention.inheriting(tx, argument["entity"], argument["project"], argument["behind"])
    for row in rows:
        ttl = effective_ttl(None, row.ttl_seconds)
        retention.set_end(tx, row.id, expires_at(row.created_at, ttl))
    return {**argument, "behind": rows[-1].id} if len(rows) == retention.BATCH else None


def expire_one(tx: Tx, artifact_id: int) -> bool:
    """Deletes a version whose time has come, unless something has begun to hold it since; whether it did."""
    versions.lock(tx, artifact_id)
    if not retention.is_expired(tx, artifact_id):
        return False
    try:
        artifact = delete_artifact(tx, artifact_id, with_aliases=False)
    except (InUse, NotFound):
        return False
    record(tx, EventKind.VERSION_EXPIRED, artifact, ttl_seconds=artifact.ttl_seconds)
    return True
