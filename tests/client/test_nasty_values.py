"""Whatever is sent to whichever field: a clear answer that no client retries, and the server goes on."""

import http.client
import json
import random
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from registrum.server.db.migrations import upgrade
from registrum.server.graphql.nouns import bound_schema
from tests.client.hand import UPSERT, Hand
from tests.client.live import Server, running
from tests.wire.nasty import Operation, operations

FINAL = {200, 400, 401, 403, 404, 409, 413, 422}
SAMPLE = 500


def furnish(server: Server) -> None:
    """Makes what the plausible values of the operations name, so that there is something to answer with."""
    hand = Hand(server, server.admin, "nasty")
    hand.data(UPSERT, e="main", p="nasty", n="nasty")
    link = "mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }"
    for number in range(3):
        files = {"nasty": b"%d" % number}
        made = hand.log(files, artifactCollectionName="nasty", runName="nasty", metadata='{"a": 1}')
        for registry in ("wandb-registry-model", "nasty"):
            target = {"entityName": "registrum-org", "projectName": registry}
            if registry == "nasty":
                target["entityName"] = "main"
            hand.data(
                link, i=target | {"artifactID": made, "artifactPortfolioName": f"my {registry}"}
            )


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may be ruined, with little in it."""
    folder = tmp_path_factory.mktemp("ruined")
    quiet = {"REGISTRUM_LOG_LEVEL": "warning"}
    with running(folder / "data", folder / "admin", environ=quiet) as live:
        furnish(live)
        yield live


def check(server: Server, asked: list[Operation]) -> None:
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    token = b64encode(f"api:{server.admin.api_key}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    wrong: dict[str, str] = {}
    for operation in asked:
        body = json.dumps({"query": operation.document, "variables": operation.variables})
        connection.request("POST", "/graphql", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        found = json.loads(content)
        messages = [error["message"] for error in found.get("errors", ())]
        clear = all(isinstance(message, str) and message for message in messages)
        internal = any(
            error["extensions"]["code"] == "internal" for error in found.get("errors", ())
        )
        if answer.status not in FINAL or not clear or internal or b"Traceback" in content:
            shown = json.dumps(operation.variables)[:300]
            wrong.setdefault(f"{answer.status} {operation.where}", f"{shown} -> {content[:300]!r}")
        assert answer.status == 200 or messages, (operation, content)
    assert not wrong, "\n".join(f"{where}: {what}" for where, what in wrong.items())
    assert server.graphql(server.admin, "query V { viewer { username } }")
    assert "Traceback" not in "".join(server.log)


def test_pages_of_any_kind_of_entity_are_pages(own_server: Server) -> None:
    query = """query($e: String) { entity(name: $e) { id organization { id } projects { edges { node { id } } }
      artifactCollections { totalCount } artifactMemberships { totalCount } } }"""
    for entity in ("admin", "main", "registrum-org", "nobody"):
        status, body = own_server.ask(own_server.admin, query, e=entity)
        assert status == 200, (entity, body)


def test_a_sample_of_nasty_values_gets_clear_answers(own_server: Server) -> None:
    everything = list(operations(bound_schema().schema))
    check(own_server, random.Random().sample(everything, SAMPLE))


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_nasty_value_everywhere_gets_a_clear_answer(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    environ = {"REGISTRUM_LOG_LEVEL": "warning"}
    if database == "postgres":
        url = request.getfixturevalue("postgres_url")
        environ |= {"REGISTRUM_DATABASE_URL": url, "REGISTRUM_SECRET_KEY": "s" * 40}
        upgrade(url)
    with running(tmp_path / "data", tmp_path / "admin", environ=environ) as live:
        furnish(live)
        check(live, list(operations(bound_schema().schema)))
