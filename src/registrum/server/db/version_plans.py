"""Which way leads to a page of versions: the planner, which looks at a little before it begins.

*In order*: the versions are read in the order asked for and each is looked at, until the page is full; good where many fit.
*By set*: the same, but what one condition holds for is collected first and looked up. *By condition*: what an index finds for
one condition is visited and then sorted; good where few fit. docs/search.md says what this means for people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    and_,
    bindparam,
    func,
    select,
)

from registrum.core.filters import Compare, Filter
from registrum.core.policy import Action
from registrum.server.db import filters, pages
from registrum.server.db.column_fields import Plain
from registrum.server.db.conditions import is_second
from registrum.server.db.document_fields import Facts
from registrum.server.db.fields import COLLECTION_FIELDS, VERSION_FIELDS
from registrum.server.db.filters import Plan
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifacts, facts, memberships
from registrum.server.db.tx import Tx
from registrum.server.db.version_grids import ByCells, FromNewest, Grid
from registrum.server.db.version_statements import (
    ALIVE,
    NEWEST,
    SORTABLE,
    Shape,
    cell_of,
    exceeds,
    fields_in,
    here,
    in_projects,
    is_plain,
    keys_of,
    unmerged,
)

FEW_ROWS = 1_000
"""Of a scope: no plan is needed for it."""
MOST_VISITED = 4_000
"""By condition."""
MOST_IN_SET = 12_000
"""Beyond, looking at each version in order costs less than collecting them, at a million."""
EARLY, MANY_EARLY = 2_000, 40
"""Versions at the beginning of the list that are looked at, and how many that fit show that a page is soon full."""
SAMPLE = 200
"""Rows of one condition that are looked at, to learn how many of them others hold for."""
FEW_OF_SAMPLE = 60
FEW_MORE_FACTS = 200
_FAR = 2**62

_MORE_FACTS = exceeds(select(artifacts.c.id).where(artifacts.c.more_facts.is_not(None)))
_SORTED_BY = {
    name: next(
        (f for f, field in VERSION_FIELDS.items() if getattr(field, "column", None) is column), ""
    )
    for name, column in SORTABLE.items()
}


def plan_of(tx: Tx, shape: Shape, given: Mapping[str, Any]) -> tuple[Plan, Grid | None]:
    """The way to the page that this shape and its parameters ask for, and a shorter one that may lead there."""
    plan = Plan(
        more_facts=more_facts(tx) if "metadata" in fields_in(shape.filter) else "none",
        sorted_by=_SORTED_BY[shape.sorting.field],
    )
    groups = _groups(shape, plan)
    if not groups or shape.scope == "artifact" or shape.by_collection == "first":
        return plan, None
    if not tx.value(_scope_exceeds(shape.scope), most=FEW_ROWS, **given):
        return plan, None
    plans = [_by(tx, leaves, plan, given) for leaves in groups]
    for most in _limits(shape, plans, given):
        for each in plans:
            count = tx.value(_count(shape, each), most=most + 1, **given)
            if count <= most:
                chosen, share = replace(each, drives=True), 1.0
                if count > MOST_VISITED and not is_plain(each):
                    chosen, share = _with_others(tx, shape, each, given)
                return chosen, _from_newest(shape, each, count, share)
    for each in filter(is_plain, plans):
        # Times and sizes may hold for none of the first half million: they are visited instead.
        cells = _cells_of(shape, each, given)
        if (
            cells is not None
            or tx.value(_early(replace(shape, plan=each)), most=EARLY, **given) < MANY_EARLY
        ):
            return replace(each, drives=True), cells
    return plan, None


def plan_of_collections(tx: Tx, by: Filter | None, given: Mapping[str, Any]) -> Plan:
    """The way to collections, to list them or the versions in them: by a tag that few have, else each is looked at."""
    for leaf in filters.required(by):
        exceeding = _collections_exceed(leaf)
        if exceeding is not None and not tx.value(exceeding, most=MOST_VISITED, **given):
            return Plan((leaf,), drives=True)
    return Plan()


@lru_cache(maxsize=64)
def _collections_exceed(leaf: Compare) -> Prepared | None:
    found = COLLECTION_FIELDS[leaf.field].found_by((leaf,), Plan())
    return None if found is None else exceeds(found)


def _limits(shape: Shape, plans: Sequence[Plan], given: Mapping[str, Any]) -> tuple[int, ...]:
    """Up to which the rows of the plans are counted, one limit after the other, to find the one with few."""
    if len(plans) > 1:
        return FEW_ROWS, MOST_IN_SET
    return (FEW_ROWS if _cells_of(shape, plans[0], given) is not None else MOST_IN_SET,)


def _is_newest_first(shape: Shape) -> bool:
    """The list of a registry or an organization, by when versions were linked."""
    by = (shape.sorting.field, shape.sorting.descending)
    return by == ("acm_created_at", True) and shape.scope in ("project", "merged", "organization")


def _from_newest(shape: Shape, plan: Plan, count: int, share: float) -> Grid | None:
    """The way from the newest of what was counted, where that is of artifacts."""
    thing = getattr(VERSION_FIELDS[plan.leaves[0].field], "thing", None)
    is_of_artifacts = thing is memberships.c.artifact_id
    if not is_of_artifacts or not _is_newest_first(shape):
        return None
    return FromNewest(count, share)


def _cells_of(shape: Shape, plan: Plan, given: Mapping[str, Any]) -> Grid | None:
    """The way by cells of time, where the leaves are about when versions were logged."""
    if plan.leaves[0].field != "created_at" or not _is_newest_first(shape):
        return None
    first, last = -_FAR, _FAR
    for leaf in plan.leaves:
        moment = given[leaf.value.name]
        if leaf.op in ("$eq", "$gt", "$gte"):
            first = max(first, moment)
        if leaf.op in ("$eq", "$lt", "$lte"):
            last = min(last, moment)
    return ByCells(cell_of(first), cell_of(last))


def _by(tx: Tx, leaves: tuple[Compare, ...], plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan with these leaves."""
    if len(leaves) == 1 or leaves[0].field != "metadata" or plan.more_facts != "none":
        return replace(plan, leaves=leaves)
    several = tx.value(_several_values(leaves[0].value.path), most=0, **given)
    return replace(plan, leaves=leaves, one_value=not several)


def _with_others(tx: Tx, shape: Shape, plan: Plan, given: Mapping[str, Any]) -> tuple[Plan, float]:
    """The plan by what several conditions on metadata hold for together, if a sample says that those are few; their share."""
    field = VERSION_FIELDS[plan.leaves[0].field]
    is_exact = len(plan.leaves) == 1 or plan.one_value
    if not isinstance(field, Facts) or plan.more_facts != "none" or not is_exact:
        return plan, 1.0
    others = [
        leaf
        for leaf in filters.required(shape.filter)
        if VERSION_FIELDS[leaf.field] is field and leaf.op != "$size" and leaf not in plan.leaves
    ]
    if not others:
        return plan, 1.0
    both = replace(plan, also=tuple(others), drives=True)
    fitting = tx.value(_sample(both), **given, most=SAMPLE)
    return both if fitting <= FEW_OF_SAMPLE else plan, max(fitting, 1) / SAMPLE


@lru_cache(maxsize=256)
def _sample(plan: Plan) -> Prepared:
    field = VERSION_FIELDS[plan.leaves[0].field]
    assert isinstance(field, Facts)
    return prepared(field.counts_also(plan, "most"))


@lru_cache(maxsize=512)
def _groups(shape: Shape, plan: Plan) -> Sequence[tuple[Compare, ...]]:
    """Conditions that an index finds the rows of; those on one value of the metadata or one column together."""
    found: dict[tuple[str, str], list[Compare]] = {}
    for leaf in filters.required(shape.filter):
        field = VERSION_FIELDS[leaf.field]
        if isinstance(field, Plain):
            is_range = field.is_indexed and leaf.op in ("$eq", "$gt", "$gte", "$lt", "$lte")
            if is_range and leaf.field != plan.sorted_by and shape.scope != "collection":
                found.setdefault((leaf.field, ""), []).append(leaf)
        elif field.found_by((leaf,), plan) is not None:
            found.setdefault((leaf.field, leaf.value.path or leaf.value.name), []).append(leaf)
    return [tuple(leaves) for leaves in found.values()][:4]


def more_facts(tx: Tx) -> str:
    """How many artifacts have metadata beyond what is indexed: "none", "few" or "many"."""
    if not tx.value(_MORE_FACTS, most=0):
        return "none"
    return "many" if tx.value(_MORE_FACTS, most=FEW_MORE_FACTS) else "few"


@lru_cache(maxsize=64)
def _scope_exceeds(scope: str) -> Prepared:
    shape = Shape(unmerged(scope), Action.READ, None, NEWEST, False, Plan())
    rows = select(memberships.c.id).where(ALIVE, *here(shape, None))
    if shape.scope in ("organization", "project"):
        # In an order, so that PostgreSQL reads an index and not the whole table up to enough rows.
        rows = rows.order_by(memberships.c.created_at, memberships.c.id)
    return exceeds(rows)


@lru_cache(maxsize=512)
def _count(shape: Shape, plan: Plan) -> Prepared:
    """How many rows fit the leaves of a plan, up to the parameter `most`."""
    field = VERSION_FIELDS[plan.leaves[0].field]
    found: Any = field.found_by(plan.leaves, plan)
    if found is None:
        narrowing = replace(plan, drives=True)
        found = select(memberships.c.id).where(
            ALIVE,
            *(field.condition(leaf, narrowing) for leaf in plan.leaves),
            in_projects(shape, memberships.c.project_id),
        )
    return prepared(select(func.count()).select_from(found.limit(bindparam("most")).subquery()))


@lru_cache(maxsize=64)
def _early(shape: Shape) -> Prepared:
    """How many of the list's first rows, as many as the parameter `most`, fit the leaves of its plan."""
    keys = keys_of(shape.sorting)
    first = (
        select(memberships.c.id)
        .where(ALIVE, *here(replace(shape, scope=unmerged(shape.scope)), None))
        .order_by(*pages.order_by(keys, shape.sorting.descending))
        .limit(bindparam("most"))
    )
    if shape.has_after:
        first = first.where(pages.behind(keys, shape.sorting.descending))
    fit = (VERSION_FIELDS[leaf.field].condition(leaf, Plan()) for leaf in shape.plan.leaves)
    return prepared(select(func.count()).where(memberships.c.id.in_(first), *fit))


@lru_cache(maxsize=64)
def _several_values(path: str) -> Prepared:
    """Whether artifacts have several values at the path which is this parameter; `most` is 0."""
    at = and_(facts.c.path == bindparam(path), is_second(facts.c.ordinal))
    return exceeds(select(facts.c.artifact_id).where(at))
