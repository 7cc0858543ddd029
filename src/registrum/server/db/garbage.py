"""What nobody needs any more: uploads given up, the trash once its time is over, and blobs that nothing refers to.

A blob is first marked `deleting`, in a transaction that locks its row and looks again for what may refer to it; from then on it is never
given out. Its bytes go after that commit, and its row after the bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.sql import ColumnElement

from registrum.server.db import blobs as blob_rows
from registrum.server.db.columns import Moment, among
from registrum.server.db.statements import prepared
from registrum.server.db.tables import (
    artifact_blobs,
    artifacts,
    blobs,
    manifests,
    pending_aliases,
    reservations,
    run_chunks,
    run_files,
    run_writers,
    runs,
    uploads,
)
from registrum.server.db.tx import Tx

WINDOW = 5000
BATCH = 500
CHUNKS = 100
_BEFORE = bindparam("before", type_=Moment)
# In the words of the index that has only such artifacts: a condition with a parameter would not lead there.
_UNCOMMITTED = text("artifacts.state <> 'committed'")

_IS_ABANDONED = and_(
    _UNCOMMITTED,
    artifacts.c.state == "pending",
    artifacts.c.deleted_at.is_(None),
    artifacts.c.created_at < _BEFORE,
    ~exists().where(
        reservations.c.artifact_id == artifacts.c.id, reservations.c.created_at >= _BEFORE
    ),
    ~exists().where(manifests.c.artifact_id == artifacts.c.id, manifests.c.created_at >= _BEFORE),
)
_ABANDON = prepared(
    update(artifacts)
    .where(
        artifacts.c.id.in_(
            select(artifacts.c.id).where(_IS_ABANDONED).order_by(artifacts.c.id).limit(BATCH)
        ),
        artifacts.c.state == "pending",
    )
    .values(state="deleted", deleted_at=bindparam("now"))
    .returning(artifacts.c.id)
)


def abandon_uploads(tx: Tx, before: datetime) -> int:
    """Ends at most `BATCH` artifacts that were begun before then and for which nothing was asked since; how many."""
    return len(tx.rows(_ABANDON, before=before, now=tx.now))


# From one artifact that has places to the next: all their places together are many more than they.
_next = reservations.alias("next_places")
_first = select(func.min(_next.c.artifact_id).label("id")).where(
    _next.c.artifact_id > bindparam("behind")
)
_holders = _first.cte("holders", recursive=True)
_holders = _holders.union_all(
    select(
        select(func.min(_next.c.artifact_id))
        .where(_next.c.artifact_id > _holders.c.id)
        .scalar_subquery()
    ).where(_holders.c.id.is_not(None))
)
_LEFT_PLACES = prepared(
    select(artifacts.c.id)
    .select_from(_holders.join(artifacts, artifacts.c.id == _holders.c.id))
    .where(artifacts.c.state != "pending")
    .order_by(artifacts.c.id)
    .limit(20)
)
_DROP_PLACES = prepared(
    delete(reservations).where(
        reservations.c.artifact_id == bindparam("artifact_id"),
        reservations.c.path.in_(
            select(reservations.c.path)
            .where(
                reservations.c.artifact_id == bindparam("artifact_id"),
                reservations.c.created_at < _BEFORE,
            )
            .limit(BATCH)
        ),
    )
)


def with_left_places(tx: Tx, behind: int) -> list[int]:
    """The next few artifacts that are pending no more and still have places."""
    return tx.column(_LEFT_PLACES, behind=behind)


def drop_places(tx: Tx, artifact_id: int, before: datetime) -> int:
    """Gives up at most `BATCH` places of an artifact that is pending no more; what it holds on to stays. How many."""
    return tx.run(_DROP_PLACES, artifact_id=artifact_id, before=before)


_TRASH = prepared(
    select(artifacts.c.id)
    .where(
        _UNCOMMITTED,
        artifacts.c.state == "deleted",
        artifacts.c.deleted_at < _BEFORE,
        artifacts.c.id > bindparam("behind"),
    )
    .order_by(artifacts.c.id)
    .limit(20)
)
_LET_GO = prepared(
    delete(artifact_blobs).where(
        artifact_blobs.c.artifact_id == bindparam("artifact_id"),
        artifact_blobs.c.blob_id.in_(
            select(artifact_blobs.c.blob_id)
            .where(artifact_blobs.c.artifact_id == bindparam("artifact_id"))
            .limit(BATCH)
        ),
    )
)
_PURGE: tuple[Any, ...] = (
    prepared(delete(manifests).where(manifests.c.artifact_id == bindparam("artifact_id"))),
    prepared(
        delete(pending_aliases).where(pending_aliases.c.artifact_id == bindparam("artifact_id"))
    ),
    prepared(
        update(artifacts)
        .where(artifacts.c.id == bindparam("artifact_id"), artifacts.c.state == "deleted")
        .values(state="purged", manifest_id=None)
    ),
)


def trash(tx: Tx, before: datetime, behind: int) -> list[int]:
    """The next few artifacts that were deleted before then and still hold on to bytes."""
    return tx.column(_TRASH, before=before, behind=behind)


def purge(tx: Tx, artifact_id: int) -> bool:
    """Lets go of the next `BATCH` blobs of a deleted artifact, at last also of its manifest; whether that was all."""
    if tx.run(_LET_GO, artifact_id=artifact_id) == BATCH:
        return False
    for statement in _PURGE:
        tx.run(statement, artifact_id=artifact_id)
    return True


_PURGE_RUN_FILES = prepared(
    delete(run_files).where(
        run_files.c.id.in_(
            select(run_files.c.id)
            .join(runs, runs.c.id == run_files.c.run_id)
            .where(runs.c.deleted_at < _BEFORE)
            .limit(BATCH)
        )
    )
)


_CHUNK = (run_chunks.c.run_id, run_chunks.c.stream, run_chunks.c.first_line)
_PURGE_CHUNKS = prepared(
    delete(run_chunks).where(
        tuple_(*_CHUNK).in_(
            select(*_CHUNK)
            .join(runs, runs.c.id == run_chunks.c.run_id)
            .where(runs.c.deleted_at < _BEFORE)
            .limit(CHUNKS)
        )
    )
)


_PURGE_WRITERS = prepared(
    delete(run_writers).where(
        run_writers.c.run_id.in_(
            select(run_writers.c.run_id)
            .join(runs, runs.c.id == run_writers.c.run_id)
            .where(runs.c.deleted_at < _BEFORE)
            .limit(CHUNKS)
        )
    )
)


def purge_run_history(tx: Tx, before: datetime) -> int:
    """Removes at most `CHUNKS` chunks of history, events and console of runs that were deleted before then; how many."""
    tx.run(_PURGE_WRITERS, before=before)
    return tx.run(_PURGE_CHUNKS, before=before)


def purge_run_files(tx: Tx, before: datetime) -> int:
    """Removes at most `BATCH` files of runs that were deleted before then; how many."""
    return tx.run(_PURGE_RUN_FILES, before=before)


def _is_unreferenced() -> ColumnElement[bool]:
    return and_(
        true(),
        *(
            ~exists().where(column == blobs.c.id)
            for column in (
                reservations.c.blob_id,
                artifact_blobs.c.blob_id,
                manifests.c.blob_id,
                run_files.c.blob_id,
                run_files.c.pending_blob_id,
            )
        ),
    )


_LAST_OF_WINDOW = prepared(
    select(func.max(blobs.c.id)).where(
        blobs.c.id.in_(
            select(blobs.c.id)
            .where(blobs.c.id > bindparam("behind", type_=Text))
            .order_by(blobs.c.id)
            .limit(WINDOW)
        )
    )
)
_CANDIDATES = prepared(
    select(blobs.c.id).where(
        blobs.c.id > bindparam("behind", type_=Text),
        blobs.c.id <= bindparam("last", type_=Text),
        blobs.c.state != "deleting",
        blobs.c.created_at < _BEFORE,
        _is_unreferenced(),
    )
)


def unreferenced(tx: Tx, before: datetime, behind: str) -> tuple[list[str], str | None]:
    """Looks through the next `WINDOW` blobs.

    Args:
        before: only those reserved before then.
        behind: the last blob of the window before.

    Returns:
        Those that nothing refers to, and where to go on; None at the end.
    """
    last = tx.value(_LAST_OF_WINDOW, behind=behind)
    if last is None:
        return [], None
    return tx.column(_CANDIDATES, behind=behind, last=last, before=before), last


_LOCK = prepared(
    select(blobs.c.id)
    .where(among(blobs.c.id, "ids", Text), blobs.c.state != "deleting")
    .with_for_update(skip_locked=True)
)
# Another statement than the lock: it must see what those have written who held a lock before.
_MARK = prepared(
    update(blobs)
    .where(among(blobs.c.id, "ids", Text), _is_unreferenced())
    .values(state="deleting")
    .returning(blobs.c.id)
)


def mark(tx: Tx, ids: Sequence[str]) -> list[str]:
    """Marks those of the blobs that nothing refers to, as seen with their rows locked; they are never given out again."""
    locked = tx.column(_LOCK, ids=ids)
    marked = tx.column(_MARK, ids=locked) if locked else []
    blob_rows.withdraw(tx, marked)
    return marked


@dataclass(frozen=True, slots=True)
class Doomed:
    """A marked blob; `open_uploads` are uploads in parts that were never joined."""

    id: str
    open_uploads: tuple[str, ...]


_DOOMED = prepared(select(blobs.c.id).where(blobs.c.state == "deleting").limit(BATCH))
_OPEN = prepared(
    select(uploads.c.id, uploads.c.blob_id).where(
        among(uploads.c.blob_id, "ids", Text), uploads.c.completed_at.is_(None)
    )
)


def doomed(tx: Tx) -> list[Doomed]:
    """At most `BATCH` marked blobs."""
    ids = tx.column(_DOOMED)
    opened = tx.rows(_OPEN, ids=ids) if ids else []
    return [Doomed(each, tuple(u.id for u in opened if u.blob_id == each)) for each in ids]


_FORGET = (
    prepared(delete(uploads).where(among(uploads.c.blob_id, "ids", Text))),
    prepared(delete(blobs).where(among(blobs.c.id, "ids", Text), blobs.c.state == "deleting")),
)


def forget(tx: Tx, ids: Sequence[str]) -> None:
    """Removes the rows of marked blobs, whose bytes have gone."""
    for statement in _FORGET:
        tx.run(statement, ids=ids)
