"""What goes when a project goes: checks on links and protected aliases, taking away the contents, or giving it to somebody."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, or_, select, update

from registrum.core.aliases import LATEST
from registrum.core.errors import NameTaken
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db import memberships as places
from registrum.server.db.columns import among
from registrum.server.db.statements import prepared
from registrum.server.db.tables import (
    alias_spans,
    artifacts,
    collections,
    memberships,
    projects,
    protected_aliases,
    runs,
)
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import Grant, allowed

_IN_PROJECT = "project_ids"
_PROTECTED = prepared(
    select(
        alias_spans.c.alias,
        collections.c.name.label("collection"),
        allowed(Action.READ).label("visible"),
    )
    .select_from(
        alias_spans.join(memberships, memberships.c.id == alias_spans.c.membership_id)
        .join(collections, collections.c.id == alias_spans.c.collection_id)
        .join(artifacts, artifacts.c.id == memberships.c.artifact_id)
        .join(
            protected_aliases,
            and_(
                protected_aliases.c.project_id == collections.c.project_id,
                protected_aliases.c.alias == alias_spans.c.alias,
            ),
        )
        .join(projects, projects.c.id == collections.c.project_id)
    )
    .where(
        alias_spans.c.until.is_(None),
        memberships.c.deleted_at.is_(None),
        projects.c.deleted_at.is_(None),
        or_(
            among(collections.c.project_id, _IN_PROJECT),
            among(artifacts.c.project_id, _IN_PROJECT),
        ),
    )
    .limit(1)
)


def protected_alias_in(tx: Tx, project_ids: Sequence[int]) -> tuple[str, str] | None:
    """A protected alias, with its collection's name, that stands on a version or a source version of these projects.

    Both are "" where the actor can't see it.
    """
    row = tx.one(_PROTECTED, project_ids=list(project_ids))
    return None if row is None else (row.alias, row.collection) if row.visible else ("", "")


_LINKED_ELSEWHERE = prepared(
    select(collections.c.name.label("collection"), projects.c.name.label("registry"))
    .select_from(
        memberships.join(artifacts, artifacts.c.id == memberships.c.artifact_id)
        .join(collections, collections.c.id == memberships.c.collection_id)
        .join(projects, projects.c.id == collections.c.project_id)
    )
    .where(
        among(artifacts.c.project_id, _IN_PROJECT),
        memberships.c.deleted_at.is_(None),
        collections.c.deleted_at.is_(None),
        projects.c.deleted_at.is_(None),
        collections.c.project_id != artifacts.c.project_id,
    )
    .limit(1)
)


def linked_elsewhere(tx: Tx, project_ids: Sequence[int]) -> tuple[str, str] | None:
    """A collection, and its project, into which an artifact of these projects is linked; None if there is none."""
    row = tx.one(_LINKED_ELSEWHERE, project_ids=list(project_ids))
    return None if row is None else (row.registry, row.collection)


_GONE_MEMBERSHIPS = or_(
    among(memberships.c.project_id, _IN_PROJECT),
    memberships.c.artifact_id.in_(
        select(artifacts.c.id).where(among(artifacts.c.project_id, _IN_PROJECT))
    ),
)
_LOCK_PLACES = prepared(
    select(collections.c.id)
    .where(
        collections.c.deleted_at.is_(None),
        collections.c.id.in_(
            select(memberships.c.collection_id).where(
                memberships.c.deleted_at.is_(None), _GONE_MEMBERSHIPS
            )
        ),
    )
    .order_by(collections.c.id)
    .with_for_update()
)
# What is linked from or into goes first: who links at the same time waits for its row, and finds it gone.
_CLOSING = (
    prepared(
        update(artifacts)
        .where(artifacts.c.deleted_at.is_(None), among(artifacts.c.project_id, _IN_PROJECT))
        .values(deleted_at=bindparam("now"), state="deleted", expires_at=None)
    ),
    prepared(
        update(collections)
        .where(collections.c.deleted_at.is_(None), among(collections.c.project_id, _IN_PROJECT))
        .values(deleted_at=bindparam("now"))
    ),
)
_EMPTYING = (
    prepared(
        update(memberships)
        .where(memberships.c.deleted_at.is_(None), _GONE_MEMBERSHIPS)
        .values(deleted_at=bindparam("now"))
    ),
    prepared(
        update(runs)
        .where(runs.c.deleted_at.is_(None), among(runs.c.project_id, _IN_PROJECT))
        .values(deleted_at=bindparam("now"))
    ),
)
_END_ALIASES = prepared(
    update(alias_spans)
    .where(
        alias_spans.c.until.is_(None),
        alias_spans.c.membership_id.in_(select(memberships.c.id).where(_GONE_MEMBERSHIPS)),
    )
    .values(until=bindparam("now"), ended_by=bindparam("by"))
    .returning(alias_spans.c.collection_id, alias_spans.c.alias)
)


def empty(tx: Tx, project: Grant[Project]) -> None:
    """Takes away what is in a project: aliases, links here and of its artifacts elsewhere, collections, artifacts, runs.

    Where `latest` of another project's collection went, it moves to the newest version that is left there.
    """
    found = project.require(Action.DELETE_PROJECT)
    for statement in _CLOSING:
        tx.run(statement, project_ids=[found.id], now=tx.now)
    tx.column(_LOCK_PLACES, project_ids=[found.id])
    for statement in _EMPTYING:
        tx.run(statement, project_ids=[found.id], now=tx.now)
    ended = tx.rows(_END_ALIASES, project_ids=[found.id], now=tx.now, by=tx.actor.user_id)
    places.latest_to_newest(tx, {row.collection_id for row in ended if row.alias == LATEST})


_IN_ENTITIES = prepared(
    select(projects.c.id).where(
        among(projects.c.entity_id, "entity_ids"), projects.c.deleted_at.is_(None)
    )
)
_TRANSFER = prepared(
    update(projects)
    .where(projects.c.id == bindparam("project_id"))
    .values(entity_id=bindparam("new_entity_id"), owner_id=bindparam("new_owner_id"))
)


def ids_in(tx: Tx, entity_ids: Sequence[int]) -> list[int]:
    """The numbers of all living projects of these entities, whoever sees them; for their removal."""
    return tx.column(_IN_ENTITIES, entity_ids=list(entity_ids))


def transfer(tx: Tx, project: Grant[Project], to: Entity) -> None:
    """Gives a personal project to another user.

    Raises:
        NameTaken: he has a living project of this name.
    """
    found = project.require(Action.DELETE_PROJECT)
    try:
        tx.run(_TRANSFER, project_id=found.id, new_entity_id=to.id, new_owner_id=to.user_id)
    except Taken:
        raise NameTaken(f"{to.name!r} has a project {found.name!r} already.") from None
