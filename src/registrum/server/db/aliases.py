"""Aliases: names that point at one version of a collection, kept as spans of time.

A span is current while its `until` is null; the UNIQUE index over current spans makes an alias point at one version
only. Moving an alias ends a span and begins another, so history and "as of" are queries of the same rows.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import ColumnElement, Text, and_, bindparam, case, delete, select, update

from registrum.core.artifacts import Artifact
from registrum.core.collections import Alias, Collection
from registrum.core.memberships import Place
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import collections as collections_of
from registrum.server.db.columns import among, those
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    alias_spans,
    artifacts,
    collections,
    memberships,
    projects,
    protected_aliases,
)
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed

_CURRENT = alias_spans.c.until.is_(None)
_END_ELSEWHERE = prepared(
    update(alias_spans)
    .where(
        alias_spans.c.collection_id == bindparam("of_collection"),
        alias_spans.c.alias == bindparam("of_name"),
        alias_spans.c.membership_id != bindparam("of_membership"),
        _CURRENT,
    )
    .values(until=bindparam("now"), ended_by=bindparam("by"))
)
_BEGIN = prepared(
    insert(alias_spans)
    .values(
        collection_id=bindparam("collection_id"),
        membership_id=bindparam("membership_id"),
        alias=bindparam("alias"),
        since=bindparam("now"),
        set_by=bindparam("by"),
    )
    .on_conflict_do_nothing(index_elements=["collection_id", "alias"], index_where=_CURRENT)
)


def point(tx: Tx, place: Grant[Place], names: Sequence[str]) -> None:
    """Points these aliases of the place's collection at it, away from wherever they pointed.

    Names are to be checked before (`core/aliases.py`), protected ones by the caller.

    Args:
        place: grant to WRITE, LINK or EDIT_COLLECTION; who has one holds the lock of its collection.
    """
    here = place.require(Action.WRITE, Action.LINK, Action.EDIT_COLLECTION)
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return
    actor = tx.actor.user_id
    tx.run_many(
        _END_ELSEWHERE,
        [{"of_name": name} for name in wanted],
        of_collection=here.collection_id,
        of_membership=here.id,
        now=tx.now,
        by=actor,
    )
    tx.run_many(
        _BEGIN,
        [{"alias": name} for name in wanted],
        collection_id=here.collection_id,
        membership_id=here.id,
        now=tx.now,
        by=actor,
    )


_REMOVE = prepared(
    update(alias_spans)
    .where(
        alias_spans.c.membership_id == bindparam("of_membership"),
        among(alias_spans.c.alias, "names", Text),
        _CURRENT,
    )
    .values(until=bindparam("now"), ended_by=bindparam("by"))
    .returning(alias_spans.c.alias)
)


def remove(tx: Tx, place: Grant[Place], names: Sequence[str]) -> list[str]:
    """Takes aliases away from a version; the names of those that had pointed at it.

    Args:
        place: grant to EDIT_COLLECTION or WRITE.
    """
    here = place.require(Action.EDIT_COLLECTION, Action.WRITE)
    return tx.column(
        _REMOVE, of_membership=here.id, names=list(names), now=tx.now, by=tx.actor.user_id
    )


_PROTECTED = prepared(
    select(protected_aliases.c.alias)
    .where(protected_aliases.c.project_id == bindparam("project_id"))
    .order_by(protected_aliases.c.alias)
)


def protected_in(tx: Tx, project: Project) -> list[str]:
    """The protected aliases of a registry that was loaded for the actor, alphabetical."""
    return tx.column(_PROTECTED, project_id=project.id)


_PROTECT = prepared(
    insert(protected_aliases)
    .values(
        project_id=bindparam("project_id"),
        alias=bindparam("alias"),
        created_by=bindparam("by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "alias"])
)
_UNPROTECT = prepared(
    delete(protected_aliases).where(
        protected_aliases.c.project_id == bindparam("project_id"),
        among(protected_aliases.c.alias, "names", Text),
    )
)


def protect(tx: Tx, registry: Grant[Project], names: Sequence[str]) -> None:
    """Makes aliases of a registry protected, in all of its collections.

    Args:
        registry: grant to PROTECT_ALIAS.
    """
    here = registry.require(Action.PROTECT_ALIAS)
    tx.run_many(
        _PROTECT,
        [
            {"project_id": here.id, "alias": name, "by": tx.actor.user_id, "now": tx.now}
            for name in names
        ],
    )


def unprotect(tx: Tx, registry: Grant[Project], names: Sequence[str]) -> None:
    """Makes protected aliases of a registry plain again.

    Args:
        registry: grant to PROTECT_ALIAS.
    """
    here = registry.require(Action.PROTECT_ALIAS)
    tx.run(_UNPROTECT, project_id=here.id, names=list(names))


PROTECTED_PLACES = (
    memberships.join(alias_spans, alias_spans.c.membership_id == memberships.c.id)
    .join(collections, collections.c.id == memberships.c.collection_id)
    .join(projects, projects.c.id == memberships.c.project_id)
    .join(
        protected_aliases,
        and_(
            protected_aliases.c.project_id == memberships.c.project_id,
            protected_aliases.c.alias == alias_spans.c.alias,
        ),
    )
)
"""Versions with the protected aliases that point, or pointed, at them."""
IS_PROTECTED = and_(
    _CURRENT,
    memberships.c.deleted_at.is_(None),
    collections.c.deleted_at.is_(None),
    projects.c.deleted_at.is_(None),
)
"""SQL condition on a row of `PROTECTED_PLACES`: the alias points there now, and nothing of it is deleted."""


def _standing(*conditions: ColumnElement[bool]) -> Prepared:
    """Protected aliases that point at living memberships for which the conditions hold; "" for those the actor can't see."""
    seen = case((allowed(Action.READ), alias_spans.c.alias), else_="").label("seen")
    return prepared(
        select(seen)
        .distinct()
        .select_from(PROTECTED_PLACES)
        .where(IS_PROTECTED, *conditions)
        .order_by(seen)
    )


_PROTECTED_AT = _standing(memberships.c.id == bindparam("membership_id"))
_PROTECTED_IN = _standing(memberships.c.collection_id == bindparam("collection_id"))
_PROTECTED_ON = _standing(memberships.c.artifact_id == bindparam("artifact_id"))
_PROTECTED_ON_VERSIONS = _standing(
    memberships.c.artifact_id.in_(
        select(artifacts.c.id).where(
            artifacts.c.collection_id == bindparam("collection_id"),
            artifacts.c.state == "committed",
        )
    )
)


def protected_at(tx: Tx, place: Grant[Place]) -> list[str]:
    """Protected aliases that stand on this version of this collection."""
    return tx.column(_PROTECTED_AT, membership_id=place.thing.id)


def protected_on(tx: Tx, artifact: Grant[Artifact]) -> list[str]:
    """Protected aliases that stand on this artifact anywhere; "" for one in a registry that the actor can't see."""
    return tx.column(_PROTECTED_ON, artifact_id=artifact.thing.id)


def protected_within(tx: Tx, collection: Grant[Collection]) -> list[str]:
    """Protected aliases on any version of a collection or, of a sequence, on any link of its versions; "" for hidden ones."""
    here = collection.thing
    own = tx.column(_PROTECTED_IN, collection_id=here.id)
    if here.is_portfolio:
        return own
    return sorted({*own, *tx.column(_PROTECTED_ON_VERSIONS, collection_id=here.id)})


_BY_MEMBERSHIPS = prepared(
    select(alias_spans.c.membership_id, alias_spans.c.id, alias_spans.c.alias)
    .where(those(alias_spans.c.membership_id, "membership_ids"), _CURRENT)
    .order_by(alias_spans.c.alias)
)


def by_memberships(tx: Tx, ids: Sequence[int]) -> dict[int, tuple[Alias, ...]]:
    """Aliases that point at memberships which were loaded for the actor, by membership, alphabetical."""
    if not ids:
        return {}
    found: dict[int, list[Alias]] = defaultdict(list)
    for membership_id, alias_id, name in tx.rows(_BY_MEMBERSHIPS, membership_ids=list(ids)):
        found[membership_id].append(Alias(alias_id, name))
    return {membership_id: tuple(aliases) for membership_id, aliases in found.items()}


_BY_ARTIFACTS = prepared(
    select(
        memberships.c.artifact_id,
        alias_spans.c.id.label("alias_id"),
        alias_spans.c.alias,
        *collections_of.COLLECTION_COLUMNS,
    )
    .select_from(
        collections_of.with_type(
            memberships.join(alias_spans, alias_spans.c.membership_id == memberships.c.id).join(
                collections, collections.c.id == memberships.c.collection_id
            )
        )
    )
    .where(
        those(memberships.c.artifact_id, "artifact_ids"),
        memberships.c.deleted_at.is_(None),
        collections.c.deleted_at.is_(None),
        _CURRENT,
    )
    .order_by(collections.c.id, alias_spans.c.alias)
)


def by_artifacts(
    tx: Tx, ids: Sequence[int], visible: Mapping[int, Project] | None = None
) -> dict[int, tuple[Alias, ...]]:
    """Aliases of artifacts in every collection that the actor may see, by artifact; each with its collection.

    Args:
        visible: projects that have been loaded for the actor already, by id.
    """
    if not ids:
        return {}
    rows = tx.rows(_BY_ARTIFACTS, artifact_ids=list(ids))
    known = collections_of.from_rows(tx, rows, visible)
    found: dict[int, list[Alias]] = defaultdict(list)
    for row, collection in zip(rows, known, strict=True):
        if collection.project is not None:  # whose project the actor sees
            found[row.artifact_id].append(Alias(row.alias_id, row.alias, collection))
    return {artifact_id: tuple(aliases) for artifact_id, aliases in found.items()}


def page_of_collection(tx: Tx, action: Action, collection: Collection, ask: PageAsk) -> Page[Alias]:
    """Aliases given in a collection, alphabetical, if the actor may do `action` in its project."""
    rows = tx.rows(
        _page_statement(action, ask.after is not None),
        collection_id=collection.id,
        limit=ask.first + 1,
        last_alias=ask.text_behind(),
    )
    found = [Alias(row.id, row.alias, collection) for row in rows]
    return page_of(found, ask.first, lambda alias: (alias.name, alias.id))


@cache
def _page_statement(action: Action, has_after: bool) -> Prepared:
    statement = (
        select(alias_spans.c.id, alias_spans.c.alias)
        .select_from(
            alias_spans.join(collections, collections.c.id == alias_spans.c.collection_id).join(
                projects, projects.c.id == collections.c.project_id
            )
        )
        .where(
            alias_spans.c.collection_id == bindparam("collection_id"),
            _CURRENT,
            collections.c.deleted_at.is_(None),
            allowed(action),
        )
        .order_by(alias_spans.c.alias)
        .limit(bindparam("limit"))
    )
    if has_after:
        statement = statement.where(alias_spans.c.alias > bindparam("last_alias"))
    return prepared(statement)
