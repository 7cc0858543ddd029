"""Lists of collections: of a project, of one of its types, of all registries of an organization."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from registrum.core.collections import Collection, Tag
from registrum.core.filters import Filter
from registrum.core.pages import Edge, Page, PageAsk
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import collections as rows_of
from registrum.server.db import filters, pages, tags, version_plans, version_search
from registrum.server.db.collections import COLLECTION_COLUMNS, with_type
from registrum.server.db.columns import among, those
from registrum.server.db.conditions import off_index
from registrum.server.db.fields import COLLECTION_FIELDS
from registrum.server.db.filters import Plan
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
    """All that a statement depends on but its parameters.

    Attributes:
        scope: "project", "type", or of an organization "registry", where one is seen, or "registries".
        kind: the only one; "": both.
        counts: whether each row tells how many there are: where all that fit are visited for a page anyway.
    """

    scope: str
    action: Action
    kind: str
    filter: Filter | None
    sorting: Sorting
    has_after: bool
    plan: Plan
    counts: bool


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
    keys = _keys(sorting)
    by, values = filters.split(ask.filter, COLLECTION_FIELDS, "f")
    given = {**of, **values, **pages.cursor_values(ask.page, sorting, keys)}
    kind = ask.kinds[0] if len(set(ask.kinds)) == 1 else ""
    if scope == "organization":
        # Registries hold nothing that was logged.
        if "portfolio" not in ask.kinds:
            return Page((), total_count=0 if ask.page.with_total else None)
        kind = "portfolio"
        seen = version_search.registries_seen(tx, action, of["organization_id"], ask.project_filter)
        if not seen:
            return Page((), total_count=0 if ask.page.with_total else None)
        scope = "registry" if len(seen) == 1 else "registries"
        given |= {"project_id": seen[0], "project_ids": seen}
    given |= {"kind": kind, "limit": ask.page.first + 1}
    has_after = ask.page.after is not None
    plan = version_plans.plan_of_collections(tx, by, given)
    counts = ask.page.with_total and not has_after and _visits_all(by, plan, sorting)
    shape = _Shape(scope, action, kind, by, sorting, has_after, plan, counts)
    rows = tx.rows(_statement(shape), **given)
    total = None
    if ask.page.with_total:
        if not has_after and len(rows) <= ask.page.first:
            total = len(rows)
        else:
            total = rows[0].total if counts else tx.value(_total_statement(shape), **given)
    places = {row.id: pages.place(sorting, keys, row) for row in rows[: ask.page.first]}
    by_id = {row.c_id: row for row in tx.rows(_BY_IDS, collection_ids=list(places))}
    rows_found = [by_id[number] for number in places]
    found = rows_of.from_rows(tx, rows_found, tags=_tags(tx, ask, places))
    edges = tuple([Edge(each, places[each.id]) for each in found])
    return Page(edges, len(rows) > ask.page.first, total)


# They were found for the actor in the same snapshot. Finding them needs the indexes only.
_BY_IDS = prepared(
    select(*COLLECTION_COLUMNS)
    .select_from(with_type())
    .where(those(collections.c.id, "collection_ids"))
)


def _visits_all(by: Filter | None, plan: Plan, sorting: Sorting) -> bool:
    """Whether a page's statement had better look at all that fit, and count them, than stop where the page is full.

    What is found by a tag comes in the order of ids, and is sorted for another one. Regular expressions cost so much that
    no row should be compared twice.
    """
    return (plan.drives and sorting.field != "id") or any(
        leaf.op == "$regex" for leaf in filters.leaves(by)
    )


def _tags(tx: Tx, ask: CollectionsAsk, ids: Iterable[int]) -> dict[int, tuple[Tag, ...]]:
    return tags.by_collections(tx, list(ids)) if ask.with_tags else {}


def _keys(sorting: Sorting) -> pages.Keys:
    return pages.keys_of(SORTABLE[sorting.field], collections.c.id)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Prepared:
    keys = _keys(shape.sorting)
    sorts = shape.plan.drives and shape.sorting.field != "id"
    order = [off_index(keys[0]), *keys[1:]] if sorts else keys
    statement = (
        select(collections.c.id.label("id"), *pages.labelled(keys))
        .where(*_conditions(shape, is_total=False))
        .order_by(*pages.order_by(order, shape.sorting.descending))
        .limit(bindparam("limit"))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(keys, shape.sorting.descending))
        if shape.sorting.field == "updated_at":
            # The condition on both keys holds only where this one does, by which alone SQLite finds the place in the index.
            last = bindparam("last_0", type_=keys[0].type)
            statement = statement.where(
                keys[0] <= last if shape.sorting.descending else keys[0] >= last
            )
    if shape.counts:
        statement = statement.add_columns(func.count().over().label("total"))
    return prepared(statement)


@lru_cache(maxsize=512)
def _total_statement(shape: _Shape) -> Prepared:
    conditions = _conditions(shape, is_total=True)
    return prepared(select(func.count()).select_from(collections).where(*conditions))


def _conditions(shape: _Shape, *, is_total: bool) -> list[ColumnElement[bool]]:
    c, drives = collections.c, shape.plan.drives
    project_id = off_index(c.project_id) if drives else c.project_id
    found: list[ColumnElement[bool]] = [c.deleted_at.is_(None)]
    # What nearly every row passes is looked at last; SQLite keeps to the order in which conditions are written.
    later: list[ColumnElement[bool]] = []
    if shape.scope == "registry":
        found.append(project_id == bindparam("project_id"))
    elif shape.scope == "registries":
        if drives or is_total:
            found.append(among(project_id, "project_ids"))
        else:
            # The organization's indexes have the name in them, so that few rows are read.
            found.append(c.organization_id == bindparam("organization_id"))
            later.append(among(off_index(c.project_id), "project_ids"))
    else:
        # An uncorrelated subquery decides about rights, once for the statement and not once a row.
        seen = select(projects.c.id).where(
            projects.c.id == bindparam("project_id"), allowed(shape.action)
        )
        found.append(project_id == seen.scalar_subquery())
    if shape.scope == "type":
        found.append(c.type_id == bindparam("type_id"))
    if shape.kind and shape.scope != "registries":
        later.append(c.kind == bindparam("kind"))
    if shape.filter is not None:
        found.append(filters.condition(shape.filter, COLLECTION_FIELDS, shape.plan))
    return [*found, *later]
