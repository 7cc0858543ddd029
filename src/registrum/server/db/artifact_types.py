"""Artifact types of a project: made by first use, or listed by a registry as those it accepts."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, or_, select, update

from registrum.core.collections import ArtifactType
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.registries import check_accepts
from registrum.server.db import projects as project_rows
from registrum.server.db.columns import among
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import artifact_types, collections, projects
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed

_ID = prepared(
    select(artifact_types.c.id).where(
        artifact_types.c.project_id == bindparam("project_id"),
        artifact_types.c.name == bindparam("type_name"),
    )
)
_ADD = prepared(
    insert(artifact_types)
    .values(
        project_id=bindparam("project_id"),
        name=bindparam("type_name"),
        description=bindparam("description"),
        is_accepted=False,
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "name"])
    .returning(artifact_types.c.id)
)


def id_for(tx: Tx, project: Grant[Project], name: str, description: str | None = None) -> int:
    """The number of the project's type of that name, made now if it is new."""
    where = project.require(Action.WRITE, Action.LINK, Action.EDIT_COLLECTION, Action.ADD_TYPES)
    found = tx.value(_ID, project_id=where.id, type_name=name)
    if found is None:
        found = tx.value(
            _ADD, project_id=where.id, type_name=name, description=description, now=tx.now
        )
    if found is None:  # somebody else made it in between
        found = tx.value(_ID, project_id=where.id, type_name=name)
    return int(found)


_ACCEPT = prepared(
    update(artifact_types)
    .where(artifact_types.c.id == bindparam("type_id"))
    .values(is_accepted=True)
)


def accept(tx: Tx, registry: Grant[Project], name: str, description: str | None = None) -> None:
    """Puts a type on a registry's list of those it accepts; one that is there stays as it is.

    Args:
        registry: grant to ADD_TYPES.
        name: checked already.
    """
    registry.require(Action.ADD_TYPES)
    tx.run(_ACCEPT, type_id=id_for(tx, registry, name, description))


_ACCEPT_USED = prepared(
    update(artifact_types)
    .where(
        artifact_types.c.project_id == bindparam("in_project"),
        exists(
            select(1).where(
                collections.c.type_id == artifact_types.c.id, collections.c.deleted_at.is_(None)
            )
        ),
    )
    .values(is_accepted=True)
)


def accept_used(tx: Tx, registry: Grant[Project]) -> None:
    """Puts the types of all that is linked in a registry on its list: it shows them, so it takes more of them.

    Args:
        registry: grant to ADD_TYPES.
    """
    tx.run(_ACCEPT_USED, in_project=registry.require(Action.ADD_TYPES).id)


_ACCEPTED = prepared(
    select(artifact_types.c.name).where(
        artifact_types.c.project_id == bindparam("project_id"), artifact_types.c.is_accepted
    )
)


def accepted_in(tx: Tx, registry: Project) -> frozenset[str]:
    """The types on the list of a registry that was loaded for the actor."""
    return frozenset(tx.column(_ACCEPTED, project_id=registry.id))


_HOLD = prepared(
    select(projects.c.accepts_any_type)
    .where(projects.c.id == bindparam("project_id"))
    .with_for_update(read=True)
)


def hold_accepted(tx: Tx, registry: Grant[Project], type_name: str) -> None:
    """What a registry accepts stays as it is until this transaction ends, in which it gets its first collection of a type.

    Args:
        registry: grant to LINK; it was asked before whether it takes the type.

    Raises:
        TypeNotAccepted: it was just now given a list, which is without it.
    """
    where = registry.require(Action.LINK)
    if tx.is_shared and not tx.value(_HOLD, project_id=where.id):
        now = where._replace(accepts_any_type=False)
        check_accepts(now, accepted_in(tx, where), type_name)


@cache
def _statement(action: Action, by: str) -> Prepared:
    mine = [artifact_types.c.project_id == bindparam("project_id")]
    mine.append(artifact_types.c.name == bindparam("type_name"))
    if by == "id":
        mine = [artifact_types.c.id == bindparam("type_id")]
    return prepared(
        select(artifact_types)
        .join(projects, projects.c.id == artifact_types.c.project_id)
        .where(*mine, allowed(action))
    )


def get_for(tx: Tx, action: Action, project: Project, name: str) -> ArtifactType:
    """The type of that name in a project in which the actor may do `action`.

    Raises:
        NotFound: there is none, or the project is hidden.
    """
    row = tx.one(_statement(action, "name"), project_id=project.id, type_name=name)
    if row is None:
        raise refuse(tx, action, None, f"artifact type {name!r} in project {project.name!r}")
    return _of_row(row, project)


def get_for_id(tx: Tx, action: Action, type_id: int) -> ArtifactType:
    """The type of that number. Raises as `get_for`."""
    row = tx.one(_statement(action, "id"), type_id=type_id)
    if row is None:
        raise refuse(tx, action, None, "artifact type of that id")
    return _of_row(row, project_rows.by_ids(tx, Action.READ, [row.project_id]).get(row.project_id))


_own = artifact_types.alias("own")


def _listed(action: Action, which: str) -> Select[Any]:
    """The types of projects in which the actor may do `action`, newest first: all, or those accepted or "used"."""
    use = exists(
        select(1).where(collections.c.type_id == _own.c.id, collections.c.deleted_at.is_(None))
    )
    statement = (
        select(_own)
        .join(projects, projects.c.id == _own.c.project_id)
        .where(allowed(action))
        .order_by(_own.c.id.desc())
    )
    if which == "all":
        return statement
    return statement.where(or_(_own.c.is_accepted, use))


@cache
def _used(action: Action) -> Prepared:
    return prepared(_listed(action, "used").where(among(_own.c.project_id, "project_ids")))


def by_registries(
    tx: Tx, action: Action, registries: Sequence[Project]
) -> dict[int, tuple[ArtifactType, ...]]:
    """As `page_of_used`, all of them, of each of these registries that were loaded for the actor."""
    found: dict[int, list[ArtifactType]] = {registry.id: [] for registry in registries}
    by_id = {registry.id: registry for registry in registries}
    for row in tx.rows(_used(action), project_ids=list(found)):
        found[row.project_id].append(_of_row(row, by_id[row.project_id]))
    return {number: tuple(types) for number, types in found.items()}


@cache
def _page_statement(action: Action, which: str, has_after: bool) -> Prepared:
    statement = _listed(action, which).where(_own.c.project_id == bindparam("project_id"))
    if has_after:
        statement = statement.where(_own.c.id < bindparam("last_id"))
    return prepared(statement.limit(bindparam("limit")))


def page_of_used(tx: Tx, action: Action, registry: Project, ask: PageAsk) -> Page[ArtifactType]:
    """The types on a registry's list and those linked in it, newest first, if the actor may do `action` there."""
    return _page(tx, _page_statement(action, "used", ask.after is not None), registry, ask)


def page_of_project(tx: Tx, action: Action, project: Project, ask: PageAsk) -> Page[ArtifactType]:
    """The types of a project, newest first, if the actor may do `action` there."""
    return _page(tx, _page_statement(action, "all", ask.after is not None), project, ask)


def _page(tx: Tx, statement: Prepared, project: Project, ask: PageAsk) -> Page[ArtifactType]:
    last_id = ask.number_behind()
    rows = tx.rows(statement, project_id=project.id, last_id=last_id, limit=ask.first + 1)
    return page_of([_of_row(row, project) for row in rows], ask.first, lambda t: [t.id])


def _of_row(row: Row, project: Project | None) -> ArtifactType:
    return ArtifactType(row.id, row.name, project, row.description, row.created_at)
