"""Lists of registries: those of an organization that the actor sees, filtered and sorted by the search language."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from registrum.core.filters import Filter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db import filters, pages
from registrum.server.db.fields import PROJECT_FIELDS
from registrum.server.db.pages import Sorting
from registrum.server.db.projects import PROJECT_COLUMNS, project_from, with_owner
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import allowed

SORTABLE: pages.Sortable = {
    "id": projects.c.id,
    "name": projects.c.name,
    "created_at": projects.c.created_at,
    "updated_at": func.coalesce(
        projects.c.updated_at, projects.c.created_at, type_=projects.c.created_at.type
    ),
}
NEWEST = Sorting("id", True, "projects")


@dataclass(frozen=True, slots=True)
class ProjectsAsk:
    """Which projects of an entity are asked for, and in which order.

    Attributes:
        order: as the wire has it, `-created_at`; None: newest first.
    """

    page: PageAsk
    filter: Filter | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that a statement depends on but its parameters."""

    action: Action
    filter: Filter | None
    sorting: Sorting
    has_after: bool
    is_total: bool = False


def page_of_registries(tx: Tx, action: Action, owner: Entity, ask: ProjectsAsk) -> Page[Project]:
    """The projects of an entity in which the actor may do `action`; of an organization's own entity, its registries.

    Raises:
        InvalidFilter: a filter, order or cursor that the list does not take.
    """
    sorting = pages.sorting(ask.order, SORTABLE, NEWEST)
    split, values = filters.split(ask.filter, PROJECT_FIELDS, "f")
    shape = _Shape(action, split, sorting, ask.page.after is not None)
    given: dict[str, Any] = {
        **values,
        **pages.cursor_values(ask.page, sorting, _keys(sorting)),
        "owner_id": owner.id,
        "limit": ask.page.first + 1,
    }
    rows = tx.rows(_statement(shape), **given)
    total = None
    if ask.page.with_total:
        total = tx.value(_statement(replace(shape, has_after=False, is_total=True)), **given)
    keys = {row.p_id: pages.place(sorting, _keys(sorting), row) for row in rows}
    found = [project_from(row) for row in rows]
    return page_of(found, ask.page.first, lambda project: keys[project.id], total)


def _keys(sorting: Sorting) -> pages.Keys:
    return pages.keys_of(SORTABLE[sorting.field], projects.c.id)


@lru_cache(maxsize=256)
def _statement(shape: _Shape) -> Prepared:
    conditions: list[ColumnElement[bool]] = [
        projects.c.entity_id == bindparam("owner_id"),
        allowed(shape.action),
    ]
    if shape.filter is not None:
        conditions.append(filters.condition(shape.filter, PROJECT_FIELDS))
    if shape.is_total:
        return prepared(select(func.count()).select_from(projects).where(*conditions))
    keys = _keys(shape.sorting)
    statement = (
        select(*PROJECT_COLUMNS, *pages.labelled(keys))
        .select_from(with_owner())
        .where(*conditions)
        .order_by(*pages.order_by(keys, shape.sorting.descending))
        .limit(bindparam("limit"))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(keys, shape.sorting.descending))
    return prepared(statement)
