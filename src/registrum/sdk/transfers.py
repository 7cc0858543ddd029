"""Moves bytes to and from a store's signed addresses, many at a time, and again after what heals by itself.

An address says everything: no key is sent with it, and no clock of this machine is looked at. A body that comes is checked while it
is written; where the connection breaks, the rest is asked for; where a byte is wrong, all of it again.
"""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

import urllib3

from registrum.core.errors import DigestMismatch, StorageFull, Unavailable
from registrum.errors import CommError, Refused
from registrum.sdk.hashing import CHUNK_BYTES, Hash
from registrum.sdk.http import Service, pauses, refusal, retry_after_s

T = TypeVar("T")

TRIES = 8
BREAKS = 3
"""How often a body may break off half-way before it is to be sent in other pieces."""
WRONG_BYTES_TRIES = 3
THREADS = 16
SENT_BYTES = 1 << 20
_HUNG_UP_AGAIN_S = 0.2

Took = Callable[[int], None]
"""Hears how many bytes more have been moved; less than none where they have to be moved again."""


class Stopped(CommError):
    """Another transfer of the same artifact failed, so this one was given up."""

    code = "stopped"


class AddressRefused(CommError):
    """The store does not take this signed address, or no longer; a fresh one may help."""

    code = "address_refused"


class Broken(Unavailable):
    """The connection broke again and again in the same place."""


class Stop:
    """Tells transfers that belong together to give up; may be one of several within a larger whole."""

    def __init__(self, within: Stop | None = None) -> None:
        self._event = threading.Event()
        self._parts: list[Stop] = []
        if within is not None:
            within._parts.append(self)
            if within.is_set():
                self.set()

    def set(self) -> None:
        """From now on, all are to give up."""
        self._event.set()
        for part in self._parts:
            part.set()

    def is_set(self) -> bool:
        """Whether to give up."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits so long, or until all are to give up; whether they are."""
        return self._event.wait(seconds)


def for_each(
    work: Callable[[T, Stop], None],
    items: Iterable[T],
    threads: int,
    within: Stop | None = None,
    hang_up: Callable[[], None] | None = None,
) -> None:
    """Does the work for every item, several at a time; items are taken as threads become free.

    When one fails, or the person interrupts, the others are told to give up, and have ended when this returns.

    Args:
        within: the larger whole that this is a part of.
        hang_up: called when the person interrupts, so that nobody goes on waiting for a server.

    Raises:
        BaseException: the first that the work, or making the items, raised.
    """
    stop = Stop(within)
    running: set[Future[None]] = set()
    with ThreadPoolExecutor(threads, "registrum-transfer") as pool:
        try:
            for item in items:
                running.add(pool.submit(work, item, stop))
                if len(running) >= 2 * threads:
                    running = _settle(running)
            while running:
                running = _settle(running)
        except BaseException as error:
            stop.set()
            for future in running:
                future.cancel()
            if hang_up is not None and not isinstance(error, Exception):
                hang_up()
                # Again, for who has begun to wait just now, and was not told to give up yet.
                while wait(running, _HUNG_UP_AGAIN_S).not_done:
                    hang_up()
            raise


def _settle(running: set[Future[None]]) -> set[Future[None]]:
    done, rest = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return rest


def send(
    service: Service,
    url: str,
    headers: Mapping[str, str],
    chunks: Callable[[], Iterator[bytes]],
    size: int,
    took: Took,
    stop: Stop,
) -> urllib3.BaseHTTPResponse:
    """Puts bytes to a signed address; its answer.

    Args:
        chunks: makes the body anew, each time it is sent.
        size: of the body.

    Raises:
        Broken: the connection breaks, and all trying again did not help.
        StorageFull: the server has no room for it.
        DigestMismatch: the bytes are not what was announced.
        AddressRefused: the address is no longer good.
        Refused: any other no.
        OSError: the chunks can't be read.
    """
    patience, breaks = pauses(TRIES), pauses(BREAKS)
    while True:
        if stop.is_set():
            raise Stopped("the upload was given up")
        sent = 0

        def body() -> Iterator[bytes]:
            nonlocal sent
            for chunk in _readable(chunks()):
                if stop.is_set():
                    raise Stopped("the upload was given up")
                yield chunk
                sent += len(chunk)
                took(len(chunk))

        try:
            whole = {"Content-Length": str(size), **headers}
            content = body() if size > SENT_BYTES else b"".join(body())
            answer = service.pool.request("PUT", url, body=content, headers=whole)
        except _Unreadable as error:
            raise error.why from None
        except urllib3.exceptions.HTTPError as error:
            failure = str(error)
            pause = next(breaks if sent else patience, None)
        else:
            if answer.status < 300:
                return answer
            failure = f"HTTP {answer.status}"
            healing = next(patience, None) if answer.status in _HEALS else None
            if answer.status == 404:
                # Another process has joined the parts, or the store has given them up.
                raise AddressRefused(refusal(_host(url), answer).message)
            if answer.status not in _HEALS:
                raise _no(answer, url)
            pause = None if healing is None else retry_after_s(answer, healing)
        took(-sent)
        if pause is None:
            raise Broken(f"An upload did not get through to {_host(url)}: {failure}")
        if stop.wait(pause):
            raise Stopped("the upload was given up")


class _Unreadable(Exception):
    """The bytes to be sent can't be read here: for urllib3, an `OSError` would be one of the connection."""

    def __init__(self, why: OSError) -> None:
        self.why = why


def _readable(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except OSError as error:
        raise _Unreadable(error) from None


_HEALS = frozenset({408, 429, 500, 502, 503, 504})


def receive(
    service: Service,
    url: str,
    start: int,
    count: int,
    write: Callable[[bytes], None],
    stop: Stop,
    *,
    is_part: bool = False,
) -> None:
    """Gets bytes from a signed address, going on where a connection breaks.

    Args:
        is_part: whether the file goes on behind them.
        start: the first byte wanted.
        count: how many; 0 asks for nothing.
        write: takes them in order.

    Raises:
        Broken: the connection breaks without bringing anything, and all trying again did not help.
        AddressRefused: the address is no longer good.
        Refused: any other no.
        DigestMismatch: the store has less or more bytes than that.
    """
    got, patience = 0, pauses(TRIES)
    while got < count:
        if stop.is_set():
            raise Stopped("the download was given up")
        before = got
        try:
            answer = _get(
                service, url, start + got, start + count, is_whole=start == got == 0 and not is_part
            )
            with answer:
                for chunk in answer.stream(CHUNK_BYTES, decode_content=False):
                    if stop.is_set():
                        raise Stopped("the download was given up")
                    got += len(chunk)
                    if got > count:
                        raise DigestMismatch(f"{_host(url)} sent more bytes than the file has.")
                    write(chunk)
            if got < count:
                raise urllib3.exceptions.ProtocolError("it ended early")
        except _Later as later:
            pause = next(patience, None)
            failure, pause_s = later.what, None if pause is None else later.pause_s(pause)
        except urllib3.exceptions.HTTPError as error:
            # Bytes came, so it is not in vain: the patience begins anew.
            patience = pauses(TRIES) if got > before else patience
            failure, pause_s = str(error), 0.0 if got > before else next(patience, None)
        else:
            return
        if pause_s is None:
            raise Broken(f"A download from {_host(url)} did not get through: {failure}")
        if stop.wait(pause_s):
            raise Stopped("the download was given up")


class _Later(Exception):
    """The server asks to come back later."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self.what = f"HTTP {answer.status}"
        self._answer = answer

    def pause_s(self, otherwise: float) -> float:
        return retry_after_s(self._answer, otherwise)


def _get(
    service: Service, url: str, start: int, end: int, *, is_whole: bool
) -> urllib3.BaseHTTPResponse:
    """An answer whose body begins at that byte."""
    headers = {"Accept-Encoding": "identity"}
    if not is_whole:
        headers["Range"] = f"bytes={start}-{end - 1}"
    answer = service.pool.request("GET", url, headers=headers, preload_content=False)
    if answer.status in _HEALS:
        answer.drain_conn()
        raise _Later(answer)
    if answer.status >= 300:
        answer.read(cache_content=True)
        raise _no(answer, url)
    if not is_whole and not _begins_at(answer, start):
        answer.close()
        raise Refused(f"{_host(url)} does not send parts of files.", answer.status)
    return answer


def _begins_at(answer: urllib3.BaseHTTPResponse, start: int) -> bool:
    return answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
        f"bytes {start}-"
    )


def _no(answer: urllib3.BaseHTTPResponse, url: str) -> CommError | StorageFull | DigestMismatch:
    told = refusal(_host(url), answer)
    if answer.status in (401, 403):
        return AddressRefused(told.message)
    if answer.status == 413:
        return StorageFull(told.message)
    if answer.status == 422:
        return DigestMismatch(told.message)
    return told


def _host(url: str) -> str:
    # The rest of a signed address is a secret.
    return urllib3.util.parse_url(url).netloc or url.partition("?")[0]


def check_digest(taken: Hash, expected: str, what: str) -> None:
    """Compares a digest with that of a manifest.

    Raises:
        DigestMismatch: it is another one.
    """
    if taken.digest() != b64decode(expected):
        found = b64encode(taken.digest()).decode()
        raise DigestMismatch(f"{what} arrived with the digest {found}, not {expected}.")
