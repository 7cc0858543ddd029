"""Writing artifacts: begun as pending, committed as the next version of their sequence, edited, and taken away."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, or_, select, update

from registrum.core.artifacts import Artifact
from registrum.core.collections import Collection
from registrum.core.metadata import Facts
from registrum.core.policy import Action
from registrum.server.db import memberships as places
from registrum.server.db import registry_values
from registrum.server.db.conditions import path_key
from registrum.server.db.locks import RowLock
from registrum.server.db.statements import prepared
from registrum.server.db.tables import (
    ALIVE,
    alias_spans,
    artifacts,
    collections,
    entities,
    facts,
    memberships,
    pending_aliases,
    projects,
    run_outputs,
)
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_BEGIN = prepared(
    insert(artifacts)
    .values(
        project_id=bindparam("project_id"),
        collection_id=bindparam("collection_id"),
        state="pending",
        digest=bindparam("digest"),
        digest_algorithm=bindparam("digest_algorithm"),
        description=bindparam("description"),
        metadata=bindparam("metadata"),
        history_step=bindparam("history_step"),
        client_id=bindparam("client_id"),
        ttl_seconds=bindparam("ttl_seconds"),
        run_id=bindparam("run_id"),
        created_by=bindparam("created_by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["client_id"], index_where=ALIVE)
    .returning(artifacts.c.id)
)
_PENDING_ALIAS = prepared(
    insert(pending_aliases)
    .values(artifact_id=bindparam("artifact_id"), alias=bindparam("alias"))
    .on_conflict_do_nothing(index_elements=["artifact_id", "alias"])
)


_GIVE_UP_LOST = prepared(
    update(artifacts)
    .where(
        artifacts.c.client_id == bindparam("client_id"),
        artifacts.c.deleted_at.is_(None),
        artifacts.c.state == "pending",
        or_(
            exists().where(
                projects.c.id == artifacts.c.project_id, projects.c.deleted_at.is_not(None)
            ),
            exists().where(
                collections.c.id == artifacts.c.collection_id, collections.c.deleted_at.is_not(None)
            ),
        ),
    )
    .values(state="deleted", deleted_at=bindparam("now"))
)


def give_up_lost(tx: Tx, client_id: str) -> bool:
    """Ends an upload whose project or collection is gone, so that its client id is free again; whether there was one."""
    return bool(tx.run(_GIVE_UP_LOST, client_id=client_id, now=tx.now))


def begin(
    tx: Tx,
    sequence: Grant[Collection],
    project_id: int,
    *,
    digest: str,
    digest_algorithm: str,
    description: str | None,
    metadata: str | None,
    history_step: int | None,
    client_id: str | None,
    ttl_seconds: int | None,
    run_id: int | None,
    aliases: Sequence[str],
) -> int | None:
    """Adds a pending artifact to a sequence.

    Args:
        sequence: grant to WRITE.
        ttl_seconds: its own; None: inherited.
        aliases: to be pointed at it when it is committed.

    Returns:
        Its number; None where the client id is taken.
    """
    into = sequence.require(Action.WRITE)
    added: int | None = tx.value(
        _BEGIN,
        project_id=project_id,
        collection_id=into.id,
        digest=digest,
        digest_algorithm=digest_algorithm,
        description=description,
        metadata=metadata,
        history_step=history_step,
        client_id=client_id,
        ttl_seconds=ttl_seconds,
        run_id=run_id,
        created_by=tx.actor.user_id,
        now=tx.now,
    )
    if added is not None:
        tx.run_many(_PENDING_ALIAS, [{"artifact_id": added, "alias": name} for name in aliases])
    return added


_LOCK = RowLock(artifacts)


def lock(tx: Tx, artifact_id: int) -> None:
    """Makes other writers of this artifact wait until this transaction ends; what is read after it is current."""
    _LOCK.take(tx, artifact_id)


_SAME_CONTENT = prepared(
    select(artifacts.c.id)
    .join(memberships, memberships.c.artifact_id == artifacts.c.id)
    .where(
        artifacts.c.collection_id == bindparam("collection_id"),
        artifacts.c.digest == bindparam("digest"),
        artifacts.c.digest_algorithm == bindparam("digest_algorithm"),
        artifacts.c.state == "committed",
        artifacts.c.deleted_at.is_(None),
        memberships.c.collection_id == artifacts.c.collection_id,
        memberships.c.deleted_at.is_(None),
    )
    .order_by(artifacts.c.id.desc())
    .limit(1)
)


def with_content(
    tx: Tx, sequence: Grant[Collection], digest: str, digest_algorithm: str
) -> int | None:
    """The newest committed version of a sequence that has this content; what is in the trash does not count.

    Nobody deletes it before this transaction ends.
    """
    asked = {
        "collection_id": sequence.require(Action.WRITE).id,
        "digest": digest,
        "digest_algorithm": digest_algorithm,
    }
    found: int | None = tx.value(_SAME_CONTENT, **asked)
    while found is not None and tx.is_shared:
        lock(tx, found)
        before, found = found, tx.value(_SAME_CONTENT, **asked)
        if found == before:
            break
    return found


_ALIASES_TO_SET = prepared(
    select(pending_aliases.c.alias)
    .where(pending_aliases.c.artifact_id == bindparam("artifact_id"))
    .order_by(pending_aliases.c.alias)
)
_FORGET_ALIASES = prepared(
    delete(pending_aliases).where(pending_aliases.c.artifact_id == bindparam("artifact_id"))
)


def take_pending_aliases(tx: Tx, artifact: Grant[Artifact]) -> list[str]:
    """The aliases asked for when the artifact was begun, and no more of them."""
    own = artifact.require(Action.WRITE)
    names = tx.column(_ALIASES_TO_SET, artifact_id=own.id)
    tx.run(_FORGET_ALIASES, artifact_id=own.id)
    return names


_COMMIT = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"), artifacts.c.state == "pending")
    .values(
        state="committed",
        version=bindparam("to_version"),
        size_bytes=bindparam("size"),
        file_count=bindparam("files"),
        manifest_id=bindparam("manifest"),
        committed_at=bindparam("now"),
        expires_at=bindparam("expires"),
    )
)
_MORE_FACTS = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"))
    .values(more_facts=bindparam("more"))
)
_FACT = prepared(
    insert(facts).values(
        artifact_id=bindparam("artifact_id"),
        path=bindparam("path"),
        ordinal=bindparam("ordinal"),
        number=bindparam("number"),
        text=bindparam("text"),
    )
)


def commit(
    tx: Tx,
    artifact: Grant[Artifact],
    *,
    version: int,
    size_bytes: int,
    file_count: int,
    manifest_id: int,
    expires_at: datetime | None,
    facts_found: Facts,
) -> None:
    """Makes a pending artifact a committed one; its membership has been added in the same transaction."""
    own = artifact.require(Action.WRITE)
    tx.run(
        _COMMIT,
        artifact_id=own.id,
        to_version=version,
        size=size_bytes,
        files=file_count,
        manifest=manifest_id,
        now=tx.now,
        expires=expires_at,
    )
    _add_facts(tx, own.id, facts_found)


def _add_facts(tx: Tx, artifact_id: int, found: Facts) -> None:
    tx.run_many(
        _FACT,
        [
            {
                "artifact_id": artifact_id,
                "path": fact.path,
                "ordinal": fact.ordinal,
                "number": fact.number,
                "text": fact.text,
            }
            for fact in found.indexed
        ],
    )
    more = {path_key(path): values for path, values in (found.more or {}).items()}
    tx.run(_MORE_FACTS, artifact_id=artifact_id, more=more or None)


_OUTPUT = prepared(
    insert(run_outputs)
    .values(
        run_id=bindparam("run_id"),
        artifact_id=bindparam("artifact_id"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["run_id", "artifact_id"])
)


def add_producer(tx: Tx, artifact: Grant[Artifact], run_id: int) -> None:
    """Notes that a run logged this content; the first one stays the artifact's creator."""
    own = artifact.require(Action.WRITE)
    tx.run(_OUTPUT, run_id=run_id, artifact_id=own.id, now=tx.now)


_CHANGE = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"))
    .values(
        description=bindparam("to_description"),
        metadata=bindparam("to_metadata"),
        ttl_seconds=bindparam("to_ttl"),
        expires_at=bindparam("to_expires"),
        updated_at=bindparam("now"),
    )
)
_FORGET_FACTS = prepared(delete(facts).where(facts.c.artifact_id == bindparam("artifact_id")))


def change(
    tx: Tx,
    artifact: Grant[Artifact],
    *,
    description: str | None,
    metadata: str | None,
    ttl_seconds: int | None,
    expires_at: datetime | None,
    facts_found: Facts | None,
) -> None:
    """Sets what may change of an artifact.

    Args:
        artifact: grant to WRITE.
        ttl_seconds: its own; None: inherited.
        facts_found: of the new metadata; None where the metadata stays.
    """
    own = artifact.require(Action.WRITE)
    tx.run(
        _CHANGE,
        artifact_id=own.id,
        to_description=description,
        to_metadata=metadata,
        to_ttl=ttl_seconds,
        to_expires=expires_at,
        now=tx.now,
    )
    if facts_found is not None:
        tx.run(_FORGET_FACTS, artifact_id=own.id)
        _add_facts(tx, own.id, facts_found)
        registry_values.note(tx, own.id)


_OWN_TTL = prepared(
    select(artifacts.c.ttl_seconds).where(artifacts.c.id == bindparam("artifact_id"))
)


def own_ttl(tx: Tx, artifact: Grant[Artifact]) -> int | None:
    """The artifact's own TTL; None: inherited."""
    found: int | None = tx.value(_OWN_TTL, artifact_id=artifact.thing.id)
    return found


_DEFAULT_TTL = prepared(
    select(func.coalesce(projects.c.ttl_seconds, entities.c.ttl_seconds))
    .select_from(
        artifacts.join(projects, projects.c.id == artifacts.c.project_id).join(
            entities, entities.c.id == projects.c.entity_id
        )
    )
    .where(artifacts.c.id == bindparam("artifact_id"))
)


def default_ttl(tx: Tx, artifact: Grant[Artifact]) -> int | None:
    """The TTL that the artifact's project or entity gives to versions without one of their own."""
    found: int | None = tx.value(_DEFAULT_TTL, artifact_id=artifact.thing.id)
    return found


_COUNT_ALIASES = prepared(
    select(func.count(alias_spans.c.id))
    .select_from(
        memberships.join(alias_spans, alias_spans.c.membership_id == memberships.c.id)
        .join(collections, collections.c.id == memberships.c.collection_id)
        .join(projects, projects.c.id == memberships.c.project_id)
    )
    .where(
        memberships.c.artifact_id == bindparam("artifact_id"),
        memberships.c.deleted_at.is_(None),
        collections.c.deleted_at.is_(None),
        projects.c.deleted_at.is_(None),
        alias_spans.c.until.is_(None),
    )
)


def count_aliases(tx: Tx, artifact: Grant[Artifact]) -> int:
    """How many aliases stand on it anywhere, seen by the actor or not."""
    return int(tx.value(_COUNT_ALIASES, artifact_id=artifact.thing.id))


_REMOVE = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"), artifacts.c.deleted_at.is_(None))
    .values(state="deleted", deleted_at=bindparam("now"), expires_at=None)
)


def remove(tx: Tx, artifact: Grant[Artifact]) -> None:
    """Puts an artifact in the trash, and ends its memberships and their aliases."""
    own = artifact.require(Action.WRITE)
    places.remove_everywhere(tx, artifact)
    tx.run(_REMOVE, artifact_id=own.id, now=tx.now)
