"""Long work that several callers may ask for at once: one does it, all get its result, none waits for too long."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeout

from registrum.core.errors import Unavailable
from registrum.server.blobs.store import BlobKey, StoredBlob

WAIT_S = 25.0


class Joining:
    """Work by blob; it goes on when its callers have stopped waiting, and the next one finds it."""

    def __init__(self, pool: Executor, wait_s: float = WAIT_S) -> None:
        self._pool = pool
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._going: dict[BlobKey, Future[StoredBlob]] = {}

    def result(self, key: BlobKey, work: Callable[[BlobKey], StoredBlob]) -> StoredBlob:
        """Starts the work on a blob or joins it.

        Raises:
            Unavailable: it takes longer than callers wait; ask again.
            What the work raises, to everybody who waits for it.
        """
        with self._lock:
            going = self._going.get(key)
            if going is None:
                going = self._going[key] = self._pool.submit(work, key)
        try:
            return going.result(self._wait_s)
        except FutureTimeout:
            raise Unavailable(f"Blob {key} is still being put together; ask again.") from None
        finally:
            if going.done():
                with self._lock:
                    if self._going.get(key) is going:
                        del self._going[key]
