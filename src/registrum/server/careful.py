"""uvicorn's HTTP protocol, but nobody holds a connection, or memory, by a request that never becomes whole.

The parser itself has no limits: a head without an end would be collected until memory is gone, and a
connection that sends nothing would stay for ever.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 * 2**10
"""What a request line and its headers may have together; longer than any address that clients are given."""

HEAD_S = 60.0
"""How long a connection may take to begin its first request, and any request to say its head."""

STALLED_S = 300.0
"""How long the body of a request may make a pause while somebody waits for it."""

_TOO_LONG = b"The head of the request is too long.\n"


class CarefulProtocol(HttpToolsProtocol):
    """One connection, which is closed when its peer takes too long or says too much.

    Attributes:
        is_read_past: a body is read by somebody else, who looks after its pauses.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From here on a request is awaited."""
        super().connection_made(transport)
        self.is_read_past = False
        self._is_whole = False
        self._is_in_head = True
        self._head_seen = 0
        self._limit: asyncio.TimerHandle | None = self.loop.call_later(HEAD_S, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        super().connection_lost(exc)
        self._wait_no_more()

    def data_received(self, data: bytes) -> None:
        """Parses what came, and begins to wait where it ends in the middle of a request."""
        super().data_received(data)
        if self._is_whole:
            if self._limit is not None:
                self._wait_no_more()
        elif self.transport.is_closing():
            self._wait_no_more()
        elif self._is_in_head:
            self._head_seen += len(data)
            if self._head_seen > HEAD_BYTES:
                self._refuse()
            elif self._limit is None:
                self._limit = self.loop.call_later(HEAD_S, self._end)
        else:
            self._wait_no_more()
            self._limit = self.loop.call_later(STALLED_S, self._end_if_stalled)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        super().on_message_begin()
        self._is_whole, self._is_in_head, self._head_seen = False, True, 0

    def on_headers_complete(self) -> None:
        """The head is there, and the body comes."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there."""
        self._is_whole = True
        super().on_message_complete()

    def expect_next(self) -> None:
        """The rest of the body was read by somebody else: the request is there."""
        self.is_read_past, self._is_whole = False, True
        self._wait_no_more()

    def _refuse(self) -> None:
        self._wait_no_more()
        if self.cycle is None or self.cycle.response_complete:
            head = (
                b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head % len(_TOO_LONG) + _TOO_LONG)
        self.transport.close()

    def _end(self) -> None:
        self._limit = None
        self.transport.close()

    def _end_if_stalled(self) -> None:
        self._limit = None
        if self._is_whole or self.transport.is_closing():
            return
        if self.is_read_past or self.flow.read_paused:
            # The pause is not the peer's.
            self._limit = self.loop.call_later(STALLED_S, self._end_if_stalled)
        else:
            self.transport.close()

    def _wait_no_more(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
