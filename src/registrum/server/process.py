"""Runs the application: one process here, or several workers behind one socket.

Import this only once `PROMETHEUS_MULTIPROC_DIR` is decided: the metrics library looks at it when it
is imported, here and in every worker.
"""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from registrum.server import allocator, logs
from registrum.server.app import create_app
from registrum.server.config import Config
from registrum.server.zero_copy import ZeroCopyProtocol

BACKLOG = 2048
KEEP_ALIVE_S = 75
_YOUNG = 10_000
"""Things made before cycles among them are looked for: a page of a hundred versions makes thousands and leaves none."""


class _AnnouncingServer(uvicorn.Server):
    """Says so once requests can be answered."""

    def __init__(self, settings: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(settings)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then announces."""
        await super().startup(sockets)
        if not self.should_exit:
            self._announce()


def run(config: Config, listener: socket.socket, announce: Callable[[], None]) -> None:
    """Serves until SIGTERM or SIGINT, then lets requests finish within `shutdown_grace_s`.

    Args:
        config: with its secret key.
        listener: a bound and listening socket.
        announce: called once requests can be answered; with several workers, as they start.
    """
    settings = _settings(config)
    if config.workers > 1:
        announce()
        Multiprocess(settings, [listener]).run()
        return
    # uvicorn raises the signal again once it has drained: a stop that was asked for is no failure.
    signal.signal(signal.SIGTERM, _leave)
    server = _AnnouncingServer(settings, announce)
    with asyncio.Runner(loop_factory=settings.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _make_app(config: Config) -> ASGIApp:
    """The application of this process, which a worker starts with nothing set up."""
    allocator.tune()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    logs.configure(config.log_level, config.log_format)
    return create_app(config)


def _settings(config: Config) -> uvicorn.Config:
    return uvicorn.Config(
        partial(_make_app, config),
        factory=True,
        workers=config.workers,
        loop="uvloop",
        http=ZeroCopyProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(config.trusted_proxies),
        forwarded_allow_ips=list(config.trusted_proxies),
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=config.shutdown_grace_s,
        ssl_certfile=config.tls_cert,
        ssl_keyfile=config.tls_key,
    )
