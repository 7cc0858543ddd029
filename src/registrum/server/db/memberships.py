"""Memberships: the versions of a collection, numbered as they come and never again.

Two writers of one collection wait for each other at its row (`UPDATE collections SET next_version … RETURNING`), so
numbers have no gaps but those of what was taken away.
"""

from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from registrum.core.artifacts import Artifact
from registrum.core.collections import Collection
from registrum.core.errors import NotFound
from registrum.core.memberships import Place
from registrum.core.policy import Action
from registrum.server.db.statements import prepared
from registrum.server.db.tables import ALIVE, collections, memberships
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_NUMBER = prepared(
    update(collections)
    .where(collections.c.id == bindparam("collection_id"), collections.c.deleted_at.is_(None))
    .values(next_version=collections.c.next_version + 1)
    .returning(
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


def add_link(tx: Tx, target: Grant[Collection], source: Grant[Artifact]) -> Grant[Place]:
    """Makes a committed artifact the next version of a portfolio, or finds that it is one already.

    Args:
        target: grant to LINK.
        source: grant to DOWNLOAD.
    """
    artifact = source.require(Action.DOWNLOAD)
    collection = target.require(Action.LINK)
    place = _add(tx, collection.id, artifact.id, artifact.size_bytes, artifact.created_at)
    return Grant(place, Action.LINK)


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
    added = tx.value(
        _ADD,
        collection_id=collection_id,
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
        return Place(
            added, collection_id, artifact_id, number.project_id, number.version, is_new=True
        )
    tx.run(_GIVE_BACK, collection_id=collection_id)
    return Place(*tx.rows(_PLACE, collection_id=collection_id, artifact_id=artifact_id)[0])
