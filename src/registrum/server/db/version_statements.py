"""Versions that fit a filter, as SQL: one statement for each shape of a question and each plan to answer it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
    union_all,
)

from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.core.policy import Action
from registrum.server.db import filters, pages
from registrum.server.db.artifacts import sequences
from registrum.server.db.column_fields import Plain
from registrum.server.db.columns import among
from registrum.server.db.conditions import off_index
from registrum.server.db.fields import COLLECTION_FIELDS, VERSION_FIELDS
from registrum.server.db.filters import Plan
from registrum.server.db.pages import Sorting
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifacts, collections, memberships, projects
from registrum.server.db.visibility import allowed, is_alive

SORTABLE: pages.Sortable = {
    "id": memberships.c.id,
    "version": memberships.c.version,
    "version_index": memberships.c.version,
    "artifact_created_at": memberships.c.artifact_created_at,
    "created_at": memberships.c.artifact_created_at,
    "acm_created_at": memberships.c.created_at,
    "linked_at": memberships.c.created_at,
    "artifact_size": memberships.c.size_bytes,
    "size": memberships.c.size_bytes,
}
NEWEST_VERSION = Sorting("version", True, "versions")
NEWEST = Sorting("acm_created_at", True, "versions")
OLDEST = Sorting("id", False, "versions")

_CELL_BITS = 32


def cell_of(micros: int) -> int:
    """The cell of time, of 72 minutes, that a moment is in."""
    return micros >> _CELL_BITS


def _cell(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """`cell_of` as the indexes have it."""
    bits = literal_column(str(_CELL_BITS), BigInteger())
    return type_coerce(moment, BigInteger).bitwise_rshift(bits)


LOGGED_CELL = _cell(memberships.c.artifact_created_at)
LINKED_CELL = _cell(memberships.c.created_at)


@dataclass(frozen=True, slots=True)
class Shape:
    """All that a statement depends on but its parameters.

    Attributes:
        scope: "collection", "artifact", "project", "merged" or "organization".
        branches: registries that are merged.
        by_collection: "": no filter on collections; "ids" or "first": they were found, and their versions are
            compared or visited; "each": it is a condition on each version.
        is_hopeful: memberships are read alone, without what they name.
        cut: "": the whole list; "logged": what was logged in the `cell`; "linked": what was linked in the `cells`, not
            before `since`, of artifacts older than `from_artifact`.
    """

    scope: str
    action: Action
    filter: Filter | None
    sorting: Sorting
    has_after: bool
    plan: Plan
    branches: int = 0
    by_collection: str = ""
    collection_filter: Filter | None = None
    is_hopeful: bool = False
    cut: str = ""

    @property
    def is_driven(self) -> bool:
        """Some condition's rows are visited and sorted, whatever their order."""
        by_rows = self.plan.drives and not is_plain(self.plan)
        return by_rows or self.by_collection == "first"


def is_plain(plan: Plan) -> bool:
    """Its leaves are about a column of the memberships."""
    return bool(plan.leaves) and isinstance(VERSION_FIELDS[plan.leaves[0].field], Plain)


def fields_in(shape: Filter | None) -> set[str]:
    """The fields that a filter is about."""
    if isinstance(shape, Compare):
        return {shape.field}
    if isinstance(shape, Negation):
        return fields_in(shape.part)
    if isinstance(shape, Every | Either):
        return {name for part in shape.parts for name in fields_in(part)}
    return set()


def unmerged(scope: str) -> str:
    """The scope that covers the rows of all branches."""
    return "organization" if scope == "merged" else scope


def exceeds(statement: Any) -> Prepared:
    """1 if a statement has more rows than the parameter `most`, else nothing."""
    return prepared(statement.limit(1).offset(bindparam("most")))


ALIVE = memberships.c.deleted_at.is_(None)
# A version is there while its place, its collection, itself, and the sequence and project it comes from are.
LIVING = and_(
    ALIVE,
    collections.c.deleted_at.is_(None),
    artifacts.c.state == "committed",
    sequences.c.deleted_at.is_(None),
    is_alive(artifacts.c.project_id),
)
_JOINED = (
    memberships.join(artifacts, artifacts.c.id == memberships.c.artifact_id)
    .join(collections, collections.c.id == memberships.c.collection_id)
    .join(sequences, sequences.c.id == artifacts.c.collection_id)
)


def keys_of(sorting: Sorting) -> pages.Keys:
    """What the rows are sorted by."""
    return pages.keys_of(SORTABLE[sorting.field], memberships.c.id)


@lru_cache(maxsize=512)
def statement(shape: Shape) -> Prepared:
    """The ids of a page, and their places in the order."""
    keys = keys_of(shape.sorting)
    order = pages.order_by(keys, shape.sorting.descending)
    if shape.is_driven or shape.plan.drives or shape.cut == "linked":
        order = pages.order_by([off_index(keys[0]), *keys[1:]], shape.sorting.descending)
    if shape.scope != "merged" or shape.is_driven:
        return prepared(_one(shape, keys, None).order_by(*order).limit(bindparam("limit")))
    branches: list[Any] = [
        select(literal_column("*")).select_from(
            _one(shape, keys, i).order_by(*order).limit(bindparam("limit")).subquery()
        )
        for i in range(shape.branches)
    ]
    merged = union_all(*branches).subquery()
    labels: list[ColumnElement[Any]] = [
        literal_column(f"k{i}", key.type) for i, key in enumerate(keys)
    ]
    return prepared(
        select(literal_column("id", memberships.c.id.type).label("id"), *pages.labelled(labels))
        .select_from(merged)
        .order_by(*pages.order_by(labels, shape.sorting.descending))
        .limit(bindparam("limit"))
    )


def _one(shape: Shape, keys: pages.Keys, branch: int | None) -> Any:
    statement = (
        select(memberships.c.id.label("id"), *pages.labelled(keys))
        .select_from(memberships if shape.is_hopeful else _JOINED)
        .where(*_conditions(shape, branch))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(keys, shape.sorting.descending))
    return statement


@lru_cache(maxsize=512)
def total_statement(shape: Shape) -> Prepared:
    """How many versions there are on all pages."""
    return prepared(select(func.count()).select_from(_JOINED).where(*_conditions(shape, None)))


def _conditions(shape: Shape, branch: int | None) -> list[ColumnElement[bool]]:
    found, place = [ALIVE if shape.is_hopeful else LIVING], here(shape, branch)
    # SQLite keeps to the order in which conditions are written: what few rows are in is looked at before the place,
    # which nearly all are in.
    is_set_first = bool(shape.plan.leaves) and not shape.is_driven
    if not is_set_first:
        found += place
    if shape.by_collection in ("ids", "first"):
        collection_id: ColumnElement[int] = memberships.c.collection_id
        if shape.by_collection == "ids":
            collection_id = off_index(collection_id)
        found.append(among(collection_id, "collection_ids"))
    elif shape.by_collection == "each" and shape.collection_filter is not None:
        found.append(filters.condition(shape.collection_filter, COLLECTION_FIELDS))
    if shape.filter is not None:
        found.append(filters.condition(shape.filter, VERSION_FIELDS, shape.plan))
    found += _CUTS[shape.cut]
    return [*found, *place] if is_set_first else found


_CUTS: dict[str, list[ColumnElement[bool]]] = {
    "": [],
    "logged": [bindparam("cell", type_=BigInteger) == LOGGED_CELL],
    "linked": [
        among(LINKED_CELL, "cells"),
        memberships.c.artifact_id < bindparam("from_artifact"),
        pages.plain(off_index(memberships.c.created_at)) >= bindparam("since", type_=BigInteger),
    ],
}


def here(shape: Shape, branch: int | None) -> Sequence[ColumnElement[bool]]:
    """Where the versions are, and that the actor may do the action there."""
    c = memberships.c
    if shape.scope == "collection":
        collection_id = off_index(c.collection_id) if shape.is_driven else c.collection_id
        own = collections.alias("own")
        # An uncorrelated subquery decides about rights, once for the statement and not once a row.
        holding = (
            select(own.c.id)
            .join(projects, projects.c.id == own.c.project_id)
            .where(own.c.id == bindparam("collection_id"), allowed(shape.action))
        )
        return [collection_id == holding.scalar_subquery()]
    if shape.scope == "artifact":
        places = memberships.alias("places")
        around = select(places.c.project_id).where(places.c.artifact_id == bindparam("artifact_id"))
        seen = select(projects.c.id).where(allowed(shape.action), projects.c.id.in_(around))
        return [c.artifact_id == bindparam("artifact_id"), c.project_id.in_(seen)]
    project_id = off_index(c.project_id) if shape.is_driven else c.project_id
    if shape.scope == "project":
        # Only links are in registries; that they are is said for an index that has nothing else.
        linked = [c.organization_id.is_not(None)] if shape.is_driven else []
        return [project_id == bindparam("project_id"), *linked]
    if branch is not None:
        return [project_id == bindparam(f"project_{branch}")]
    if shape.is_driven:
        return [c.organization_id.is_not(None), among(project_id, "project_ids")]
    if shape.scope == "merged":
        return [among(project_id, "project_ids")]
    return [
        c.organization_id == bindparam("organization_id"),
        among(off_index(c.project_id), "project_ids"),
    ]


def in_projects(shape: Shape, project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: it is the project that is listed, or one of them."""
    if shape.scope == "project":
        return project_id == bindparam("project_id")
    return among(project_id, "project_ids")
