"""Point reads are answered by the event loop itself, single writes go from it to the writer; whatever may take longer does not."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse, validate

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Conflict, DeadlineExceeded, Invalid
from registrum.server.blobs import open_store
from registrum.server.blobs.signing import Signer
from registrum.server.config import Config
from registrum.server.db import open_database
from registrum.server.db.tx import Tx
from registrum.server.graphql.binding import Abstract, BoundSchema, Info, Root, Type
from registrum.server.graphql.context import Services, Write
from registrum.server.graphql.endpoint import GraphQLEndpoint
from registrum.server.graphql.execution import Engine
from registrum.server.graphql.fitting import build
from registrum.server.graphql.limits import fragments_of
from registrum.server.graphql.points import is_point_read, is_single_write
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets

SDL = """
interface Named { name: String! page: Int }
type Thing implements Named { name: String! page: Int part: Thing parts: [Thing!] named: Named }
type Query { thing(how: String): Thing things: [Thing!] }
type Mutation { make: Thing write(how: String): Thing! }
"""
KEY = b"a key of enough characters for the signing of URLs"


def bound() -> BoundSchema:
    query, mutation, thing = Root("Query"), Root("Mutation"), Type("Thing")

    @query.field("thing", is_point=True)
    def resolve_thing(_: None, info: Info, how: str | None) -> dict[str, Any]:
        thread = threading.current_thread()
        if how == "long" and thread is threading.main_thread():
            raise DeadlineExceeded("This takes long.")
        return {"name": thread.name}

    @thing.field("part", is_point=True)
    def resolve_part(found: Any, info: Info) -> Any:
        return found

    def resolve_more(found: Any, info: Info) -> Any:
        return None

    @mutation.field("write", is_write=True)
    def resolve_write(_: None, info: Info, how: str | None) -> Write:
        prepared_in = threading.current_thread().name
        if how == "misread":
            raise Invalid("This cannot be read.")

        def work(tx: Tx) -> str:
            if how == "refused":
                raise Conflict("This is refused.")
            return threading.current_thread().name

        def read(tx: Tx, written_in: str) -> dict[str, Any] | None:
            assert written_in == threading.current_thread().name == "sqlite-writer"
            return None if how == "nothing" else {"name": prepared_in}

        return Write(work, read)

    for owner, name in ((query, "things"), (mutation, "make"), (thing, "parts"), (thing, "page")):
        owner.field(name)(resolve_more)
    named = Abstract("Named", type_of=lambda _: "Thing")
    return build([SDL], [query, mutation, thing, named])


BOUND = bound()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("{ thing { name part { __typename name named { name } } } }", True),
        (
            "{ thing { ...F ...F } } fragment F on Thing { ... on Named { name } ... { name } }",
            True,
        ),
        ("{ __typename }", True),
        ("{ things { name } }", False),
        ("{ thing { name } things { name } }", False),
        ("{ thing { part { parts { name } } } }", False),
        ("{ thing { ...F } } fragment F on Thing { part { ... on Thing { page } } }", False),
        ("{ thing { named { page } } }", False),
        ("{ __schema { types { name } } }", False),
        ("mutation { make { name } }", False),
    ],
)
def test_every_field_must_be_data_or_a_look_up(text: str, is_one: bool) -> None:
    document = parse(text)
    assert not validate(BOUND.schema, document)
    (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    assert is_point_read(BOUND, operation, fragments_of(document)) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("mutation { write { name __typename } }", True),
        (
            "mutation M($how: String) { other: write(how: $how) { ...F } } fragment F on Thing { name }",
            True,
        ),
        ("mutation { make { name } }", False),
        ("mutation { write { name } again: write { name } }", False),
        ("mutation { write { name part { name } } }", False),
        ("mutation { write { page } }", False),
        ("mutation M($no: Boolean!) { write @skip(if: $no) { name } }", False),
        ("mutation { ... { write { name } } }", False),
        ("mutation { __typename }", False),
        ("{ thing { name } }", False),
    ],
)
def test_a_single_write_is_one_field_with_data_beneath(text: str, is_one: bool) -> None:
    document = parse(text)
    assert not validate(BOUND.schema, document)
    (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    assert is_single_write(BOUND, operation, fragments_of(document)) is is_one


class Everybody:
    """Whoever asks is known, unless the header says otherwise."""

    def __call__(self, scope: Any) -> Actor:
        return ANONYMOUS

    def known(self, scope: Any) -> Actor | None:
        return None if (b"x-new", b"yes") in scope["headers"] else ANONYMOUS


Asked = tuple[str, dict[str, Any], dict[str, str]]


async def threads_of(folder: Path, *asked: Asked) -> list[str]:
    """In which threads these requests were answered, one after the other."""
    return [answer["data"]["thing"]["name"] for answer in await answers_to(folder, *asked)]


async def answers_to(folder: Path, *asked: Asked) -> list[dict[str, Any]]:
    """The answers to these requests, one after the other."""
    database = open_database(f"sqlite:///{folder}/empty.sqlite")
    store = open_store(f"file://{folder}")
    loop = asyncio.get_running_loop()
    config, secrets, commits = Config(data_dir=folder), Secrets([KEY]), Commits()
    services = Services(config, database, store, secrets, loop, commits)
    app = GraphQLEndpoint(Engine(BOUND), services, Everybody(), Signer([KEY]))
    try:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [
                (await client.post("/", json={"query": q, "variables": v}, headers=h)).json()
                for q, v, h in asked
            ]
    finally:
        await asyncio.to_thread(app.close)
        commits.close()
        store.close()
        database.close()


def test_look_ups_that_are_known_are_answered_at_once_and_long_ones_begin_anew_in_a_thread(
    tmp_path: Path,
) -> None:
    quick, slow = "query ($how: String) { thing(how: $how) { name } }", "{ thing { name page } }"
    names = asyncio.run(
        threads_of(
            tmp_path,
            (quick, {}, {}),  # The text is new: parsing it takes long.
            (quick, {}, {}),
            (quick, {"how": "long"}, {}),
            (quick, {}, {"x-new": "yes"}),
            (slow, {}, {}),
            (slow, {}, {}),
        )
    )
    here = threading.main_thread().name
    assert [name == here for name in names] == [False, True, False, False, False, False]


def test_single_writes_that_are_known_go_from_the_event_loop_to_the_writer(tmp_path: Path) -> None:
    text = "mutation M($how: String) { write(how: $how) { name } }"
    first, known, apart = asyncio.run(
        answers_to(tmp_path, (text, {}, {}), (text, {}, {}), (text, {}, {"x-new": "yes"}))
    )
    here = threading.main_thread().name
    threads = [answer["data"]["write"]["name"] for answer in (first, known, apart)]
    assert [name == here for name in threads] == [False, True, False]


@pytest.mark.parametrize("how", ["refused", "misread", "nothing"])
def test_a_single_write_fails_in_the_same_words_either_way(tmp_path: Path, how: str) -> None:
    text = "mutation M($how: String) { write(how: $how) { name } }"
    first, known = asyncio.run(answers_to(tmp_path, *[(text, {"how": how}, {})] * 2))
    assert first["errors"]
    assert known == first
