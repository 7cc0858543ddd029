"""Files by path and by digest: places reserved for a pending artifact, and the addresses that clients make themselves."""

from collections.abc import Sequence, Set
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.expression import FromClause

from registrum.core.artifacts import Artifact
from registrum.core.digests import Algorithm
from registrum.core.files import Blob, ReservedFile, WantedFile
from registrum.core.names import folded
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.server.db import blobs as blob_rows
from registrum.server.db import uploads
from registrum.server.db.blobs import BLOB_COLUMNS, blob_from
from registrum.server.db.columns import among
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import (
    artifact_blobs,
    artifacts,
    blobs,
    collections,
    entities,
    files,
    memberships,
    projects,
    reservations,
)
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed, allowed_artifact, is_alive

_AT_PATHS = prepared(
    select(
        *BLOB_COLUMNS,
        reservations.c.path,
        reservations.c.md5.label("r_md5"),
        reservations.c.xxh128.label("r_xxh128"),
    )
    .select_from(reservations.join(blobs, blobs.c.id == reservations.c.blob_id))
    .where(
        reservations.c.artifact_id == bindparam("artifact_id"),
        among(reservations.c.path, "paths", Text),
    )
)
# Not one statement for both: SQLite guards an upsert whose foreign keys may fail by a journal of its own, which costs
# more than all the rest. The artifact is locked, so what has no place yet gets none meanwhile.
_PLACE: dict[str, Any] = {
    "blob_id": bindparam("blob_id"),
    "md5": bindparam("of_md5"),
    "xxh128": bindparam("of_xxh128"),
    "created_at": bindparam("now"),
}
_ADD = prepared(
    insert(reservations).values(
        artifact_id=bindparam("artifact_id"), path=bindparam("at_path"), **_PLACE
    )
)
_CHANGE = prepared(
    update(reservations)
    .where(
        reservations.c.artifact_id == bindparam("artifact_id"),
        reservations.c.path == bindparam("at_path"),
    )
    .values(**_PLACE)
)


def reserve(
    tx: Tx, artifact: Grant[Artifact], project_id: int, wanted: Sequence[WantedFile]
) -> list[ReservedFile]:
    """Reserves places for files of a pending artifact: in blobs that have the bytes already, else in new ones.

    Args:
        artifact: grant to WRITE, locked for this transaction.
        project_id: its project: only what is stored there counts as stored.
        wanted: at most about 1,000, all of the artifact's algorithm.

    Returns:
        One for each, in order. The same call again gives the same places.
    """
    own = artifact.require(Action.WRITE)
    if not wanted:
        return []
    rows = tx.rows(_AT_PATHS, artifact_id=own.id, paths=[file.path for file in wanted])
    at_path = {row.path: row for row in rows}
    digests = [file.digest for file in wanted]
    places = blob_rows.lock_by_digest(tx, project_id, wanted[0].algorithm, digests)
    found: list[ReservedFile] = []
    fresh: list[str] = []
    for file in wanted:
        row, blob = at_path.get(file.path), places.get(file.digest)
        is_same = row is not None and (row.r_md5, row.r_xxh128) == (file.md5, file.xxh128)
        if (
            row is not None
            and is_same
            and (row.b_state == "stored" or (blob is None and row.b_state == "reserved"))
        ):
            blob = blob_from(row)
        if blob is None and file.resumes:
            blob = uploads.lock_open(tx, project_id, file.resumes)
        if blob is None:
            blob = Blob(file.blob_id, "reserved", None, None, None, False)
            fresh.append(blob.id)
        places[file.digest] = blob
        found.append(ReservedFile(file, blob.id, blob.state == "stored"))
    blob_rows.reserve(tx, project_id, fresh)
    new = {each.wanted.path: _place(each) for each in found}
    old = [new.pop(path) for path in at_path]
    tx.run_many(_ADD, new.values(), artifact_id=own.id, now=tx.now)
    tx.run_many(_CHANGE, old, artifact_id=own.id, now=tx.now)
    return found


def _place(file: ReservedFile) -> dict[str, object]:
    wanted = file.wanted
    return {
        "at_path": wanted.path,
        "blob_id": file.blob_id,
        "of_md5": wanted.md5,
        "of_xxh128": wanted.xxh128,
    }


_ALL = prepared(
    select(*BLOB_COLUMNS, reservations.c.path)
    .select_from(reservations.join(blobs, blobs.c.id == reservations.c.blob_id))
    .where(reservations.c.artifact_id == bindparam("artifact_id"), blobs.c.state != "deleting")
)


def reserved(tx: Tx, artifact: Grant[Artifact]) -> dict[str, Blob]:
    """All places of a pending artifact, by path.

    Args:
        artifact: grant to WRITE.
    """
    own = artifact.require(Action.WRITE)
    return {row.path: blob_from(row) for row in tx.rows(_ALL, artifact_id=own.id)}


_DROP = prepared(
    delete(reservations).where(
        reservations.c.artifact_id == bindparam("artifact_id"),
        reservations.c.path.in_(
            select(reservations.c.path)
            .where(reservations.c.artifact_id == bindparam("artifact_id"))
            .limit(bindparam("at_most"))
        ),
    )
)


def drop_reservations(tx: Tx, artifact: Grant[Artifact], at_most: int) -> int:
    """Gives up so many of an artifact's places; what it holds on to stays. How many there were."""
    own = artifact.require(Action.WRITE)
    return tx.run(_DROP, artifact_id=own.id, at_most=at_most)


# A digest leads to the blob that its project offers to later uploads, and that is nearly always the one that the artifact
# holds. Where it is not (the same bytes came twice at once, or are another project's), all that it holds are looked at.
_HAS = or_(blobs.c.md5 == bindparam("digest"), blobs.c.xxh128 == bindparam("digest"))
_OFFERED = and_(
    files.c.project_id == artifacts.c.project_id,
    files.c.algorithm.in_([literal(each.value) for each in Algorithm]),
)
_IS = files.c.digest == bindparam("digest")
_HELD = and_(artifact_blobs.c.artifact_id == artifacts.c.id, artifact_blobs.c.blob_id == blobs.c.id)


def _offered(left: FromClause, *of_digest: ColumnElement[bool]) -> Select[Any]:
    """The blobs of digests, if the artifact on the left holds those which its project offers."""
    found = left.join(files, and_(_OFFERED, *of_digest)).join(blobs, blobs.c.id == files.c.blob_id)
    return select(*BLOB_COLUMNS, files.c.digest).select_from(found.join(artifact_blobs, _HELD))


def _held(left: FromClause) -> Select[Any]:
    """All blobs that the artifact on the left holds."""
    of_artifact = artifact_blobs.c.artifact_id == artifacts.c.id
    found = left.join(artifact_blobs, of_artifact)
    return select(*BLOB_COLUMNS).select_from(
        found.join(blobs, blobs.c.id == artifact_blobs.c.blob_id)
    )


def _in_artifact() -> ColumnElement[bool]:
    return and_(
        artifacts.c.id == bindparam("artifact_id"),
        artifacts.c.state == "committed",
        artifacts.c.deleted_at.is_(None),
        allowed_artifact(Action.DOWNLOAD),
    )


@cache
def _of_artifact_statements() -> tuple[Prepared, ...]:
    here = _in_artifact()
    return (
        prepared(_offered(artifacts, _IS).where(here).limit(1)),
        prepared(_held(artifacts).where(here, _HAS).limit(1)),
    )


@cache
def _blobs_of_artifact_statements() -> tuple[Prepared, Prepared]:
    here = _in_artifact()
    return (
        prepared(_offered(artifacts, files.c.digest.in_(blob_rows.DIGESTS)).where(here)),
        prepared(_held(artifacts).where(here)),
    )


def blob_of_artifact(tx: Tx, artifact_id: int, digest: bytes) -> Blob | None:
    """The blob with this digest in an artifact that the actor may download."""
    for statement in _of_artifact_statements():
        row = tx.one(statement, artifact_id=artifact_id, digest=digest)
        if row is not None:
            return blob_from(row)
    return None


def blobs_of_artifact(tx: Tx, artifact_id: int, digests: Set[bytes]) -> dict[bytes, Blob]:
    """The blobs with these digests in an artifact that the actor may download."""
    offered, held = _blobs_of_artifact_statements()
    found: dict[bytes, Blob] = {}
    for given in blob_rows.look_ups(digests):
        rows = tx.rows(offered, artifact_id=artifact_id, **given)
        found |= {row.digest: blob_from(row) for row in rows}
    if len(found) < len(digests):
        for blob in map(blob_from, tx.rows(held, artifact_id=artifact_id)):
            for digest in digests & {blob.md5, blob.xxh128}:
                found.setdefault(digest, blob)
    return found


@cache
def _in_collection_statements() -> tuple[Prepared, ...]:
    versions = (
        projects.join(entities, entities.c.id == projects.c.entity_id)
        .join(collections, collections.c.project_id == projects.c.id)
        .join(memberships, memberships.c.collection_id == collections.c.id)
        .join(artifacts, artifacts.c.id == memberships.c.artifact_id)
    )
    here = and_(
        entities.c.name_key == bindparam("entity_key"),
        projects.c.name == bindparam("project_name"),
        collections.c.name == bindparam("collection_name"),
        collections.c.deleted_at.is_(None),
        memberships.c.deleted_at.is_(None),
        or_(
            bindparam("of_artifact", type_=memberships.c.artifact_id.type).is_(None),
            memberships.c.artifact_id == bindparam("of_artifact"),
        ),
        is_alive(artifacts.c.project_id),
        allowed(Action.DOWNLOAD),
    )
    return (
        prepared(_offered(versions, _IS).where(here).limit(1)),
        prepared(_held(versions).where(here, _HAS).limit(1)),
    )


def blob_in_collection(
    tx: Tx, project: ProjectName, collection: str, artifact_id: int | None, digest: bytes
) -> Blob | None:
    """The blob with this digest in a collection from which the actor may download.

    Args:
        artifact_id: the version; None: any.
    """
    given = {
        "entity_key": folded(project.entity),
        "project_name": project.name,
        "collection_name": collection,
        "of_artifact": artifact_id,
        "digest": digest,
    }
    for statement in _in_collection_statements():
        row = tx.one(statement, **given)
        if row is not None:
            return blob_from(row)
    return None


@cache
def _of_entity_statement() -> Prepared:
    return prepared(
        select(*BLOB_COLUMNS)
        .select_from(
            projects.join(entities, entities.c.id == projects.c.entity_id)
            .join(
                files,
                and_(files.c.project_id == projects.c.id, files.c.digest == bindparam("digest")),
            )
            .join(blobs, blobs.c.id == files.c.blob_id)
            .join(artifact_blobs, artifact_blobs.c.blob_id == blobs.c.id)
            .join(artifacts, artifacts.c.id == artifact_blobs.c.artifact_id)
        )
        .where(
            entities.c.name_key == bindparam("entity_key"),
            artifacts.c.state == "committed",
            artifacts.c.deleted_at.is_(None),
            or_(files.c.algorithm == "md5", files.c.algorithm == "xxh128"),
            blobs.c.state == "stored",
            allowed(Action.DOWNLOAD),
        )
        .limit(1)
    )


def blob_of_entity(tx: Tx, entity: str, digest: bytes) -> Blob | None:
    """The blob with this digest in any version logged under an entity, which the actor may download."""
    row = tx.one(_of_entity_statement(), entity_key=folded(entity), digest=digest)
    return blob_from(row) if row else None
