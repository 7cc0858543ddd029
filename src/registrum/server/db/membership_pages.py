"""Reading versions: one by its name in a collection, and the lists of a collection, an artifact, an organization.

Each list takes three statements whatever its size: the rows, the projects they name, and their aliases and tags.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, literal, select, union_all
from sqlalchemy.sql.expression import FromClause

from registrum.core.aliases import Reference
from registrum.core.artifacts import Artifact, Membership
from registrum.core.collections import Alias, Collection, Tag
from registrum.core.filters import Filter
from registrum.core.memberships import Wants
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import aliases as alias_rows
from registrum.server.db import filters, pages
from registrum.server.db import projects as project_rows
from registrum.server.db.artifacts import (
    ARTIFACT_COLUMNS,
    artifact_from,
    sequences,
    source_from,
    with_source,
)
from registrum.server.db.collections import COLLECTION_COLUMNS, from_row, with_tags, with_type
from registrum.server.db.columns import among
from registrum.server.db.fields import COLLECTION_FIELDS, PROJECT_FIELDS, VERSION_FIELDS
from registrum.server.db.pages import Sorting
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    alias_spans,
    artifact_tags,
    artifacts,
    collections,
    memberships,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed, refuse

MEMBERSHIP_COLUMNS = (
    memberships.c.id.label("m_id"),
    memberships.c.version.label("m_version"),
    memberships.c.created_at.label("m_created_at"),
    *COLLECTION_COLUMNS,
    *ARTIFACT_COLUMNS,
)
# A version is there while its place, its collection, itself and the sequence it comes from are.
_LIVING = and_(
    memberships.c.deleted_at.is_(None),
    collections.c.deleted_at.is_(None),
    artifacts.c.state == "committed",
    sequences.c.deleted_at.is_(None),
)
SORTABLE: pages.Sortable = {
    "id": memberships.c.id,
    "version": memberships.c.version,
    "version_index": memberships.c.version,
    "created_at": memberships.c.artifact_created_at,
    "artifact_created_at": memberships.c.artifact_created_at,
    "artifact_size": memberships.c.size_bytes,
    "size": memberships.c.size_bytes,
    "acm_created_at": memberships.c.created_at,
}
NEWEST_VERSION = Sorting("version", True, "versions")
NEWEST = Sorting("id", True, "versions")
OLDEST = Sorting("id", False, "versions")


def _joined() -> FromClause:
    return with_source(
        with_type(
            memberships.join(collections, collections.c.id == memberships.c.collection_id)
        ).join(artifacts, artifacts.c.id == memberships.c.artifact_id)
    )


# --- One version by its name


@cache
def _get_statement(action: Action, by_alias: bool) -> Prepared:
    joined: Any = _joined().join(projects, projects.c.id == collections.c.project_id)
    if by_alias:
        joined = joined.join(alias_spans, alias_spans.c.membership_id == memberships.c.id)
        here: ColumnElement[bool] = and_(
            alias_spans.c.collection_id == collections.c.id,
            alias_spans.c.alias == bindparam("alias"),
            alias_spans.c.until.is_(None),
        )
    else:
        here = memberships.c.version == bindparam("version")
    return prepared(
        select(*MEMBERSHIP_COLUMNS, allowed(action).label("granted"))
        .select_from(joined)
        .where(
            collections.c.project_id == bindparam("project_id"),
            collections.c.name == bindparam("collection_name"),
            here,
            _LIVING,
        )
    )


def get_for(
    tx: Tx, action: Action, project: Project, name: Reference, wants: Wants
) -> Grant[Membership]:
    """The version that a name stands for in a project, if the actor may do `action` in that very project.

    Raises:
        NotFound: there is none, or it is hidden.
        Forbidden: visible, but not for this.
    """
    row = tx.one(
        _get_statement(action, name.version is None),
        project_id=project.id,
        collection_name=name.collection,
        alias=name.alias,
        version=name.version,
    )
    if row is None or not row.granted:
        what = f"version {str(name)!r} in project {project.name!r}"
        raise refuse(tx, action, project.id if row is not None else None, what)
    return Grant(_loaded(tx, [row], wants, {project.id: project})[0], action)


@cache
def _get_id_statement(action: Action) -> Prepared:
    return prepared(
        select(*MEMBERSHIP_COLUMNS, allowed(action).label("granted"))
        .select_from(_joined().join(projects, projects.c.id == collections.c.project_id))
        .where(memberships.c.id == bindparam("membership_id"), _LIVING)
    )


def get_for_id(tx: Tx, action: Action, membership_id: int, wants: Wants) -> Grant[Membership]:
    """The membership with this number. Raises as `get_for`."""
    row = tx.one(_get_id_statement(action), membership_id=membership_id)
    if row is None or not row.granted:
        project_id = row.c_project_id if row is not None else None
        raise refuse(tx, action, project_id, "version with this id")
    return Grant(_loaded(tx, [row], wants, {})[0], action)


# --- Lists


@dataclass(frozen=True, slots=True)
class VersionsAsk:
    """Which versions are asked for, in which order, and what of them.

    Attributes:
        filter: on the versions.
        collection_filter, project_filter: on where they are; for an organization's list only.
        order: as the wire has it, `-artifact_created_at`; None: newest first.
    """

    page: PageAsk
    wants: Wants = field(default_factory=Wants)
    filter: Filter | None = None
    collection_filter: Filter | None = None
    project_filter: Filter | None = None
    order: str | None = None


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that a statement depends on but its parameters."""

    scope: str
    action: Action
    filter: Filter | None
    collection_filter: Filter | None
    project_filter: Filter | None
    sorting: Sorting
    has_after: bool
    with_total: bool


def page_of_collection(
    tx: Tx, action: Action, collection: Collection, ask: VersionsAsk
) -> Page[Membership]:
    """Versions of a collection in whose project the actor may do `action`; newest first."""
    return _page(tx, action, "collection", {"collection_id": collection.id}, ask, NEWEST_VERSION)


def page_of_organization(
    tx: Tx, action: Action, organization_id: int, ask: VersionsAsk
) -> Page[Membership]:
    """Linked versions of those registries of an organization in which the actor may do `action`."""
    return _page(tx, action, "organization", {"organization_id": organization_id}, ask, NEWEST)


def page_of_artifact(
    tx: Tx, action: Action, artifact: Artifact, ask: VersionsAsk
) -> Page[Membership]:
    """The places of an artifact in all projects in which the actor may do `action`; where it was logged comes first."""
    return _page(tx, action, "artifact", {"artifact_id": artifact.id}, ask, OLDEST)


def _page(
    tx: Tx,
    action: Action,
    scope: str,
    of: Mapping[str, Any],
    ask: VersionsAsk,
    default: Sorting,
) -> Page[Membership]:
    sorting = pages.sorting(ask.order, SORTABLE, default)
    by, values = filters.split(ask.filter, VERSION_FIELDS, "f")
    in_collections, collection_values = filters.split(ask.collection_filter, COLLECTION_FIELDS, "c")
    in_projects, project_values = filters.split(ask.project_filter, PROJECT_FIELDS, "p")
    shape = _Shape(
        scope,
        action,
        by,
        in_collections,
        in_projects,
        sorting,
        ask.page.after is not None,
        ask.page.with_total,
    )
    given = {
        **of,
        **values,
        **collection_values,
        **project_values,
        **pages.cursor_values(ask.page, sorting, _keys(sorting)),
        "limit": ask.page.first + 1,
    }
    rows = tx.rows(_statement(shape), **given)
    total = None
    if ask.page.with_total:
        total = rows[0].total if rows else tx.value(_total_statement(shape), **given)
    found = _loaded(tx, rows[: ask.page.first], ask.wants, {})
    keys = {row.m_id: pages.place(sorting, _keys(sorting), row) for row in rows}
    page = page_of(found, ask.page.first, lambda m: keys[m.id], total)
    return replace(page, has_next_page=len(rows) > ask.page.first)


def _keys(sorting: Sorting) -> pages.Keys:
    return pages.keys_of(SORTABLE[sorting.field], memberships.c.id)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Prepared:
    order = _keys(shape.sorting)
    asked: list[ColumnElement[Any]] = [*MEMBERSHIP_COLUMNS, *pages.labelled(order)]
    if shape.with_total:
        asked.append(_total(shape).scalar_subquery().label("total"))
    statement = (
        select(*asked)
        .select_from(_joined())
        .where(*_conditions(shape))
        .order_by(*pages.order_by(order, shape.sorting.descending))
        .limit(bindparam("limit"))
    )
    if shape.has_after:
        statement = statement.where(pages.behind(order, shape.sorting.descending))
    return prepared(statement)


@lru_cache(maxsize=512)
def _total_statement(shape: _Shape) -> Prepared:
    return prepared(_total(shape))


def _total(shape: _Shape) -> Any:
    return select(func.count()).select_from(_joined()).where(*_conditions(shape)).correlate(None)


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    # An uncorrelated subquery decides about rights, once for the statement and not once a row.
    seen = select(projects.c.id).where(allowed(shape.action))
    if shape.scope == "organization":
        seen = seen.where(
            projects.c.organization_id == bindparam("organization_id"),
            projects.c.kind == "registry",
        )
        if shape.project_filter is not None:
            seen = seen.where(filters.condition(shape.project_filter, PROJECT_FIELDS))
        here: ColumnElement[bool] = memberships.c.project_id.in_(seen)
    elif shape.scope == "collection":
        own = collections.alias("own")
        holding = select(own.c.id).where(
            own.c.id == bindparam("collection_id"), own.c.project_id.in_(seen)
        )
        here = memberships.c.collection_id == holding.scalar_subquery()
    else:
        places = memberships.alias("places")
        around = select(places.c.project_id).where(places.c.artifact_id == bindparam("artifact_id"))
        here = and_(
            memberships.c.artifact_id == bindparam("artifact_id"),
            memberships.c.project_id.in_(seen.where(projects.c.id.in_(around))),
        )
    found = [here, _LIVING]
    if shape.collection_filter is not None:
        found.append(filters.condition(shape.collection_filter, COLLECTION_FIELDS))
    if shape.filter is not None:
        found.append(filters.condition(shape.filter, VERSION_FIELDS))
    return found


# --- From rows to values

_ALIASES = select(
    literal(1).label("is_alias"),
    alias_spans.c.membership_id.label("owner_id"),
    alias_spans.c.id.label("label_id"),
    alias_spans.c.alias.label("name"),
).where(among(alias_spans.c.membership_id, "membership_ids"), alias_spans.c.until.is_(None))
_TAGS = select(
    literal(0).label("is_alias"),
    artifact_tags.c.artifact_id.label("owner_id"),
    artifact_tags.c.id.label("label_id"),
    artifact_tags.c.name.label("name"),
).where(among(artifact_tags.c.artifact_id, "artifact_ids"))
_LABELS = {
    (True, False): prepared(_ALIASES),
    (False, True): prepared(_TAGS),
    (True, True): prepared(union_all(_ALIASES, _TAGS)),
}


def _labels(
    tx: Tx, rows: Sequence[Row], wants: Wants
) -> tuple[dict[int, list[tuple[str, int]]], dict[int, tuple[Tag, ...]]]:
    """Names and numbers of aliases by membership, tags by artifact, alphabetical, as far as they are wanted."""
    statement = _LABELS.get((wants.aliases, wants.tags))
    if statement is None:
        return {}, {}
    aliases: dict[int, list[tuple[str, int]]] = defaultdict(list)
    tags: dict[int, list[tuple[str, int]]] = defaultdict(list)
    ids = [row.m_id for row in rows]
    for label in tx.rows(statement, membership_ids=ids, artifact_ids=[row.a_id for row in rows]):
        labels = aliases if label.is_alias else tags
        labels[label.owner_id].append((label.name, label.label_id))
    for names in aliases.values():
        names.sort()
    return aliases, {
        artifact_id: tuple([Tag(id_, name) for name, id_ in sorted(names)])
        for artifact_id, names in tags.items()
    }


def _loaded(
    tx: Tx, rows: Sequence[Row], wants: Wants, known: Mapping[int, Project]
) -> list[Membership]:
    """The memberships of rows with `MEMBERSHIP_COLUMNS`, with what is wanted besides.

    Args:
        known: projects that have been loaded for the actor already, by id.
    """
    if not rows:
        return []
    named = {row.c_project_id for row in rows} | {row.a_project_id for row in rows}
    visible = dict(known)
    if missing := named - known.keys():
        visible |= project_rows.by_ids(tx, Action.READ, sorted(missing))
    aliases, tags = _labels(tx, rows, wants)
    places = _collections(tx, rows, wants, visible)
    ids = sorted({row.a_id for row in rows})
    everywhere = alias_rows.by_artifacts(tx, ids) if wants.all_aliases else {}
    found = []
    for row in rows:
        artifact = artifact_from(
            row,
            visible,
            source=places[row.s_id],
            tags=tags.get(row.a_id, ()),
            aliases=everywhere.get(row.a_id, ()),
        )
        place = places[row.c_id]
        here = tuple([Alias(id_, name, place) for name, id_ in aliases.get(row.m_id, ())])
        found.append(Membership(row.m_id, place, artifact, row.m_version, row.m_created_at, here))
    return found


def _collections(
    tx: Tx, rows: Sequence[Row], wants: Wants, visible: Mapping[int, Project]
) -> dict[int, Collection]:
    """The collections that the rows are in and come from, once each; with their tags, where those are wanted."""
    found: dict[int, Collection] = {}
    for row in rows:
        if row.c_id not in found:
            found[row.c_id] = from_row(row, visible)
        if row.s_id not in found:
            found[row.s_id] = source_from(row, visible)
    if not wants.collection_tags:
        return found
    return {c.id: c for c in with_tags(tx, found.values())}
