"""Finding versions: the ids that fit a filter, in order, behind a cursor; `membership_pages.py` loads what they stand for.

There are three ways to a page, and the planner here, which counts a little before it begins, chooses. *In order*: the
versions are read in the order asked for and each is looked at, until the page is full; good where many fit. *By set*: the
same, but what one condition holds for is collected first and looked up. *By condition*: what an index finds for one
condition is visited and then sorted; good where few fit. docs/search.md says what this means for people.

An organization's list is read from its registries that the actor may see, which are found first: from each of few in
order, and merged; from the whole organization's index if they are many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.server.db import filters, pages, registry_values
from registrum.server.db.artifacts import sequences
from registrum.server.db.columns import among
from registrum.server.db.conditions import off_index
from registrum.server.db.fields import COLLECTION_FIELDS, PROJECT_FIELDS, VERSION_FIELDS
from registrum.server.db.filters import Facts, Plain, Plan
from registrum.server.db.pages import Sorting
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifacts, collections, facts, memberships, projects
from registrum.server.db.tx import Tx
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
MOST_MERGED = 16
"""Registries that are read one by one."""
MOST_COLLECTIONS = 200
"""Found by a filter on collections, before it becomes one more condition on each version."""
FEW_MORE_FACTS = 200


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


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that a statement depends on but its parameters.

    Attributes:
        scope: "collection", "artifact", "project", "merged" or "organization".
        branches: registries that are merged.
        by_collection: "": no filter on collections; "ids" or "first": they were found, and their versions are
            compared or visited; "each": it is a condition on each version.
        is_hopeful: memberships are read alone, without what they name.
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

    @property
    def is_driven(self) -> bool:
        """Some condition's rows are visited and sorted, whatever their order."""
        by_rows = self.plan.drives and not _is_plain(self.plan)
        return by_rows or self.by_collection == "first"


def find(tx: Tx, search: Search, *, is_hopeful: bool) -> Found:
    """The page of versions that the actor may do the action to.

    What is not living any more while its membership still is, is rare: after a collection was deleted, for a while.

    Args:
        is_hopeful: memberships may be read alone, where the conditions allow it. If one that was found turns out not to
            live (`LIVING`), the page is to be found again without hope.

    Raises:
        InvalidFilter: a filter or cursor that this list does not take.
    """
    keys = _keys(search.sorting)
    shape, given = _prepare(tx, search)
    if shape is None:
        return Found({}, total=0 if search.page.with_total else None)
    given |= pages.cursor_values(search.page, search.sorting, keys)
    given["limit"] = search.page.first + 1
    hope = is_hopeful and _needs_memberships_only(shape)
    rows = tx.rows(_statement(replace(shape, is_hopeful=hope)), **given)
    following = [row.id for row in rows[search.page.first :]]
    places = {row.id: pages.place(search.sorting, keys, row) for row in rows[: search.page.first]}
    total = None
    if search.page.with_total:
        if search.page.after is None and len(rows) <= search.page.first:
            total = len(rows)
        else:
            total = int(tx.value(_total_statement(replace(shape, has_after=False)), **given))
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


def _needs_memberships_only(shape: _Shape) -> bool:
    if shape.by_collection == "each":
        return False
    needed = _fields(shape.filter)
    if shape.plan.more_facts == "none":
        needed -= {"metadata"}
    return needed <= _OF_MEMBERSHIPS


def _fields(shape: Filter | None) -> set[str]:
    """The fields that a filter is about."""
    if isinstance(shape, Compare):
        return {shape.field}
    if isinstance(shape, Negation):
        return _fields(shape.part)
    if isinstance(shape, Every | Either):
        return {name for part in shape.parts for name in _fields(part)}
    return set()


def _prepare(tx: Tx, search: Search) -> tuple[_Shape | None, dict[str, Any]]:
    """The statement's shape and its parameters but those of the page; None: nothing can be found."""
    by, values = filters.split(search.filter, VERSION_FIELDS, "f")
    given = {**search.of, **values}
    shape = _Shape(
        search.scope, search.action, by, search.sorting, search.page.after is not None, Plan()
    )
    if search.scope == "organization":
        within = _within_registries(tx, search, shape, given)
        if within is None:
            return None, {}
        shape = within
    return replace(shape, plan=_plan(tx, shape, given)), given


# --- Where an organization's versions are


def _within_registries(
    tx: Tx, search: Search, shape: _Shape, given: dict[str, Any]
) -> _Shape | None:
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
        found = tx.column(_collections(in_collections), most=MOST_COLLECTIONS + 1, **given)
        if not found:
            return None
        if len(found) == 1:
            given["collection_id"] = found[0]
            return replace(shape, scope="collection", by_collection="", collection_filter=None)
        if len(found) <= MOST_COLLECTIONS:
            given["collection_ids"] = found
            are_many = tx.value(_MORE_IN_COLLECTIONS, most=MOST_VISITED, **given)
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
    if not leaves or _more_facts(tx) != "none":
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
def _collections(in_collections: Filter) -> Prepared:
    return prepared(
        select(collections.c.id)
        .where(
            among(collections.c.project_id, "project_ids"),
            collections.c.deleted_at.is_(None),
            filters.condition(in_collections, COLLECTION_FIELDS),
        )
        .limit(bindparam("most"))
    )


def exceeds(statement: Any) -> Prepared:
    """1 if a statement has more rows than the parameter `most`, else nothing."""
    return prepared(statement.limit(1).offset(bindparam("most")))


_MORE_IN_COLLECTIONS = exceeds(
    select(memberships.c.id).where(among(memberships.c.collection_id, "collection_ids"))
)


# --- Planning

_MORE_FACTS = exceeds(select(artifacts.c.id).where(artifacts.c.more_facts.is_not(None)))
_SORTED_BY = {
    name: next(
        (f for f, field in VERSION_FIELDS.items() if getattr(field, "column", None) is column), ""
    )
    for name, column in SORTABLE.items()
}


def _plan(tx: Tx, shape: _Shape, given: Mapping[str, Any]) -> Plan:
    plan = Plan(
        more_facts=_more_facts(tx) if "metadata" in _fields(shape.filter) else "none",
        sorted_by=_SORTED_BY[shape.sorting.field],
    )
    groups = _groups(shape, plan)
    if not groups or shape.scope == "artifact" or shape.by_collection == "first":
        return plan
    if not tx.value(_scope_exceeds(shape.scope), most=FEW_ROWS, **given):
        return plan
    plans = [_by(tx, leaves, plan, given) for leaves in groups]
    for most in (FEW_ROWS, MOST_VISITED, MOST_IN_SET):
        for each in plans:
            if not tx.value(_exceeds(shape, each), most=most, **given):
                if most <= MOST_VISITED or _is_plain(each):
                    return replace(each, drives=True)
                return _with_others(tx, shape, each, given)
    for each in filter(_is_plain, plans):
        # Times and sizes may hold for none of the first half million: they are visited instead.
        if tx.value(_early(replace(shape, plan=each)), most=EARLY, **given) < MANY_EARLY:
            return replace(each, drives=True)
    return plan


def _by(tx: Tx, leaves: tuple[Compare, ...], plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan with these leaves."""
    if len(leaves) == 1 or leaves[0].field != "metadata" or plan.more_facts != "none":
        return replace(plan, leaves=leaves)
    several = tx.value(_several_values(leaves[0].value.path), most=0, **given)
    return replace(plan, leaves=leaves, one_value=not several)


def _with_others(tx: Tx, shape: _Shape, plan: Plan, given: Mapping[str, Any]) -> Plan:
    """The plan by what several conditions on metadata hold for together, if a sample says that those are few."""
    field = VERSION_FIELDS[plan.leaves[0].field]
    is_exact = len(plan.leaves) == 1 or plan.one_value
    if not isinstance(field, Facts) or plan.more_facts != "none" or not is_exact:
        return plan
    others = [
        leaf
        for leaf in filters.required(shape.filter)
        if VERSION_FIELDS[leaf.field] is field and leaf.op != "$size" and leaf not in plan.leaves
    ]
    if not others:
        return plan
    both = replace(plan, also=tuple(others), drives=True)
    fitting = tx.value(_sample(both), **given, most=SAMPLE)
    return both if fitting <= FEW_OF_SAMPLE else plan


@lru_cache(maxsize=256)
def _sample(plan: Plan) -> Prepared:
    field = VERSION_FIELDS[plan.leaves[0].field]
    assert isinstance(field, Facts)
    return prepared(field.counts_also(plan, "most"))


def _is_plain(plan: Plan) -> bool:
    return bool(plan.leaves) and isinstance(VERSION_FIELDS[plan.leaves[0].field], Plain)


def _groups(shape: _Shape, plan: Plan) -> list[tuple[Compare, ...]]:
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


def _more_facts(tx: Tx) -> str:
    if not tx.value(_MORE_FACTS, most=0):
        return "none"
    return "many" if tx.value(_MORE_FACTS, most=FEW_MORE_FACTS) else "few"


@lru_cache(maxsize=64)
def _scope_exceeds(scope: str) -> Prepared:
    shape = _Shape(_unmerged(scope), Action.READ, None, NEWEST, False, Plan())
    rows = select(memberships.c.id).where(_ALIVE, *_here(shape, None))
    if shape.scope in ("organization", "project"):
        # In an order, so that PostgreSQL reads an index and not the whole table up to enough rows.
        rows = rows.order_by(memberships.c.created_at, memberships.c.id)
    return exceeds(rows)


def _unmerged(scope: str) -> str:
    return "organization" if scope == "merged" else scope


@lru_cache(maxsize=512)
def _exceeds(shape: _Shape, plan: Plan) -> Prepared:
    """Whether more rows than the parameter `most` fit the leaves of a plan."""
    field = VERSION_FIELDS[plan.leaves[0].field]
    statement = field.found_by(plan.leaves, plan)
    if statement is not None:
        return exceeds(statement)
    narrowing = replace(plan, drives=True)
    return exceeds(
        select(memberships.c.id).where(
            _ALIVE,
            *(field.condition(leaf, narrowing) for leaf in plan.leaves),
            _in_projects(shape, memberships.c.project_id),
        )
    )


@lru_cache(maxsize=64)
def _early(shape: _Shape) -> Prepared:
    """How many of the list's first rows, as many as the parameter `most`, fit the leaves of its plan."""
    keys = _keys(shape.sorting)
    first = (
        select(memberships.c.id)
        .where(_ALIVE, *_here(replace(shape, scope=_unmerged(shape.scope)), None))
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
    at = and_(facts.c.path == bindparam(path), facts.c.ordinal == 1)
    return exceeds(select(facts.c.artifact_id).where(at))


# --- The statement

_ALIVE = memberships.c.deleted_at.is_(None)
# A version is there while its place, its collection, itself, and the sequence and project it comes from are.
LIVING = and_(
    _ALIVE,
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


def _keys(sorting: Sorting) -> pages.Keys:
    return pages.keys_of(SORTABLE[sorting.field], memberships.c.id)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Prepared:
    keys = _keys(shape.sorting)
    order = pages.order_by(keys, shape.sorting.descending)
    if shape.is_driven or shape.plan.drives:
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


def _one(shape: _Shape, keys: pages.Keys, branch: int | None) -> Any:
    statement = (
        select(memberships.c.id.label("id"), *pages.labelled(keys))
        .select_from(memberships if shape.is_hopeful else _JOINED)
        .where(*_conditions(shape, branch))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(keys, shape.sorting.descending))
    return statement


@lru_cache(maxsize=512)
def _total_statement(shape: _Shape) -> Prepared:
    return prepared(select(func.count()).select_from(_JOINED).where(*_conditions(shape, None)))


def _conditions(shape: _Shape, branch: int | None) -> list[ColumnElement[bool]]:
    found, here = [_ALIVE if shape.is_hopeful else LIVING], _here(shape, branch)
    # SQLite keeps to the order in which conditions are written: what few rows are in is looked at before the place,
    # which nearly all are in.
    is_set_first = bool(shape.plan.leaves) and not shape.is_driven
    if not is_set_first:
        found += here
    if shape.by_collection in ("ids", "first"):
        collection_id: ColumnElement[int] = memberships.c.collection_id
        if shape.by_collection == "ids":
            collection_id = off_index(collection_id)
        found.append(among(collection_id, "collection_ids"))
    elif shape.by_collection == "each" and shape.collection_filter is not None:
        found.append(filters.condition(shape.collection_filter, COLLECTION_FIELDS))
    if shape.filter is not None:
        found.append(filters.condition(shape.filter, VERSION_FIELDS, shape.plan))
    return [*found, *here] if is_set_first else found


def _here(shape: _Shape, branch: int | None) -> Sequence[ColumnElement[bool]]:
    """Where the versions are, and that the actor may do the action there."""
    c = memberships.c
    if shape.scope == "collection":
        collection_id = off_index(c.collection_id) if shape.is_driven else c.collection_id
        own = collections.alias("own")
        seen = select(projects.c.id).where(allowed(shape.action))
        # An uncorrelated subquery decides about rights, once for the statement and not once a row.
        holding = select(own.c.id).where(
            own.c.id == bindparam("collection_id"), own.c.project_id.in_(seen)
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


def _in_projects(shape: _Shape, project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    if shape.scope == "project":
        return project_id == bindparam("project_id")
    return among(project_id, "project_ids")
