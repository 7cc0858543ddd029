"""Reading versions: one by its name in a collection, and the lists of a collection, an artifact, an organization.

Each list takes three statements whatever its size: the rows, the projects they name, and their aliases and tags.
"""

from collections import defaultdict, namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, literal, select, union_all
from sqlalchemy.sql.expression import FromClause

from registrum.core.aliases import Reference
from registrum.core.artifacts import Artifact, Membership
from registrum.core.collections import Alias, Collection, Tag
from registrum.core.filters import Filter
from registrum.core.memberships import Wants
from registrum.core.pages import Edge, Page, PageAsk
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import aliases as alias_rows
from registrum.server.db import pages, version_search
from registrum.server.db import projects as project_rows
from registrum.server.db.artifacts import (
    OWN_COLUMNS,
    SOURCE_COLUMNS,
    artifact_from,
    sequences,
    source_owners,
    source_types,
    sources,
    with_source,
)
from registrum.server.db.collections import (
    COLLECTION_COLUMNS,
    collection_columns,
    collection_from,
    place_of,
    with_tags,
    with_type,
)
from registrum.server.db.columns import those
from registrum.server.db.pages import Sorting
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    alias_spans,
    artifact_tags,
    artifact_types,
    artifacts,
    collections,
    memberships,
    organizations,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.version_search import Found, Search
from registrum.server.db.version_statements import (
    LIVING,
    NEWEST,
    NEWEST_VERSION,
    OLDEST,
    SORTABLE,
)
from registrum.server.db.visibility import Grant, allowed, decided

_PLACE_COLUMNS = (
    memberships.c.id.label("m_id"),
    memberships.c.version.label("m_version"),
    memberships.c.created_at.label("m_created_at"),
)
MEMBERSHIP_COLUMNS = (*_PLACE_COLUMNS, *COLLECTION_COLUMNS, *OWN_COLUMNS, *SOURCE_COLUMNS)
_NAMED_COLLECTION = collection_columns("c", collections, artifact_types, details=False)
_NAMED_SOURCE = collection_columns("s", sequences, source_types, details=False)
NAMED_COLUMNS = (*_PLACE_COLUMNS, *_NAMED_COLLECTION, *OWN_COLUMNS, *_NAMED_SOURCE)
"""The same without the details of collections and sequences."""


def _joined(left: FromClause = memberships) -> FromClause:
    """`left`, which has the table `memberships` in it, joined with what `MEMBERSHIP_COLUMNS` names."""
    return with_source(
        with_type(left.join(collections, collections.c.id == memberships.c.collection_id)).join(
            artifacts, artifacts.c.id == memberships.c.artifact_id
        )
    )


_source_organizations = organizations.alias("source_organizations")


@cache
def _get_statement(action: Action, by_alias: bool) -> Prepared:
    # What decides comes first: PostgreSQL tries other orders of the first eight tables only.
    pointed_at = alias_spans.join(memberships, memberships.c.id == alias_spans.c.membership_id)
    joined: Any = (
        _joined(pointed_at if by_alias else memberships)
        .join(projects, projects.c.id == collections.c.project_id)
        .outerjoin(
            _source_organizations, _source_organizations.c.id == source_owners.c.organization_id
        )
    )
    if by_alias:
        here: ColumnElement[bool] = and_(
            alias_spans.c.collection_id == collections.c.id,
            alias_spans.c.alias == bindparam("alias"),
            alias_spans.c.until.is_(None),
        )
    else:
        here = memberships.c.version == bindparam("version")
    return prepared(
        select(
            *MEMBERSHIP_COLUMNS,
            *project_rows.project_columns(sources, source_owners, _source_organizations),
            decided(allowed(Action.READ, sources)).label("source_is_seen"),
            decided(allowed(action)).label("granted"),
        )
        .select_from(joined)
        .where(
            collections.c.project_id == bindparam("project_id"),
            collections.c.name == bindparam("collection_name"),
            here,
            LIVING,
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
    known: dict[int, Project | None] = {row.s_project_id: None}
    if row.source_is_seen:
        known[row.s_project_id] = project_rows.project_from(row)
    return Grant(_loaded(tx, [row], wants, {**known, project.id: project})[0], action)


# A row has both projects; the columns of the second one have other labels, and go by their order.
_HERE = namedtuple("_HERE", [c.name for c in project_rows.PROJECT_COLUMNS])  # type: ignore[misc]
_HERE_STARTS = len(MEMBERSHIP_COLUMNS)
_HERE_ENDS = _HERE_STARTS + len(project_rows.PROJECT_COLUMNS)


@cache
def _get_id_statement(action: Action) -> Prepared:
    here = [each.element.label(f"here_{each.name}") for each in project_rows.PROJECT_COLUMNS]
    placed = _joined().join(projects, projects.c.id == collections.c.project_id)
    joined: Any = project_rows.with_owner(placed).outerjoin(
        _source_organizations, _source_organizations.c.id == source_owners.c.organization_id
    )
    return prepared(
        select(
            *MEMBERSHIP_COLUMNS,
            *here,
            *project_rows.project_columns(sources, source_owners, _source_organizations),
            decided(allowed(Action.READ, sources)).label("source_is_seen"),
            decided(allowed(action)).label("granted"),
        )
        .select_from(joined)
        .where(memberships.c.id == bindparam("membership_id"), LIVING)
    )


def get_for_id(tx: Tx, action: Action, membership_id: int, wants: Wants) -> Grant[Membership]:
    """The membership with this number. Raises as `get_for`."""
    row = tx.one(_get_id_statement(action), membership_id=membership_id)
    if row is None or not row.granted:
        project_id = row.c_project_id if row is not None else None
        raise refuse(tx, action, project_id, "version with this id")
    known = {row.s_project_id: project_rows.project_from(row) if row.source_is_seen else None}
    known[row.c_project_id] = project_rows.project_from(_HERE._make(row[_HERE_STARTS:_HERE_ENDS]))
    return Grant(_loaded(tx, [row], wants, known)[0], action)


# The versions were found for the actor by `version_search`, in the same snapshot.
_BY_IDS = prepared(
    select(*MEMBERSHIP_COLUMNS)
    .select_from(_joined())
    .where(those(memberships.c.id, "membership_ids"), LIVING)
)
_NAMED_BY_IDS = prepared(
    select(*NAMED_COLUMNS)
    .select_from(_joined())
    .where(those(memberships.c.id, "membership_ids"), LIVING)
)


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
    search = Search(
        *(action, scope, of, ask.page, sorting),
        *(ask.filter, ask.collection_filter, ask.project_filter),
    )
    found = version_search.find(tx, search, is_hopeful=True)
    rows = _rows(tx, found, ask.wants)
    if rows is None:
        found = version_search.find(tx, search, is_hopeful=False)
        rows = _rows(tx, found, ask.wants) or []
    loaded = _loaded(tx, rows, ask.wants, {})
    edges: tuple[Edge[Membership], ...] = tuple(
        map(Edge._make, zip(loaded, found.places.values(), strict=True))
    )
    return Page(edges, found.following is not None, found.total)


def _rows(tx: Tx, found: Found, wants: Wants) -> list[Row] | None:
    """The rows of a page in order; None if one that was found, or the one behind the page, does not live."""
    ids = list(found.places)
    if found.following is not None:
        ids.append(found.following)
    statement = _BY_IDS if wants.collection_details else _NAMED_BY_IDS
    by_id = {row.m_id: row for row in tx.rows(statement, membership_ids=ids)}
    return [by_id[id_] for id_ in found.places] if len(by_id) == len(ids) else None


_ALIASES = select(
    literal(1).label("is_alias"),
    alias_spans.c.membership_id.label("owner_id"),
    alias_spans.c.id.label("label_id"),
    alias_spans.c.alias.label("name"),
).where(those(alias_spans.c.membership_id, "membership_ids"), alias_spans.c.until.is_(None))
_TAGS = select(
    literal(0).label("is_alias"),
    artifact_tags.c.artifact_id.label("owner_id"),
    artifact_tags.c.id.label("label_id"),
    artifact_tags.c.name.label("name"),
).where(those(artifact_tags.c.artifact_id, "artifact_ids"))
_LABELS = {
    (True, False): prepared(_ALIASES),
    (False, True): prepared(_TAGS),
    (True, True): prepared(union_all(_ALIASES, _TAGS)),
}


def _labels(
    tx: Tx, rows: Sequence[Row], wants: Wants
) -> tuple[dict[int, list[tuple[str, int]]], dict[int, tuple[Tag, ...]]]:
    """Names and numbers of aliases by membership, tags by artifact, alphabetical, as far as they are wanted.

    Where aliases everywhere are wanted, those of the membership are among them.
    """
    statement = _LABELS.get((wants.aliases and not wants.all_aliases, wants.tags))
    if statement is None:
        return {}, {}
    aliases: dict[int, list[tuple[str, int]]] = defaultdict(list)
    tags: dict[int, list[tuple[str, int]]] = defaultdict(list)
    ids = [row.m_id for row in rows]
    of_artifacts = [row.a_id for row in rows]
    for is_alias, owner_id, label_id, name in tx.rows(
        statement, membership_ids=ids, artifact_ids=of_artifacts
    ):
        (aliases if is_alias else tags)[owner_id].append((name, label_id))
    for names in aliases.values():
        names.sort()
    return aliases, {
        artifact_id: tuple([Tag(id_, name) for name, id_ in sorted(names)])
        for artifact_id, names in tags.items()
    }


def _loaded(
    tx: Tx, rows: Sequence[Row], wants: Wants, known: Mapping[int, Project | None]
) -> list[Membership]:
    """The memberships of rows with `MEMBERSHIP_COLUMNS` or `NAMED_COLUMNS`, with what is wanted besides.

    Args:
        known: projects that have been loaded for the actor already, by id; None: hidden.
    """
    if not rows:
        return []
    named = {row.c_project_id for row in rows} | {row.s_project_id for row in rows}
    visible = {number: project for number, project in known.items() if project is not None}
    if missing := named - known.keys():
        visible |= project_rows.by_ids(tx, Action.READ, sorted(missing))
    aliases, tags = _labels(tx, rows, wants)
    places = _collections(tx, rows, wants, visible)
    ids = sorted({row.a_id for row in rows})
    everywhere = alias_rows.by_artifacts(tx, ids, visible) if wants.all_aliases else {}
    own, found, new = place_of(OWN_COLUMNS, rows[0]), [], tuple.__new__
    for row in rows:
        id_, version, created_at, number = row.m_id, row.m_version, row.m_created_at, row.a_id
        place, source = places[row.c_id], places[row.s_id]
        elsewhere = everywhere.get(number, ())
        artifact = artifact_from(row[own], source, tags.get(number, ()), elsewhere)
        if wants.all_aliases:
            here = tuple([a._replace(collection=place) for a in elsewhere if _is_in(a, place)])
        else:
            here = tuple([new(Alias, (n, name, place)) for name, n in aliases.get(id_, ())])
        found.append(new(Membership, (id_, place, artifact, version, created_at, here)))
    return found


def _is_in(alias: Alias, place: Collection) -> bool:
    return alias.collection is not None and alias.collection.id == place.id


def _collections(
    tx: Tx, rows: Sequence[Row], wants: Wants, visible: Mapping[int, Project]
) -> dict[int, Collection]:
    """The collections that the rows are in and come from, once each; with their tags, where those are wanted."""
    found: dict[int, Collection] = {}
    is_whole = "c_description" in rows[0]._fields
    here = place_of(COLLECTION_COLUMNS if is_whole else _NAMED_COLLECTION, rows[0])
    there = place_of(SOURCE_COLUMNS if is_whole else _NAMED_SOURCE, rows[0])
    for row in rows:
        if row.c_id not in found:
            found[row.c_id] = collection_from(row[here], visible)
        if row.s_id not in found:
            found[row.s_id] = collection_from(row[there], visible)
    if not wants.collection_tags:
        return found
    return {c.id: c for c in with_tags(tx, found.values())}
