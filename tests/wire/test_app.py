"""The whole application in process: which room answers which address."""

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from registrum.core.errors import Invalid
from registrum.server.app import create_app, prepare
from registrum.server.config import Config
from registrum.server.config_sources import with_secret_key


@pytest.fixture
def folder(sqlite_template: Path, tmp_path: Path) -> Path:
    """A data folder whose database has its tables."""
    shutil.copy(sqlite_template, tmp_path / "registrum.sqlite")
    return tmp_path


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, while that runs."""
    await asyncio.to_thread(prepare, config)
    app = create_app(config)
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    lifespan = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))  # type: ignore[arg-type]
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await inbox.put({"type": "lifespan.shutdown"})
    await lifespan


async def ask(folder: Path, *requests: tuple[Any, ...]) -> list[httpx.Response]:
    """Method, path, and what is sent as JSON, of each request."""
    async with serving(with_secret_key(Config(data_dir=folder))) as client:
        return [
            await client.request(method, path, json=body[0] if body else None)
            for method, path, *body in requests
        ]


@pytest.mark.parametrize("name", ["artifacts-team", "graphql-people", "blobs2", "filesystem"])
def test_an_entity_whose_name_begins_like_a_route_has_its_pages(folder: Path, name: str) -> None:
    (page,) = asyncio.run(ask(folder, ("GET", f"/{name}/project")))
    assert page.status_code in (302, 303)
    assert page.headers["location"].startswith("/login")


def test_probes_of_telemetry_are_switched_off_without_being_served(folder: Path) -> None:
    answers = asyncio.run(
        ask(folder, ("POST", "/sdk/otel/v1/metrics"), ("POST", "/sdk/otel/v1/logs"))
    )
    assert {answer.status_code for answer in answers} <= {404, 405}


def test_every_answer_has_a_number_and_errors_say_it_in_words(folder: Path) -> None:
    refused, missing, *of_bytes = asyncio.run(
        ask(
            folder,
            ("GET", "/graphql"),
            ("GET", "/artifactsV2/default/a/b"),
            ("GET", "/blobs/a/b"),
            ("POST", "/files/a/b/c/file_stream"),
        )
    )
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["message"] == "GraphQL is asked by POST, with a JSON body."
    assert refused.json()["errors"][0]["extensions"]["requestId"] == refused.headers["x-request-id"]
    assert missing.status_code == 404
    for answer in (missing, *of_bytes):
        (error,) = answer.json()["errors"]
        assert error["extensions"]["requestId"] == answer.headers["x-request-id"]


def test_a_server_over_a_folder_offers_batches_of_small_files(tmp_path: Path) -> None:
    question = {"query": "{ serverInfo { features { name isEnabled } } }"}
    info, batch = asyncio.run(
        ask(tmp_path, ("POST", "/graphql", question), ("POST", "/blobs/uploads"))
    )
    features = info.json()["data"]["serverInfo"]["features"]
    assert {"name": "REGISTRUM_BLOB_BATCHES", "isEnabled": True} in features
    assert (batch.status_code, batch.json()) == (200, {"results": []})


ONE_FILE = """
mutation Reserve($name: String!) {
  upsertBucket(input: {name: "first", modelName: "demo", entityName: "main"}) { bucket { id } }
  createRunFiles(input: {entityName: "main", projectName: "demo", runName: "first", files: [$name]}) {
    files { uploadUrl }
  }
}
"""
ITS_ADDRESS = """
{ project(entityName: "main", name: "demo") { run(name: "first") { files { edges { node { directUrl } } } } } }
"""


async def addresses_of_one_file(config: Config) -> tuple[str, str]:
    """Where a file of a run is put, and where it is read once it is there."""
    auth = ("api", config.admin_api_key or "")
    async with serving(config) as client:
        body: dict[str, Any] = {"query": ONE_FILE, "variables": {"name": "a.txt"}}
        made = (await client.post("/graphql", json=body, auth=auth)).json()["data"]
        put = made["createRunFiles"]["files"][0]["uploadUrl"]
        assert (await client.put(put, content=b"content")).status_code == 200
        found = (await client.post("/graphql", json={"query": ITS_ADDRESS}, auth=auth)).json()
        (edge,) = found["data"]["project"]["run"]["files"]["edges"]
        return put, edge["node"]["directUrl"]


def test_addresses_last_as_long_as_the_settings_say(folder: Path) -> None:
    lasts = {"upload_url_expiry_s": 7200, "download_url_expiry_s": 600}
    config = with_secret_key(Config(data_dir=folder, admin_api_key="k" * 40, **lasts))
    before = int(time.time())
    addresses = asyncio.run(addresses_of_one_file(config))
    after = int(time.time())
    for address, seconds in zip(addresses, lasts.values(), strict=True):
        (expires_at,) = parse_qs(urlsplit(address).query)["e"]
        assert before <= int(expires_at) - seconds <= after


def test_what_was_opened_is_closed_where_the_start_fails(folder: Path) -> None:
    async def start() -> dict[str, Any]:
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await inbox.put({"type": "lifespan.startup"})
        with pytest.raises(Invalid):
            await create_app(config)({"type": "lifespan"}, inbox.get, outbox.put)  # type: ignore[arg-type]
        return outbox.get_nowait()

    config = with_secret_key(Config(data_dir=folder, blob_url="file:///dev/null/blobs"))
    before = set(threading.enumerate())
    said = asyncio.run(start())
    assert said["type"] == "lifespan.startup.failed"
    assert said["message"].startswith("The folder /dev/null/blobs cannot be made or written:")
    assert {each.name for each in set(threading.enumerate()) - before} == set()
