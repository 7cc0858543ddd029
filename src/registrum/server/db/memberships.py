"""Memberships: the versions of a collection, numbered as they come and never again.

Two writers of one collection wait for each other at its row (`UPDATE collections SET next_version … RETURNING`), so
numbers have no gaps but those of what was taken away.
"""

from collections.abc import Sequence, Set
from datetime import datetime

from sqlalchemy import and_, bindparam, func, select, update

from registrum.core.aliases import LATEST
from registrum.core.artifacts import Artifact
from registrum.core.collections import Collection
from registrum.core.errors import NotFound
from registrum.core.linking import Source
from registrum.core.memberships import Place
from registrum.core.policy import Action
from registrum.server.db.collections import lock
from registrum.server.db.columns import Moment, among
from registrum.server.db.statements import Row, prepared
from registrum.server.db.tables import (
    ALIVE,
    alias_spans,
    artifacts,
    collections,
    memberships,
)
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_NUMBER = prepared(
    update(collections)
    .where(collections.c.id == bindparam("collection_id"), collections.c.deleted_at.is_(None))
    .values(next_version=collections.c.next_version + 1)
    .returning(
        collections.c.id,
        (collections.c.next_version - 1).label("version"),
        collections.c.project_id,
        collections.c.organization_id,
    )
)
_GIVE_BACK = prepared(
    update(collections)
    .where(collections.c.id == bindparam("collection_id"))
    .values(next_version=collections.c.next_version - 1)
)
_ADD = prepared(
    insert(memberships)
    .values(
        collection_id=bindparam("collection_id"),
        artifact_id=bindparam("artifact_id"),
        project_id=bindparam("project_id"),
        organization_id=bindparam("organization_id"),
        version=bindparam("version"),
        size_bytes=bindparam("size_bytes"),
        artifact_created_at=bindparam("artifact_created_at"),
        linked_by=bindparam("linked_by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["artifact_id", "collection_id"], index_where=ALIVE)
    .returning(memberships.c.id)
)
_PLACE = prepared(
    select(
        memberships.c.id,
        memberships.c.collection_id,
        memberships.c.artifact_id,
        memberships.c.project_id,
        memberships.c.version,
    ).where(
        memberships.c.collection_id == bindparam("collection_id"),
        memberships.c.artifact_id == bindparam("artifact_id"),
        memberships.c.deleted_at.is_(None),
    )
)


def add_own(tx: Tx, artifact: Grant[Artifact], size_bytes: int) -> Grant[Place]:
    """Makes an artifact that is being committed the next version of the sequence it was logged into.

    The row of the artifact (state, version) is the caller's to change.

    Args:
        artifact: grant to WRITE.
        size_bytes: as summed up at the commit.
    """
    own = artifact.require(Action.WRITE)
    return Grant(_add(tx, own.source.id, own.id, size_bytes, own.created_at), Action.WRITE)


def own_place(tx: Tx, artifact: Grant[Artifact]) -> Grant[Place]:
    """Where a committed artifact stands in its own sequence; for the aliases of a log that made no new version.

    Raises:
        NotFound: it is not committed, or deleted.
    """
    own = artifact.require(Action.WRITE)
    lock(tx, own.source.id)
    row = tx.one(_PLACE, collection_id=own.source.id, artifact_id=own.id)
    if row is None:
        raise NotFound("The artifact is no version of its collection.")
    return Grant(Place(*row), Action.WRITE)


def _add(
    tx: Tx, collection_id: int, artifact_id: int, size_bytes: int, created_at: datetime
) -> Place:
    number = tx.one(_NUMBER, collection_id=collection_id)
    if number is None:
        raise NotFound("The collection has been deleted.")
    return _add_numbered(tx, number, artifact_id, size_bytes, created_at)


def add_linked(tx: Tx, number: Row, source: Grant[Source]) -> Grant[Place]:
    """Makes an artifact the version of a portfolio that a number was just taken for, or finds that it is one already.

    Args:
        number: `id`, `version`, `project_id` and `organization_id` of the portfolio, whose row is locked.
        source: grant to DOWNLOAD.
    """
    linked = source.require(Action.DOWNLOAD)
    place = _add_numbered(tx, number, linked.id, linked.size_bytes, linked.created_at)
    return Grant(place, Action.LINK)


def _add_numbered(
    tx: Tx, number: Row, artifact_id: int, size_bytes: int, created_at: datetime
) -> Place:
    added = tx.value(
        _ADD,
        collection_id=number.id,
        artifact_id=artifact_id,
        project_id=number.project_id,
        organization_id=number.organization_id,
        version=number.version,
        size_bytes=size_bytes,
        artifact_created_at=created_at,
        linked_by=tx.actor.user_id,
        now=tx.now,
    )
    if added is not None:
        return Place(added, number.id, artifact_id, number.project_id, number.version, is_new=True)
    tx.run(_GIVE_BACK, collection_id=number.id)
    return Place(*tx.rows(_PLACE, collection_id=number.id, artifact_id=artifact_id)[0])


def place_in(tx: Tx, collection: Grant[Collection], artifact_id: int) -> Grant[Place]:
    """Where an artifact stands in a collection; other writers of its versions and aliases wait from here on.

    Args:
        collection: grant to EDIT_COLLECTION or LINK, which the place is then granted for.

    Raises:
        NotFound: it is no version of the collection.
    """
    here = collection.require(Action.EDIT_COLLECTION, Action.LINK)
    lock(tx, here.id)
    row = tx.one(_PLACE, collection_id=here.id, artifact_id=artifact_id)
    if row is None:
        raise NotFound(f"The artifact is no version of collection {here.name!r}.")
    return Grant(Place(*row), collection.action)


_REMOVE = prepared(
    update(memberships)
    .where(memberships.c.id == bindparam("membership_id"), memberships.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"))
)
_REMOVE_PLACES = prepared(
    update(memberships)
    .where(among(memberships.c.id, "membership_ids"), memberships.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"))
)
_REMOVE_OF_ARTIFACTS = prepared(
    update(memberships)
    .where(among(memberships.c.artifact_id, "artifact_ids"), memberships.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"))
    .returning(memberships.c.id, memberships.c.collection_id)
)
_END_ALIASES = prepared(
    update(alias_spans)
    .where(among(alias_spans.c.membership_id, "membership_ids"), alias_spans.c.until.is_(None))
    .values(until=bindparam("now"), ended_by=bindparam("by"))
    .returning(alias_spans.c.collection_id, alias_spans.c.alias)
)
_newest = (
    select(func.max(memberships.c.version))
    .where(memberships.c.collection_id == collections.c.id, memberships.c.deleted_at.is_(None))
    .correlate(collections)
    .scalar_subquery()
)
# `latest` goes to the newest version that remains; what has another `latest` meanwhile keeps it.
_LATEST_TO_NEWEST = prepared(
    insert(alias_spans)
    .from_select(
        ["collection_id", "membership_id", "alias", "since", "set_by"],
        select(
            collections.c.id,
            memberships.c.id,
            bindparam("latest", type_=alias_spans.c.alias.type),
            bindparam("now", type_=Moment),
            bindparam("by", type_=alias_spans.c.set_by.type),
        )
        .select_from(
            collections.join(
                memberships,
                and_(
                    memberships.c.collection_id == collections.c.id,
                    memberships.c.version == _newest,
                ),
            )
        )
        .where(among(collections.c.id, "collection_ids"), collections.c.deleted_at.is_(None)),
    )
    .on_conflict_do_nothing(
        index_elements=["collection_id", "alias"], index_where=alias_spans.c.until.is_(None)
    )
)


def remove(tx: Tx, place: Grant[Place]) -> list[str]:
    """Takes a version out of its collection; its number is not used again.

    Its aliases end; `latest` goes to the newest version that remains.

    Args:
        place: grant to LINK.

    Returns:
        The aliases that stood on it.
    """
    here = place.require(Action.LINK)
    if not tx.run(_REMOVE, membership_id=here.id, now=tx.now):
        raise NotFound("The version has been unlinked already.")
    return [alias for _, alias in _end_aliases(tx, [here.id])]


def remove_everywhere(tx: Tx, artifact: Grant[Artifact]) -> None:
    """Takes an artifact out of every collection it is a version of, its own sequence included, as `remove` does.

    Args:
        artifact: grant to WRITE.
    """
    remove_of_artifacts(tx, [artifact.require(Action.WRITE).id])


_LOCK_ARTIFACTS = prepared(
    select(artifacts.c.id)
    .where(among(artifacts.c.id, "artifact_ids"))
    .order_by(artifacts.c.id)
    .with_for_update()
)
_LOCK_PLACES = prepared(
    select(collections.c.id)
    .where(
        collections.c.id.in_(
            select(memberships.c.collection_id).where(
                among(memberships.c.artifact_id, "artifact_ids"),
                memberships.c.deleted_at.is_(None),
            )
        )
    )
    .order_by(collections.c.id)
    .with_for_update()
)


def lock_places(tx: Tx, artifact_ids: Sequence[int]) -> None:
    """Makes those wait who would link these artifacts, or point aliases in the collections that they are versions of."""
    if tx.is_shared:
        tx.column(_LOCK_ARTIFACTS, artifact_ids=list(artifact_ids))
        tx.column(_LOCK_PLACES, artifact_ids=list(artifact_ids))


_LOCK_LOGGED = prepared(
    select(artifacts.c.id)
    .where(artifacts.c.collection_id == bindparam("collection_id"))
    .where(artifacts.c.deleted_at.is_(None))
    .order_by(artifacts.c.id)
    .with_for_update()
)
_LOCK_THEIR_PLACES = prepared(
    select(collections.c.id)
    .where(
        collections.c.id.in_(
            select(memberships.c.collection_id)
            .join(artifacts, artifacts.c.id == memberships.c.artifact_id)
            .where(
                artifacts.c.collection_id == bindparam("collection_id"),
                memberships.c.deleted_at.is_(None),
            )
        )
    )
    .order_by(collections.c.id)
    .with_for_update()
)


def lock_versions(tx: Tx, collection: Grant[Collection]) -> None:
    """Makes those wait who would change what stands in a collection or, of a sequence, where its versions are linked."""
    here = collection.thing
    if tx.is_shared and not here.is_portfolio:
        # In the order in which linking locks: versions, then collections.
        tx.column(_LOCK_LOGGED, collection_id=here.id)
        tx.column(_LOCK_THEIR_PLACES, collection_id=here.id)
    lock(tx, here.id)


def remove_of_artifacts(tx: Tx, artifact_ids: Sequence[int]) -> None:
    """`remove_everywhere` for several artifacts whose deletion was granted before, at most about 1,000."""
    lock_places(tx, artifact_ids)
    gone = tx.rows(_REMOVE_OF_ARTIFACTS, artifact_ids=list(artifact_ids), now=tx.now)
    _end_aliases(tx, [row.id for row in gone])


def remove_places(tx: Tx, membership_ids: Sequence[int]) -> None:
    """Ends links of collections that are gone, with their aliases; at most about 1,000."""
    tx.run(_REMOVE_PLACES, membership_ids=list(membership_ids), now=tx.now)
    _end_aliases(tx, membership_ids)


def _end_aliases(tx: Tx, membership_ids: Sequence[int]) -> list[tuple[int, str]]:
    by = tx.actor.user_id
    ended = [
        (row.collection_id, row.alias)
        for row in tx.rows(_END_ALIASES, membership_ids=list(membership_ids), now=tx.now, by=by)
    ]
    latest_to_newest(tx, {collection_id for collection_id, alias in ended if alias == LATEST})
    return ended


def latest_to_newest(tx: Tx, collection_ids: Set[int]) -> None:
    """Gives `latest` of these living collections, which the caller has locked, to the newest version that is left."""
    if collection_ids:
        tx.run(
            _LATEST_TO_NEWEST,
            collection_ids=sorted(collection_ids),
            latest=LATEST,
            now=tx.now,
            by=tx.actor.user_id,
        )
