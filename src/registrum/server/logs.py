"""Log lines with the number of the request they belong to, and one line for each request.

No line carries a query string: signed URLs are secrets. What other code puts into a message or what
stands in a traceback is cleaned of query strings and of passwords in URLs before it is written.
"""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registrum.core.users import ONE_TIME_PATH
from registrum.server.config import LogFormat, LogLevel

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The number of the request at hand; empty outside of one."""

Observe = Callable[[str, str, int, float], None]
"""Takes a request's method, path, status and seconds."""

_requests = logging.getLogger("registrum.requests")
_log = logging.getLogger(__name__)
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUERY = re.compile(r"(?<=[\w/%.~-])\?[\w.~%+*-]+=[^\s'\"<>]*")
_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(level: LogLevel, form: LogFormat) -> None:
    """Sends every log line of this process to standard error, in one form."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [stream]
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # Never shown.
    root.setLevel(level.upper())
    for chatty in ("uvicorn.error", "alembic", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def without_secrets(text: str) -> str:
    """The text without query strings of URLs and passwords in URLs."""
    return _PASSWORD.sub(r"\1:***@", _QUERY.sub("?***", text))


class TextLines(logging.Formatter):
    """Lines for people: time, level, message, and what belongs to it as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as a line, with a traceback's lines below it."""
        request: dict[str, Any] | None = getattr(record, "request", None)
        if request is not None and not record.exc_info:
            return _printable(f"{_at(record)} {record.levelname:7} request{_named(request)}")
        values = _values(self, record)
        trace = values.pop("traceback", "")
        head = f"{values.pop('at')} {values.pop('level').upper():7} {values.pop('message')}"
        line = _printable(head + _named(values))
        return f"{line}\n{trace}" if trace else line


class JsonLines(logging.Formatter):
    """Lines for machines: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as a line."""
        return json.dumps(_values(self, record), ensure_ascii=False, default=str)


def _values(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    request: dict[str, Any] | None = getattr(record, "request", None)
    values: dict[str, Any] = {
        "at": _at(record),
        "level": record.levelname.lower(),
        "message": "request" if request is not None else without_secrets(record.getMessage()),
    }
    if request is not None:
        values.update(request)
    else:
        values["logger"] = record.name
        if number := request_id.get():
            values["request_id"] = number
    if record.exc_info:
        values["traceback"] = without_secrets(formatter.formatException(record.exc_info))
    return values


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _named(values: dict[str, Any]) -> str:
    return "".join([f" {name}={value}" for name, value in values.items()])


def _printable(line: str) -> str:
    return line if line.isprintable() else _UNPRINTABLE.sub(_escape, line)


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


class RequestLog:
    """ASGI middleware, outermost: numbers requests, logs each once, and answers what nobody foresaw.

    A request's number is taken from `X-Request-Id` where that is well-formed, else made. It is in `request_id`, in
    `scope["state"]["request_id"]` and in the answer's `X-Request-Id`. Inner code may put an Actor into
    `scope["state"]["actor"]` for the log line.
    """

    def __init__(self, app: ASGIApp, observe: Observe | None = None) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or hands on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        number = _number(scope)
        request_id.set(number)
        state = scope.setdefault("state", {})
        state["request_id"] = number
        header = (b"x-request-id", number.encode())
        status = 0

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self._app(scope, receive, send_numbered)
        except Exception:
            path = _without_token(scope["path"])
            _log.exception("unexpected error in %s %s", scope["method"], path)
            if status:
                raise  # Half an answer is out: the server cuts the connection.
            await _apologize(number, send_numbered)
        finally:
            seconds = time.perf_counter() - started
            self._record(scope, state, status, seconds)

    def _record(self, scope: Scope, state: dict[str, Any], status: int, seconds: float) -> None:
        if self._observe is not None:
            self._observe(scope["method"], scope["path"], status, seconds)
        if not _requests.isEnabledFor(logging.INFO):
            return
        request: dict[str, Any] = {
            "method": scope["method"],
            "path": _without_token(scope["path"]),
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request_id": state["request_id"],
        }
        if (actor := state.get("actor")) is not None and actor.username:
            request["user"] = actor.username
        # Made by hand: `info()` would look up its caller's line, a third of the whole cost.
        line = logging.LogRecord(_requests.name, logging.INFO, "", 0, "request", None, None)
        line.request = request
        _requests.handle(line)


def _without_token(path: str) -> str:
    """The path, but for what is a secret in one-time links; whatever prefix the server stands below."""
    head, found, _ = path.partition(ONE_TIME_PATH)
    return f"{head}{found}***" if found else path


def _number(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)


async def _apologize(number: str, send: Send) -> None:
    sentence = f"The server failed unexpectedly; its log says more under request {number}."
    about = {"code": "internal", "requestId": number}
    answer = {"errors": [{"message": sentence, "extensions": about}], "data": None}
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
