"""Makes a version of a draft: begins it, sends the bytes that its project does not have yet, and commits it.

Places for files are asked for a page at a time while the files of the page before are on their way. What can be sent twice is: a
version has an id of the client's own, so that beginning it again finds what was begun.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from registrum.core.aliases import LATEST
from registrum.core.errors import DigestMismatch, Unavailable
from registrum.core.manifest import NAME as MANIFEST_NAME
from registrum.sdk import batches, staging, transfers
from registrum.sdk.artifact_facts import checked_aliases, checked_tags
from registrum.sdk.batches import Batch
from registrum.sdk.hashing import new_hash
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.operations import uploads as operations
from registrum.sdk.progress import Progress
from registrum.sdk.staging import Content
from registrum.sdk.transfers import Stop
from registrum.sdk.versions import Node, version_of

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact

PLACES = 1000
"""How many files are asked about at a time."""
PARTS_FROM = 2 << 30
"""Larger files go in parts from the beginning; smaller ones only once they did not get through whole."""
PART_BYTES = 64 << 20
SMALL_PART_BYTES = 8 << 20
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4
FRESH_PLACES = 3
"""How often a file's place is asked for anew before it is given up."""


class Beginning(NamedTuple):
    """What a version is to be; everything but its files.

    Attributes:
        client_id: of the caller's making; beginning again with it finds the version begun.
        ttl_s: seconds, -1 to inherit, -2 for none; None says nothing.
    """

    entity: str
    project: str
    collection: str
    type: str
    client_id: str
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    ttl_s: int | None = None
    run_name: str | None = None
    history_step: int | None = None

    def document(self, manifest: Manifest) -> dict[str, Any]:
        """The input of the mutation that begins it."""
        named = {"artifactCollectionName": self.collection}
        return {
            "entityName": self.entity,
            "projectName": self.project,
            "artifactTypeName": self.type,
            "artifactCollectionName": self.collection,
            "runName": self.run_name,
            "digest": manifest.digest(),
            "digestAlgorithm": str(manifest.algorithm),
            "aliases": [{**named, "alias": alias} for alias in with_latest(self.aliases)],
            "tags": [{"tagName": tag} for tag in self.tags],
            "description": self.description,
            "metadata": json.dumps(self.metadata) if self.metadata else None,
            "ttlDurationSeconds": self.ttl_s,
            "historyStep": self.history_step,
            "enableDigestDeduplication": True,
            "clientID": self.client_id,
        }


def commit(
    service: Service,
    artifact: Artifact,
    entity: str,
    project: str,
    run_name: str | None = None,
    aliases: Iterable[str] | None = None,
    tags: Iterable[str] | None = None,
    history_step: int | None = None,
) -> None:
    """Makes a version of a draft, which is that version from then on; of a version, an output of the run.

    Args:
        service: the server.
        artifact: the draft; or a version, which keeps what it has.
        entity: owner of the project.
        project: made where new.
        run_name: id of the run that logs it. None: the caller does.
        aliases: to give, besides `latest`.
        tags: to give.
        history_step: the step of the run's history that it was logged at.

    Raises:
        What `upload` raises.
    """
    manifest = artifact.manifest
    beginning = Beginning(
        entity,
        project,
        artifact.name.partition(":")[0],
        artifact.type,
        artifact.client_id_for(manifest.digest()),
        artifact.description,
        artifact.metadata,
        checked_aliases(aliases or ()),
        checked_tags(tags or ()),
        artifact.ttl_to_set(),
        run_name,
        history_step,
    )
    artifact.settle(service, version_of(upload(service, beginning, manifest)))


def with_latest(aliases: Iterable[str]) -> list[str]:
    """The aliases of a new version: those given, and `latest`."""
    return list(dict.fromkeys([*aliases, LATEST]))


def upload(service: Service, beginning: Beginning, manifest: Manifest) -> Node:
    """Makes a version, or finds the one that has the same content.

    Args:
        service: the server.
        beginning: what it is to be.
        manifest: its files, those of them with content that are new; their birth ids are filled in.

    Returns:
        The node of the version, with `VersionParts` and `AliasesParts`.

    Raises:
        Refused: the server does not take it.
        DigestMismatch: a file was changed after it was added.
        StorageFull: the server has no room.
        Unavailable: it can't be reached any more.
    """
    begun = service.ask(
        operations.CREATE, {"input": beginning.document(manifest)}, repeatable=True
    )["createArtifact"]["artifact"]
    found: Node = begun
    if found["state"] == "COMMITTED":
        return found
    total = sum(entry.size or 0 for entry in manifest.entries.values() if entry.content)
    with Progress(f"↑ {beginning.collection}", total) as progress:
        _Sender(service, found["id"], manifest, progress).send_all()
    _send_manifest(service, beginning, found["id"], manifest)
    # A commit that is not over in time answers 503 and goes on; asking again joins it.
    committed = service.ask(
        operations.COMMIT, {"input": {"artifactID": found["id"]}}, repeatable=True
    )
    version: Node = committed["commitArtifact"]["artifact"]
    return version


def _send_manifest(
    service: Service, beginning: Beginning, artifact_id: str, manifest: Manifest
) -> None:
    content = json.dumps(manifest.to_manifest_json(), separators=(",", ":")).encode()
    taken = new_hash()
    taken.update(content)
    given = {
        "artifactID": artifact_id,
        "name": MANIFEST_NAME,
        "digest": b64encode(taken.digest()).decode(),
        "entityName": beginning.entity,
        "projectName": beginning.project,
        "runName": beginning.run_name or "",
        "type": "FULL",
    }
    for tries_left in reversed(range(FRESH_PLACES)):
        answer = service.ask(operations.CREATE_MANIFEST, {"input": given}, repeatable=True)
        file = answer["createArtifactManifest"]["artifactManifest"]["file"]
        try:
            transfers.send(
                service,
                file["uploadUrl"],
                _headers(file["uploadHeaders"]),
                lambda: iter([content]),
                len(content),
                lambda _: None,
                Stop(),
            )
        except transfers.AddressRefused:
            if not tries_left:
                raise
        else:
            return


class _File(NamedTuple):
    """A file to be sent."""

    entry: ArtifactManifestEntry
    content: Content


class _Placed(NamedTuple):
    """A file and where it goes."""

    file: _File
    node: Node


class _Part(NamedTuple):
    """Some bytes of a file, and their MD5."""

    start: int
    size_bytes: int
    md5: bytes


class _Sender:
    """Sends the files of one version."""

    def __init__(
        self, service: Service, artifact_id: str, manifest: Manifest, progress: Progress
    ) -> None:
        self._service = service
        self._artifact_id = artifact_id
        self._manifest = manifest
        self._progress = progress
        self._parts: dict[tuple[str, int], list[_Part]] = {}

    def send_all(self) -> None:
        hang_up = self._service.hang_up
        transfers.for_each(self._send, self._grouped(), transfers.THREADS, hang_up=hang_up)

    def _grouped(self) -> Iterator[list[_Placed]]:
        """The files that are to be sent, small ones together."""
        batch = Batch[_Placed]()
        for placed in self._placed():
            size = placed.file.content.size_bytes
            if batch.takes(placed, placed.node["uploadUrl"], size):
                if batch.is_full:
                    yield batch.empty()
            else:
                yield [placed]
        if batch.items:
            yield batch.empty()

    def _placed(self) -> Iterator[_Placed]:
        """The files that are to be sent, with their places, which are asked for as they are needed."""
        entries = iter(self._manifest.entries.values())
        files = (_File(entry, entry.content) for entry in entries if entry.content is not None)
        sent: set[str] = set()
        while page := list(islice(files, PLACES)):
            for file, node in zip(page, self._places(page, PART_BYTES), strict=True):
                file.entry.birth_artifact_id = node["artifact"]["id"] if node["artifact"] else None
                if node["uploadUrl"] is None or file.entry.digest in sent:
                    self._progress.took(file.content.size_bytes)
                    continue
                sent.add(file.entry.digest)
                yield _Placed(file, node)

    def _places(self, files: Sequence[_File], part_bytes: int) -> list[Node]:
        """Where these files go; none where the bytes are there already."""
        given = {
            "artifactFiles": [self._asked(file, part_bytes) for file in files],
            "storageLayout": "V2",
            "digestAlgorithm": str(self._manifest.algorithm),
        }
        answer = self._service.ask(operations.CREATE_FILES, {"input": given}, repeatable=True)
        return [edge["node"] for edge in answer["createArtifactFiles"]["files"]["edges"]]

    def _asked(self, file: _File, part_bytes: int) -> dict[str, Any]:
        entry, content = file
        asked: dict[str, Any] = {
            "artifactID": self._artifact_id,
            "name": entry.path,
            "digest": entry.digest,
        }
        if not entry.extra.get("alg"):
            asked["md5"] = entry.digest
        if content.size_bytes > PARTS_FROM or part_bytes < PART_BYTES:
            asked["uploadPartsInput"] = [
                {"partNumber": number, "hexMD5": part.md5.hex()}
                for number, part in enumerate(self._parts_of(file, part_bytes), 1)
            ]
        return asked

    def _send(self, some: list[_Placed], stop: Stop) -> None:
        left = self._send_together(some, stop) if len(some) > 1 else some
        for placed in left:
            self._send_alone(placed, stop)

    def _send_together(self, some: list[_Placed], stop: Stop) -> list[_Placed]:
        """Sends small files in a batch; those that did not get through."""
        places = [place for each in some if (place := batches.place_of(each.node["uploadUrl"]))]
        files = [
            (place.target, each.file.content.read(0, each.file.content.size_bytes))
            for each, place in zip(some, places, strict=True)
        ]
        try:
            results = batches.put(self._service, places[0].routes, files, stop)
        except (batches.NotOffered, Unavailable):
            return some  # Alone they may.
        left = []
        for each, status in zip(some, results, strict=True):
            if status == 200:
                self._progress.took(each.file.content.size_bytes)
            else:
                left.append(each)
        return left

    def _send_alone(self, placed: _Placed, stop: Stop) -> None:
        file, node = placed
        part_bytes = PART_BYTES
        for tries_left in reversed(range(FRESH_PLACES)):
            try:
                if node["uploadMultipartUrls"]:
                    self._send_parts(file, node, part_bytes, stop)
                else:
                    headers, size = _headers(node["uploadHeaders"]), file.content.size_bytes
                    self._send_range(file, node["uploadUrl"], headers, 0, size, stop)
            except (transfers.AddressRefused, DigestMismatch):
                if not tries_left:
                    raise
            except transfers.Broken:
                # What does not get through whole may do so in small parts, each of which stays.
                if not tries_left:
                    raise
                if file.content.size_bytes > SMALL_PART_BYTES:
                    part_bytes = SMALL_PART_BYTES
            else:
                return
            (node,) = self._places([file], part_bytes)
            if node["uploadUrl"] is None:
                return

    def _send_range(
        self,
        file: _File,
        url: str,
        headers: Mapping[str, str],
        start: int,
        count: int,
        stop: Stop,
    ) -> str:
        """Sends some bytes of a file; the ETag they got."""
        try:
            answer = transfers.send(
                self._service,
                url,
                headers,
                lambda: staging.chunks(file.content, start, count),
                count,
                self._progress.took,
                stop,
            )
        except DigestMismatch:
            raise DigestMismatch(
                f"{file.entry.local_path or file.entry.path} was changed after it was added,"
                " or arrived damaged."
            ) from None
        return answer.headers.get("ETag", "")

    def _send_parts(self, file: _File, node: Node, part_bytes: int, stop: Stop) -> None:
        multipart = node["uploadMultipartUrls"]
        parts = self._parts_of(file, part_bytes)
        etags: dict[int, str] = {}

        def send_part(part: Mapping[str, Any], stop: Stop) -> None:
            number = part["partNumber"]
            start, count, md5 = parts[number - 1]
            headers = _part_headers(node["uploadHeaders"], md5)
            etags[number] = self._send_range(file, part["uploadUrl"], headers, start, count, stop)

        transfers.for_each(send_part, multipart["uploadUrlParts"], PARTS_AT_ONCE, stop)
        given = {
            "completeMultipartAction": "Complete",
            "completedParts": [
                {"partNumber": number, "hexMD5": etags[number]} for number in sorted(etags)
            ],
            "artifactID": self._artifact_id,
            "storagePath": node["storagePath"],
            "uploadID": multipart["uploadID"],
        }
        self._service.ask(operations.COMPLETE_PARTS, {"input": given}, repeatable=True)

    def _parts_of(self, file: _File, part_bytes: int) -> list[_Part]:
        """The parts of a file; it is read for their digests once."""
        key = (file.entry.digest, part_bytes)
        if key not in self._parts:
            self._parts[key] = _parts(file.content, part_bytes)
        return self._parts[key]


def _part_bytes(size: int, least: int) -> int:
    """How large a part has to be for there to be not too many."""
    return max(least, -(-size // MOST_PARTS))


def _parts(content: Content, part_bytes: int) -> list[_Part]:
    part_bytes = _part_bytes(content.size_bytes, part_bytes)
    found = []
    for start in range(0, content.size_bytes, part_bytes):
        count, taken = min(part_bytes, content.size_bytes - start), new_hash()
        for chunk in staging.chunks(content, start, count):
            taken.update(chunk)
        found.append(_Part(start, count, taken.digest()))
    return found


def _headers(lines: Sequence[str] | None) -> dict[str, str]:
    return dict(line.split(":", 1) for line in lines or ())


def _part_headers(lines: Sequence[str] | None, md5: bytes) -> dict[str, str]:
    kept = {name: text for name, text in _headers(lines).items() if name.lower() == "content-type"}
    return {**kept, "Content-MD5": b64encode(md5).decode()}
