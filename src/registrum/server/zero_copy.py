"""uvicorn's HTTP protocol, but large bodies are spared the way through it.

A file goes out by `sendfile`, and an upload comes straight into its reader's buffers. Both work on a
duplicate of the socket's descriptor, because the event loop lets nobody else watch those of its
transports. Before a file goes out, what the transport still has to write has gone; while a body
comes in, the transport does not read, so each byte passes by one of the two ways only. The parser
never sees what was read past it, hence a new one takes the connection's next request. Offered on
plain connections of Linux; the application falls back to ordinary messages elsewhere.
"""

import asyncio
import errno
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from registrum.server.careful import CarefulProtocol
from registrum.server.transfer.wire import READ_INTO, ZERO_COPY_SEND, Message, Receive, Scope, Send

AT_ONCE_BYTES = 2 * 2**20
"""What one peer gets before others have their turn."""

LINGER_S = 30.0
"""How long the rest of a body that nobody wants is read, so that its sender comes to see the answer."""

_AHEAD_BYTES = 4 * 2**20
_COPIED_BYTES = 256 * 2**10
_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)
_NO_SENDFILE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class ZeroCopyProtocol(CarefulProtocol):
    """One connection. Give it to `uvicorn.Config` as `http`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Finds out whether this connection's descriptor may be used."""
        super().connection_made(transport)
        self.waiters: set[asyncio.Future[None]] = set()
        self.body_seen = 0
        self._is_plain = sys.platform == "linux" and self.scheme == "http"

    def connection_lost(self, exc: Exception | None) -> None:
        """Wakes who waits for the peer."""
        super().connection_lost(exc)
        for waiter in self.waiters:
            _wake(waiter)

    def on_message_begin(self) -> None:
        """Counts the body of each request by itself."""
        super().on_message_begin()
        self.body_seen = 0

    def on_body(self, body: bytes) -> None:
        """Counts what the parser has seen of the body."""
        self.body_seen += len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Goes on to the next request, but not in the middle of a body that the parser does not see."""
        if not self.is_read_past:
            super().on_response_complete()

    def parse_anew(self) -> None:
        """The next byte that the transport reads begins a request."""
        self.expect_next()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def duplicate(self) -> int:
        """A second descriptor of the connection, to be closed by who asked for it."""
        return os.dup(self.transport.get_extra_info("socket").fileno())

    async def ready(
        self, fd: int, watch: Callable[..., Any], unwatch: Callable[[int], Any]
    ) -> None:
        """Returns when the descriptor can be read or written, or the connection is lost.

        Args:
            fd: of `duplicate`.
            watch: the event loop's `add_reader` or `add_writer`.
            unwatch: its counterpart.
        """
        waiter = self.loop.create_future()
        self.waiters.add(waiter)
        watch(fd, _wake, waiter)
        try:
            await waiter
        finally:
            unwatch(fd)
            self.waiters.discard(waiter)

    async def written(self) -> None:
        """Returns when all that the transport had to write has gone, or the connection is lost."""
        if not self.transport.get_write_buffer_size():
            return
        self.transport.set_write_buffer_limits(high=0)
        try:
            while self.flow.write_paused and not self.transport.is_closing():
                await self.flow.drain()
        finally:
            if not self.transport.is_closing():
                self.transport.set_write_buffer_limits()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        chosen: Any = _Exchange(self, cycle, app) if self._is_plain else app
        super()._start_asgi_task(cycle, chosen)


class _Exchange:
    """The application for one request, with the two short ways among its extensions."""

    __slots__ = ("_app", "_cycle", "_fd", "_left", "_protocol")

    def __init__(self, protocol: ZeroCopyProtocol, cycle: RequestResponseCycle, app: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._app = app
        self._fd = -1
        self._left = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {ZERO_COPY_SEND: {}, READ_INTO: self.read_into}
        try:
            await self._app(scope, receive, self.send)
            if self._left:
                await self._throw_away_rest()
        finally:
            if self._left:
                self._cycle.keep_alive = False
            self._close()

    async def send(self, message: Message) -> None:
        """An ASGI message, `http.response.zerocopysend` being one of them."""
        if message["type"] != ZERO_COPY_SEND:
            await self._cycle.send(cast(Any, message))
            return
        if not self._cycle.response_started or self._cycle.response_complete:
            raise RuntimeError(f"{ZERO_COPY_SEND} came before or after the answer.")
        count = await self._send_file(message)
        self._cycle.expected_content_length -= count
        more = message.get("more_body", False)
        await self._cycle.send({"type": "http.response.body", "body": b"", "more_body": more})

    async def _send_file(self, message: Message) -> int:
        """Sends what the message asks for, and tells how many bytes that were; a lost peer had them all."""
        file = message["file"]
        source = file if isinstance(file, int) else file.fileno()
        start = message.get("offset")
        if start is None:
            start = os.lseek(source, 0, os.SEEK_CUR)
        count = message.get("count")
        if count is None:
            count = max(0, os.fstat(source).st_size - start)
        if self._cycle.scope["method"] == "HEAD":
            return 0
        if self._cycle.chunked_encoding or count > self._cycle.expected_content_length:
            raise RuntimeError("The file is longer than Content-Length.")
        await self._protocol.written()
        if self._is_gone:
            return int(count)
        target = self._protocol.duplicate()
        try:
            await self._pass(target, source, start, start + count)
        except (ConnectionError, TimeoutError):
            self._give_up()
        finally:
            os.close(target)
        return int(count)

    async def _pass(self, target: int, source: int, at: int, end: int) -> None:
        """From file to socket, at the peer's pace.

        Raises:
            RuntimeError: the file ends before `end`; the connection can't be used any more.
            ConnectionError, TimeoutError: the peer is gone.
        """
        loop = self._protocol.loop
        while at < end and not self._is_gone:
            asked = min(AT_ONCE_BYTES, end - at)
            try:
                if _is_in_memory(source, at, asked):
                    sent = os.sendfile(target, source, at, asked)
                else:
                    sent = await _in_thread(lambda: _send_from_disk(target, source, at, asked))  # noqa: B023
            except BlockingIOError:
                await self._protocol.ready(target, loop.add_writer, loop.remove_writer)
                continue
            except OSError as error:
                if error.errno not in _NO_SENDFILE:
                    raise
                sent = await self._copy(target, source, at, asked)
            if not sent:
                raise RuntimeError("The file ended before all of it was sent.")
            at += sent
            if sent == asked:
                await asyncio.sleep(0)
            elif at < end:
                await self._protocol.ready(target, loop.add_writer, loop.remove_writer)

    async def _copy(self, target: int, source: int, at: int, asked: int) -> int:
        """What `sendfile` does, for a file system that can't."""
        count = min(_COPIED_BYTES, asked)
        return os.write(target, await _in_thread(lambda: os.pread(source, count, at)))

    async def read_into(self, view: memoryview) -> int:
        """Puts what comes next of the request's body at the start of `view`.

        Not together with `receive`, and only for a request with a Content-Length.

        Returns:
            How many bytes; 0 at the body's end.

        Raises:
            ConnectionError: the peer left before it had sent everything.
        """
        cycle = self._cycle
        if cycle.body:
            count = min(len(view), len(cycle.body))
            view[:count] = cycle.body[:count]
            del cycle.body[:count]
            return count
        if not self._left:
            if not cycle.more_body:
                return 0
            self._begin_reading()
        try:
            count = await self._read(view[: self._left])
        except (ConnectionError, TimeoutError):
            count = 0
        if not count:
            self._give_up()
            raise ConnectionResetError("The peer left before the end of its body.")
        self._left -= count
        if not self._left:
            self._end_reading()
        return count

    async def _read(self, view: memoryview) -> int:
        loop = self._protocol.loop
        while not self._is_gone:
            try:
                return os.readv(self._fd, [view])
            except BlockingIOError:
                await self._protocol.ready(self._fd, loop.add_reader, loop.remove_reader)
        return 0

    def _begin_reading(self) -> None:
        """From here on the transport reads nothing."""
        if self._is_gone:
            self._give_up()
            raise ConnectionResetError("The peer left before its body came.")
        length = next(
            int(value) for name, value in self._cycle.scope["headers"] if name == b"content-length"
        )
        self._protocol.flow.pause_reading()
        if self._cycle.waiting_for_100_continue:
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._cycle.waiting_for_100_continue = False
        self._left = length - self._protocol.body_seen
        self._fd = self._protocol.duplicate()
        self._protocol.is_read_past = True

    def _end_reading(self) -> None:
        self._close()
        self._protocol.parse_anew()
        self._cycle.more_body = False
        self._cycle.message_event.set()

    async def _throw_away_rest(self) -> None:
        """Answered before the whole body was there: the rest passes, and the connection lives on."""
        if not self._cycle.response_complete or self._is_gone:
            return
        scratch = memoryview(bytearray(_COPIED_BYTES))
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while await self.read_into(scratch):
                    pass
        if self._left:
            self._protocol.transport.close()
        else:
            self._protocol.on_response_complete()

    @property
    def _is_gone(self) -> bool:
        return self._cycle.disconnected or self._protocol.transport.is_closing()

    def _give_up(self) -> None:
        self._cycle.disconnected = True
        self._protocol.transport.abort()

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _is_in_memory(fd: int, start: int, length: int) -> bool:
    """Whether both ends of a piece of a file can be had without waiting for the disk."""
    if _NOWAIT is None:
        return False
    byte = bytearray(1)
    try:
        return all(os.preadv(fd, [byte], at, _NOWAIT) == 1 for at in (start, start + length - 1))
    except OSError:
        return False


def _send_from_disk(target: int, source: int, start: int, count: int) -> int:
    os.posix_fadvise(source, start, count + _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)
    return os.sendfile(target, source, start, count)


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Runs it in a thread and, though cancelled, waits for it: descriptors must stay open under it."""
    running = asyncio.ensure_future(cast(Awaitable[_T], asyncio.to_thread(work)))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
