"""An ASGI application behind a real uvicorn, in a thread."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from registrum.server.zero_copy import ZeroCopyProtocol

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""`verify` for clients of such a server: without it httpx reads the certificates of the world for each of them."""


class _Prompt(uvicorn.Server):
    """Stops when it is told to, instead of looking ten times a second whether it was."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        """Serves until `stop`."""
        await self.on_tick(0)
        self._running, self._told = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set()
        await self._told.wait()

    def stop(self) -> None:
        """Ends it, from another thread."""
        if self.ready.wait(20):
            self._running.call_soon_threadsafe(self._told.set)


@contextmanager
def serving(app, **settings) -> Iterator[tuple[str, int]]:
    """Serves it at the address that is given, and stops at the end of the block."""
    chosen = {"http": ZeroCopyProtocol, "loop": "uvloop", "log_level": "critical", **settings}
    server = _Prompt(uvicorn.Config(app, lifespan="off", **chosen))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()
