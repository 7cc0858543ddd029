"""Sends the files of a version that its server does not have yet: small ones in batches, large ones in parts.

Places for files are asked for a page at a time while the files of the page before are on their way. A file in parts is cut the same way
every time, so that a process that comes after one that was killed goes on with what that one began.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from registrum.core.errors import DigestMismatch, Unavailable
from registrum.errors import Refused
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
MOST_PARTS = 10_000
SMALL_PART_BYTES = 1 << 20
"""Of files that did not get through whole, to a server's own routes; S3 takes no parts as small as that."""
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


PARTS = Parts(2 << 30, 8 << 20)

Job = Callable[[Stop], None]
"""Some files to be sent, by one thread."""


class _File(NamedTuple):
    """A file to be sent."""

    entry: ArtifactManifestEntry
    content: Content


class _Placed(NamedTuple):
    """A file and where it goes; None: that is to be asked."""

    file: _File
    node: Node | None


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
        transfers.for_each(_run, self._jobs(), transfers.THREADS, hang_up=hang_up)

    def _jobs(self) -> Iterator[Job]:
        """The files that may have to be sent: those in parts, which take longest, then the others, small ones together."""
        entries = self._manifest.entries.values()
        files = [_File(entry, entry.content) for entry in entries if entry.content is not None]
        large: dict[str, list[_File]] = {}
        for file in files:
            if self._goes_in_parts(file):
                large.setdefault(file.entry.digest, []).append(file)
        for twins in large.values():
            yield partial(self._send_twins, twins)
        batch = Batch[_Placed]()
        for placed, url in self._placed(file for file in files if not self._goes_in_parts(file)):
            if batch.takes(placed, url, placed.file.content.size_bytes):
                if batch.is_full:
                    yield partial(self._send_together, batch.empty())
            else:
                yield partial(self._send_alone, placed)
        if batch.items:
            yield partial(self._send_together, batch.empty())

    def _goes_in_parts(self, file: _File) -> bool:
        return file.content.size_bytes > self._rule.from_bytes

    def _placed(self, files: Iterator[_File]) -> Iterator[tuple[_Placed, str]]:
        """Those files that are to be sent, with their places, which are asked for as they are needed."""
        sent: set[str] = set()
        while page := list(islice(files, PLACES)):
            for file, node in zip(page, self._places(page, _whole), strict=True):
                if node["uploadUrl"] is None or file.entry.digest in sent:
                    self._progress.took(file.content.size_bytes)
                    continue
                sent.add(file.entry.digest)
                yield _Placed(file, node), node["uploadUrl"]

    def _places(
        self, files: Sequence[_File], more: Callable[[_File], dict[str, Any]]
    ) -> list[Node]:
        """Where these files go; nowhere where the bytes are there already.

        Args:
            more: what else to ask about a file.
        """
        given = {
            "artifactFiles": [{**self._asked(file), **more(file)} for file in files],
            "storageLayout": "V2",
            "digestAlgorithm": str(self._manifest.algorithm),
        }
        answer = self._service.ask(operations.CREATE_FILES, {"input": given}, repeatable=True)
        nodes = [edge["node"] for edge in answer["createArtifactFiles"]["files"]["edges"]]
        for file, node in zip(files, nodes, strict=True):
            file.entry.birth_artifact_id = node["artifact"]["id"] if node["artifact"] else None
        return nodes

    def _asked(self, file: _File) -> dict[str, Any]:
        entry = file.entry
        asked = {"artifactID": self._artifact_id, "name": entry.path, "digest": entry.digest}
        if not entry.extra.get("alg"):
            asked["md5"] = entry.digest
        return asked

    def _in_parts(self, file: _File, part_bytes: int, stop: Stop) -> dict[str, Any]:
        """Asks for places of parts, but for those that are there since an earlier try, of whatever process."""
        given = [
            {"partNumber": number, "hexMD5": part.md5.hex()}
            for number, part in enumerate(self._parts_of(file, part_bytes, stop), 1)
        ]
        return {"uploadPartsInput": given, "resume": True}

    def _send_together(self, some: list[_Placed], stop: Stop) -> None:
        """Sends small files in a batch, and alone what does not get through so."""
        left = self._left_of_batch(some, stop) if len(some) > 1 else some
        for placed in left:
            self._send_alone(placed, stop)

    def _left_of_batch(self, some: list[_Placed], stop: Stop) -> list[_Placed]:
        """Sends small files in a batch; those that did not get through."""
        addresses = (each.node["uploadUrl"] for each in some if each.node)
        places = [place for url in addresses if (place := batches.place_of(url))]
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

    def _send_twins(self, twins: Sequence[_File], stop: Stop) -> None:
        """Sends the first of files with the same bytes, after which the server has those of the others."""
        for file in twins:
            self._send_alone(_Placed(file, None), stop)

    def _send_alone(self, placed: _Placed, stop: Stop) -> None:
        file, node = placed
        part_bytes = self._rule.each_bytes if self._goes_in_parts(file) else None
        for tries_left in reversed(range(FRESH_PLACES)):
            if node is None:
                more = _whole
                if part_bytes is not None:
                    more = partial(self._in_parts, part_bytes=part_bytes, stop=stop)
                (node,) = self._places([file], more)
            if node["uploadUrl"] is None:
                self._progress.took(file.content.size_bytes)
                return
            try:
                if part_bytes is not None and node["uploadMultipartUrls"]:
                    self._send_parts(file, node, part_bytes, stop)
                else:
                    headers, size = headers_of(node["uploadHeaders"]), file.content.size_bytes
                    self._send_range(file, node["uploadUrl"], headers, 0, size, stop)
            except (transfers.AddressRefused, DigestMismatch):
                if not tries_left:
                    raise
            except transfers.Broken:
                # What does not get through whole may do so in parts, each of which stays.
                if not tries_left:
                    raise
                if part_bytes is None:
                    part_bytes = self._smaller(file, node["uploadUrl"])
            else:
                return
            node = None

    def _smaller(self, file: _File, url: str) -> int | None:
        """How large the parts are of a file that did not get through whole; None where it is too small for that."""
        part_bytes = self._rule.each_bytes
        if batches.place_of(url):
            part_bytes = min(part_bytes, SMALL_PART_BYTES)
        return part_bytes if file.content.size_bytes > part_bytes else None

    def _send_range(
        self,
        file: _File,
        url: str,
        headers: Mapping[str, str],
        start: int,
        count: int,
        stop: Stop,
    ) -> None:
        """Sends some bytes of a file."""
        try:
            transfers.send(
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

    def _send_parts(self, file: _File, node: Node, part_bytes: int, stop: Stop) -> None:
        multipart = node["uploadMultipartUrls"]
        parts = self._parts_of(file, part_bytes, stop)
        missing = {part["partNumber"]: part["uploadUrl"] for part in multipart["uploadUrlParts"]}
        # In one list, to which threads may append at once.
        took = [part.size_bytes for number, part in enumerate(parts, 1) if number not in missing]
        self._progress.took(sum(took))

        def send_part(number: int, stop: Stop) -> None:
            start, count, md5 = parts[number - 1]
            headers = _part_headers(node["uploadHeaders"], md5)
            self._send_range(file, missing[number], headers, start, count, stop)
            took.append(count)

        try:
            transfers.for_each(send_part, missing, PARTS_AT_ONCE, stop)
            given = {
                "completeMultipartAction": "Complete",
                "completedParts": [
                    {"partNumber": number, "hexMD5": part.md5.hex()}
                    for number, part in enumerate(parts, 1)
                ],
                "artifactID": self._artifact_id,
                "storagePath": node["storagePath"],
                "uploadID": multipart["uploadID"],
            }
            self._complete(given)
        except BaseException:
            self._progress.took(-sum(took))
            raise

    def _complete(self, given: dict[str, Any]) -> None:
        try:
            self._service.ask(operations.COMPLETE_PARTS, {"input": given}, repeatable=True)
        except Refused as error:
            if error.code != DigestMismatch.code:
                raise
            # Then the server has dropped all parts: of some, a loss of power may have left the names only.
            raise DigestMismatch(error.message) from None

    def _parts_of(self, file: _File, part_bytes: int, stop: Stop) -> list[_Part]:
        """The parts of a file; it is read for their digests once."""
        key = (file.entry.digest, part_bytes)
        if key not in self._parts:
            self._parts[key] = _parts(file.content, part_bytes, stop)
        return self._parts[key]


def _run(job: Job, stop: Stop) -> None:
    job(stop)


def _whole(_: _File) -> dict[str, Any]:
    """Nothing more is asked: the file goes whole."""
    return {}


def _part_bytes(size: int, least: int) -> int:
    """How large a part has to be for there to be not too many."""
    return max(least, -(-size // MOST_PARTS))


def _parts(content: Content, part_bytes: int, stop: Stop) -> list[_Part]:
    part_bytes = _part_bytes(content.size_bytes, part_bytes)
    found = []
    for start in range(0, content.size_bytes, part_bytes):
        if stop.is_set():
            raise transfers.Stopped("the upload was given up")
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
