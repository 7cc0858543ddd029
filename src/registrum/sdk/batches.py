"""Many small files in one request, to and from a server's own byte routes (docs/wire.md).

What is sent are the signed addresses that each file has anyway, so a batch needs no rights of its own. A server without these routes
is found out by asking: then every file goes alone.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import urllib3

from registrum.core.errors import Unavailable
from registrum.errors import CommError
from registrum.sdk.http import Service, pauses, refusal, retry_after_s
from registrum.sdk.transfers import Stop, Stopped

T = TypeVar("T")

SMALL_BYTES = 256 << 10
BATCH_BYTES = 4 << 20
BATCH_FILES = 250

_TRIES = 3
_BUSY_TRIES = 8
_BUSY = frozenset({429, 503})
_ADDRESS = re.compile(r"(https?://.*?/blobs)(/[0-9a-f]{32}/[^/?#]*\?[^#]*)", re.ASCII)
_UP = struct.Struct(">II")
_DOWN = struct.Struct(">II")


class NotOffered(CommError):
    """The server does not take batches, or not this one; its files are to go alone."""

    code = "not_offered"


class Place(NamedTuple):
    """A signed address, in two parts.

    Attributes:
        routes: where the batch routes are, such as `https://host/blobs`.
        target: by which a batch names the file.
    """

    routes: str
    target: str


class Frame(NamedTuple):
    """What came for one file: its bytes, where the status is 200."""

    status: int
    content: bytes


class Batch(Generic[T]):
    """Small files that are to go, or come, together.

    Attributes:
        items: what stands for each of them.
    """

    def __init__(self) -> None:
        self.items: list[T] = []
        self._size = 0
        self._routes: str | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is time to send it."""
        return len(self.items) >= BATCH_FILES or self._size >= BATCH_BYTES

    def takes(self, item: T, url: str, size: int) -> bool:
        """Takes a file, if it is small and goes to the same routes as the others; whether it did."""
        place = place_of(url) if size <= SMALL_BYTES else None
        if place is None or self._routes not in (None, place.routes):
            return False
        self._routes = place.routes
        self.items.append(item)
        self._size += size
        return True

    def empty(self) -> list[T]:
        """What is in it, which leaves it empty."""
        items, self.items, self._size = self.items, [], 0
        return items


def place_of(url: str) -> Place | None:
    """A signed address as a batch names it; None where it is not one of a server's own routes."""
    found = _ADDRESS.fullmatch(url)
    return Place(found[1], "/blobs" + found[2]) if found and url.isascii() else None


def put(service: Service, routes: str, files: Sequence[tuple[str, bytes]], stop: Stop) -> list[int]:
    """Sends files; the status that each of them would have got alone.

    Args:
        routes: of all their addresses.
        files: targets and contents.

    Raises:
        NotOffered: the server does not take them in a batch.
        Unavailable: the connection broke several times; they may get through alone.
    """
    parts: list[bytes] = []
    for target, content in files:
        name = target.encode()
        parts += (_UP.pack(len(name), len(content)), name, content)
    body = b"".join(parts)
    headers = {"Content-Type": "application/octet-stream"}
    with _answer(service, f"{routes}/uploads", body, headers, stop) as answer:
        try:
            told: dict[str, Any] = json.loads(answer.read())
            found = [int(result["status"]) for result in told["results"]]
        except (ValueError, KeyError, TypeError):
            raise NotOffered(f"{routes} answered something else than results.") from None
    if len(found) != len(files):
        raise NotOffered(f"{routes} answered {len(found)} results for {len(files)} files.")
    return found


def get(service: Service, routes: str, targets: Sequence[str], stop: Stop) -> Iterator[Frame]:
    """What is at these targets, in order, as it comes; fewer where the connection broke.

    Raises:
        NotOffered: the server does not give them in a batch.
        Unavailable: nothing came, several times; they may come alone.
    """
    headers = {"Content-Type": "text/plain", "Accept-Encoding": "identity"}
    body = "\n".join(targets).encode()
    with _answer(service, f"{routes}/downloads", body, headers, stop) as answer:
        waiting = bytearray()
        try:
            for chunk in answer.stream(1 << 18, decode_content=False):
                waiting += chunk
                yield from _frames(waiting)
                if stop.is_set():
                    raise Stopped("the download was given up")
        except urllib3.exceptions.HTTPError:
            return


def _frames(waiting: bytearray) -> Iterator[Frame]:
    """The frames that are whole, taken off the beginning."""
    at = 0
    while at + _DOWN.size <= len(waiting):
        status, length = _DOWN.unpack_from(waiting, at)
        end = at + _DOWN.size + length
        if end > len(waiting):
            break
        yield Frame(status, bytes(memoryview(waiting)[at + _DOWN.size : end]))
        at = end
    del waiting[:at]


def _answer(
    service: Service, url: str, body: bytes, headers: dict[str, str], stop: Stop
) -> urllib3.BaseHTTPResponse:
    """The answer to a batch that was taken, its body unread."""
    breaks, busy = pauses(_TRIES), pauses(_BUSY_TRIES)
    while True:
        if stop.is_set():
            raise Stopped("the transfer was given up")
        try:
            answer = service.pool.request(
                "POST", url, body=body, headers=headers, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            pause = next(breaks, None)
            if pause is None:
                raise Unavailable(f"A batch of files did not get through: {error}") from None
        else:
            if answer.status == 200:
                return answer
            healing = next(busy, None) if answer.status in _BUSY else None
            if healing is None:
                answer.read(cache_content=True)
                raise NotOffered(refusal(url, answer).message)
            answer.drain_conn()
            pause = retry_after_s(answer, healing)
        if stop.wait(pause):
            raise Stopped("the transfer was given up")
