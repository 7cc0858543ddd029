"""Collections: sequences and portfolios, one name space in each project.

Every query of collections selects `COLLECTION_COLUMNS` from `with_type(…)` and makes values by `from_rows`, so that a collection reads the
same wherever it is met. This file loads and makes them; `collection_pages.py` lists them, `collection_edits.py` changes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.sql.expression import FromClause

from registrum.core.collections import Collection, Tag
from registrum.core.errors import Conflict, Invalid, TypeNotAccepted
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import folded
from registrum.core.policy import Action
from registrum.core.projects import Project, ProjectName
from registrum.server.db import artifact_types as types
from registrum.server.db import events, tags
from registrum.server.db import projects as project_rows
from registrum.server.db.locks import RowLock
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import ALIVE, artifact_types, collections, projects
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed, decided


def collection_columns(letter: str, table: Any, type_: Any, *, details: bool) -> tuple[Any, ...]:
    """What makes a `Collection`, with or without its details, of these tables or aliases of them.

    They stand in the order of its fields, its project's id for the project; `letter` begins their labels.
    """
    columns = {
        "id": table.c.id,
        "kind": table.c.kind,
        "name": table.c.name,
        "type_id": table.c.type_id,
        "type_name": type_.c.name,
        "project_id": table.c.project_id,
    }
    if details:
        columns |= {
            name: table.c[name]
            for name in ("description", "created_at", "updated_at", "digest_algorithm")
        }
    return tuple(column.label(f"{letter}_{name}") for name, column in columns.items())


COLLECTION_COLUMNS = collection_columns("c", collections, artifact_types, details=True)
"""Labelled apart from the columns of artifacts in one statement."""
_NAMED = 6
"""How many of these a collection without its details has."""


def with_type(left: FromClause = collections) -> FromClause:
    """`left`, which has the table `collections` in it, joined with the collection's type."""
    return left.join(artifact_types, artifact_types.c.id == collections.c.type_id)


def place_of(columns: Sequence[Any], row: Row) -> slice:
    """Where a row has these columns, which stand together in its statement."""
    first = row._fields.index(columns[0].key)
    return slice(first, first + len(columns))


def collection_from(
    columns: tuple[Any, ...], visible: Mapping[int, Project], tags: tuple[Tag, ...] = ()
) -> Collection:
    """The collection of one row's `collection_columns`; `visible`: projects that the actor may see, by id."""
    id_, kind, name, type_id, type_name, project_id = columns[:_NAMED]
    details = columns[_NAMED:] or (None, None, None, None)
    named = (id_, kind, name, type_id, type_name, visible.get(project_id))
    # As the class is called, in a third of the time: a page has hundreds.
    return tuple.__new__(Collection, named + details + (tags, False))


def from_row(row: Row, visible: Mapping[int, Project]) -> Collection:
    """The collection of a row with `COLLECTION_COLUMNS`; `visible` as of `collection_from`."""
    return collection_from(row[place_of(COLLECTION_COLUMNS, row)], visible)


def from_rows(
    tx: Tx,
    rows: Sequence[Row],
    known: Mapping[int, Project] | None = None,
    tags: Mapping[int, tuple[Tag, ...]] | None = None,
) -> list[Collection]:
    """The collections of rows with `COLLECTION_COLUMNS`, in their order.

    Args:
        known: as `visible` of `collection_from`; others are loaded.
        tags: by collection, where they were asked for.
    """
    visible = dict(known or {})
    if missing := {row.c_project_id for row in rows} - visible.keys():
        visible |= project_rows.by_ids(tx, Action.READ, sorted(missing))
    if not rows:
        return []
    own, of = place_of(COLLECTION_COLUMNS, rows[0]), tags or {}
    return [collection_from(row[own], visible, of.get(row.c_id, ())) for row in rows]


def with_tags(tx: Tx, found: Iterable[Collection]) -> list[Collection]:
    """The same collections with their tags."""
    found = list(found)
    of = tags.by_collections(tx, [collection.id for collection in found])
    return [c._replace(tags=of[c.id]) if c.id in of else c for c in found]


@cache
def _get_statement(action: Action) -> Prepared:
    return prepared(
        select(*COLLECTION_COLUMNS, decided(allowed(action)).label("granted"))
        .select_from(
            with_type(collections.join(projects, projects.c.id == collections.c.project_id))
        )
        .where(collections.c.id == bindparam("collection_id"), collections.c.deleted_at.is_(None))
    )


def get_for(tx: Tx, action: Action, collection_id: int) -> Grant[Collection]:
    """The collection with this number, if the actor may do `action` in its project.

    Raises:
        NotFound: missing, deleted, or in a project the actor may not see.
        Forbidden: visible, but not for this.
    """
    row = tx.one(_get_statement(action), collection_id=collection_id)
    return _granted(tx, action, row, "collection with this id")


@cache
def _named_statement(action: Action) -> Prepared:
    return prepared(
        select(*COLLECTION_COLUMNS, decided(allowed(action)).label("granted"))
        .select_from(
            with_type(collections.join(projects, projects.c.id == collections.c.project_id))
        )
        .where(
            collections.c.project_id == bindparam("project_id"),
            collections.c.name == bindparam("collection_name"),
            collections.c.deleted_at.is_(None),
        )
    )


def get_for_name(tx: Tx, action: Action, project: Project, name: str) -> Grant[Collection]:
    """The collection of that name, of either kind, in a project, if the actor may do `action` there.

    Args:
        project: loaded for the actor.

    Raises:
        NotFound: there is none, or the actor may not see the project.
        Forbidden: visible, but not for this.
    """
    row = tx.one(_named_statement(action), project_id=project.id, collection_name=name)
    what = f"collection {name!r} in project {project.name!r}"
    return _granted(tx, action, row, what, {project.id: project})


@cache
def _placed_statement(action: Action) -> Prepared:
    joined = collections.join(projects, projects.c.id == collections.c.project_id)
    return prepared(
        select(
            *COLLECTION_COLUMNS,
            *project_rows.PROJECT_COLUMNS,
            decided(allowed(action)).label("granted"),
        )
        .select_from(project_rows.with_owner(with_type(joined)))
        .where(
            project_rows.owners.c.name_key == bindparam("entity_key"),
            projects.c.name == bindparam("project_name"),
            projects.c.deleted_at.is_(None),
            collections.c.name == bindparam("collection_name"),
            collections.c.deleted_at.is_(None),
        )
    )


def get_for_place(tx: Tx, action: Action, place: ProjectName, name: str) -> Grant[Collection]:
    """The collection of that name in the project of that name, in one statement where the actor may do `action` there.

    Raises:
        NotFound: the one or the other is missing, or the actor may not see it.
        Forbidden: visible, but not for this.
    """
    if place.entity:
        key = folded(place.entity)
        row = tx.one(
            _placed_statement(action),
            entity_key=key,
            project_name=place.name,
            collection_name=name,
        )
        if row is not None and row.granted:
            return Grant(from_row(row, {row.p_id: project_rows.project_from(row)}), action)
    project = project_rows.get_for(tx, Action.READ, place).thing
    return get_for_name(tx, action, project, name)


def _granted(
    tx: Tx,
    action: Action,
    row: Row | None,
    what: str,
    known: Mapping[int, Project] | None = None,
) -> Grant[Collection]:
    if row is None or not row.granted:
        raise refuse(tx, action, row.c_project_id if row is not None else None, what)
    return Grant(from_rows(tx, [row], known)[0], action)


_BY_NAME = prepared(
    select(*COLLECTION_COLUMNS)
    .select_from(with_type())
    .where(
        collections.c.project_id == bindparam("project_id"),
        collections.c.name == bindparam("collection_name"),
        collections.c.deleted_at.is_(None),
    )
)
_ADD = prepared(
    insert(collections)
    .values(
        project_id=bindparam("project_id"),
        organization_id=bindparam("organization_id"),
        type_id=bindparam("type_id"),
        kind=bindparam("kind"),
        name=bindparam("collection_name"),
        next_version=0,
        digest_algorithm=bindparam("digest_algorithm"),
        client_id=bindparam("client_id"),
        created_by=bindparam("created_by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "name"], index_where=ALIVE)
    .returning(collections.c.id)
)
_LOCK = RowLock(collections)


def lock(tx: Tx, collection_id: int) -> None:
    """Makes other writers of this collection's versions and aliases wait until this transaction ends."""
    _LOCK.take(tx, collection_id)


def sequence_for(
    tx: Tx,
    project: Grant[Project],
    type_name: str,
    name: str,
    *,
    digest_algorithm: str | None = None,
    client_id: str | None = None,
) -> Grant[Collection]:
    """The sequence of that name, made now if it is missing; what is logged goes there.

    Args:
        project: grant to WRITE.
        type_name: of the artifact to be logged; the type is made with the sequence.
        digest_algorithm: of the artifact; kept for a new sequence only.
        client_id: the client's own id of a sequence it believes to be new.

    Raises:
        Invalid: the project is a registry, which takes links only.
        Conflict: the name is a portfolio's.
        TypeNotAccepted: the sequence is of another type.
    """
    where = project.require(Action.WRITE)
    if where.is_registry:
        raise Invalid(
            f"Artifacts cannot be logged into registry {where.name!r}: log into a project, then link."
        )
    found = _get_or_add(
        tx,
        project,
        "sequence",
        type_name,
        name,
        digest_algorithm=digest_algorithm,
        client_id=client_id,
    )
    if found.is_portfolio:
        raise Conflict(
            f"Collection {name!r} of project {where.name!r} takes links; nothing can be logged into it."
        )
    return Grant(found, Action.WRITE)


def portfolio_for(tx: Tx, project: Grant[Project], type_name: str, name: str) -> Grant[Collection]:
    """The portfolio of that name, made now if it is missing; versions are linked into it.

    Args:
        project: grant to LINK.

    Raises:
        Conflict: the name is a sequence's.
        TypeNotAccepted: the portfolio is of another type.
    """
    where = project.require(Action.LINK)
    found = _get_or_add(tx, project, "portfolio", type_name, name)
    check_takes_links(where, name, found.kind)
    return Grant(found, Action.LINK)


def check_takes_links(project: Project, name: str, kind: str) -> None:
    """Refuses to link into a sequence.

    Raises:
        Conflict: the collection is one.
    """
    if kind != "portfolio":
        raise Conflict(
            f"Collection {name!r} of project {project.name!r} holds logged versions; "
            "link into a collection of another name."
        )


def check_type(name: str, type_name: str, wanted: str) -> None:
    """Refuses a version whose type is not the collection's.

    Raises:
        TypeNotAccepted: names both types.
    """
    if type_name != wanted:
        raise TypeNotAccepted(
            f"Collection {name!r} holds artifacts of type {type_name!r}, not {wanted!r}."
        )


def _get_or_add(
    tx: Tx,
    project: Grant[Project],
    kind: str,
    type_name: str,
    name: str,
    *,
    digest_algorithm: str | None = None,
    client_id: str | None = None,
) -> Collection:
    where = project.thing
    row = tx.one(_BY_NAME, project_id=where.id, collection_name=name)
    if row is None:
        if where.is_registry:
            types.hold_accepted(tx, project, type_name)
        added = tx.value(
            _ADD,
            project_id=where.id,
            organization_id=where.entity.organization_id if where.is_registry else None,
            type_id=types.id_for(tx, project, type_name),
            kind=kind,
            collection_name=name,
            digest_algorithm=digest_algorithm,
            client_id=client_id,
            created_by=tx.actor.user_id,
            now=tx.now,
        )
        if added is not None:
            _record_created(tx, where, added, {"name": name, "kind": kind, "type": type_name})
        row = tx.one(_BY_NAME, project_id=where.id, collection_name=name)
        if row is None:  # somebody else's was there, and has been taken away or renamed since
            raise Conflict(f"Collection {name!r} is just being changed; try again.")
    check_type(name, row.c_type_name, type_name)
    return from_row(row, {where.id: where})


def _record_created(tx: Tx, project: Project, collection_id: int, facts: dict[str, str]) -> None:
    events.record_in(
        tx,
        EventKind.COLLECTION_CREATED,
        project,
        subject_kind=SubjectKind.COLLECTION,
        subject_id=collection_id,
        changes=facts,
    )
