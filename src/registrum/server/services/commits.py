"""Committing an artifact: verify everything that was uploaded, make it durable, then one short transaction.

Nothing is visible before that last transaction and everything is after it. Whatever fails earlier leaves a pending
artifact, which may be committed again; a second call finds the result of the first.
"""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import partial

import xxhash

from registrum.core.artifacts import Artifact
from registrum.core.digests import ArtifactAlgorithm
from registrum.core.errors import Conflict, NotFound, Unavailable, Unprocessable
from registrum.core.events import EventKind
from registrum.core.files import Blob
from registrum.core.manifest import MAX_MANIFEST_BYTES, NAME, Manifest, parse, written
from registrum.core.manifest_pages import GROUP_SIZE, NO_BLOB, pack
from registrum.core.metadata import facts_of
from registrum.core.policy import Action
from registrum.core.retention import effective_ttl, expires_at
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, StoredBlob
from registrum.server.db import aliases, artifacts, blobs, files, manifests, memberships, versions
from registrum.server.db.manifests import AnnouncedManifest
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.artifacts import record
from registrum.server.services.contents import contents_of
from registrum.server.services.durability import durable_meanwhile, loose_among, make_durable
from registrum.server.services.edges import Edge, LongEdge
from registrum.server.services.manifest_reading import read_json
from registrum.server.services.uploads import BATCH, record_stored
from registrum.server.turns import short_turns

HELD_AT_ONCE = 2000
COMMITS_AT_ONCE = 4
PATIENCE_S = 25.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """What the last transaction writes.

    Attributes:
        announced: the manifest as uploaded, whose place the canonical one takes.
        blob_id, stored: of the canonical manifest.
    """

    announced: AnnouncedManifest
    manifest: Manifest
    blob_id: str
    stored: StoredBlob
    index: bytes

    @property
    def canonical(self) -> Blob:
        """The canonical manifest, not yet durable."""
        return Blob(
            self.blob_id, "stored", self.stored.size_bytes, self.stored.md5, None, durable=False
        )


class Commits:
    """The commits that this process has under way: a second call for the same artifact joins the first."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(COMMITS_AT_ONCE, thread_name_prefix="commits")
        self._running: dict[int, Future[int]] = {}
        self._lock = threading.Lock()

    def commit_artifact(
        self, edge: LongEdge, artifact_id: int, patience_s: float = PATIENCE_S
    ) -> int:
        """Makes a pending artifact the next version of its sequence, and waits so long for it.

        Args:
            edge: the request.
            artifact_id: the artifact's number.
            patience_s: what takes longer goes on, while the caller is told to ask again.

        Returns:
            The artifact's number; a committed one is left as it is.

        Raises:
            NotFound, Forbidden: the actor may not write in its project.
            Unavailable: it takes longer; the same call again joins it.
            RegistrumError: what `commit_artifact` raises.
        """
        found = artifacts.get_for(edge.tx, Action.WRITE, artifact_id)
        if found.thing.state == "committed":
            return artifact_id
        # The commit is made in another snapshot than this one, which would go on showing a pending artifact.
        edge.close()
        with self._lock:
            running = self._running.get(artifact_id)
            if running is None:
                running = self._pool.submit(self._run, edge.apart(), artifact_id)
                self._running[artifact_id] = running
        try:
            return running.result(patience_s)
        except FutureTimeout:
            raise Unavailable(
                "The artifact is large and still being committed; ask again in a moment."
            ) from None

    def _run(self, edge: Edge, artifact_id: int) -> int:
        try:
            with short_turns():
                return commit_artifact(edge, artifact_id)
        finally:
            edge.close()
            with self._lock:
                del self._running[artifact_id]

    def close(self) -> None:
        """Waits for the commits under way."""
        self._pool.shutdown()


def commit_artifact(edge: Edge, artifact_id: int) -> int:
    """Verifies what was uploaded for a pending artifact and makes it the next version of its sequence.

    Returns:
        The artifact's number; a committed one is left as it is.

    Raises:
        NotFound, Forbidden: the actor may not write in its project.
        Invalid, Unprocessable, DigestMismatch: the manifest is missing or malformed, names what was not uploaded, or is
            not what the artifact's digest says. Nothing is kept of the attempt.
        StorageFull, Unavailable: the bytes could not be made durable.
    """
    tx = edge.tx
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    if found.thing.state == "committed":
        return artifact_id
    announced = manifests.announced(tx, found, NAME)
    if announced is None or announced.blob_id is None or announced.md5 is None:
        raise Unprocessable("The artifact has no manifest: upload it before the commit.")
    places = files.reserved(tx, found)
    loose = loose_among(places.values())
    # The disk takes as long for many files as their manifest takes us: both go on at once.
    with durable_meanwhile(edge, loose) as durable:
        content = _uploaded(edge.store, announced.blob_id, announced.md5)
        manifest = parse(content, read_json)
        _check_digest(found.thing, manifest)
        contents = contents_of(edge, found, manifest, places)
        ready = _prepare(edge, found, announced, manifest, contents)
    rest = [blob for blob in loose_among(contents) if blob.id not in durable]
    make_durable(edge, [*rest, ready.canonical])
    # In their own order: neighbours share pages of the indexes, and those who were reserved together are neighbours.
    # That order is nearly theirs here, which makes sorting short.
    held = sorted(dict.fromkeys(blob.id for blob in contents if blob is not None))
    for start in range(HELD_AT_ONCE, len(held), HELD_AT_ONCE):
        some = held[start : start + HELD_AT_ONCE]
        edge.write(partial(blobs.hold, artifact=found, ids=some))
    edge.write(lambda tx: _commit(tx, artifact_id, ready, held[:HELD_AT_ONCE]))
    return artifact_id


def _uploaded(store: BlobStore, blob_id: str, md5: bytes) -> bytes:
    try:
        content = store.read_whole(BlobKey(blob_id), MAX_MANIFEST_BYTES)
    except NotFound:
        raise Unprocessable("The artifact's manifest was announced, but not uploaded.") from None
    if hashlib.md5(content, usedforsecurity=False).digest() != md5:
        raise Unprocessable("The uploaded manifest is not the announced one: its MD5 differs.")
    return content


def _check_digest(artifact: Artifact, manifest: Manifest) -> None:
    algorithm = ArtifactAlgorithm(artifact.digest_algorithm)
    identity = manifest.identity()
    if algorithm is ArtifactAlgorithm.XXH128:
        digest = xxhash.xxh3_128_hexdigest(identity)
    else:
        digest = hashlib.md5(identity, usedforsecurity=False).hexdigest()
    if digest != artifact.digest:
        raise Unprocessable(
            f"The artifact's digest was announced as {artifact.digest}, but by its manifest it is {digest}."
        )


def _prepare(
    edge: Edge,
    artifact: Grant[Artifact],
    announced: AnnouncedManifest,
    manifest: Manifest,
    contents: Sequence[Blob | None],
) -> _Ready:
    """Writes the canonical manifest."""
    entries = manifest.entries
    content, offsets = written(entries, GROUP_SIZE)
    keys = [NO_BLOB if blob is None else bytes.fromhex(blob.id) for blob in contents]
    index = pack(offsets, [entry.path for entry in entries[::GROUP_SIZE]], keys)
    key = BlobKey.new()
    project = artifact.thing.source.project
    assert project is not None
    project_id = project.id
    edge.write(lambda tx: blobs.reserve(tx, project_id, [key.text]))
    stored = edge.store.put_whole(key, content, Expected(size_bytes=len(content)))
    return _Ready(announced, manifest, key.text, stored, index)


def _commit(tx: Tx, artifact_id: int, ready: _Ready, held: Sequence[str]) -> None:
    versions.lock(tx, artifact_id)
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    artifact = found.thing
    if artifact.state == "committed":
        return
    current = manifests.announced(tx, found, NAME)
    if current is None or current.blob_id != ready.announced.blob_id:
        raise Conflict("Another manifest was announced during the commit; commit again.")
    size = ready.manifest.size_bytes
    place = memberships.add_own(tx, found, size)
    if not place.thing.is_new:
        return
    blobs.hold(tx, found, held)
    record_stored(tx, ready.blob_id, ready.stored)
    blobs.mark_durable(tx, [ready.blob_id])
    manifests.seal(tx, current, ready.blob_id, ready.index)
    ttl = effective_ttl(versions.own_ttl(tx, found), versions.default_ttl(tx, found))
    versions.commit(
        tx,
        found,
        version=place.thing.version,
        size_bytes=size,
        file_count=len(ready.manifest.entries),
        manifest_id=current.id,
        expires_at=expires_at(artifact.created_at, ttl),
        facts_found=facts_of(artifact.metadata),
    )
    # What is left of more places is dropped by a job: it only keeps blobs that the artifact holds anyway.
    files.drop_reservations(tx, found, BATCH)
    names = versions.take_pending_aliases(tx, found)
    aliases.point(tx, place, names)
    if artifact.run_id is not None:
        versions.add_producer(tx, found, artifact.run_id)
    _record(tx, artifact, place.thing.version, names)


def _record(tx: Tx, artifact: Artifact, version: int, names: Sequence[str]) -> None:
    about: Mapping[str, object] = {"version": version, "aliases": list(names)}
    record(tx, EventKind.VERSION_COMMITTED, artifact, **about)
