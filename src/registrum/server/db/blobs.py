"""Blobs: what the database knows of stored bytes, from their reservation to the artifacts that hold on to them.

A blob is `reserved` before its bytes come, `stored` once they are, and `deleting` once garbage collection has decided;
from then on nothing refers to it again. Whoever makes a reference locks the blob's row and looks at its state in the
same transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import LargeBinary, Text, bindparam, delete, false, select, update

from registrum.core.artifacts import Artifact
from registrum.core.digests import Algorithm
from registrum.core.errors import Conflict
from registrum.core.files import Blob
from registrum.core.policy import Action
from registrum.server.db.columns import Id, among
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import artifact_blobs, blobs, files
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_LOOK_UP_WIDTH = 200

BLOB_COLUMNS = (
    blobs.c.id.label("b_id"),
    blobs.c.state.label("b_state"),
    blobs.c.size_bytes.label("b_size_bytes"),
    blobs.c.md5.label("b_md5"),
    blobs.c.xxh128.label("b_xxh128"),
    blobs.c.durable.label("b_durable"),
    blobs.c.stored_at.label("b_stored_at"),
)


_WIDTH = len(BLOB_COLUMNS)


def blob_from(row: Row) -> Blob:
    """The blob of a row that begins with `BLOB_COLUMNS`."""
    return Blob._make(row[:_WIDTH])


_RESERVE = prepared(
    insert(blobs)
    .values(
        id=bindparam("blob_id"),
        project_id=bindparam("project_id"),
        state="reserved",
        durable=False,
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["id"])
)


def reserve(tx: Tx, project_id: int, ids: Iterable[str]) -> None:
    """Makes rows for bytes that are about to come; their keys are made outside."""
    tx.run_many(_RESERVE, [{"blob_id": each} for each in ids], project_id=project_id, now=tx.now)


class StoredFacts(NamedTuple):
    """What is known of a blob whose bytes have come."""

    size_bytes: int
    md5: bytes
    sha256: bytes | None
    xxh128: bytes | None


_COME = prepared(
    select(blobs.c.id, blobs.c.state, blobs.c.project_id)
    .where(among(blobs.c.id, "ids", Text))
    .order_by(blobs.c.id)
    .with_for_update(of=blobs)
)
_STORED = prepared(
    update(blobs)
    .where(blobs.c.id == bindparam("blob_id"), blobs.c.state == "reserved")
    .values(
        state="stored",
        size_bytes=bindparam("size"),
        md5=bindparam("of_md5"),
        sha256=bindparam("of_sha256"),
        xxh128=bindparam("of_xxh128"),
        stored_at=bindparam("now"),
    )
)
_OFFER = prepared(
    insert(files)
    .values(
        project_id=bindparam("project_id"),
        algorithm=bindparam("algorithm"),
        digest=bindparam("digest"),
        blob_id=bindparam("blob_id"),
        size_bytes=bindparam("size"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "algorithm", "digest"])
)


def record_stored(tx: Tx, stored: Mapping[str, StoredFacts]) -> list[str]:
    """Notes that the bytes of reserved blobs have come, and offers them to later uploads of the same project.

    The same fact again is fine.

    Args:
        stored: by the ids of the blobs.

    Returns:
        Those of which there is no reservation (any more).
    """
    rows = tx.rows(_COME, ids=list(stored))
    fresh = [(row.id, row.project_id, stored[row.id]) for row in rows if row.state == "reserved"]
    changes = [
        {
            "blob_id": id_,
            "size": each.size_bytes,
            "of_md5": each.md5,
            "of_sha256": each.sha256,
            "of_xxh128": each.xxh128,
        }
        for id_, _, each in fresh
    ]
    offers = [
        {
            "project_id": project_id,
            "algorithm": algorithm.value,
            "digest": digest,
            "blob_id": id_,
            "size": each.size_bytes,
        }
        for id_, project_id, each in fresh
        for algorithm, digest in ((Algorithm.MD5, each.md5), (Algorithm.XXH128, each.xxh128))
        if digest is not None
    ]
    tx.run_many(_STORED, changes, now=tx.now)
    tx.run_many(_OFFER, offers)
    known = {row.id for row in rows if row.state in ("reserved", "stored")}
    return [id_ for id_ in stored if id_ not in known]


_LOSE = prepared(
    update(blobs)
    .where(among(blobs.c.id, "ids", Text), blobs.c.state == "stored", blobs.c.durable.is_(false()))
    .values(state="reserved", size_bytes=None, md5=None, sha256=None, xxh128=None, stored_at=None)
    .returning(blobs.c.id)
)
_WITHDRAW = prepared(delete(files).where(among(files.c.blob_id, "ids", Text)))


def lose(tx: Tx, ids: Sequence[str]) -> None:
    """Notes that the bytes of these blobs are gone: they are waited for again, and not offered to later uploads."""
    withdraw(tx, tx.column(_LOSE, ids=ids))


def withdraw(tx: Tx, ids: Sequence[str]) -> None:
    """From now on these blobs are not offered to later uploads."""
    if ids:
        tx.run(_WITHDRAW, ids=ids)


# One statement for any number of digests: so many at a time, the last ones repeated.
DIGESTS = tuple(bindparam(f"d{i}", type_=LargeBinary) for i in range(_LOOK_UP_WIDTH))
"""The parameters of a statement that has a condition on digests, as `look_ups` gives them."""


def look_ups(digests: Iterable[bytes]) -> Iterator[dict[str, bytes]]:
    """`DIGESTS` for all of these, each once, in as many runs of the statement as that takes."""
    wanted = list(dict.fromkeys(digests))
    for start in range(0, len(wanted), _LOOK_UP_WIDTH):
        part = wanted[start : start + _LOOK_UP_WIDTH]
        part += [part[-1]] * (_LOOK_UP_WIDTH - len(part))
        yield {f"d{i}": digest for i, digest in enumerate(part)}


_BY_DIGEST = (
    select(*BLOB_COLUMNS, files.c.digest)
    .select_from(files.join(blobs, blobs.c.id == files.c.blob_id))
    .where(
        files.c.project_id == bindparam("project_id"),
        files.c.algorithm == bindparam("algorithm"),
        files.c.digest.in_(DIGESTS),
        blobs.c.state == "stored",
    )
)
_FIND = prepared(_BY_DIGEST)
_FIND_AND_LOCK = prepared(_BY_DIGEST.with_for_update(read=True, of=blobs))


def stored_by_digest(
    tx: Tx, project_id: int, algorithm: Algorithm, digests: Iterable[bytes]
) -> dict[bytes, Blob]:
    """The stored blobs of one project that have these digests."""
    return _find(tx, _FIND, project_id, algorithm, digests)


def lock_by_digest(
    tx: Tx, project_id: int, algorithm: Algorithm, digests: Iterable[bytes]
) -> dict[bytes, Blob]:
    """The same for a writer who is about to refer to them: none can be marked for deletion meanwhile."""
    return _find(tx, _FIND_AND_LOCK, project_id, algorithm, digests)


def _find(
    tx: Tx, statement: Prepared, project_id: int, algorithm: Algorithm, digests: Iterable[bytes]
) -> dict[bytes, Blob]:
    found: dict[bytes, Blob] = {}
    for given in look_ups(digests):
        rows = tx.rows(statement, project_id=project_id, algorithm=algorithm.value, **given)
        found |= {row.digest: blob_from(row) for row in rows}
    return found


# The state is compared as what `||` makes of it: compared as a column it would tempt SQLite to walk the index of states.
# The update also locks the rows, so that none can be marked for deletion meanwhile.
_MAKE_DURABLE = prepared(
    update(blobs)
    .where(among(blobs.c.id, "ids", Text), blobs.c.state.concat("") == "stored")
    .values(durable=True)
)
_HOLD = prepared(
    insert(artifact_blobs)
    .from_select(
        ["artifact_id", "blob_id"],
        select(bindparam("artifact_id", type_=Id), blobs.c.id).where(
            among(blobs.c.id, "ids", Text)
        ),
    )
    .on_conflict_do_nothing(index_elements=["artifact_id", "blob_id"])
)


def hold(tx: Tx, artifact: Grant[Artifact], ids: Sequence[str]) -> None:
    """Ties blobs that have been made durable to an artifact, so that they stay as long as it does.

    Args:
        artifact: grant to WRITE.
        ids: a few thousand at most, each once; sorted they cost a third.

    Raises:
        Conflict: one of them is being deleted.
    """
    own = artifact.require(Action.WRITE)
    if not ids:
        return
    if tx.run(_MAKE_DURABLE, ids=ids) != len(ids):
        raise Conflict("Some of the files have just been removed; log the artifact again.")
    tx.run(_HOLD, artifact_id=own.id, ids=ids)


def mark_durable(tx: Tx, ids: Sequence[str]) -> None:
    """Notes that these stored blobs survive a loss of power."""
    tx.run(_MAKE_DURABLE, ids=ids)
