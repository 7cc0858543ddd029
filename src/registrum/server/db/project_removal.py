"""What goes when a project goes: checks on links and protected aliases, taking away the contents, or giving it to somebody."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, or_, select, update

from registrum.core.errors import NameTaken, NotFound
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db import aliases, collection_edits
from registrum.server.db import memberships as places
from registrum.server.db import projects as projects_of
from registrum.server.db.columns import among
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    alias_spans,
    artifacts,
    collections,
    memberships,
    projects,
    runs,
)
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import Grant, allowed

_IN_PROJECT = "project_ids"


@cache
def _protected_statement() -> Prepared:
    return prepared(
        select(
            alias_spans.c.alias,
            collections.c.name.label("collection"),
            allowed(Action.READ).label("visible"),
        )
        .select_from(
            aliases.PROTECTED_PLACES.join(artifacts, artifacts.c.id == memberships.c.artifact_id)
        )
        .where(
            aliases.IS_PROTECTED,
            or_(
                among(memberships.c.project_id, _IN_PROJECT),
                among(artifacts.c.project_id, _IN_PROJECT),
            ),
        )
        .limit(1)
    )


def protected_alias_in(tx: Tx, project_ids: Sequence[int]) -> tuple[str, str] | None:
    """A protected alias, with its collection's name, that stands on a version or a source version of these projects.

    Both are "" where the actor can't see it.
    """
    row = tx.one(_protected_statement(), project_ids=list(project_ids))
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


@cache
def _end_statement(action: Action) -> Prepared:
    return prepared(
        update(projects)
        .where(among(projects.c.id, _IN_PROJECT), allowed(action))
        .values(deleted_at=bindparam("now"))
        .returning(projects.c.id)
    )


def end(tx: Tx, action: Action, project_ids: Sequence[int]) -> None:
    """Marks projects as gone in which the actor may do `action`; from then on nothing of them is seen anywhere.

    Raises:
        NotFound, Forbidden: the actor may not, or somebody else removed one meanwhile.
    """
    gone = tx.column(_end_statement(action), project_ids=list(project_ids), now=tx.now)
    for left in sorted(set(project_ids) - set(gone)):
        projects_of.get_for_id(tx, action, left)  # raises what is to be said about it
        raise NotFound("The project is just being deleted by somebody else.")


def _some(table: Table) -> Select[Any]:
    return (
        select(table.c.id)
        .where(among(table.c.project_id, _IN_PROJECT), table.c.deleted_at.is_(None))
        .limit(bindparam("at_most"))
    )


_END_COLLECTIONS = prepared(
    update(collections)
    .where(collections.c.id.in_(_some(collections)))
    .values(deleted_at=bindparam("now"))
)
_END_RUNS = prepared(
    update(runs).where(runs.c.id.in_(_some(runs))).values(deleted_at=bindparam("now"))
)
_PLACES = prepared(
    select(
        memberships.c.id,
        memberships.c.artifact_id,
        among(artifacts.c.project_id, _IN_PROJECT).label("is_own"),
    )
    .join(artifacts, artifacts.c.id == memberships.c.artifact_id)
    .where(among(memberships.c.project_id, _IN_PROJECT), memberships.c.deleted_at.is_(None))
    .limit(bindparam("at_most"))
)


def empty_some(tx: Tx, project_ids: Sequence[int], at_most: int) -> int:
    """Takes away some of what is in projects that have ended; how much. Less than `at_most`: nothing is left.

    First their collections, so that no alias moves within them; then versions with all their links, and links of others'
    versions; then runs. Where `latest` of another project's collection went, it moves to the newest version that is left
    there. What was still being uploaded is given up by garbage collection.
    """
    given = {"project_ids": list(project_ids)}
    done = tx.run(_END_COLLECTIONS, **given, at_most=at_most, now=tx.now)
    if done < at_most:
        some = tx.rows(_PLACES, **given, at_most=at_most - done)
        places.remove_places(tx, [place.id for place in some if not place.is_own])
        own = [place.artifact_id for place in some if place.is_own]
        places.remove_of_artifacts(tx, own)
        collection_edits.remove_artifacts(tx, own)
        done += len(some)
    if done < at_most:
        done += tx.run(_END_RUNS, **given, at_most=at_most - done, now=tx.now)
    return done


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
        NameTaken: they have a living project of this name.
    """
    found = project.require(Action.DELETE_PROJECT)
    try:
        tx.run(_TRANSFER, project_id=found.id, new_entity_id=to.id, new_owner_id=to.user_id)
    except Taken:
        raise NameTaken(f"{to.name!r} has a project {found.name!r} already.") from None
