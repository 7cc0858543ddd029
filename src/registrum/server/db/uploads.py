"""Uploads in parts: which blob each of them is for."""

from sqlalchemy import bindparam, delete, exists, or_, select, update

from registrum.core.artifacts import Artifact
from registrum.core.files import Blob
from registrum.core.policy import Action
from registrum.server.db.blobs import BLOB_COLUMNS, blob_from
from registrum.server.db.statements import prepared
from registrum.server.db.tables import artifact_blobs, blobs, reservations, uploads
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_ADD = prepared(
    insert(uploads)
    .values(
        id=bindparam("upload_id"),
        blob_id=bindparam("blob_id"),
        plan=bindparam("fingerprint"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["id"])
)


def add(tx: Tx, upload_id: str, blob_id: str, fingerprint: str) -> None:
    """Notes an upload that the store has opened; the same one again is fine.

    Args:
        fingerprint: of the parts and of the whole, by which `lock_open` finds it.
    """
    tx.run(_ADD, upload_id=upload_id, blob_id=blob_id, fingerprint=fingerprint, now=tx.now)


_OPEN = prepared(
    select(*BLOB_COLUMNS)
    .select_from(uploads.join(blobs, blobs.c.id == uploads.c.blob_id))
    .where(
        uploads.c.plan == bindparam("fingerprint"),
        uploads.c.completed_at.is_(None),
        blobs.c.project_id == bindparam("project_id"),
        blobs.c.state == "reserved",
    )
    .order_by(uploads.c.created_at.desc(), uploads.c.id)
    .limit(1)
    .with_for_update(read=True, of=blobs)
)


def lock_open(tx: Tx, project_id: int, fingerprint: str) -> Blob | None:
    """The blob whose upload in just these parts was begun in the project and is still open; it can't be deleted meanwhile."""
    row = tx.one(_OPEN, fingerprint=fingerprint, project_id=project_id)
    return blob_from(row) if row else None


_BLOB = prepared(
    select(uploads.c.blob_id).where(
        uploads.c.id == bindparam("upload_id"),
        or_(
            exists(
                select(1).where(
                    reservations.c.blob_id == uploads.c.blob_id,
                    reservations.c.artifact_id == bindparam("artifact_id"),
                )
            ),
            exists(
                select(1).where(
                    artifact_blobs.c.blob_id == uploads.c.blob_id,
                    artifact_blobs.c.artifact_id == bindparam("artifact_id"),
                )
            ),
        ),
    )
)


def blob_of(tx: Tx, artifact: Grant[Artifact], upload_id: str) -> str | None:
    """The blob of an upload for a file of this artifact.

    Args:
        artifact: grant to WRITE.
    """
    own = artifact.require(Action.WRITE)
    found: str | None = tx.value(_BLOB, upload_id=upload_id, artifact_id=own.id)
    return found


_COMPLETE = prepared(
    update(uploads)
    .where(uploads.c.id == bindparam("upload_id"), uploads.c.completed_at.is_(None))
    .values(completed_at=bindparam("now"))
)
_REMOVE = prepared(delete(uploads).where(uploads.c.id == bindparam("upload_id")))


def complete(tx: Tx, upload_id: str) -> None:
    """Notes that the parts have been joined."""
    tx.run(_COMPLETE, upload_id=upload_id, now=tx.now)


def remove(tx: Tx, upload_id: str) -> None:
    """Forgets an upload that was given up."""
    tx.run(_REMOVE, upload_id=upload_id)
