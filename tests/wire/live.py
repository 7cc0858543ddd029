"""An ASGI application behind a real uvicorn, in a thread."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from registrum.server.zero_copy import ZeroCopyProtocol


@contextmanager
def serving(app, **settings) -> Iterator[tuple[str, int]]:
    """Serves it at the address that is given, and stops at the end of the block."""
    chosen = {"http": ZeroCopyProtocol, "loop": "uvloop", "log_level": "critical", **settings}
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", **chosen))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
