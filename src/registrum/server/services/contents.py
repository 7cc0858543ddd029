"""What stands behind a manifest: the blob of each of its files, found, and held against what the manifest says."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from registrum.core import ids
from registrum.core.artifacts import Artifact
from registrum.core.digests import Algorithm, from_base64
from registrum.core.errors import Invalid, NotFound, Unprocessable
from registrum.core.files import Blob
from registrum.core.manifest import Entry, Manifest
from registrum.server.blobs.store import BlobKey
from registrum.server.db import blobs, files
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.edges import Edge
from registrum.server.services.uploads import record_stored


def contents_of(
    edge: Edge, artifact: Grant[Artifact], manifest: Manifest, places: Mapping[str, Blob]
) -> tuple[Blob | None, ...]:
    """Finds and verifies the blob of every entry.

    Args:
        artifact: grant to WRITE; pending.
        places: what is reserved for it, by path.

    Returns:
        Of each entry, in order, its blob, stored and with the size and digest that the manifest says; None for a
        reference.

    Raises:
        Invalid: a digest is none; the message names the file.
        Unprocessable: a file has no blob, or one of another size or digest; the message names it.
    """
    found: list[Blob | None] = []
    unclear: dict[int, tuple[Entry, bytes]] = {}
    for at, entry in enumerate(manifest.entries):
        blob = None
        if entry.ref is None:
            raw = _raw_digest(entry)
            blob = places.get(entry.path)
            if blob is None or not _is_content(blob, entry, raw):
                unclear[at] = entry, raw
        found.append(blob)
    if unclear:
        clear = _clear_up(edge, artifact.thing, list(unclear.values()), places)
        for at, blob in zip(unclear, clear, strict=True):
            found[at] = blob
    return tuple(found)


def _raw_digest(entry: Entry) -> bytes:
    try:
        return from_base64(entry.digest)
    except Invalid:
        return from_base64(entry.digest, f"digest of {entry.path[:200]!r}")


def _is_content(blob: Blob, entry: Entry, raw: bytes) -> bool:
    return (
        blob.state == "stored"
        and blob.size_bytes == entry.size_bytes
        and blob.digest(entry.algorithm) == raw
    )


def _clear_up(
    edge: Edge,
    artifact: Artifact,
    wanted: Sequence[tuple[Entry, bytes]],
    places: Mapping[str, Blob],
) -> list[Blob]:
    """The blobs of those files whose places do not answer for them as they are."""
    raw = {entry.path: digest for entry, digest in wanted}
    found: dict[str, Blob] = {}
    elsewhere: list[Entry] = []
    for entry, digest in wanted:
        blob = places.get(entry.path)
        if blob is None or (blob.state == "stored" and blob.digest(entry.algorithm) != digest):
            elsewhere.append(entry)
        else:
            found[entry.path] = blob
    found |= _from_project(edge.tx, artifact, elsewhere, raw)
    found |= _from_birth(edge.tx, [e for e in elsewhere if e.path not in found], raw)
    settled = _settle(edge, found.values(), [entry for entry, _ in wanted])
    return [_checked(entry, digest, found.get(entry.path), settled) for entry, digest in wanted]


def _from_project(
    tx: Tx, artifact: Artifact, entries: Sequence[Entry], raw: Mapping[str, bytes]
) -> dict[str, Blob]:
    """Files that this project has stored before: taken over from an earlier version."""
    project = artifact.source.project
    assert project is not None, "who may write in a project sees it"
    found: dict[str, Blob] = {}
    for algorithm in Algorithm:
        some = [(e.path, raw[e.path]) for e in entries if e.algorithm is algorithm]
        known = blobs.stored_by_digest(tx, project.id, algorithm, [digest for _, digest in some])
        found |= {path: known[digest] for path, digest in some if digest in known}
    return found


def _from_birth(tx: Tx, entries: Sequence[Entry], raw: Mapping[str, bytes]) -> dict[str, Blob]:
    """Files of a version elsewhere that the actor may download: a draft of it keeps them."""
    paths: dict[int, list[str]] = {}
    for entry in entries:
        with suppress(Invalid):
            birth = ids.decode("Artifact", entry.birth_artifact or "")
            paths.setdefault(birth, []).append(entry.path)
    found: dict[str, Blob] = {}
    for birth, of_birth in paths.items():
        known = files.blobs_of_artifact(tx, birth, {raw[path] for path in of_birth})
        found |= {path: known[raw[path]] for path in of_birth if raw[path] in known}
    return found


def _settle(edge: Edge, found: Iterable[Blob], wanted: Sequence[Entry]) -> dict[str, Blob]:
    """Asks the store for what the database does not know: bytes that went past the server, or a missing XXH128.

    Returns:
        What is stored of them, by their ids.
    """
    needs_xxh128 = any(entry.algorithm is Algorithm.XXH128 for entry in wanted)
    settled: dict[str, Blob] = {}
    for blob in dict.fromkeys(found):
        if blob.state == "stored" and (blob.xxh128 is not None or not needs_xxh128):
            continue
        key = BlobKey(blob.id)
        if blob.state == "stored" or needs_xxh128:
            try:
                stored = edge.store.measure(key)
            except NotFound:
                continue
        else:
            looked = edge.store.look(key)
            if looked is None:
                continue
            stored = looked
        if blob.state != "stored":
            edge.write(partial(record_stored, blob_id=blob.id, stored=stored))
        settled[blob.id] = Blob(
            blob.id, "stored", stored.size_bytes, stored.md5, stored.xxh128, blob.durable
        )
    return settled


def _checked(entry: Entry, raw: bytes, blob: Blob | None, settled: Mapping[str, Blob]) -> Blob:
    if blob is not None:
        blob = settled.get(blob.id, blob)
    if blob is None or blob.state != "stored":
        raise Unprocessable(f"The file {entry.path[:200]!r} of the manifest was not uploaded.")
    if blob.size_bytes != entry.size_bytes:
        raise Unprocessable(
            f"The file {entry.path[:200]!r} has {blob.size_bytes} bytes; the manifest says {entry.size_bytes}."
        )
    if blob.digest(entry.algorithm) != raw:
        raise Unprocessable(
            f"The file {entry.path[:200]!r} was uploaded with other content than the manifest says."
        )
    return blob
