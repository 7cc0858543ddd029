"""Lists of collections: of a project, of one of its types, of all registries of an organization."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, func, select

from registrum.core.collections import Collection
from registrum.core.errors import InvalidFilter
from registrum.core.filters import Filter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import collections as rows_of
from registrum.server.db import filters, pages
from registrum.server.db.collections import COLLECTION_COLUMNS, with_tags, with_type
from registrum.server.db.columns import among
from registrum.server.db.fields import COLLECTION_FIELDS, PROJECT_FIELDS
from registrum.server.db.pages import Sorting
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import collections, projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import allowed

SORTABLE: pages.Sortable = {
    "id": collections.c.id,
    "name": collections.c.name,
    "created_at": collections.c.created_at,
    "updated_at": func.coalesce(
        collections.c.updated_at, collections.c.created_at, type_=collections.c.created_at.type
    ),
}
NEWEST = Sorting("id", True, "collections")
KINDS = ("sequence", "portfolio")


@dataclass(frozen=True, slots=True)
class CollectionsAsk:
    """Which collections are asked for, in which order, and what of them.

    Attributes:
        kinds: "sequence", "portfolio" or both.
        order: as the wire has it, `-created_at`; None: newest first.
        with_tags: whether their tags are loaded.
    """

    page: PageAsk
    filter: Filter | None = None
    project_filter: Filter | None = None
    kinds: tuple[str, ...] = KINDS
    order: str | None = None
    with_tags: bool = True


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that a statement depends on but its parameters."""

    scope: str
    action: Action
    filter: Filter | None
    project_filter: Filter | None
    sorting: Sorting
    has_after: bool
    with_total: bool
    is_total: bool = False


def page_of_project(
    tx: Tx, action: Action, project: Project, ask: CollectionsAsk
) -> Page[Collection]:
    """Collections of a project in which the actor may do `action`."""
    return _page(tx, action, "project", {"project_id": project.id}, ask)


def page_of_type(
    tx: Tx, action: Action, project: Project, type_id: int, ask: CollectionsAsk
) -> Page[Collection]:
    """Collections of one type of a project in which the actor may do `action`."""
    return _page(tx, action, "type", {"project_id": project.id, "type_id": type_id}, ask)


def page_of_organization(
    tx: Tx, action: Action, organization_id: int, ask: CollectionsAsk
) -> Page[Collection]:
    """Collections of those registries of an organization in which the actor may do `action`."""
    return _page(tx, action, "organization", {"organization_id": organization_id}, ask)


def _page(
    tx: Tx, action: Action, scope: str, of: dict[str, Any], ask: CollectionsAsk
) -> Page[Collection]:
    sorting = pages.sorting(ask.order, SORTABLE, NEWEST)
    by, project_by = (
        filters.split(ask.filter, COLLECTION_FIELDS, "f"),
        filters.split(ask.project_filter, PROJECT_FIELDS, "p"),
    )
    shape = _Shape(
        scope,
        action,
        by[0],
        project_by[0],
        sorting,
        ask.page.after is not None,
        ask.page.with_total,
    )
    given = {
        **of,
        **by[1],
        **project_by[1],
        **pages.cursor_values(ask.page, sorting, _keys(sorting)),
        "kinds": ask.kinds,
        "limit": ask.page.first + 1,
    }
    rows = tx.rows(_statement(shape), **given)
    total = None
    if ask.page.with_total:
        total = rows[0].total if rows else tx.value(_statement(_total_of(shape)), **given)
    found = rows_of.from_rows(tx, rows)
    if ask.with_tags:
        found = with_tags(tx, found)
    keys = {row.c_id: pages.place(sorting, _keys(sorting), row) for row in rows}
    return page_of(found, ask.page.first, lambda collection: keys[collection.id], total)


def _total_of(shape: _Shape) -> _Shape:
    return _Shape(
        shape.scope,
        shape.action,
        shape.filter,
        shape.project_filter,
        NEWEST,
        has_after=False,
        with_total=False,
        is_total=True,
    )


def _keys(sorting: Sorting) -> pages.Keys:
    return pages.keys_of(SORTABLE[sorting.field], collections.c.id)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Prepared:
    conditions = _conditions(shape)
    total = select(func.count()).select_from(collections).where(*conditions).correlate(None)
    if shape.is_total:
        return prepared(total)
    order = _keys(shape.sorting)
    asked: list[ColumnElement[Any]] = [*COLLECTION_COLUMNS, *pages.labelled(order)]
    if shape.with_total:
        asked.append(total.scalar_subquery().label("total"))
    statement = (
        select(*asked)
        .select_from(with_type())
        .where(*conditions)
        .order_by(*pages.order_by(order, shape.sorting.descending))
        .limit(bindparam("limit"))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(order, shape.sorting.descending))
    return prepared(statement)


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    # One uncorrelated subquery decides about rights, once for the statement and not once a row.
    if shape.scope == "organization":
        seen = select(projects.c.id).where(
            projects.c.organization_id == bindparam("organization_id"),
            projects.c.kind == "registry",
            allowed(shape.action),
        )
        if shape.project_filter is not None:
            seen = seen.where(filters.condition(shape.project_filter, PROJECT_FIELDS))
        here: ColumnElement[bool] = collections.c.project_id.in_(seen)
    else:
        here = (
            collections.c.project_id
            == select(projects.c.id)
            .where(projects.c.id == bindparam("project_id"), allowed(shape.action))
            .scalar_subquery()
        )
    found = [
        here,
        collections.c.deleted_at.is_(None),
        among(collections.c.kind, "kinds", String),
    ]
    if shape.scope == "type":
        found.append(collections.c.type_id == bindparam("type_id"))
    if shape.filter is not None:
        found.append(filters.condition(shape.filter, COLLECTION_FIELDS))
    return found


def check_kinds(kinds: tuple[str, ...]) -> None:
    """Refuses kinds that there are not.

    Raises:
        InvalidFilter: names the unknown one.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidFilter(f"There is no kind of collection {kind[:40]!r}.")
