"""Setting the default TTL of a project or an entity."""

from registrum.core.events import EventKind, SubjectKind
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.core.retention import own_ttl
from registrum.server.db import entities, events, projects, retention
from registrum.server.db.tx import Tx


def update_default_ttl(tx: Tx, entity: str, project: str | None, ttl_seconds: int) -> int | None:
    """Sets how long versions live that say nothing themselves.

    Args:
        entity: owner of the project, or whose projects are all meant.
        project: None: the whole entity.
        ttl_seconds: as on the wire: -1 decides nothing here, -2 is without end.

    Returns:
        What is decided here now; None: nothing.

    Raises:
        Invalid: no TTL.
        NotFound, Forbidden: the actor may not edit the project, or not administer the entity.
    """
    ttl = own_ttl(ttl_seconds)
    if project is None:
        owner = entities.get_for(tx, Action.ADMINISTER_TEAM, entity)
        retention.set_for_entity(tx, owner, ttl)
        return ttl
    found = projects.get_for(tx, Action.EDIT_PROJECT, ProjectName(entity, project))
    retention.set_for_project(tx, found, ttl)
    events.record(
        tx,
        EventKind.PROJECT_CHANGED,
        subject_kind=SubjectKind.PROJECT,
        subject_id=found.thing.id,
        project_id=found.thing.id,
        organization_id=found.thing.entity.organization_id,
        changes={"ttl_seconds": [found.thing.ttl_seconds, ttl]},
    )
    return ttl
