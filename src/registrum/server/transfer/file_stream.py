"""`POST /files/{entity}/{project}/{run}/file_stream`: what a run reports while it goes.

Raw ASGI. The body is read here; parsing it, and the one write, happen in a worker thread. A status
that the client does not retry ends its stream for good, so anything that may heal is a 503.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import orjson

from registrum.core.actors import Actor
from registrum.core.brackets import check_brackets
from registrum.core.compression import unpacked
from registrum.core.errors import (
    Invalid,
    NotFound,
    RegistrumError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from registrum.core.run_reports import read_report
from registrum.core.runs import RunName
from registrum.server.db import Database
from registrum.server.services.history import write_report
from registrum.server.transfer.wire import (
    PeerGone,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    body_chunks,
    header,
)

MAX_BODY_BYTES = 12 << 20
"""Clients send at most 10 MiB of lines; there is room for what goes around them."""

SMALL_BYTES = 2**20
"""What is read before anybody asks whose it is."""

MAX_UNPACKED_BYTES = 32 << 20
LONGEST_WRITER = 64
PREFIX = "/files/"

_log = logging.getLogger(__name__)


class FileStream:
    """The ASGI application of the paths below `/files/`."""

    def __init__(self, database: Database, authenticate: Callable[[Scope], Actor]) -> None:
        """Wires the route.

        Args:
            database: where reports are written.
            authenticate: tells who asks; called in a worker thread.
        """
        self._database = database
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the edge at which errors become statuses."""
        try:
            name = _run_named(scope)
            if scope["method"] != "POST":
                await answer(send, 405, [(b"allow", b"POST")])
                return
            body = await self._body(scope, receive)
            is_packed = header(scope, b"content-encoding") == "gzip"
            found = await asyncio.to_thread(self._write, scope, name, body, is_packed)
        except PeerGone:
            return
        except RegistrumError as error:
            await answer_error(scope, send, error)
            return
        except Exception:
            _log.exception("a report to %s failed", scope["path"])
            await answer_error(
                scope, send, Unavailable("The report could not be written; try again.")
            )
            return
        await answer(send, 200, [(b"content-type", b"application/json")], found)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The body as it came; only of who has a key may it be large."""
        allowed = SMALL_BYTES
        parts, size = [], 0
        async for chunk in body_chunks(receive):
            size += len(chunk)
            if size > allowed:
                await asyncio.to_thread(self._actor, scope)
                allowed = MAX_BODY_BYTES
                if size > allowed:
                    raise TooLarge(f"A report may have at most {MAX_BODY_BYTES} bytes.")
            parts.append(chunk)
        return b"".join(parts)

    def _actor(self, scope: Scope) -> Actor:
        actor = self._authenticate(scope)
        if actor.user_id is None:
            raise Unauthenticated("A run's report needs an API key.")
        return actor

    def _write(self, scope: Scope, name: RunName, body: bytes, is_packed: bool) -> bytes:
        # Before anything is unpacked or parsed: a few bytes may become many.
        actor = self._actor(scope)
        scope.setdefault("state", {})["actor"] = actor
        report = read_report(_document(_unpacked(body) if is_packed else body))
        writer = _writer(scope)
        is_stopped = self._database.write(actor, lambda tx: write_report(tx, name, report, writer))
        return orjson.dumps({"stopped": is_stopped, "exitcode": None, "limits": {}})


def _run_named(scope: Scope) -> RunName:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    parts = path.removeprefix(PREFIX).split("/")
    if len(parts) != 4 or parts[3] != "file_stream" or not all(parts):
        raise NotFound("There is nothing at this address.")
    return RunName(parts[0], parts[1], parts[2])


def _writer(scope: Scope) -> str | None:
    """Which process it is that reports, where several log to one run (the client's mode `shared`)."""
    if header(scope, b"x-wandb-use-async-filestream") != "true":
        return None
    writer = header(scope, b"x-wandb-async-client-id")
    if writer and len(writer) > LONGEST_WRITER:
        raise Invalid(f"The id of a client may have at most {LONGEST_WRITER} characters.")
    return writer or None


def _unpacked(body: bytes) -> bytes:
    plain = unpacked(body, MAX_UNPACKED_BYTES)
    if plain is None:
        raise TooLarge(f"A report may have at most {MAX_UNPACKED_BYTES} bytes once unpacked.")
    return plain


def _document(body: bytes) -> Any:
    check_brackets(body, "A run's report")
    try:
        return orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise Invalid("A run's report must be a JSON object.") from None
