"""A stream becomes 1 MiB blocks that several lanes work on at once.

The body arrives in pieces of any size. They are gathered into a small ring of page-aligned buffers,
and every full buffer goes to each lane: one writes, one computes the MD5, one the SHA-256. A lane sees the blocks in order; a
buffer is free again when the slowest lane is done with it, and the sender is not read while none is
free. That bounds memory and overlaps the work, because writing and hashing release the
interpreter's lock. Streams that run at once share one budget of buffers: each shrinks its ring as
others come, down to a single buffer, and never waits for another stream.
"""

import asyncio
import mmap
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass

from registrum.core.errors import Invalid
from registrum.server.blobs.store import CHUNK_BYTES

RING_BLOCKS = 6
BUDGET_BLOCKS = 32
_SPARE_BLOCKS = 8
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS

Lane = Callable[[memoryview], None]


class DirectBody:
    """A body that comes straight into the buffers of its reader; it can be taken in chunks as well."""

    def __init__(self, read_into: Callable[[memoryview], Awaitable[int]]) -> None:
        """Takes a function that puts the next bytes at the start of a buffer: how many, and 0 at the end."""
        self._read_into = read_into

    async def fill(self, view: memoryview) -> int:
        """Fills a buffer, or its beginning where the body ends there; how many bytes."""
        filled = 0
        while filled < len(view) and (count := await self._read_into(view[filled:])):
            filled += count
        return filled

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = bytearray(CHUNK_BYTES)
        filled = await self.fill(memoryview(chunk))
        if not filled:
            raise StopAsyncIteration
        return bytes(memoryview(chunk)[:filled])


class Buffers:
    """Page-aligned buffers of 1 MiB, kept for the next stream so that their pages need not be mapped again."""

    def __init__(self) -> None:
        self._spare: deque[mmap.mmap] = deque(maxlen=_SPARE_BLOCKS)
        self._streams = 0

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Counts a stream that uses them, while the block runs."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def share(self) -> int:
        """How many of them each of the running streams may hold."""
        return max(1, min(RING_BLOCKS, BUDGET_BLOCKS // max(1, self._streams)))

    def take(self) -> mmap.mmap:
        """One that nobody uses."""
        return self._spare.pop() if self._spare else mmap.mmap(-1, CHUNK_BYTES, _PRIVATE)

    def give(self, buffer: mmap.mmap) -> None:
        """Returns one; more than a few are let go."""
        self._spare.append(buffer)


@dataclass(slots=True)
class _Block:
    buffer: mmap.mmap
    view: memoryview
    lanes_left: int


class _Ring:
    """The buffers of one stream, at most its share of them at a time."""

    def __init__(self, buffers: Buffers, lanes: int) -> None:
        self.has_failed = False
        self._buffers = buffers
        self._lanes = lanes
        self._held = 0
        self._given = asyncio.Event()

    async def take(self) -> mmap.mmap:
        while self._held >= self._buffers.share():
            self._given.clear()
            await self._given.wait()
        self._held += 1
        return self._buffers.take()

    def fill(self, buffer: mmap.mmap, length: int) -> _Block:
        return _Block(buffer, memoryview(buffer)[:length], self._lanes)

    def done(self, block: _Block) -> None:
        block.lanes_left -= 1
        if not block.lanes_left:
            block.view.release()
            self.give(block.buffer)

    def give(self, buffer: mmap.mmap) -> None:
        self._buffers.give(buffer)
        self._held -= 1
        self._given.set()


_Queue = asyncio.Queue[_Block | None]


async def pour(
    chunks: AsyncIterator[bytes], lanes: Sequence[Lane], buffers: Buffers, pool: Executor
) -> None:
    """Feeds the whole stream to every lane, and returns or raises when all lanes are at rest.

    Raises:
        What `chunks` raises, or the first thing that a lane raises.
    """
    ring = _Ring(buffers, len(lanes))
    queues: list[_Queue] = [asyncio.Queue() for _ in lanes]
    tasks = [
        asyncio.create_task(_run(lane, queue, ring, pool))
        for lane, queue in zip(lanes, queues, strict=True)
    ]
    try:
        with buffers.stream():
            if isinstance(chunks, DirectBody):
                await _gather_direct(chunks, ring, queues)
            else:
                await _gather(chunks, ring, queues)
    finally:
        for queue in queues:
            queue.put_nowait(None)
        await asyncio.wait(tasks)
    for task in tasks:
        task.result()


async def _gather(chunks: AsyncIterator[bytes], ring: _Ring, queues: Sequence[_Queue]) -> None:
    """Fills buffers from the stream and hands them over, until it ends or a lane has failed."""
    buffer, filled = None, 0
    try:
        async for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                if ring.has_failed:
                    return
                if buffer is None:
                    buffer, filled = await ring.take(), 0
                taken = min(len(rest), CHUNK_BYTES - filled)
                buffer[filled : filled + taken] = rest[:taken]
                rest, filled = rest[taken:], filled + taken
                if filled == CHUNK_BYTES:
                    _hand_over(ring.fill(buffer, filled), queues)
                    buffer = None
        if buffer is not None:
            _hand_over(ring.fill(buffer, filled), queues)
            buffer = None
    finally:
        if buffer is not None:
            ring.give(buffer)


async def _gather_direct(body: DirectBody, ring: _Ring, queues: Sequence[_Queue]) -> None:
    """The same for a body that needs no copy."""
    filled = CHUNK_BYTES
    while filled == CHUNK_BYTES and not ring.has_failed:
        buffer, filled = await ring.take(), 0
        try:
            with memoryview(buffer) as view:
                filled = await body.fill(view)
        finally:
            if filled:
                _hand_over(ring.fill(buffer, filled), queues)
            else:
                ring.give(buffer)


def _hand_over(block: _Block, queues: Sequence[_Queue]) -> None:
    for queue in queues:
        queue.put_nowait(block)


async def _run(lane: Lane, queue: _Queue, ring: _Ring, pool: Executor) -> None:
    """Works through one lane's queue, several blocks a hop when it has fallen behind.

    A lane that fails goes on taking blocks, so that the buffers come back and the others can end.
    """
    loop = asyncio.get_running_loop()
    failure: BaseException | None = None
    ended = False
    while not ended:
        waiting = [await queue.get()]
        while not queue.empty():
            waiting.append(queue.get_nowait())
        blocks = [block for block in waiting if block is not None]
        ended = len(blocks) < len(waiting)
        if blocks and failure is None:
            try:
                await loop.run_in_executor(pool, _work, lane, blocks)
            except BaseException as error:  # Raised below, once the lane is at rest.
                failure = error
                ring.has_failed = True
        for block in blocks:
            ring.done(block)
    if failure is not None:
        raise failure


def _work(lane: Lane, blocks: Sequence[_Block]) -> None:
    for block in blocks:
        lane(block.view)


async def chain(head: Iterable[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was taken from a stream already, and then what is left of it."""
    for chunk in head:
        yield chunk
    async for chunk in rest:
        yield chunk


async def no_longer_than(
    chunks: AsyncIterator[bytes], size_bytes: int | None
) -> AsyncIterator[bytes]:
    """Stops a body that outgrows what was announced, before it fills the disk.

    Raises:
        Invalid: there are more bytes than announced.
    """
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size_bytes is not None and size > size_bytes:
            raise Invalid(f"The body has more than the {size_bytes} bytes announced.")
        yield chunk
