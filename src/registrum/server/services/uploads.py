"""Uploads: places for files and manifests of a pending artifact, and what is written down when their bytes have come."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from registrum.core import digests
from registrum.core.artifacts import Artifact
from registrum.core.digests import Algorithm, ArtifactAlgorithm
from registrum.core.errors import Conflict, Invalid, NotFound, NotSupported
from registrum.core.files import ReservedFile, WantedFile
from registrum.core.manifest import NAME, check_path
from registrum.core.policy import Action
from registrum.server.blobs.store import BlobKey, Expected, PartsPlan, StoredBlob
from registrum.server.db import artifacts, blobs, files, manifests, versions
from registrum.server.db import uploads as upload_rows
from registrum.server.db.blobs import StoredFacts
from registrum.server.db.manifests import AnnouncedManifest
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.edges import Edge

BATCH = 1000
MAX_PARTS = 10_000
MAX_MIMETYPE = 200


def record_stored(tx: Tx, blob_id: str, stored: StoredBlob) -> None:
    """Notes that the bytes of a reserved blob have come; the same fact again is fine.

    Raises:
        NotFound: there is no such reservation (any more).
    """
    if blobs.record_stored(tx, {blob_id: _facts(stored)}):
        raise NotFound("Nothing is waiting for these bytes any more.")


def record_all_stored(tx: Tx, stored: Mapping[BlobKey, StoredBlob]) -> list[BlobKey]:
    """The same of many blobs; those of which there is no reservation (any more)."""
    gone = blobs.record_stored(tx, {key.text: _facts(each) for key, each in stored.items()})
    return [BlobKey(text) for text in gone]


def _facts(stored: StoredBlob) -> StoredFacts:
    return StoredFacts(stored.size_bytes, stored.md5, stored.sha256, stored.xxh128)


@dataclass(frozen=True, slots=True)
class AnnounceManifest:
    """A manifest to come.

    Attributes:
        kind: "FULL", "PATCH" or "INCREMENTAL".
        md5: base64 MD5 of the document; "" while it isn't known.
    """

    artifact_id: int
    name: str
    kind: str
    md5: str
    base_artifact_id: int | None = None


def announce_manifest(tx: Tx, ask: AnnounceManifest, blob_id: str) -> AnnouncedManifest:
    """Announces the manifest of a pending artifact; the same call again gives the same place.

    Args:
        blob_id: a fresh key for its bytes.

    Raises:
        NotFound, Forbidden: the actor may not write in the artifact's project.
        Conflict: the artifact is committed.
        NotSupported: it is a manifest of several writers or an incremental one.
    """
    versions.lock(tx, ask.artifact_id)
    found = pending_for(tx, ask.artifact_id)
    if ask.kind != "FULL":
        raise NotSupported(
            "Only whole manifests are taken: distributed and incremental uploads are not supported."
        )
    if ask.name != NAME:
        raise Invalid(f"A manifest is called {NAME!r}, not {ask.name[:80]!r}.")
    md5 = digests.from_base64(ask.md5, "base64 MD5") if ask.md5 else None
    if ask.base_artifact_id is not None:
        artifacts.get_for(tx, Action.READ, ask.base_artifact_id)
    return manifests.announce(
        tx,
        found,
        _project_id(found),
        name=ask.name,
        kind=ask.kind.lower(),
        md5=md5,
        blob_id=blob_id,
        base_artifact_id=ask.base_artifact_id,
    )


def pending_for(tx: Tx, artifact_id: int) -> Grant[Artifact]:
    """A pending artifact that the actor may write.

    Raises:
        NotFound, Forbidden: the actor may not write in its project.
        Conflict: it is committed, so nothing of its content can change.
    """
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    if found.thing.state != "pending":
        raise Conflict("The artifact is committed: its files cannot change any more.")
    return found


def _project_id(artifact: Grant[Artifact]) -> int:
    project = artifact.require(Action.WRITE).source.project
    assert project is not None, "who may write in a project sees it"
    return project.id


class UploadFile(NamedTuple):
    """A file that a client wants to upload.

    Attributes:
        md5, digest: base64; `digest` is by the artifact's algorithm.
        part_md5s: hexadecimal MD5 of each part, in order, where the client offers to send parts.
        resumes: whether to go on with an upload in the same parts that somebody else began in the project.
    """

    artifact_id: int
    path: str
    md5: str | None
    digest: str | None
    mimetype: str | None
    part_md5s: tuple[str, ...] = ()
    resumes: bool = False


class UploadPlace(NamedTuple):
    """Where a file goes.

    Attributes:
        file: its place; nothing is to be sent where its bytes are stored.
        expect: what the bytes have to be.
        upload_id: of an upload in parts; None for one in whole.
        part_md5s: raw, of each part.
        landed: numbers of the parts that are there already; told only to who resumes.
    """

    artifact: Artifact
    file: ReservedFile
    expect: Expected
    upload_id: str | None = None
    part_md5s: tuple[bytes, ...] = ()
    landed: frozenset[int] = frozenset()


def create_files(
    edge: Edge, wanted: Sequence[UploadFile], algorithm: ArtifactAlgorithm | None
) -> list[UploadPlace]:
    """Reserves places for files of pending artifacts; what the project has stored needs no upload.

    Args:
        edge: the request; about 1,000 files are done in one transaction.
        wanted: of one or several artifacts.
        algorithm: of the digests, as the client says; None: the artifacts' own.

    Returns:
        One for each, in order. The same call again gives the same places.

    Raises:
        InvalidName, Invalid: a path or digest breaks its rules; nothing is reserved then.
        NotFound, Forbidden, Conflict: an artifact is not the actor's to write, or committed; an upload was begun with
            other parts.
    """
    grants = {
        id_: pending_for(edge.tx, id_) for id_ in dict.fromkeys(w.artifact_id for w in wanted)
    }
    parts = [_parts(file.part_md5s) for file in wanted]
    checked = [
        _checked(file, grants[file.artifact_id].thing, algorithm, key.text)
        for file, key in zip(wanted, BlobKey.series(len(wanted)), strict=True)
    ]
    for index, file in enumerate(wanted):
        if file.resumes and parts[index]:
            mark = _fingerprint(checked[index], parts[index])
            checked[index] = checked[index]._replace(resumes=mark)
    places: list[UploadPlace | None] = [None] * len(wanted)
    by_artifact: dict[int, list[int]] = {}
    for index, file in enumerate(wanted):
        by_artifact.setdefault(file.artifact_id, []).append(index)
    for artifact_id, indexes in by_artifact.items():
        for start in range(0, len(indexes), BATCH):
            some = indexes[start : start + BATCH]
            files_of_batch = [checked[i] for i in some]
            reserved = edge.write(partial(_reserve, artifact_id=artifact_id, wanted=files_of_batch))
            for index, place in zip(some, reserved, strict=True):
                expect = Expected(place.wanted.md5, None, place.wanted.xxh128)
                whole = UploadPlace(grants[artifact_id].thing, place, expect)
                places[index] = _begin_parts(edge, whole, parts[index])
    return [place for place in places if place is not None]


def _reserve(tx: Tx, artifact_id: int, wanted: Sequence[WantedFile]) -> list[ReservedFile]:
    versions.lock(tx, artifact_id)
    found = pending_for(tx, artifact_id)
    return files.reserve(tx, found, _project_id(found), wanted)


def _checked(
    file: UploadFile, artifact: Artifact, algorithm: ArtifactAlgorithm | None, key: str
) -> WantedFile:
    own = ArtifactAlgorithm(artifact.digest_algorithm)
    if algorithm is not None and algorithm is not own:
        raise Invalid(f"The artifact's digests are {own}, not {algorithm}.")
    path = check_path(file.path)
    if file.mimetype is not None and len(file.mimetype) > MAX_MIMETYPE:
        raise Invalid(f"A media type may have at most {MAX_MIMETYPE} characters.")
    md5 = digests.from_base64(file.md5, "base64 MD5") if file.md5 else None
    if own.of_files is Algorithm.MD5:
        if md5 is None and file.digest:
            md5 = digests.from_base64(file.digest, "base64 MD5")
        if md5 is None:
            raise Invalid(f"The file {path[:200]!r} comes without its MD5.")
        return WantedFile(path, key, Algorithm.MD5, md5, None, file.mimetype)
    if not file.digest:
        raise Invalid(f"The file {path[:200]!r} comes without its XXH128.")
    xxh128 = digests.from_base64(file.digest, "base64 XXH128")
    return WantedFile(path, key, Algorithm.XXH128, md5, xxh128, file.mimetype)


def _parts(hexadecimal: Sequence[str]) -> tuple[bytes, ...]:
    if len(hexadecimal) > MAX_PARTS:
        raise Invalid(f"A file may have at most {MAX_PARTS} parts.")
    return tuple(digests.from_hex(text) for text in hexadecimal)


def _fingerprint(file: WantedFile, part_md5s: Sequence[bytes]) -> str:
    """By which an upload of the same bytes in the same parts is found again."""
    told = b"".join([file.md5 or b"", b"/", file.xxh128 or b"", b"/", *part_md5s])
    return hashlib.sha256(told).hexdigest()


def _begin_parts(edge: Edge, place: UploadPlace, part_md5s: tuple[bytes, ...]) -> UploadPlace:
    """Opens an upload in parts, or finds it, where the client offers that and there is something to send."""
    if not part_md5s or place.file.is_stored:
        return place
    wanted, key, plan = place.file.wanted, BlobKey(place.file.blob_id), PartsPlan(part_md5s)
    upload_id = edge.store.begin_parts(key, plan, place.expect)
    landed: frozenset[int] = frozenset()
    if wanted.resumes:
        try:
            landed = edge.store.landed_parts(key, upload_id)
        except NotFound:
            # The store has given it up meanwhile, as a bucket does after some days.
            edge.store.abort_parts(key, upload_id)
            upload_id = edge.store.begin_parts(key, plan, place.expect)
    mark = _fingerprint(wanted, part_md5s)
    edge.write(lambda tx: upload_rows.add(tx, upload_id, key.text, mark))
    return place._replace(upload_id=upload_id, part_md5s=part_md5s, landed=landed)


def complete_parts(edge: Edge, artifact_id: int, upload_id: str) -> bytes:
    """Joins the parts of a file; a second call finds the result of the first.

    Returns:
        The MD5 of the whole.

    Raises:
        NotFound: the artifact has no such upload.
        Unprocessable: a part is missing.
        DigestMismatch: the whole is not what was announced.
    """
    blob = _upload_of(edge.tx, artifact_id, upload_id)
    stored = edge.store.finish_parts(BlobKey(blob), upload_id)

    def note(tx: Tx) -> None:
        record_stored(tx, blob, stored)
        upload_rows.complete(tx, upload_id)

    edge.write(note)
    return stored.md5


def abort_parts(edge: Edge, artifact_id: int, upload_id: str) -> None:
    """Gives up an upload in parts; its place stays reserved for another one.

    Raises:
        NotFound: the artifact has no such upload.
    """
    blob = _upload_of(edge.tx, artifact_id, upload_id)
    edge.store.abort_parts(BlobKey(blob), upload_id)
    edge.write(lambda tx: upload_rows.remove(tx, upload_id))


def _upload_of(tx: Tx, artifact_id: int, upload_id: str) -> str:
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    blob = upload_rows.blob_of(tx, found, upload_id)
    if blob is None:
        raise NotFound("The artifact has no such upload in parts.")
    return blob
