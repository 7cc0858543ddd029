"""The route of runs' reports, in process: what it takes, what it answers, and what it refuses."""

import asyncio
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Unauthenticated
from registrum.core.policy import Action
from registrum.core.runs import Run, RunName, RunState, SaveRun
from registrum.server.db import Database, open_database, runs
from registrum.server.services.runs import save_run, stop_run
from registrum.server.transfer import file_stream
from registrum.server.transfer.file_stream import FileStream
from registrum.server.transfer.wire import Message, Scope
from tests.services.test_runs import ANN, STRANGER, VIEWER, people

PATH = "/files/team/demo/first/file_stream"
FIRST = RunName("team", "demo", "first")
ACTORS = {b"ann": ANN, b"vic": VIEWER, b"sam": STRANGER, b"nobody": ANONYMOUS}


def authenticate(scope: Scope) -> Actor:
    """Takes the user named in the header for real."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return ACTORS[value]
    raise Unauthenticated("Who are you?")


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A database with people and a run."""
    path = shutil.copy(sqlite_template, tmp_path / "registrum.sqlite")
    opened = open_database(f"sqlite:///{path}")
    opened.write(Actor(None, is_admin=True), people)
    opened.write(ANN, lambda tx: save_run(tx, FIRST, SaveRun()))
    yield opened
    opened.close()


Post = Callable[..., httpx.Response]


@pytest.fixture
def post(database: Database) -> Post:
    """Posts a body as somebody."""
    app = FileStream(database, authenticate)

    def send(
        body: object, path: str = PATH, who: str = "ann", method: str = "POST", **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                named = {name.replace("_", "-"): value for name, value in headers.items()}
                return await client.request(
                    method, path, content=content, headers={"authorization": who, **named}
                )

        return asyncio.run(ask())

    return send


def load(database: Database) -> Run:
    with database.read(ANN) as tx:
        return runs.get_for_path(tx, Action.READ, FIRST).thing


HISTORY = {"wandb-history.jsonl": {"offset": 0, "content": ['{"_step":0,"a":1}']}}


def message(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["message"])


def test_a_report_is_written_and_answered_with_an_object(database: Database, post: Post) -> None:
    answer = post({"files": HISTORY})
    assert answer.status_code == 200
    assert answer.json()["stopped"] is False
    assert load(database).history_lines == 1


def test_an_empty_body_is_a_sign_of_life(database: Database, post: Post) -> None:
    before = load(database).heartbeat_at
    bodies: tuple[object, ...] = ({}, b"")
    for body in bodies:
        assert post(body).status_code == 200
    after = load(database).heartbeat_at
    assert before is not None
    assert after is not None
    assert after > before


def test_the_last_report_ends_the_run(database: Database, post: Post) -> None:
    post({"complete": True, "exitcode": 0})
    assert load(database).state is RunState.FINISHED


def test_the_answer_tells_that_the_run_is_to_stop(database: Database, post: Post) -> None:
    database.write(ANN, lambda tx: stop_run(tx, load(database).id))
    assert post({}).json()["stopped"] is True


def test_packed_bodies_are_taken(database: Database, post: Post) -> None:
    body = gzip.compress(json.dumps({"files": HISTORY}).encode())
    assert post(body, content_encoding="gzip").status_code == 200
    assert load(database).history_lines == 1
    assert post(b"not gzip", content_encoding="gzip").status_code == 400


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        (PATH, "sam", 404),
        (PATH, "vic", 403),
        ("/files/team/demo/other/file_stream", "ann", 404),
        ("/files/team/other/first/file_stream", "ann", 404),
        ("/files/team/demo/first", "ann", 404),
        ("/files/team/demo//file_stream", "ann", 404),
    ],
)
def test_refusals_are_those_that_clients_do_not_retry(
    post: Post, path: str, who: str, status: int
) -> None:
    answer = post({}, path, who)
    assert answer.status_code == status
    assert message(answer)


def test_several_writers_say_who_they_are(database: Database, post: Post) -> None:
    shared = {"x_wandb_use_async_filestream": "true"}
    for writer in ("a", "b", "a"):
        assert post({"files": HISTORY}, x_wandb_async_client_id=writer, **shared).status_code == 200
    assert load(database).history_lines == 2
    assert post({}, x_wandb_async_client_id="w" * 65, **shared).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"files":{"output.log":{"offset":"x"}}}'])
def test_bodies_of_another_shape_are_refused(post: Post, body: bytes) -> None:
    assert post(body).status_code == 400


def test_bodies_beyond_the_limits_are_refused(post: Post) -> None:
    assert post(b" " * (file_stream.MAX_BODY_BYTES + 1)).status_code == 413
    bomb = gzip.compress(b" " * (file_stream.MAX_UNPACKED_BYTES + 1))
    assert post(bomb, content_encoding="gzip").status_code == 413
    lists = gzip.compress(b'{"files": [%s[]]}' % (b"[]," * 3_000_000))
    assert post(lists, content_encoding="gzip").status_code == 413


def test_a_large_body_of_nobody_is_not_read(post: Post) -> None:
    large = b" " * (file_stream.SMALL_BYTES + 1)
    assert post(large, who="nobody").status_code == 401
    assert post(large + b"{}").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"not gzip", gzip.compress(b" " * (32 << 20) + b" ")])
def test_what_nobody_sends_is_neither_unpacked_nor_parsed(post: Post, body: bytes) -> None:
    assert post(body, who="nobody", content_encoding="gzip").status_code == 401
    assert post(body, who="nobody").status_code == 401


def test_only_posts_are_taken(post: Post) -> None:
    assert post(b"", method="GET").status_code == 405


def test_paths_are_read_below_the_mount(database: Database) -> None:
    seen = []

    async def send(sent: Message) -> None:
        seen.append(sent)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}"}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/base" + PATH,
        "root_path": "/base",
        "headers": [(b"authorization", b"ann")],
    }
    asyncio.run(FileStream(database, authenticate)(scope, receive, send))
    assert seen[0]["status"] == 200
