"""Request lines carry a number and no query string; the unforeseen is answered with 500 and that number."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from registrum.core.actors import Actor
from registrum.server import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What JSON logging writes during the test."""
    written = io.StringIO()
    stream = logging.StreamHandler(written)
    stream.setFormatter(logs.JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(stream)
    root.setLevel("INFO")
    logging.getLogger("httpx").setLevel("WARNING")  # The asking side logs addresses whole.
    yield written
    root.removeHandler(stream)
    root.setLevel(level)


def requests_in(written: io.StringIO) -> list[dict[str, object]]:
    found = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in found if line["message"] == "request"]


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    scope["state"]["actor"] = Actor(1, "ann")
    logging.getLogger("inside").info("fetching https://s3/x?X-Amz-Signature=abc&e=1 now")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["state"]["request_id"].encode()})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("postgresql://ann:hunter2@db/x fell over")


async def ask(app: object, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


def run(app: object, path: str, **headers: str) -> httpx.Response:
    return asyncio.run(ask(app, path, **headers))


def test_each_request_is_logged_once_without_its_query_string(lines: io.StringIO) -> None:
    answer = run(logs.RequestLog(answers), "/blobs/7?s=secret-signature")
    (line,) = requests_in(lines)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/blobs/7", 200)
    assert line["user"] == "ann"
    assert line["request_id"] == answer.headers["x-request-id"] == answer.text
    assert "secret-signature" not in lines.getvalue()


def test_the_token_of_a_one_time_link_is_not_logged(lines: io.StringIO) -> None:
    for app in (answers, fails):
        run(logs.RequestLog(app), "/set-password/one-time-token")
        run(logs.RequestLog(app), "/below/set-password/one-time-token/more")
    paths = [line["path"] for line in requests_in(lines)]
    assert paths == ["/set-password/***", "/below/set-password/***"] * 2
    assert "one-time-token" not in lines.getvalue()


def test_other_lines_carry_the_number_and_lose_query_strings(lines: io.StringIO) -> None:
    run(logs.RequestLog(answers), "/", **{"X-Request-Id": "from-proxy.7"})
    inside = json.loads(lines.getvalue().splitlines()[0])
    assert inside["request_id"] == "from-proxy.7"
    assert inside["message"] == "fetching https://s3/x?*** now"


def test_a_malformed_number_is_replaced(lines: io.StringIO) -> None:
    answer = run(logs.RequestLog(answers), "/", **{"X-Request-Id": "a b\tc"})
    assert answer.text != "a b\tc"


def test_an_unforeseen_exception_is_500_with_the_number_and_a_clean_traceback(
    lines: io.StringIO,
) -> None:
    answer = run(logs.RequestLog(fails), "/x")
    assert answer.status_code == 500
    number = answer.headers["x-request-id"]
    assert number in answer.json()["errors"][0]["message"]
    assert "hunter2" not in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()
    assert requests_in(lines)[0]["status"] == 500


def test_a_line_for_people_stays_one_line_whatever_the_path() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "request", None, None)
    record.request = {"path": "/a\nFAKE \x1b[31m", "status": 200}
    assert "\n" not in logs.TextLines().format(record)
    assert "\x1b" not in logs.TextLines().format(record)


def test_requests_are_observed() -> None:
    seen: list[tuple[str, str, int]] = []
    run(logs.RequestLog(answers, lambda *about: seen.append(about[:3])), "/p?q=1")
    assert seen == [("GET", "/p", 200)]
