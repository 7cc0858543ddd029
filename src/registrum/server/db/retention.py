"""Default TTLs of projects and entities, which versions without one of their own inherit."""

from sqlalchemy import bindparam, select, update

from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db.statements import prepared
from registrum.server.db.tables import entities, projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_OF_ENTITY = prepared(select(entities.c.ttl_seconds).where(entities.c.id == bindparam("entity_id")))
_SET_PROJECT = prepared(
    update(projects)
    .where(projects.c.id == bindparam("project_id"))
    .values(ttl_seconds=bindparam("to_ttl"), updated_at=bindparam("now"))
)
_SET_ENTITY = prepared(
    update(entities)
    .where(entities.c.id == bindparam("entity_id"))
    .values(ttl_seconds=bindparam("to_ttl"))
)


def default_of(tx: Tx, entity: Entity) -> int | None:
    """The default TTL of an entity that was loaded for the actor; None: none."""
    found: int | None = tx.value(_OF_ENTITY, entity_id=entity.id)
    return found


def set_for_project(tx: Tx, project: Grant[Project], ttl_seconds: int | None) -> None:
    """Sets what versions of a project inherit.

    Args:
        project: grant to EDIT_PROJECT.
        ttl_seconds: None: what the entity says; `NO_TTL`: none.
    """
    own = project.require(Action.EDIT_PROJECT)
    tx.run(_SET_PROJECT, project_id=own.id, to_ttl=ttl_seconds, now=tx.now)


def set_for_entity(tx: Tx, entity: Grant[Entity], ttl_seconds: int | None) -> None:
    """Sets what versions of an entity's projects inherit, where those say nothing.

    Args:
        entity: grant to ADMINISTER_TEAM.
    """
    own = entity.require(Action.ADMINISTER_TEAM)
    tx.run(_SET_ENTITY, entity_id=own.id, to_ttl=ttl_seconds)
