"""The fourth lock: one example for every root field of the schema and every byte route, as everybody, against the policy.

What may not be read does not exist: the answer is the one for something missing, and nothing in it gives a name away. What may
be read but not done is refused with the action, the role held and the role needed. See `denial_world.py` for who is who.
"""

import asyncio
import hashlib
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type

from registrum.core import ids
from registrum.core.actors import Actor
from registrum.core.policy import Action
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.blobs.store import BlobKey, StoredBlob
from registrum.server.config import Config
from registrum.server.db import Database, open_database
from registrum.server.db.migrations import upgrade
from registrum.server.graphql import nouns
from registrum.server.graphql.binding import Root
from registrum.server.graphql.context import Context, Services
from registrum.server.graphql.execution import Engine
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets
from registrum.server.transfer.fallback import FallbackRoutes
from registrum.server.transfer.file_stream import FileStream
from registrum.server.transfer.routes import BlobRoutes
from tests.contract.denial_examples import COLLECTIONS, Example, mutations, queries
from tests.contract.denial_needs import Need, Version, Within
from tests.contract.denial_world import (
    FACTS,
    FILES,
    PLACES,
    PROJECTS,
    ROLES,
    SECRET,
    World,
    build,
    entity_of,
    name_of,
    path_of,
)

TOKEN = re.compile(r"q[a-z]+")
EVERYBODY = list(ROLES)
BOUND = nouns.bound_schema()
UNSUPPORTED = {
    name
    for noun in nouns._NOUNS
    for binding in noun.BINDINGS
    if isinstance(binding, Root)
    for name in binding.unsupported
}


@dataclass
class Said:
    """An answer.

    Attributes:
        text: the whole body.
        data: what it says of the root field.
    """

    status: int
    text: str
    data: Any = None
    message: str = ""


@dataclass
class Stage:
    """The server in process, on a world that can be had again.

    Attributes:
        restore: undoes what was written.
    """

    world: World
    services: Services
    urls: Urls
    restore: Callable[[], None]
    engine: Engine = field(default_factory=lambda: Engine(BOUND))

    def ask(self, who: str | None, example: Example, variables: dict[str, Any]) -> Said:
        """What that person is answered."""
        context = Context(self.services, self.world.actors[who], self.urls, "")
        query = example.query or mutation_document(example.field)
        try:
            status, body = self.engine.execute(query, variables, None, context)
        finally:
            context.close()
        answer = json.loads(body)
        errors = answer.get("errors") or [{"message": ""}]
        data = (answer.get("data") or {}).get(example.field)
        return Said(status, body.decode(), data, errors[0]["message"])


def mutation_document(name: str) -> str:
    """A mutation that asks for what it made and where that is."""
    kind = BOUND.schema.mutation_type.fields[name]  # type: ignore[union-attr]
    payload = get_named_type(kind.type)
    return f"mutation($input: {kind.args['input'].type}) {{ {name}(input: $input) {{ {selection(payload, 3)} }} }}"


def selection(kind: GraphQLNamedType, depth: int) -> str:
    """Everything without arguments down to so many levels."""
    if not isinstance(kind, GraphQLObjectType):
        return "__typename"
    parts = ["__typename"]
    for name, own in kind.fields.items():
        below = get_named_type(own.type)
        if is_leaf_type(below) and not own.args:
            parts.append(name)
        elif not own.args and depth > 1 and below.name not in ("Organization", "QueueItem"):
            parts.append(f"{name} {{ {selection(below, depth - 1)} }}")
    return " ".join(parts)


def services_on(database: Database, folder: Path, loop: asyncio.AbstractEventLoop) -> Services:
    config = Config(data_dir=folder, base_url="http://registry.test")
    store = DiskStore(folder / "blobs")
    return Services(config, database, store, Secrets([SECRET]), loop, Commits())


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own, for the store."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever, daemon=True)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory, loop: asyncio.AbstractEventLoop
) -> Iterator[Stage]:
    """The world on SQLite."""
    folder = tmp_path_factory.mktemp("denials")
    path = folder / "registrum.sqlite"
    upgrade(f"sqlite:///{path}")
    first = open_database(f"sqlite:///{path}")
    world = build(first, folder / "blobs")
    first.close()
    shutil.copy(path, folder / "pristine.sqlite")
    pristine, live = sqlite3.connect(folder / "pristine.sqlite"), sqlite3.connect(path)
    database = open_database(f"sqlite:///{path}")
    urls = Urls("http://registry.test", Signer([SECRET]))
    yield Stage(world, services_on(database, folder, loop), urls, lambda: pristine.backup(live))
    database.close()
    pristine.close()
    live.close()


# --- What must be answered


def expected(example: Example, who: str | None) -> tuple[int, Need | None]:
    """The status, and the right that is missing."""
    for need in example.needs:
        status = need.status(who)
        if status != 200:
            return status, need
    return example.then, None


def hidden_names(who: str | None) -> set[str]:
    """The first parts of the names of everything that does not exist for this person."""
    hidden = {name for name in PROJECTS if not FACTS.may(who, Action.READ, name)}
    for name in FACTS.organizations:
        if not FACTS.may_in_organization(who, Action.READ_ORGANIZATION, name):
            hidden.add(name)
    # Who sees a registry sees its members, and teams are among them.
    members = {team for name in {*PROJECTS} - hidden for team in PROJECTS[name].teams}
    return hidden | {
        name
        for name in {*FACTS.teams} - members
        if not FACTS.may_in_team(who, Action.READ_ENTITY, name)
    }


def leaks(said: Said, who: str | None, variables: dict[str, Any]) -> list[str]:
    """Names in the answer that this person does not know; those that stand in the question are known."""
    asked = set(TOKEN.findall(json.dumps(variables)))
    found = set(TOKEN.findall(said.text)) - asked
    return sorted(found & hidden_names(who))


def missing(value: Any) -> Any:
    """The same question about things that there are not."""
    if isinstance(value, dict):
        return {key: missing(each) for key, each in value.items()}
    if isinstance(value, list):
        return [missing(each) for each in value]
    if not isinstance(value, str):
        return value
    kind = kind_of(value)
    if kind:
        return ids.encode(kind, 987654)
    return TOKEN.sub("qnothing", value).replace("client-", "unknown-")


def kind_of(text: str) -> str:
    """The kind of a global id; empty for other texts."""
    for kind in (
        "Project",
        "ArtifactCollection",
        "Artifact",
        "Run",
        "RunFile",
        "User",
        "ApiKey",
        "ArtifactManifest",
    ):
        try:
            ids.decode(kind, text)
        except Exception:
            continue
        return kind
    return ""


def compared(said: Said) -> tuple[int, str]:
    return said.status, TOKEN.sub("<>", said.message)


def query_faults(stage: Stage, who: str | None, example: Example) -> Iterable[str]:
    """What is wrong with the answer to a query."""
    said = stage.ask(who, example, example.variables)
    status, need = expected(example, who)
    yield from (f"leaks {name}" for name in leaks(said, who, example.variables))
    if status == 200:
        if who is None and said.status == 401:
            return
        if said.status != 200 or (said.data is None and example.needs):
            yield f"{said.status} {said.text[:300]} instead of an answer"
        return
    if status == 403:
        yield from refusal_faults(said, who, need)
        return
    innermost = said.data
    while isinstance(innermost, dict) and len(innermost) == 1:
        (innermost,) = innermost.values()
    if said.status not in (200, status) or innermost is not None:
        yield f"{said.status} {said.text[:300]} instead of null"
    other = stage.ask(who, example, missing(example.variables))
    if compared(other) != compared(said) or other.data is not said.data is not None:
        yield f"differs from something missing: {said.text[:200]} / {other.text[:200]}"


def refusal_faults(said: Said, who: str | None, need: Need | None) -> Iterable[str]:
    """What is wrong with a refusal."""
    assert need is not None
    if said.status != 403:
        yield f"{said.status} {said.text[:300]} instead of 403"
        return
    yield from (
        f"does not say {w!r}: {said.message}" for w in need.words(who) if w not in said.message
    )


def mutation_faults(stage: Stage, who: str | None, example: Example) -> Iterable[str]:
    """What is wrong with the answer to a mutation; the world is as it was afterwards."""
    said = stage.ask(who, example, example.variables)
    status, need = expected(example, who)
    if said.status == 200:
        stage.restore()
    yield from (f"leaks {name}: {said.text[:300]}" for name in leaks(said, who, example.variables))
    if need is None or status == 409:
        if said.status != status:
            yield f"{said.status} {said.text[:300]} instead of {status}"
    elif status == 403:
        yield from refusal_faults(said, who, need)
    elif said.status != status and not (who is None and said.status in (401, 404)):
        yield f"{said.status} {said.text[:300]} instead of {status}"
    elif need is example.needs[0] and who is not None:
        other = stage.ask(who, example, missing(example.variables))
        if compared(other) != compared(said):
            yield f"differs from something missing: {said.text[:200]} / {other.text[:200]}"


# --- The tests


def test_every_root_field_has_an_example(stage: Stage) -> None:
    schema = BOUND.schema
    assert schema.query_type
    assert schema.mutation_type
    shown = {example.field for example in (*queries(stage.world), *mutations(stage.world))}
    assert shown == {*schema.query_type.fields, *schema.mutation_type.fields} - UNSUPPORTED


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_queries_show_what_the_policy_allows(stage: Stage, who: str | None) -> None:
    faults = [
        f"{example.title}: {fault}"
        for example in queries(stage.world)
        for fault in query_faults(stage, who, example)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_mutations_do_what_the_policy_allows(stage: Stage, who: str | None) -> None:
    faults = [
        f"{example.title}: {fault}"
        for example in mutations(stage.world)
        for fault in mutation_faults(stage, who, example)
    ]
    assert not faults, "\n".join(faults)


# --- Lists, counts and searches

LISTS = """
query($first: Int, $after: String, $filter: JSONString) {
  entity(name: "qacme-org") {
    projects(first: 50) { edges { node { name } } }
    artifactCollections(first: 50) { totalCount edges { node { name } } }
    artifactMemberships(first: 50) { totalCount edges { node { artifactCollection { name } } } }
    page: artifactMemberships(first: $first, after: $after, projectFilters: $filter) {
      totalCount pageInfo { endCursor hasNextPage } edges { node { artifactCollection { name } } }
    }
    search: artifactCollections(first: 50, filters: "{\\"name\\": {\\"$contains\\": \\"q\\"}}") {
      totalCount edges { node { name } }
    }
  }
}
"""
REGISTRY_COLLECTIONS = {
    name: project for name, project in COLLECTIONS.items() if PROJECTS[project].owner == "qacme"
}


def names_in(page: dict[str, Any]) -> list[str]:
    """The collections or projects of a page."""
    nodes = [edge["node"] for edge in page["edges"]]
    return sorted((node.get("artifactCollection") or node)["name"] for node in nodes)


@pytest.mark.parametrize("who", EVERYBODY[1:], ids=list(ROLES.values())[1:])
def test_lists_counts_and_searches_know_only_what_may_be_seen(stage: Stage, who: str) -> None:
    if not FACTS.may_in_organization(who, Action.READ_ORGANIZATION, "qacme"):
        return
    found = stage.ask(who, Example("entity", "lists", {}, (), LISTS), {"first": 50}).data
    registries = {name for name, place in PROJECTS.items() if place.owner == "qacme"}
    seen = {name for name in registries if FACTS.may(who, Action.READ, name)}
    assert names_in(found["projects"]) == sorted(map(name_of, seen))
    expected_names = sorted(n for n, project in REGISTRY_COLLECTIONS.items() if project in seen)
    for part in ("artifactCollections", "artifactMemberships", "page", "search"):
        assert names_in(found[part]) == expected_names, part
        assert found[part]["totalCount"] == len(expected_names), part
    # Page by page there is nothing else, and no page is short.
    cursor, paged = None, []
    for _ in expected_names:
        variables = {"first": 1, "after": cursor, "filter": '{"name": {"$contains": "q"}}'}
        page = stage.ask(who, Example("entity", "page", {}, (), LISTS), variables).data["page"]
        assert page["totalCount"] == len(expected_names)
        paged += names_in(page)
        cursor = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (len(paged) < len(expected_names))
    assert sorted(paged) == expected_names


WHERE = """
query($id: ID!) { artifact(id: $id) {
  artifactSequence { project { name } } createdBy { __typename }
  artifactMemberships(first: 9) { totalCount edges { node { artifactCollection { project { name } } } } }
} }
"""


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_an_artifact_shows_the_places_that_may_be_seen(stage: Stage, who: str | None) -> None:
    for name, places in PLACES.items():
        if name == "pending":
            continue
        seen = sorted(name_of(place) for place in places if FACTS.may(who, Action.READ, place))
        example = Example("artifact", name, {}, (), WHERE)
        found = stage.ask(who, example, {"id": stage.world.id("Artifact", name)}).data
        if not seen:
            assert found is None
            continue
        edges = found["artifactMemberships"]["edges"]
        assert [e["node"]["artifactCollection"]["project"]["name"] for e in edges] == sorted(
            seen, key=[name_of(place) for place in places].index
        )
        assert found["artifactMemberships"]["totalCount"] == len(seen)
        source = found["artifactSequence"]["project"]
        assert (source is not None) is FACTS.may(who, Action.READ, places[0]), name
        assert source is None or source["name"] == name_of(places[0])
        run = (found["createdBy"] or {}).get("__typename") == "Run"
        assert run is (source is not None and places[0] == "qdemo")


# --- PostgreSQL: whatever writes nothing, for some


@pytest.fixture(scope="module")
def stage_on_postgres(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Stage]:
    """The world on PostgreSQL, which is not restored."""
    cluster = request.getfixturevalue("postgres")
    url, folder = cluster.database_like("migrated", upgrade), tmp_path_factory.mktemp("denials")
    database = open_database(url)
    world = build(database, folder / "blobs")
    urls = Urls("http://registry.test", Signer([SECRET]))

    def restore() -> None:
        raise AssertionError("something was written that was to be refused")

    yield Stage(world, services_on(database, folder, loop), urls, restore)
    database.close()
    cluster.drop(url)


@pytest.mark.parametrize("who", ["mallory", "gus", "vera", "olaf"], ids=ROLES.get)
def test_postgres_gives_the_same_answers(stage_on_postgres: Stage, who: str) -> None:
    stage = stage_on_postgres
    faults = [
        f"{example.title}: {fault}"
        for example in queries(stage.world)
        for fault in query_faults(stage, who, example)
    ]
    for example in mutations(stage.world):
        if expected(example, who)[1] is not None:
            faults += [f"{example.title}: {f}" for f in mutation_faults(stage, who, example)]
    assert not faults, "\n".join(faults)
    test_lists_counts_and_searches_know_only_what_may_be_seen(stage, who)
    test_an_artifact_shows_the_places_that_may_be_seen(stage, who)


# --- Routes of bytes

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


URLS = "files(first: 10) { edges { node { directUrl } } }"


class NothingComes:
    """No upload gets through."""

    async def record_stored(self, key: BlobKey, stored: StoredBlob) -> None:
        """See `transfer.uploads.Recorder`."""
        raise AssertionError(key)
