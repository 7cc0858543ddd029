"""uvicorn's HTTP protocol, but nobody holds a connection, or memory, by what never becomes whole.

The parser itself has no limits: a head without an end would be collected until memory is gone, and a
connection that sends nothing would stay for ever, as would one whose peer reads nothing. Offers to
change to another protocol are declined: the request is answered as one of HTTP/1.1.
"""

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from registrum.server.tcp import sent

HEAD_BYTES = 64 * 2**10
"""What a request line and its headers may have together; longer than any address that clients are given."""

HEAD_S = 60.0
"""How long a connection may take to begin its first request, and any request to say its head."""

STALLED_S = 300.0
"""How long the body of a request may make a pause while somebody waits for it."""

UNREAD_S = 300.0
"""How long a peer may at least take nothing of what is sent to it; it is looked at so often, so it may be twice as long."""

_MALFORMED = "Invalid HTTP request received."
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
        self._taken: int | None = None
        self._look = self.loop.call_later(UNREAD_S, self._end_if_unread)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        super().connection_lost(exc)
        self._wait_no_more()
        self._look.cancel()

    def data_received(self, data: bytes) -> None:
        """Parses what came, and begins to wait where it ends in the middle of a request."""
        self._unset_keepalive_if_required()
        self._parse(data)
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
        if self.parser.should_upgrade():
            return
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there."""
        if self.parser.should_upgrade():
            return
        self._is_whole = True
        super().on_message_complete()

    def expect_next(self) -> None:
        """The rest of the body was read by somebody else: the request is there."""
        self.is_read_past, self._is_whole = False, True
        self._wait_no_more()

    def _parse(self, data: bytes) -> None:
        """Feeds the parser, which stops behind a head that offers another protocol, and would take what follows for that."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stopped:
                if self.parser.get_method() == b"CONNECT":
                    # Nobody can know how long what follows it is.
                    self._refuse_malformed()
                    return
                data = self._head_without_offer() + data[stopped.args[0] :]
            except httptools.HttpParserError:
                self._refuse_malformed()
                return

    def _head_without_offer(self) -> bytes:
        """The head that the parser has just read, to be read again as that of an ordinary request."""
        version = self.parser.get_http_version().encode()
        lines = [b" ".join((self.parser.get_method(), self.url, b"HTTP/" + version))]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _refuse_malformed(self) -> None:
        self.logger.warning(_MALFORMED)
        self.send_400_response(_MALFORMED)

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

    def _end_if_unread(self) -> None:
        """Gives up a peer that has taken nothing since the last look, and there is something for it.

        Not by `TCP_USER_TIMEOUT`, which also ends connections whose peers take little at a time.
        """
        now = sent(self.transport.get_extra_info("socket"))
        if now is None:
            return
        is_waiting = now.is_waiting or self.transport.get_write_buffer_size() > 0
        if is_waiting and now.taken_bytes == self._taken:
            self.transport.abort()
            return
        self._taken = now.taken_bytes
        self._look = self.loop.call_later(UNREAD_S, self._end_if_unread)

    def _wait_no_more(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
