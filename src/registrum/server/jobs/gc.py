"""The jobs of garbage collection: uploads given up, the trash, blobs that nothing refers to, and what interrupted writing left behind."""

from datetime import timedelta
from functools import partial
from typing import Any

from registrum.server.blobs.store import BlobKey
from registrum.server.db import garbage
from registrum.server.db.tx import Tx
from registrum.server.jobs.runner import SYSTEM, Desk, Kind

UPLOAD_LASTS = timedelta(hours=48)
"""An upload is given up after so long without a word: twice as long as its addresses last at the most (`config.py`)."""

TRASH_LASTS = timedelta(days=7)
"""What was deleted keeps its bytes for so long."""

INCOMING_LASTS = timedelta(hours=24)
"""A file that is being written is given up after so long without a byte."""


def abandon(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Ends the uploads that were given up, a batch at a time; then drops the places that they and others have left."""

    def end_some(tx: Tx) -> int:
        return garbage.abandon_uploads(tx, tx.now - UPLOAD_LASTS)

    if "behind" not in argument:
        return {} if desk.database.write(SYSTEM, end_some) == garbage.BATCH else {"behind": 0}
    with desk.database.read(SYSTEM) as tx:
        before = tx.now - UPLOAD_LASTS
        found = garbage.with_left_places(tx, argument["behind"])
    for artifact_id in found:
        drop = partial(garbage.drop_places, artifact_id=artifact_id, before=before)
        while desk.database.write(SYSTEM, drop) == garbage.BATCH:
            pass
    return {"behind": found[-1]} if found else None


def empty_trash(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Lets a few deleted artifacts go for good, and files and history of deleted runs."""
    with desk.database.read(SYSTEM) as tx:
        found = garbage.trash(tx, tx.now - TRASH_LASTS, argument.get("behind", 0))
    for artifact_id in found:
        while not desk.database.write(SYSTEM, partial(garbage.purge, artifact_id=artifact_id)):
            pass

    def runs_go(tx: Tx) -> bool:
        before = tx.now - TRASH_LASTS
        chunks = garbage.purge_run_history(tx, before)
        return garbage.purge_run_files(tx, before) == garbage.BATCH or chunks == garbage.CHUNKS

    more = desk.database.write(SYSTEM, runs_go)
    if found:
        return {"behind": found[-1]}
    return argument if more else None


def mark(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Marks what nothing refers to in the next window of blobs."""
    with desk.database.read(SYSTEM) as tx:
        ids, last = garbage.unreferenced(tx, tx.now - UPLOAD_LASTS, argument.get("behind", ""))
    for start in range(0, len(ids), garbage.BATCH):
        some = ids[start : start + garbage.BATCH]
        desk.database.write(SYSTEM, partial(garbage.mark, ids=some))
    return {"behind": last} if last is not None else None


def delete(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Deletes the bytes of the next marked blobs, and then their rows."""
    with desk.database.read(SYSTEM) as tx:
        found = garbage.doomed(tx)
    if not found:
        return None
    for blob in found:
        for upload_id in blob.open_uploads:
            desk.store.abort_parts(BlobKey(blob.id), upload_id)
    ids = [blob.id for blob in found]
    desk.store.delete([BlobKey(each) for each in ids])
    desk.database.write(SYSTEM, partial(garbage.forget, ids=ids))
    return {}


def sweep(desk: Desk, argument: dict[str, Any]) -> None:
    """Removes what interrupted uploads left behind in the store."""
    desk.store.sweep_incoming(INCOMING_LASTS)


KINDS = {
    "abandon-uploads": Kind(abandon, every=timedelta(hours=1)),
    "empty-trash": Kind(empty_trash, every=timedelta(hours=1)),
    "mark-garbage": Kind(mark, every=timedelta(hours=6)),
    "delete-garbage": Kind(delete, every=timedelta(minutes=30)),
    "sweep-incoming": Kind(sweep, every=timedelta(hours=6)),
}
