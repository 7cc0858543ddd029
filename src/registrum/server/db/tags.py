"""Tags: words on versions and on collections, two name spaces apart."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Table, Text, bindparam, delete, select

from registrum.core.artifacts import Artifact
from registrum.core.collections import Collection, Tag
from registrum.core.policy import Action
from registrum.server.db.columns import among, those
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifact_tags, collection_tags
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant


class Changed(NamedTuple):
    """Which tags came and which went, in the order in which they were named."""

    added: list[str]
    removed: list[str]


class _Statements:
    """The statements of one of the two tables."""

    def __init__(self, table: Table, owner: str) -> None:
        column = table.c[owner]
        self.of: Prepared = prepared(
            select(column, table.c.id, table.c.name)
            .where(those(column, "owner_ids"))
            .order_by(column, table.c.name)  # as the table's index has them
        )
        self.add: Prepared = prepared(
            insert(table)
            .values(
                **{owner: bindparam("owner_id")},
                name=bindparam("tag"),
                created_at=bindparam("now"),
            )
            .on_conflict_do_nothing(index_elements=[owner, "name"])
            .returning(table.c.name)
        )
        self.remove: Prepared = prepared(
            delete(table)
            .where(column == bindparam("owner_id"), among(table.c.name, "names", Text))
            .returning(table.c.name)
        )


_ARTIFACTS = _Statements(artifact_tags, "artifact_id")
_COLLECTIONS = _Statements(collection_tags, "collection_id")


def by_artifacts(tx: Tx, ids: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
    """Tags of artifacts that were loaded for the actor, by artifact, alphabetical."""
    return _by_owner(tx, _ARTIFACTS, ids)


def by_collections(tx: Tx, ids: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
    """Tags of collections that were loaded for the actor, by collection, alphabetical."""
    return _by_owner(tx, _COLLECTIONS, ids)


def change_of_artifact(
    tx: Tx, artifact: Grant[Artifact], add: Sequence[str], remove: Sequence[str]
) -> Changed:
    """Adds and removes tags of an artifact; those there or gone already are left alone.

    Args:
        artifact: grant to WRITE.
    """
    return _change(tx, _ARTIFACTS, artifact.require(Action.WRITE).id, add, remove)


def change_of_collection(
    tx: Tx, collection: Grant[Collection], add: Sequence[str], remove: Sequence[str]
) -> Changed:
    """Adds and removes tags of a collection; those there or gone already are left alone.

    Args:
        collection: grant to EDIT_COLLECTION.
    """
    return _change(tx, _COLLECTIONS, collection.require(Action.EDIT_COLLECTION).id, add, remove)


def _by_owner(tx: Tx, statements: _Statements, ids: Sequence[int]) -> dict[int, tuple[Tag, ...]]:
    if not ids:
        return {}
    found: dict[int, list[Tag]] = defaultdict(list)
    for owner_id, tag_id, name in tx.rows(statements.of, owner_ids=list(ids)):
        found[owner_id].append(Tag(tag_id, name))
    return {owner_id: tuple(tags) for owner_id, tags in found.items()}


def _change(
    tx: Tx, statements: _Statements, owner_id: int, add: Sequence[str], remove: Sequence[str]
) -> Changed:
    gone = tx.column(statements.remove, owner_id=owner_id, names=list(remove)) if remove else ()
    added = [
        name
        for name in add
        if tx.value(statements.add, owner_id=owner_id, tag=name, now=tx.now) is not None
    ]
    return Changed(added, [name for name in remove if name in gone])
