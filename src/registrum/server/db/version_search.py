"""Finding versions: the ids that fit a filter, in order, behind a cursor; `membership_pages.py` loads what they stand for.

An organization's list is read from its registries that the actor may see, which are found first: from each of few in
order, and merged; from the whole organization's index if they are many. `version_plans.py` chooses the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    bindparam,
    select,
)

from registrum.core.filters import Filter
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.server.db import filters, pages, registry_values, version_plans
from registrum.server.db.columns import among
from registrum.server.db.conditions import off_index
from registrum.server.db.fields import COLLECTION_FIELDS, PROJECT_FIELDS, VERSION_FIELDS
from registrum.server.db.filters import Plan
from registrum.server.db.pages import Sorting
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import collections, memberships, projects
from registrum.server.db.tx import Tx
from registrum.server.db.version_grids import Grid
from registrum.server.db.version_statements import (
    Shape,
    exceeds,
    fields_in,
    keys_of,
    statement,
    total_statement,
)
from registrum.server.db.visibility import allowed

MOST_MERGED = 16
"""Registries that are read one by one."""
MOST_COLLECTIONS = 1_000
"""Found by a filter on collections, before it becomes one more condition on each version."""


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of a page.

    Attributes:
        places: what the cursor behind each id holds, in order.
        following: the id of the next page's first row, if there is one.
        total: of all pages; None where it was not asked for.
    """

    places: dict[int, tuple[Any, ...]]
    following: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Which versions are looked for.

    Attributes:
        scope: "collection", "artifact" or "organization".
        of: the id of that, as a parameter.
        filter, collection_filter, project_filter: the last two are about an organization's.
    """

    action: Action
    scope: str
    of: Mapping[str, Any]
    page: PageAsk
    sorting: Sorting
    filter: Filter | None = None
    collection_filter: Filter | None = None
    project_filter: Filter | None = None


def find(tx: Tx, search: Search, *, is_hopeful: bool) -> Found:
    """The page of versions that the actor may do the action to.

    What is not living any more while its membership still is, is rare: after a collection was deleted, for a while.

    Args:
        is_hopeful: memberships may be read alone, where the conditions allow it. If one that was found turns out not to
            live (`LIVING`), the page is to be found again without hope.

    Raises:
        InvalidFilter: a filter or cursor that this list does not take.
    """
    keys = keys_of(search.sorting)
    cursor = pages.cursor_values(search.page, search.sorting, keys)
    shape, grid, given = _prepare(tx, search)
    if shape is None:
        return Found({}, total=0 if search.page.with_total else None)
    given |= cursor
    given["limit"] = search.page.first + 1
    hoped = replace(shape, is_hopeful=is_hopeful and _needs_memberships_only(shape))
    rows = grid.rows(tx, hoped, given) if grid is not None else None
    if rows is None:
        rows = tx.rows(statement(hoped), **given)
    following = [row.id for row in rows[search.page.first :]]
    order = search.sorting.name
    places = {id_: (order, *place) for id_, *place in rows[: search.page.first]}
    total = None
    if search.page.with_total:
        if search.page.after is None and len(rows) <= search.page.first:
            total = len(rows)
        else:
            total = int(tx.value(total_statement(replace(shape, has_after=False)), **given))
    return Found(places, following[0] if following else None, total)


# Fields that are read from memberships and from tables that are looked up by them.
_OF_MEMBERSHIPS = frozenset(
    {
        "id",
        "version",
        "tag",
        "alias",
        "created_at",
        "linked_at",
        "size",
        "collection_id",
        "project_id",
    }
)


def _needs_memberships_only(shape: Shape) -> bool:
    if shape.by_collection == "each":
        return False
    needed = fields_in(shape.filter)
    if shape.plan.more_facts == "none":
        needed -= {"metadata"}
    return needed <= _OF_MEMBERSHIPS


def _prepare(tx: Tx, search: Search) -> tuple[Shape | None, Grid | None, dict[str, Any]]:
    """The statement's shape, a shorter way, and the parameters but those of the page; None: nothing can be found."""
    by, values = filters.split(search.filter, VERSION_FIELDS, "f")
    given = {**search.of, **values}
    shape = Shape(
        search.scope, search.action, by, search.sorting, search.page.after is not None, Plan()
    )
    if search.scope == "organization":
        within = _within_registries(tx, search, shape, given)
        if within is None:
            return None, None, {}
        shape = within
    plan, grid = version_plans.plan_of(tx, shape, given)
    return replace(shape, plan=plan), grid, given


def _within_registries(tx: Tx, search: Search, shape: Shape, given: dict[str, Any]) -> Shape | None:
    """The shape for those registries and collections that are asked about; None if there are none."""
    in_collections, values = filters.split(search.collection_filter, COLLECTION_FIELDS, "c")
    ids = registries_seen(tx, search.action, given["organization_id"], search.project_filter)
    if not ids:
        return None
    ids = _with_metadata(tx, shape.filter, ids, given)
    if not ids:
        return None
    given["project_ids"] = ids
    if in_collections is not None:
        given |= values
        shape = replace(shape, by_collection="each", collection_filter=in_collections)
        plan = version_plans.plan_of_collections(tx, in_collections, given)
        found = tx.column(_collections(in_collections, plan), most=MOST_COLLECTIONS + 1, **given)
        if not found:
            return None
        if len(found) == 1:
            given["collection_id"] = found[0]
            return replace(shape, scope="collection", by_collection="", collection_filter=None)
        if len(found) <= MOST_COLLECTIONS:
            given["collection_ids"] = found
            are_many = tx.value(_MORE_IN_COLLECTIONS, most=version_plans.MOST_VISITED, **given)
            by_collection = "ids" if are_many else "first"
            shape = replace(shape, by_collection=by_collection)
    if len(ids) == 1:
        given["project_id"] = ids[0]
        return replace(shape, scope="project")
    if len(ids) <= MOST_MERGED:
        shape = replace(shape, scope="merged", branches=1 << (len(ids) - 1).bit_length())
        given |= {f"project_{i}": -1 for i in range(shape.branches)}
        given |= {f"project_{i}": number for i, number in enumerate(ids)}
    return shape


def registries_seen(
    tx: Tx, action: Action, organization_id: int, project_filter: Filter | None
) -> list[int]:
    """Ids of those registries of an organization that a filter holds for and in which the actor may do `action`."""
    by, values = filters.split(project_filter, PROJECT_FIELDS, "p")
    return tx.column(_registries(action, by), organization_id=organization_id, **values)


def _with_metadata(
    tx: Tx, asked: Filter | None, ids: list[int], given: Mapping[str, Any]
) -> list[int]:
    """Those registries that may have metadata which the conditions hold for."""
    leaves = [
        leaf
        for leaf in filters.required(asked)
        if leaf.field == "metadata" and leaf.op != "$size" and leaf.value.path
    ]
    if not leaves or version_plans.more_facts(tx) != "none":
        return ids
    for leaf in leaves[:4]:
        gap, value = leaf.value, None
        if gap.takes == "number":
            value = registry_values.NUMBER
        elif gap.takes == "text" and leaf.op == "$eq":
            value = registry_values.text_value(given[gap.name])
        ids = registry_values.may_have(tx, ids, given[gap.path], value)
    return ids


@lru_cache(maxsize=256)
def _registries(action: Action, in_projects: Filter | None) -> Prepared:
    conditions = [
        projects.c.organization_id == bindparam("organization_id"),
        projects.c.kind == "registry",
        allowed(action),
    ]
    if in_projects is not None:
        conditions.append(filters.condition(in_projects, PROJECT_FIELDS))
    return prepared(select(projects.c.id).where(*conditions).order_by(projects.c.id))


@lru_cache(maxsize=256)
def _collections(in_collections: Filter, plan: Plan) -> Prepared:
    project_id = off_index(collections.c.project_id) if plan.drives else collections.c.project_id
    return prepared(
        select(collections.c.id)
        .where(
            among(project_id, "project_ids"),
            collections.c.deleted_at.is_(None),
            filters.condition(in_collections, COLLECTION_FIELDS, plan),
        )
        .limit(bindparam("most"))
    )


_MORE_IN_COLLECTIONS = exceeds(
    select(memberships.c.id).where(among(memberships.c.collection_id, "collection_ids"))
)
