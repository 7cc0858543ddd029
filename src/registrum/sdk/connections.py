"""The sockets that are open to a server, so that a person who interrupts need not wait until a silent one is given up."""

from __future__ import annotations

import socket
import threading
import weakref
from contextlib import suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection


class Connections:
    """Those that one pool has made."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._has_ended = False
        self._lock = threading.Lock()

    @property
    def have_ended(self) -> bool:
        """Whether `end` was called."""
        return self._has_ended

    def watch(self, pool: urllib3.PoolManager) -> urllib3.PoolManager:
        """The pool, which is to tell of the connections that it makes."""
        made = self

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                made._add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                made._add(self.sock)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
        return pool

    def end(self) -> None:
        """Ends them all, and whatever the pool makes from now on: who waits for bytes is told that there are no more."""
        with self._lock:
            self._has_ended = True
            found = list(self._sockets)
        for each in found:
            _end(each)

    def _add(self, made: Any) -> None:
        if not isinstance(made, socket.socket):
            return
        with self._lock:
            self._sockets.add(made)
            has_ended = self._has_ended
        if has_ended:
            _end(made)


def _end(made: socket.socket) -> None:
    with suppress(OSError):
        # The plain one below TLS: that of TLS would say goodbye first, and lose its state while another thread reads.
        socket.socket.shutdown(made, socket.SHUT_RDWR)
