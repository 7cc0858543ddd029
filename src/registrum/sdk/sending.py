"""Sends the files of a version that its server does not have yet: small ones in batches, large ones in parts.

Places for files are asked for a page at a time while the files of the page before are on their way.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from registrum.core.errors import DigestMismatch, Unavailable
from registrum.sdk import batches, staging, transfers
from registrum.sdk.batches import Batch
from registrum.sdk.hashing import new_hash
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.operations import uploads as operations
from registrum.sdk.progress import Progress
from registrum.sdk.staging import Content
from registrum.sdk.transfers import Stop
from registrum.sdk.versions import Node

PLACES = 1000
"""How many files are asked about at a time."""
SMALL_PART_BYTES = 8 << 20
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4
FRESH_PLACES = 3
"""How often a file's place is asked for anew before it is given up."""


class Parts(NamedTuple):
    """Which files go in parts from the beginning; others do so only once they did not get through whole.

    Attributes:
        from_bytes: those that are larger.
        each_bytes: of a part, as long as there are not too many.
    """

    from_bytes: int
    each_bytes: int


PARTS = Parts(2 << 30, 64 << 20)


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


class Sender:
    """Sends the files of one version.

    Args:
        artifact_id: of the version that was begun.
        manifest: its files; their birth ids are filled in.
        progress: hears how far it is.
        parts: which files go in parts, and how large those are.
    """

    def __init__(
        self,
        service: Service,
        artifact_id: str,
        manifest: Manifest,
        progress: Progress,
        parts: Parts,
    ) -> None:
        self._service = service
        self._artifact_id = artifact_id
        self._manifest = manifest
        self._progress = progress
        self._rule = parts
        self._parts: dict[tuple[str, int], list[_Part]] = {}

    def send_all(self) -> None:
        """Sends what the project does not have yet.

        Raises:
            DigestMismatch: a file was changed after it was added.
            Refused, StorageFull, Unavailable: the server does not take it.
        """
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
            for file, node in zip(page, self._places(page, self._rule.each_bytes), strict=True):
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
        if content.size_bytes > self._rule.from_bytes or part_bytes < self._rule.each_bytes:
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
        part_bytes = self._rule.each_bytes
        for tries_left in reversed(range(FRESH_PLACES)):
            try:
                if node["uploadMultipartUrls"]:
                    self._send_parts(file, node, part_bytes, stop)
                else:
                    headers, size = headers_of(node["uploadHeaders"]), file.content.size_bytes
                    self._send_range(file, node["uploadUrl"], headers, 0, size, stop)
            except (transfers.AddressRefused, DigestMismatch):
                if not tries_left:
                    raise
            except transfers.Broken:
                # What does not get through whole may do so in small parts, each of which stays.
                if not tries_left:
                    raise
                if file.content.size_bytes > SMALL_PART_BYTES:
                    part_bytes = min(SMALL_PART_BYTES, self._rule.each_bytes - 1)
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


def headers_of(lines: Sequence[str] | None) -> dict[str, str]:
    """Headers from the lines in which a server names those that go with an address."""
    return dict(line.split(":", 1) for line in lines or ())


def _part_headers(lines: Sequence[str] | None, md5: bytes) -> dict[str, str]:
    kept = {
        name: text for name, text in headers_of(lines).items() if name.lower() == "content-type"
    }
    return {**kept, "Content-MD5": b64encode(md5).decode()}
