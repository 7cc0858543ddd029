"""Changing collections: name, card, type, and taking them away."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, select, update

from registrum.core.collections import Collection
from registrum.core.errors import NameTaken, NotFound
from registrum.core.policy import Action
from registrum.server.db.columns import among
from registrum.server.db.statements import prepared
from registrum.server.db.tables import artifacts, collections, memberships
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import Grant

_IS_THIS = collections.c.id == bindparam("collection_id")
_CHANGE = prepared(
    update(collections)
    .where(_IS_THIS)
    .values(
        name=bindparam("new_name"),
        description=bindparam("new_description"),
        updated_at=bindparam("now"),
    )
)


def change(tx: Tx, collection: Grant[Collection], name: str, description: str | None) -> None:
    """Gives a collection this name and card; its number, versions and aliases stay.

    Args:
        collection: grant to EDIT_COLLECTION.

    Raises:
        NameTaken: another collection of the project has the name.
    """
    here = collection.require(Action.EDIT_COLLECTION)
    try:
        tx.run(
            _CHANGE,
            collection_id=here.id,
            new_name=name,
            new_description=description,
            now=tx.now,
        )
    except Taken:
        raise NameTaken(f"The project has a collection {name!r} already.") from None


_RETYPE = prepared(
    update(collections)
    .where(_IS_THIS)
    .values(type_id=bindparam("new_type_id"), updated_at=bindparam("now"))
)


def retype(tx: Tx, collection: Grant[Collection], type_id: int) -> None:
    """Gives a collection and its versions another type.

    Args:
        collection: grant to EDIT_COLLECTION.
        type_id: a type of the same project.
    """
    here = collection.require(Action.EDIT_COLLECTION)
    tx.run(_RETYPE, collection_id=here.id, new_type_id=type_id, now=tx.now)


def _exists_with(*conditions: ColumnElement[Any]) -> Any:
    target = collections.alias("target")
    return prepared(
        select(
            exists(
                select(1)
                .select_from(
                    memberships.join(artifacts, artifacts.c.id == memberships.c.artifact_id).join(
                        target, target.c.id == memberships.c.collection_id
                    )
                )
                .where(
                    memberships.c.deleted_at.is_(None), target.c.deleted_at.is_(None), *conditions
                )
            ).label("found")
        )
    )


_HAS_VERSIONS = _exists_with(memberships.c.collection_id == bindparam("collection_id"))
_IS_LINKED = _exists_with(
    artifacts.c.collection_id == bindparam("collection_id"),
    memberships.c.collection_id != bindparam("collection_id"),
)


def has_versions(tx: Tx, collection: Grant[Collection]) -> bool:
    """Whether there are versions in it."""
    return bool(tx.value(_HAS_VERSIONS, collection_id=collection.thing.id))


def is_linked(tx: Tx, sequence: Grant[Collection]) -> bool:
    """Whether versions logged into it are linked anywhere, seen by the actor or not."""
    return bool(tx.value(_IS_LINKED, collection_id=sequence.thing.id))


_REMOVE = prepared(
    update(collections)
    .where(_IS_THIS, collections.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"))
)


def remove(tx: Tx, collection: Grant[Collection]) -> None:
    """Marks a collection as gone; its versions are hidden with it.

    Args:
        collection: grant to DELETE_COLLECTION.

    Raises:
        NotFound: somebody else removed it meanwhile.
    """
    here = collection.require(Action.DELETE_COLLECTION)
    if not tx.run(_REMOVE, collection_id=here.id, now=tx.now):
        raise NotFound(f"Collection {here.name!r} has been deleted already.")


_LEFT = prepared(
    select(artifacts.c.id)
    .join(collections, collections.c.id == artifacts.c.collection_id)
    .where(
        artifacts.c.collection_id == bindparam("collection_id"),
        artifacts.c.deleted_at.is_(None),
        collections.c.deleted_at.is_not(None),
    )
    .limit(bindparam("limit"))
)
_REMOVE_ARTIFACTS = prepared(
    update(artifacts)
    .where(
        among(artifacts.c.id, "artifact_ids"),
        artifacts.c.deleted_at.is_(None),
    )
    .values(state="deleted", deleted_at=bindparam("now"), expires_at=None)
)


def artifacts_left(tx: Tx, collection_id: int, limit: int) -> list[int]:
    """Artifacts that were logged into a sequence which is gone, and are not yet gone themselves; at most `limit`."""
    return tx.column(_LEFT, collection_id=collection_id, limit=limit)


def remove_artifacts(tx: Tx, artifact_ids: Sequence[int]) -> None:
    """Puts artifacts of a deleted sequence into the trash; their memberships have been ended before."""
    tx.run(_REMOVE_ARTIFACTS, artifact_ids=list(artifact_ids), now=tx.now)
