"""Bad weather between a client and a server: a TCP proxy that breaks connections, spoils bytes, or is busy."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

BUSY = (
    b"HTTP/1.1 %d Later\r\nRetry-After: 0\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
PIECE = 1 << 16


class Weather:
    """Stands before a server.

    Attributes:
        url: what clients are given.
        cut_down_after: bytes that a connection may bring to the client before it breaks.
        cut_up_after: bytes that a connection may take to the server before it breaks.
        spoil: a text and how many times it is still changed on its way to the client.
        spoil_up: likewise, on its way to the server.
        busy: statuses that the next connections are answered with.
        stall_after: bytes that a connection may bring to the client before nothing comes any more.
        has_stalled: set when that has happened.
        cuts: how many connections were broken.
        busy_at: how requests begin that are answered with the statuses behind, as long as there are some.
    """

    def __init__(self, url: str) -> None:
        """Begins listening; the sun shines."""
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "", parts.port or 0)
        self.cut_down_after: int | None = None
        self.cut_up_after: int | None = None
        self.spoil: tuple[bytes, int] = (b"", 0)
        self.spoil_up: tuple[bytes, int] = (b"", 0)
        self.busy: list[int] = []
        self.stall_after: int | None = None
        self.has_stalled = threading.Event()
        self.cuts = 0
        self.busy_at: tuple[bytes, list[int]] = (b"", [])
        self._act: tuple[str, int, Callable[[], None]] | None = None
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, url: str) -> None:
        """Passes new connections on to another server."""
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "", parts.port or 0)

    def act_after(self, way: str, more_bytes: int, act: Callable[[], None]) -> None:
        """Calls `act` once, when so many bytes more have come on one way, "up" or "down", and before they go on."""
        with self._lock:
            self._act = (way, more_bytes, act)

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with self._lock:
                status = self.busy.pop(0) if self.busy else None
            if status is not None:
                threading.Thread(target=_refuse, args=(client, status), daemon=True).start()
                continue
            try:
                server = socket.create_connection(self._upstream)
            except OSError:
                with_shutdown(client)
                continue
            for pair, way in (((client, server), "up"), ((server, client), "down")):
                threading.Thread(target=self._pass, args=(*pair, way), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, way: str) -> None:
        passed = 0
        try:
            while content := source.recv(PIECE):
                content = self._spoilt(content, way)
                self._count(content, way)
                if way == "up" and (status := self._busy_for(content)):
                    source.sendall(BUSY % status)
                    while source.recv(PIECE):  # Until the client has sent all, and read the answer.
                        pass
                    break
                if way == "down" and self._stalls(passed + len(content)):
                    passed += len(content)
                    continue
                limit = self.cut_up_after if way == "up" else self.cut_down_after
                if limit is not None and passed + len(content) > limit:
                    target.sendall(content[: limit - passed])
                    self.cuts += 1
                    break
                target.sendall(content)
                passed += len(content)
        except OSError:
            pass
        finally:
            for each in (source, target):
                with_shutdown(each)

    def _count(self, content: bytes, way: str) -> None:
        with self._lock:
            if self._act is None or self._act[0] != way:
                return
            left, act = self._act[1] - len(content), self._act[2]
            self._act = (way, left, act) if left > 0 else None
        if left <= 0:
            act()

    def _busy_for(self, content: bytes) -> int | None:
        with self._lock:
            begins, statuses = self.busy_at
            return statuses.pop(0) if statuses and content.startswith(begins) else None

    def _stalls(self, count: int) -> bool:
        if self.stall_after is None or count <= self.stall_after:
            return False
        self.has_stalled.set()
        return True

    def _spoilt(self, content: bytes, way: str) -> bytes:
        with self._lock:
            text, times = self.spoil_up if way == "up" else self.spoil
            if not times or text not in content:
                return content
            if way == "up":
                self.spoil_up = (text, times - 1)
            else:
                self.spoil = (text, times - 1)
        return content.replace(text, text[::-1])


def with_shutdown(connection: socket.socket) -> None:
    """Closes a connection at once, whoever waits for it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def _refuse(client: socket.socket, status: int) -> None:
    client.recv(PIECE)
    client.sendall(BUSY % status)
    with_shutdown(client)


@contextmanager
def weather(url: str) -> Iterator[Weather]:
    """A proxy before that server while the block runs."""
    made = Weather(url)
    try:
        yield made
    finally:
        made.close()
