"""TTL defaults of projects and entities, and the versions whose time has come."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, exists, func, or_, select, type_coerce, update

from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db.columns import Moment
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    alias_spans,
    artifacts,
    collections,
    entities,
    memberships,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed_entity

BATCH = 500


def set_default_of_project(tx: Tx, project: Grant[Project], ttl_seconds: int | None) -> None:
    """How long versions of a project live that say nothing themselves; None: its entity decides."""
    found = project.require(Action.ADMINISTER)
    tx.run(update(projects).where(projects.c.id == found.id).values(ttl_seconds=ttl_seconds))


def set_default_of_entity(tx: Tx, entity: Grant[Entity], ttl_seconds: int | None) -> None:
    """How long versions in an entity's projects live where neither they nor their project say; None: for ever."""
    found = entity.require(Action.ADMINISTER_TEAM)
    tx.run(update(entities).where(entities.c.id == found.id).values(ttl_seconds=ttl_seconds))


@cache
def _default_statement() -> Prepared:
    return prepared(
        select(entities.c.ttl_seconds).where(
            entities.c.id == bindparam("entity_id"), allowed_entity(Action.READ_ENTITY)
        )
    )


def default_of_entity(tx: Tx, entity_id: int) -> int | None:
    """An entity's default TTL in seconds; None where it has none, or the actor may not read it."""
    found: int | None = tx.value(_default_statement(), entity_id=entity_id)
    return found


_DEFAULT = func.coalesce(projects.c.ttl_seconds, entities.c.ttl_seconds)
_PROJECT = bindparam("project_id", type_=BigInteger)
_NEXT_INHERITING = prepared(
    select(artifacts.c.id, artifacts.c.created_at, _DEFAULT.label("ttl_seconds"))
    .select_from(
        artifacts.join(projects, projects.c.id == artifacts.c.project_id).join(
            entities, entities.c.id == projects.c.entity_id
        )
    )
    .where(
        projects.c.entity_id == bindparam("entity_id"),
        or_(_PROJECT == 0, projects.c.id == _PROJECT),
        artifacts.c.ttl_seconds.is_(None),
        artifacts.c.deleted_at.is_(None),
        artifacts.c.id > bindparam("behind"),
    )
    .order_by(artifacts.c.id)
    .limit(BATCH)
)
_SET_END = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"), artifacts.c.ttl_seconds.is_(None))
    .values(expires_at=bindparam("ends", type_=Moment))
)


def inheriting(tx: Tx, entity_id: int, project_id: int | None, behind: int) -> Sequence[Any]:
    """The next `BATCH` living artifacts that inherit their TTL: rows of `id`, `created_at`, and the default `ttl_seconds`.

    Args:
        entity_id: whose projects.
        project_id: only that one of them; None: all.
        behind: the last artifact of the batch before.
    """
    return tx.rows(_NEXT_INHERITING, entity_id=entity_id, project_id=project_id or 0, behind=behind)


def set_end(tx: Tx, artifact_id: int, ends: datetime | None) -> None:
    """When an artifact that still inherits its TTL expires; None: never. For the job that follows a changed default."""
    tx.run(_SET_END, artifact_id=artifact_id, ends=ends)


def _is_held() -> Any:
    """Linked anywhere that lives, or named by an alias."""
    m, c, p, span = memberships, collections, projects.alias(), alias_spans
    named = exists(
        select(1).where(
            span.c.collection_id == c.c.id,
            span.c.membership_id == m.c.id,
            span.c.until.is_(None),
        )
    )
    return exists(
        select(1)
        .select_from(m.join(c, c.c.id == m.c.collection_id).join(p, p.c.id == c.c.project_id))
        .where(
            m.c.artifact_id == artifacts.c.id,
            m.c.deleted_at.is_(None),
            c.c.deleted_at.is_(None),
            p.c.deleted_at.is_(None),
            or_(c.c.kind == "portfolio", named),
        )
    )


def _has_ended() -> Any:
    """Its own time is over; or that of the default of now, whatever the job that follows defaults has come to."""
    since = type_coerce(artifacts.c.created_at, BigInteger)
    by_default = exists(
        select(1)
        .select_from(projects.join(entities, entities.c.id == projects.c.entity_id))
        .where(
            projects.c.id == artifacts.c.project_id,
            _DEFAULT > 0,
            type_coerce(since + _DEFAULT * 1_000_000, Moment) <= bindparam("now", type_=Moment),
        )
    )
    return or_(artifacts.c.ttl_seconds.is_not(None), by_default)


@cache
def _expired_statement() -> Prepared:
    return prepared(
        select(artifacts.c.id)
        .where(
            artifacts.c.expires_at <= bindparam("now", type_=Moment),
            artifacts.c.state == "committed",
            artifacts.c.deleted_at.is_(None),
            artifacts.c.id > bindparam("behind"),
            _has_ended(),
            ~_is_held(),
        )
        .order_by(artifacts.c.id)
        .limit(bindparam("at_most", type_=BigInteger))
    )


def expired(tx: Tx, behind: int, at_most: int) -> list[int]:
    """Artifacts whose TTL has run out and which nothing holds: no living link, no alias.

    Args:
        behind: the last artifact of the batch before.
        at_most: how many at the most.
    """
    return tx.column(_expired_statement(), now=tx.now, behind=behind, at_most=at_most)


def is_expired(tx: Tx, artifact_id: int) -> bool:
    """Whether that one is still to go, looked at again within the deleting transaction."""
    return expired(tx, artifact_id - 1, 1) == [artifact_id]
