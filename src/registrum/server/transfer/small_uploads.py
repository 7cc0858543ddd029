"""Small bodies, stored and written down together: what arrives while a thread is busy shares the next hop and transaction.

A small file costs less than the thread, the transaction and the wait for the disk around it. So bodies queue up; a thread takes
all that wait, stores each, and has all of them written down at once. One that fails fails alone.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from registrum.core.errors import NotFound, RegistrumError
from registrum.server.blobs.store import BlobKey, BlobStore, Expected, StoredBlob

SMALL_BYTES = 256 * 1024
"""Bodies up to here are held in memory and stored this way."""

_TOGETHER = 64
_THREADS = 8
_WAITING_FOR_ONE_MORE = 6


class Recorder(Protocol):
    """Writes down what was stored: short, durable where it returns, and the same fact again is fine."""

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        """Notes the facts of blobs on their reservations, in one transaction.

        Returns:
            Those for which there is no reservation (any more); the bytes are dropped again.
        """
        ...


class Body(NamedTuple):
    """A small blob to store."""

    key: BlobKey
    content: bytes
    expect: Expected


Outcome = StoredBlob | RegistrumError | OSError


def store_all(store: BlobStore, recorder: Recorder, bodies: Sequence[Body]) -> list[Outcome]:
    """Stores bodies and writes them down in one transaction; blocks.

    Returns:
        Of each, in order, what is stored or why it is not.

    Raises:
        What the recorder raises: then none of them is known as stored, and all may come again.
    """
    outcomes: list[Outcome] = []
    for body in bodies:
        try:
            outcomes.append(store.put_whole(*body))
        except (RegistrumError, OSError) as error:
            outcomes.append(error)
    stored = {
        body.key: outcome
        for body, outcome in zip(bodies, outcomes, strict=True)
        if isinstance(outcome, StoredBlob)
    }
    gone = frozenset(recorder.record_stored(stored)) if stored else frozenset()
    if gone:
        # Nothing stands for these bytes, so nothing would ever delete them.
        store.delete(gone)
        for at, body in enumerate(bodies):
            if body.key in gone:
                outcomes[at] = not_awaited()
    return outcomes


def not_awaited() -> NotFound:
    """Says that bytes came for which nothing is reserved."""
    return NotFound("Nothing is waiting for these bytes any more.")


@dataclass(slots=True)
class _Waiting:
    body: Body
    answer: "asyncio.Future[StoredBlob]"


class SmallUploads:
    """The small bodies that this process is storing."""

    def __init__(self, store: BlobStore, recorder: Recorder) -> None:
        self._store_all: Callable[[Sequence[Body]], list[Outcome]] = partial(
            store_all, store, recorder
        )
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="small-uploads")
        self._waiting: list[_Waiting] = []
        self._running = 0

    async def put(self, body: Body) -> StoredBlob:
        """Stores a body, together with those that wait at the same time.

        Raises:
            Invalid, DigestMismatch, Conflict, StorageFull: see `BlobStore.put`.
            NotFound: nothing is reserved for it; nothing is kept.
            What the recorder raises.
        """
        waiting = _Waiting(body, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        # Another thread only where one falls behind, as with a slow disk: few threads with much to do cost least.
        if len(self._waiting) > self._running * _WAITING_FOR_ONE_MORE and self._running < _THREADS:
            self._start()
        return await waiting.answer

    async def put_all(self, bodies: Sequence[Body]) -> list[Outcome]:
        """Stores bodies that came together; of each, in order, what is stored or why it is not."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._store_all, bodies)
        except RegistrumError as error:
            return [error] * len(bodies)  # They could not be written down.

    def close(self) -> None:
        """Waits for what is being stored and lets the threads go."""
        self._pool.shutdown()

    def _start(self) -> None:
        some, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        self._running += 1
        work = asyncio.get_running_loop().run_in_executor(
            self._pool, self._store_all, [each.body for each in some]
        )
        work.add_done_callback(partial(self._answer, some))

    def _answer(self, some: Sequence[_Waiting], work: "asyncio.Future[list[Outcome]]") -> None:
        self._running -= 1
        if self._waiting:
            self._start()
        failure = work.exception()
        outcomes = [failure] * len(some) if failure is not None else work.result()
        for each, outcome in zip(some, outcomes, strict=True):
            if each.answer.done():
                continue  # Its request was given up meanwhile.
            if isinstance(outcome, BaseException):
                each.answer.set_exception(outcome)
            else:
                each.answer.set_result(outcome)
