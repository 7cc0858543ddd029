"""Gets files of a version from its server: small ones in batches, large ones by several connections at once, each one checked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NamedTuple

from registrum.core.errors import DigestMismatch, Unavailable
from registrum.errors import Missing
from registrum.sdk import batches, transfers
from registrum.sdk.batches import Batch
from registrum.sdk.hashing import CHUNK_BYTES, Hash, new_hash, write_all
from registrum.sdk.http import Service
from registrum.sdk.landings import Landing
from registrum.sdk.manifests import ArtifactManifestEntry
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.pages import Node, page_at
from registrum.sdk.progress import Progress
from registrum.sdk.transfers import Stop
from registrum.sdk.versions import ON_THE_WAY, Place

PAGE = 5000
NAMES = 1000
"""How many files are asked for by name at a time, where not all are wanted."""
RANGES_FROM = 32 << 20
RANGE_BYTES = 16 << 20
RANGES_AT_ONCE = 3


class Target(NamedTuple):
    """A file that is wanted, and where to."""

    entry: ArtifactManifestEntry
    path: str


class _Addressed(NamedTuple):
    """A file and where it is to be had."""

    target: Target
    url: str


class Source(NamedTuple):
    """A version whose files are wanted, and the server that has it."""

    service: Service
    artifact_id: str
    place: Place

    def addresses(self, names: list[str] | None) -> Iterator[Node]:
        """Names and addresses, of the files of these names or of all, as they are asked for."""
        if names is None:
            yield from self._pages(None)
            return
        for at in range(0, len(names), NAMES):
            yield from self._pages(names[at : at + NAMES])

    def _pages(self, names: list[str] | None) -> Iterator[Node]:
        after: str | None = None
        while True:
            page = self._page({"names": names, "after": after, "first": PAGE})
            yield from (edge["node"] for edge in page["edges"] if edge["node"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def _page(self, asked: Node) -> Node:
        place = self.place
        if not place.project:
            # Reached by its id alone: its project is hidden.
            answer = self.service.ask(operations.FILE_URLS_BY_ID, {"id": self.artifact_id} | asked)
            return page_at(answer, "artifact", of="such artifact")
        answer = self.service.ask(operations.FILE_URLS, place.key | asked)
        return page_at(answer, *ON_THE_WAY, of=f"artifact {place}")


class Fetch:
    """A download of files that are not here.

    Args:
        source: where they are.
        landing: where they go while they come.
        progress: hears how far it is.
        in_ranges: whether large files may come by several connections.
        keep: takes each file that is whole and right: its target, where it landed, and its bytes if it is small.
    """

    def __init__(
        self,
        source: Source,
        landing: Landing,
        progress: Progress,
        in_ranges: bool,
        keep: Callable[[Target, str, bytes | None], None],
    ) -> None:
        self._source = source
        self._service = source.service
        self._landing = landing
        self._progress = progress
        self._in_ranges = in_ranges
        self._keep = keep

    def files(self, missing: Sequence[Target], *, is_most: bool) -> None:
        """Gets files; what `keep` was given is done, whatever happens then.

        Args:
            is_most: whether to ask for the addresses of all files, rather than of these by name.

        Raises:
            Missing: the server has one of them not; a ValueError.
            DigestMismatch, Broken, Refused: as `transfers` says.
        """
        files, hang_up = self._addressed(missing, is_most), self._service.hang_up
        transfers.for_each(self._some, files, transfers.THREADS, hang_up=hang_up)

    def _addressed(self, missing: Sequence[Target], is_most: bool) -> Iterator[list[_Addressed]]:
        """The missing files with their addresses, small ones together."""
        by_path = {target.entry.path: target for target in missing}
        batch = Batch[_Addressed]()
        for node in self._source.addresses(None if is_most else list(by_path)):
            target = by_path.pop(node["name"], None)
            if target is None:
                continue
            file = _Addressed(target, node["directUrl"])
            if batch.takes(file, file.url, target.entry.size or 0):
                if batch.is_full:
                    yield batch.empty()
            else:
                yield [file]
        if batch.items:
            yield batch.empty()
        if by_path:
            names = ", ".join(sorted(by_path)[:3])
            raise Missing(f"The server does not have {len(by_path)} of the files, such as {names}.")

    def _some(self, files: list[_Addressed], stop: Stop) -> None:
        left = self._together(files, stop) if len(files) > 1 else files
        for file in left:
            self._alone(file, stop)

    def _together(self, files: list[_Addressed], stop: Stop) -> list[_Addressed]:
        """Gets small files in a batch; those that did not come, or came damaged."""
        places = [place for file in files if (place := batches.place_of(file.url))]
        left, came = [], 0
        try:
            targets = [place.target for place in places]
            for frame in batches.get(self._service, places[0].routes, targets, stop):
                file, came = files[came], came + 1
                if frame.status != 200 or not self._land(file.target, frame.content):
                    left.append(file)
        except (batches.NotOffered, Unavailable):
            pass  # Alone they may come.
        return left + files[came:]

    def _land(self, target: Target, content: bytes) -> bool:
        """Writes a small file that came; False where it is damaged."""
        taken = new_hash(target.entry.algorithm)
        taken.update(content)
        try:
            transfers.check_digest(taken, target.entry.digest, target.entry.path)
        except DigestMismatch:
            return False
        with self._landing.file() as (file, temporary):
            write_all(file, content)
        self._keep(target, temporary, content)
        self._progress.took(len(content))
        return True

    def _alone(self, file: _Addressed, stop: Stop) -> None:
        target, url = file
        for tries_left in reversed(range(transfers.WRONG_BYTES_TRIES)):
            got = _Counter(self._progress)
            temporary = self._landing.path()
            try:
                with open(temporary, "xb", buffering=0) as room:
                    self._receive(target.entry, url, room, got, stop)
            except (DigestMismatch, transfers.AddressRefused) as error:
                got.take_back()
                os.unlink(temporary)
                if not tries_left:
                    raise
                if isinstance(error, transfers.AddressRefused):
                    url = next(self._source.addresses([target.entry.path]))["directUrl"]
            else:
                self._keep(target, temporary, None)
                return

    def _receive(
        self, entry: ArtifactManifestEntry, url: str, room: IO[bytes], got: _Counter, stop: Stop
    ) -> None:
        """Writes a file that comes whole or by ranges, and checks it.

        Raises:
            DigestMismatch: it is not what it should be.
        """
        size = entry.size or 0
        taken = new_hash(entry.algorithm)
        if size >= RANGES_FROM and self._in_ranges:
            self._receive_ranges(_Ranges(room.name, size, taken), url, got, stop)
        else:

            def write(chunk: bytes) -> None:
                write_all(room, chunk)
                taken.update(chunk)
                got.took(len(chunk))

            transfers.receive(self._service, url, 0, size, write, stop)
        transfers.check_digest(taken, entry.digest, entry.path)

    def _receive_ranges(self, ranges: _Ranges, url: str, got: _Counter, stop: Stop) -> None:
        def receive_range(number: int, stop: Stop) -> None:
            start, count = ranges.span(number)
            with open(ranges.path, "r+b", buffering=0) as room:
                room.seek(start)

                def write(chunk: bytes) -> None:
                    write_all(room, chunk)
                    got.took(len(chunk))

                transfers.receive(self._service, url, start, count, write, stop, is_part=True)
            ranges.done(number)

        transfers.for_each(receive_range, range(ranges.count), RANGES_AT_ONCE, stop)


class _Counter:
    """What one try at a file told the progress, so that it can be taken back."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._count = 0
        self._lock = threading.Lock()

    def took(self, count: int) -> None:
        with self._lock:
            self._count += count
        self._progress.took(count)

    def take_back(self) -> None:
        self._progress.took(-self._count)


class _Ranges:
    """A file that comes in ranges, in whatever order; its digest is taken as far as all that is before has come."""

    def __init__(self, path: str, size: int, taken: Hash) -> None:
        self.path = path
        self.count = -(-size // RANGE_BYTES)
        self._size = size
        self._taken = taken
        self._done: set[int] = set()
        self._next = 0
        self._lock = threading.Lock()
        self._hashing = threading.Lock()

    def span(self, number: int) -> tuple[int, int]:
        """First byte and length of a range."""
        start = number * RANGE_BYTES
        return start, min(RANGE_BYTES, self._size - start)

    def done(self, number: int) -> None:
        """A range has come; whoever brings the next one in order takes the digest on."""
        with self._lock:
            self._done.add(number)
        while self._next in self._done and self._hashing.acquire(blocking=False):
            try:
                while self._next in self._done:
                    self._take(*self.span(self._next))
                    self._next += 1
            finally:
                self._hashing.release()

    def _take(self, start: int, count: int) -> None:
        with open(self.path, "rb", buffering=0) as file:
            file.seek(start)
            while count and (chunk := file.read(min(count, CHUNK_BYTES))):
                self._taken.update(chunk)
                count -= len(chunk)
