"""Manifests: announced for a pending artifact, and kept in canonical form with an index for a committed one."""

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update

from registrum.core.artifacts import Artifact
from registrum.core.files import StoredManifest
from registrum.core.manifest_pages import HEAD_BYTES, ManifestIndex, head_size, unpack
from registrum.core.policy import Action
from registrum.server.db import blobs as blob_rows
from registrum.server.db.statements import prepared
from registrum.server.db.tables import artifacts, blobs, manifests
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_HEAD_GUESS = 16384


@dataclass(frozen=True, slots=True)
class AnnouncedManifest:
    """A manifest that a client uploads, or is about to.

    Attributes:
        md5: of the document; None where only its place was announced.
        blob_id: where it goes; None likewise.
    """

    id: int
    artifact_id: int
    name: str
    kind: str
    md5: bytes | None
    blob_id: str | None


_COLUMNS = (
    manifests.c.id,
    manifests.c.artifact_id,
    manifests.c.name,
    manifests.c.kind,
    manifests.c.md5,
    manifests.c.blob_id,
)
_BY_NAME = prepared(
    select(*_COLUMNS).where(
        manifests.c.artifact_id == bindparam("artifact_id"),
        manifests.c.name == bindparam("manifest_name"),
    )
)
_insert = insert(manifests)
_PUT = prepared(
    _insert.values(
        artifact_id=bindparam("artifact_id"),
        name=bindparam("manifest_name"),
        kind=bindparam("kind"),
        md5=bindparam("of_md5"),
        base_artifact_id=bindparam("base_artifact_id"),
        blob_id=bindparam("blob_id"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["artifact_id", "name"],
        set_={
            "kind": _insert.excluded.kind,
            "md5": _insert.excluded.md5,
            "blob_id": _insert.excluded.blob_id,
        },
    )
    .returning(*_COLUMNS)
)


def announced(tx: Tx, artifact: Grant[Artifact], name: str) -> AnnouncedManifest | None:
    """The manifest of that name, as last announced.

    Args:
        artifact: grant to WRITE.
    """
    own = artifact.require(Action.WRITE)
    row = tx.one(_BY_NAME, artifact_id=own.id, manifest_name=name)
    return AnnouncedManifest(*row) if row else None


def announce(
    tx: Tx,
    artifact: Grant[Artifact],
    project_id: int,
    *,
    name: str,
    kind: str,
    md5: bytes | None,
    blob_id: str,
    base_artifact_id: int | None,
) -> AnnouncedManifest:
    """Announces a manifest, or another document for one that was.

    Args:
        artifact: grant to WRITE.
        md5: of the document; None: only its place is announced.
        blob_id: a fresh key, used if there is no place for this document yet.
    """
    own = artifact.require(Action.WRITE)
    before = announced(tx, artifact, name)
    if before is not None and (md5 is None or before.md5 == md5):
        return before
    if md5 is not None:
        blob_rows.reserve(tx, project_id, [blob_id])
    rows = tx.rows(
        _PUT,
        artifact_id=own.id,
        manifest_name=name,
        kind=kind,
        of_md5=md5,
        base_artifact_id=base_artifact_id,
        blob_id=blob_id if md5 is not None else None,
        now=tx.now,
    )
    return AnnouncedManifest(*rows[0])


_SEAL = prepared(
    update(manifests)
    .where(manifests.c.id == bindparam("manifest_id"))
    .values(blob_id=bindparam("to_blob"), index_bytes=bindparam("index"))
)


def seal(tx: Tx, manifest: AnnouncedManifest, blob_id: str, index: bytes) -> None:
    """Puts the canonical form in the place of what was uploaded."""
    tx.run(_SEAL, manifest_id=manifest.id, to_blob=blob_id, index=index)


_CURRENT = prepared(
    select(
        manifests.c.id,
        manifests.c.artifact_id,
        manifests.c.blob_id,
        blobs.c.size_bytes,
        blobs.c.md5,
        artifacts.c.committed_at,
    )
    .select_from(
        artifacts.join(manifests, manifests.c.id == artifacts.c.manifest_id).join(
            blobs, blobs.c.id == manifests.c.blob_id
        )
    )
    .where(artifacts.c.id == bindparam("artifact_id"), artifacts.c.state == "committed")
)


def current(tx: Tx, artifact_id: int) -> StoredManifest | None:
    """The canonical manifest of an artifact, which the caller has been allowed to read."""
    row = tx.one(_CURRENT, artifact_id=artifact_id)
    return StoredManifest(*row) if row else None


_INDEX_PART = prepared(
    select(
        func.substr(manifests.c.index_bytes, bindparam("start"), bindparam("length")).label("part")
    ).where(manifests.c.id == bindparam("manifest_id"))
)


def index_of(tx: Tx, manifest: StoredManifest) -> ManifestIndex:
    """Head and table of the manifest's index block."""
    head = _index_part(tx, manifest, 0, _HEAD_GUESS)
    assert len(head) >= HEAD_BYTES
    needed = head_size(head)
    return unpack(head if needed <= len(head) else _index_part(tx, manifest, 0, needed))


def blob_keys(
    tx: Tx, manifest: StoredManifest, index: ManifestIndex, first_entry: int, end_entry: int
) -> bytes:
    """The keys of these entries' blobs, 16 bytes each."""
    return _index_part(tx, manifest, *index.keys_span(first_entry, end_entry))


def _index_part(tx: Tx, manifest: StoredManifest, start: int, length: int) -> bytes:
    return bytes(
        tx.value(_INDEX_PART, manifest_id=manifest.id, start=start + 1, length=length) or b""
    )
