"""The server's byte routes by themselves, without a database behind them: what `benchmarks/bytes.py` measures.

Run `python benchmarks/byte_server.py PORT FOLDER`.
"""

import asyncio
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from registrum.server import allocator
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.signing import Signer
from registrum.server.blobs.store import BlobKey, StoredBlob
from registrum.server.transfer.routes import BlobRoutes
from registrum.server.zero_copy import ZeroCopyProtocol

SECRET = b"a secret of the benchmark only"


@dataclass
class Ledger:
    """What was stored, in memory; the real one is a table."""

    stored: dict[BlobKey, StoredBlob] = field(default_factory=dict)

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        self.stored |= stored
        return ()


class App:
    """The byte routes, and `POST /commit`, which makes durable what was stored since the last one."""

    def __init__(self, folder: Path) -> None:
        self.store = DiskStore(folder)
        self.ledger = Ledger()
        self.routes = BlobRoutes(self.store, Signer([SECRET]), self.ledger)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/commit":
            sizes = {key: blob.size_bytes for key, blob in self.ledger.stored.items()}
            self.ledger.stored.clear()
            await asyncio.to_thread(self.store.make_durable, sizes)
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.routes(scope, receive, send)


def serve(folder: Path, port: int) -> None:
    """Runs the server in this process, set up as `registrum serve` sets up its own."""
    allocator.tune()
    uvicorn.run(
        App(folder),
        port=port,
        http=ZeroCopyProtocol,
        loop="uvloop",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    serve(Path(sys.argv[2]), int(sys.argv[1]))
