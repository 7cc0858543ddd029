"""Addresses that clients make themselves, below `/artifacts/`: what is answered where the store fails."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.store import CHUNK_BYTES, BlobKey
from registrum.server.db import open_database
from registrum.server.transfer.fallback import FallbackRoutes
from tests.services.desk import ANN, open_desk

CONTENT = bytes(3 * CHUNK_BYTES)


class Failing(DiskStore):
    """A store that gives so many chunks of a blob, and then none."""

    def __init__(self, folder: Path, chunks: int) -> None:
        super().__init__(folder)
        self.chunks = chunks

    async def read(self, key: BlobKey, start: int, length: int) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        for number in range(self.chunks + 1):
            if number == self.chunks:
                raise OSError(5, "Input/output error")
            yield bytes(CHUNK_BYTES)


def answers(folder: Path, template: Path, chunks: int) -> tuple[list[dict[str, Any]], bool]:
    """What is sent of a file of Ann's, and whether the connection is given up."""
    database = open_database(f"sqlite:///{shutil.copy(template, folder / 'registrum.sqlite')}")
    desk = open_desk(database, folder / "blobs")
    desk.log({"a": CONTENT})
    store = Failing(folder / "blobs", chunks)
    path = f"/artifacts/team/{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    try:
        asyncio.run(FallbackRoutes(database, store, lambda _: ANN)(scope, receive, send))
        is_cut = False
    except OSError:
        is_cut = True
    finally:
        store.close()
        desk.store.close()
        database.close()
    return sent, is_cut


def test_a_store_that_fails_before_the_first_byte_is_said(
    tmp_path: Path, sqlite_template: Path
) -> None:
    sent, is_cut = answers(tmp_path, sqlite_template, 0)
    assert (sent[0]["status"], is_cut) == (503, False)
    assert b"Input/output error" in sent[1]["body"]


@pytest.mark.parametrize("chunks", [1, 2])
def test_a_store_that_fails_half_way_cuts_the_answer_and_begins_no_other(
    tmp_path: Path, sqlite_template: Path, chunks: int
) -> None:
    sent, is_cut = answers(tmp_path, sqlite_template, chunks)
    assert is_cut
    assert [each["status"] for each in sent if each["type"] == "http.response.start"] == [200]
