"""Making what a commit names survive a loss of power, and noticing what has not survived one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from registrum.core.errors import NotFound
from registrum.core.files import Blob
from registrum.server.blobs.store import BlobKey, BlobsLost, BlobStore
from registrum.server.db import blobs
from registrum.server.services.edges import Edge
from registrum.server.services.uploads import BATCH

FEW = 16
"""So many blobs wait for the manifest that comes with them, rather than for a thread of their own."""


def loose_among(found: Iterable[Blob | None]) -> list[Blob]:
    """Those that are stored, and not known to be durable, each once."""
    loose = {
        blob.id: blob
        for blob in found
        if blob is not None and not blob.durable and blob.state == "stored"
    }
    return list(loose.values())


def make_durable(edge: Edge, loose: Collection[Blob]) -> None:
    """Returns once these blobs, which are stored and not durable, survive a loss of power.

    Raises:
        BlobsLost: some of them did not survive an earlier one; they are waited for again.
        StorageFull, Unavailable: the disk refused.
    """
    try:
        _secure(edge.store, loose)
    except BlobsLost as lost:
        _lose(edge, lost.keys)
        raise


@contextmanager
def durable_meanwhile(edge: Edge, loose: Collection[Blob]) -> Iterator[Collection[str]]:
    """Makes these blobs durable in another thread while the block runs, and returns when they are; few are left alone.

    Gives the ids of those that are durable behind the block.

    Raises:
        As `make_durable`; but what the block raises comes first.
    """
    if len(loose) <= FEW:
        yield ()
        return
    with ThreadPoolExecutor(1, thread_name_prefix="durable") as pool:
        work = pool.submit(_secure, edge.store, loose)
        try:
            yield {blob.id for blob in loose}
        finally:
            failure = work.exception()
            if isinstance(failure, BlobsLost):
                _lose(edge, failure.keys)
        if failure is not None:
            raise failure


def _secure(store: BlobStore, loose: Collection[Blob]) -> None:
    _check_unbroken(store, loose)
    store.make_durable({BlobKey(blob.id): blob.size_bytes or 0 for blob in loose})


def _check_unbroken(store: BlobStore, loose: Iterable[Blob]) -> None:
    """Reads back what was stored before a possible loss of power.

    Raises:
        BlobsLost: some of it is not what was stored; it is removed, so that it can be uploaded again.
    """
    since = store.unbroken_since()
    if since is None:
        return
    doubtful = [blob for blob in loose if blob.stored_at is not None and blob.stored_at <= since]
    lost = [BlobKey(blob.id) for blob in doubtful if not _is_whole(store, blob)]
    if lost:
        store.delete(lost)
        raise BlobsLost(lost, "were damaged by a loss of power")


def _is_whole(store: BlobStore, blob: Blob) -> bool:
    try:
        found = store.measure(BlobKey(blob.id))
    except (NotFound, BlobsLost):
        return False
    return (found.size_bytes, found.md5) == (blob.size_bytes, blob.md5)


def _lose(edge: Edge, keys: Sequence[BlobKey]) -> None:
    """Notes that blobs are not stored any more, so that a retry uploads them."""
    ids = [key.text for key in keys]
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        edge.write(partial(blobs.lose, ids=some))
