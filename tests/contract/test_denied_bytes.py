"""Every route of bytes as everybody, against the policy; see `denial_world.py` for who is who."""

import asyncio
import hashlib
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from registrum.core.actors import Actor
from registrum.core.policy import Action
from registrum.server.blobs.store import BlobKey, Expected, StoredBlob
from registrum.server.transfer.fallback import FallbackRoutes
from registrum.server.transfer.file_stream import FileStream
from registrum.server.transfer.routes import BlobRoutes
from tests.contract.denial_examples import Example
from tests.contract.denial_needs import Need, Version, Within
from tests.contract.denial_stage import EVERYBODY, Said, Stage, leaks
from tests.contract.denial_world import (
    FACTS,
    FILES,
    ROLES,
    World,
    entity_of,
    path_of,
)

DIGESTS = {path: hashlib.md5(content).hexdigest() for path, content in FILES.items()}
MODEL = DIGESTS["model.bin"]


@dataclass(frozen=True)
class Route:
    """A request of a byte route, the right it takes, and what comes with it."""

    method: str
    path: str
    need: Need
    content: bytes = b""


def routes(world: World) -> Iterator[Route]:
    """Every way to files and into a run's streams by credentials."""
    twice = world.id("Artifact", "twice")
    for project, collection in (
        ("qclosed", "qclosed-ranker"), ("qvault", "qvault-copy"), ("qdemo", "demo-net"),
    ):  # fmt: skip
        entity, name = path_of(project)
        need, where = Within(Action.DOWNLOAD, project), f"{entity}/{name}/{collection}"
        for root in ("artifactsV2", "artifacts"):
            yield Route("GET", f"/{root}/default/{where}/{twice}/{MODEL}", need)
            yield Route("GET", f"/{root}/default/{where}/{twice}/{MODEL}/model.bin", need)
            yield Route("GET", f"/{root}/default/{where}/{twice}/{twice}/{MODEL}/model.bin", need)
    need = Version(Action.DOWNLOAD, "twice")
    for root in ("artifactsV2", "artifacts"):
        yield Route("GET", f"/{root}/default/qresearch/{twice}/{MODEL}", need)
        yield Route("GET", f"/{root}/default/qresearch/{twice}/{MODEL}/model.bin", need)
        yield Route("GET", f"/{root}/qresearch/{MODEL}", HiddenFile("qdemo"))
    body = b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{\\"_step\\": 0}"]}}}'
    for project in ("qdemo", "qrita"):
        stream = f"/files/{entity_of(project)}/{project}/{project}-run/file_stream"
        yield Route("POST", stream, Within(Action.WRITE, project), body)


class HiddenFile(Within):
    """A file by its digest within an entity, which is not found by who may not have it."""

    def __init__(self, project: str) -> None:
        super().__init__(Action.DOWNLOAD, project)

    def status(self, who: str | None) -> int:
        """See `Need`."""
        return 200 if self.allowed(who) else 404


def send(app: Any, method: str, path: str, content: bytes = b"") -> httpx.Response:
    """One request in process."""

    async def asking() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://registry.test"
        ) as client:
            return await client.request(method, path, content=content)

    return asyncio.run(asking())


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_byte_routes_do_what_the_policy_allows(stage: Stage, who: str | None) -> None:
    database, store = stage.services.database, stage.services.store

    def authenticate(scope: object) -> Actor:
        return stage.world.actors[who]

    apps = {
        "GET": FallbackRoutes(database, store, authenticate),
        "POST": FileStream(database, authenticate),
    }
    faults = []
    for route in routes(stage.world):
        answer = send(apps[route.method], route.method, route.path, route.content)
        status = route.need.status(who)
        if answer.status_code != status:
            faults.append(f"{route.path}: {answer.status_code} {answer.text[:200]}, not {status}")
        said = Said(answer.status_code, answer.text if status >= 400 else "")
        faults += [f"{route.path} leaks {name}" for name in leaks(said, who, {"": route.path})]
        if status == 403:
            faults += [w for w in route.need.words(who) if w not in answer.text]
        if status == 200 and route.method == "GET":
            assert answer.content == FILES["model.bin"]
        if status == 200 and route.method == "POST":
            stage.restore()
    assert not faults, "\n".join(faults)


def test_signed_routes_serve_whoever_holds_the_address_and_nobody_else(stage: Stage) -> None:
    ask = Example("artifact", "", {}, (), f"query($id: ID!) {{ artifact(id: $id) {{ {URLS} }} }}")
    found = stage.ask("tom", ask, {"id": stage.world.id("Artifact", "twice")}).data
    urls = [edge["node"]["directUrl"] for edge in found["files"]["edges"]]
    app = BlobRoutes(stage.services.store, stage.urls.signer, NothingComes())
    assert sorted(send(app, "GET", url).content for url in urls) == sorted(FILES.values())
    first, second = (url.removeprefix("http://registry.test") for url in urls)
    unsigned = first.partition("?")[0]
    other_blob = first.replace(first.split("/")[2], second.split("/")[2])
    for method, url in (
        ("GET", unsigned), ("PUT", unsigned), ("PUT", first), ("GET", other_blob),
        ("GET", first.replace("e=", "e=9")),
    ):  # fmt: skip
        answer = send(app, method, url, b"other bytes" if method == "PUT" else b"")
        assert answer.status_code == 403, (method, url)


HEAD = struct.Struct(">II")


def as_target(url: str) -> str:
    """How a batch names an address."""
    return url.removeprefix("http://registry.test")


def frame(target: str, content: bytes) -> bytes:
    """A file of a batch that is uploaded."""
    return HEAD.pack(len(target), len(content)) + target.encode() + content


def frames(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Statuses and contents of a batch that is downloaded."""
    while content:
        status, length = HEAD.unpack_from(content)
        yield status, content[HEAD.size : HEAD.size + length]
        content = content[HEAD.size + length :]


def test_batches_serve_what_each_address_alone_would_and_nothing_else(stage: Stage) -> None:
    ask = Example("artifact", "", {}, (), f"query($id: ID!) {{ artifact(id: $id) {{ {URLS} }} }}")
    found = stage.ask("tom", ask, {"id": stage.world.id("Artifact", "twice")}).data
    first, second = (as_target(edge["node"]["directUrl"]) for edge in found["files"]["edges"][:2])
    app = BlobRoutes(stage.services.store, stage.urls.signer, NothingComes())
    forged = [
        first.partition("?")[0],
        first.replace(first.split("/")[2], second.split("/")[2]),
        first.replace("e=", "e=9"),
        stage.urls.put_blob(BlobKey.new(), "new", Expected(size_bytes=3)),
    ]
    forged = [as_target(target) for target in forged]
    body = "\n".join([first, *forged, second]).encode()
    answer = send(app, "POST", "/blobs/downloads", body)
    came = list(frames(answer.content))
    assert [status for status, _ in came] == [200, *(403 for _ in forged), 200]
    assert {came[0][1], came[-1][1]} <= set(FILES.values())
    secrets = list(FILES.values())
    assert not any(secret in content for _, content in came[1:-1] for secret in secrets)

    # `NothingComes` fails where a single one of them were stored.
    unsigned = f"/blobs/{BlobKey.new().text}/new"
    refused = [first, *forged[:3], unsigned]
    content = b"".join(frame(target, b"other bytes") for target in refused)
    answer = send(app, "POST", "/blobs/uploads", content)
    assert [each["status"] for each in answer.json()["results"]] == [403 for _ in refused]


URLS = "files(first: 10) { edges { node { directUrl } } }"


class NothingComes:
    """No upload gets through."""

    def record_stored(self, stored: Mapping[BlobKey, StoredBlob]) -> Collection[BlobKey]:
        """See `transfer.small_uploads.Recorder`."""
        raise AssertionError(stored)


PATHS = {
    "by name": "project(entityName: $e, name: $p) { artifact(name: $v) { %s } }",
    "by type": 'project(entityName: $e, name: $p) { artifactType(name: "model") { artifact(name: $v) { %s } } }',
    "by its place": "project(entityName: $e, name: $p) { artifactCollectionMembership(name: $v) { %s } }",
    "by an alias": "project(entityName: $e, name: $p) { artifactCollection(name: $c) "
    '{ artifactMembership(aliasName: "latest") { %s } } }',
    "in a list": "project(entityName: $e, name: $p) { artifactCollection(name: $c) "
    "{ artifacts(first: 9) { edges { node { %s } } } } }",
}
FILES_OF = "files(first: 9) { edges { node { name url directUrl } } }"
OF_PLACES = {"by its place", "by an alias"}


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
@pytest.mark.parametrize("path", PATHS)
def test_no_path_to_a_version_hands_out_addresses_to_who_may_not_download(
    stage: Stage, path: str, who: str | None
) -> None:
    for project, collection, name in (
        ("qclosed", "qclosed-ranker", "twice"),
        ("qvault", "qvault-copy", "twice"),
        ("qdrop", "qdrop-own", "own"),
        ("qopen", "qopen-ranker", "public"),
    ):
        entity, full = path_of(project)
        given = {"e": entity, "p": full, "c": collection, "v": f"{collection}:v0"}
        query = "query($e: String, $p: String, $c: String!, $v: String!) { %s }"
        if "$c" not in PATHS[path]:
            query = query.replace("$c: String!, ", "")
        if "$v" not in PATHS[path]:
            query = query.replace(", $v: String!", "")
        query %= PATHS[path] % FILES_OF
        said = stage.ask(who, Example("project", path, {}, (), query), given)
        # A place is itself asked; an artifact met by name is one that has an id, with all its places.
        need: Need = Within(Action.DOWNLOAD, project)
        if path not in OF_PLACES:
            need = Version(Action.DOWNLOAD, name)
        may = need.allowed(who) and FACTS.may(who, Action.READ, project)
        assert ("/blobs/" in said.text) is may, (project, said.text[:300])
        if not may and FACTS.may(who, Action.READ, project):
            assert said.status == 403
            assert f"You may not {Action.DOWNLOAD.value}" in said.message
        assert said.status != 500
