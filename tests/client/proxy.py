"""A TCP proxy that counts what passes, so that a test can act on an observed event: after so many bytes have been sent to the server."""

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit


class Proxy:
    """Stands before a server, which may change behind it.

    Attributes:
        url: what clients are given.
        sent: bytes that clients have sent so far.
    """

    def __init__(self) -> None:
        """Begins listening; nothing is behind it yet."""
        self._upstream: tuple[str, int] | None = None
        self._act: Callable[[], None] | None = None
        self._at = 0
        self._lock = threading.Lock()
        self.sent = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, url: str) -> None:
        """Passes new connections on to this server."""
        parts = urlsplit(url)
        self._upstream = (parts.hostname or "", parts.port or 0)

    def act_after(self, more_bytes: int, act: Callable[[], None]) -> None:
        """Calls `act` once, between the two bytes before and after which so many more have gone to the server."""
        with self._lock:
            self._act, self._at = act, self.sent + more_bytes

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                assert self._upstream
                server = socket.create_connection(self._upstream)
            except OSError:
                client.close()
                continue
            threading.Thread(target=self._up, args=(client, server), daemon=True).start()
            threading.Thread(target=self._down, args=(server, client), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while content := client.recv(1 << 16):
                with self._lock:
                    act, room = None, len(content)
                    if self._act and self.sent + len(content) >= self._at:
                        act, room = self._act, self._at - self.sent
                        self._act = None
                    self.sent += len(content)
                server.sendall(content[:room])
                if act:
                    act()
                    server.sendall(content[room:])
        except OSError:
            pass
        finally:
            _close(client, server)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while content := server.recv(1 << 16):
                client.sendall(content)
        except OSError:
            pass
        finally:
            _close(client, server)


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        each.close()
