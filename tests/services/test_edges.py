"""What an edge lends to use cases: it waits for the store of bytes, but not for ever."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Unavailable
from registrum.server.blobs.disk import DiskStore
from registrum.server.db import Database
from registrum.server.services import edges
from registrum.server.services.edges import OneRequest


class Nobody(OneRequest):
    """A request of nobody in particular."""

    @property
    def actor(self) -> Actor:
        """Nobody."""
        return ANONYMOUS


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A server's loop, in a thread of its own."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


def test_a_store_that_does_not_answer_is_given_up(
    database: Database,
    tmp_path: Path,
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edges, "STORE_TIMEOUT_S", 0.01)
    ended = threading.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    store = DiskStore(tmp_path)
    request = Nobody(database, store, loop)
    with pytest.raises(Unavailable):
        request.await_(never())
    # It is not left behind to wait on.
    assert ended.wait(30)
    request.close()
    store.close()
