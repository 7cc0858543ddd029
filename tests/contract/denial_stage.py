"""The server in process on the world of the denial tests, what everybody must be answered, and what is wrong with an answer."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type, is_leaf_type

from registrum.core import ids
from registrum.core.policy import Action
from registrum.server.blobs.disk import DiskStore
from registrum.server.blobs.signing import Urls
from registrum.server.config import Config
from registrum.server.db import Database
from registrum.server.graphql import nouns
from registrum.server.graphql.binding import Root
from registrum.server.graphql.context import Context, Services
from registrum.server.graphql.execution import Engine
from registrum.server.services.commits import Commits
from registrum.server.services.credentials import Secrets
from tests.contract.denial_examples import Example
from tests.contract.denial_needs import Need
from tests.contract.denial_world import (
    FACTS,
    PROJECTS,
    ROLES,
    SECRET,
    World,
)

TOKEN = re.compile(r"q[a-z]+")
EVERYBODY = list(ROLES)
BOUND = nouns.bound_schema()
ENGINE = Engine(BOUND)
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

    def ask(self, who: str | None, example: Example, variables: dict[str, Any]) -> Said:
        """What that person is answered."""
        context = Context(self.services, self.world.actors[who], self.urls, "")
        query = example.query or mutation_document(example.field)
        try:
            status, body = ENGINE.execute(query, variables, None, context)
        finally:
            context.close()
        answer = json.loads(body)
        errors = answer.get("errors") or [{"message": ""}]
        data = (answer.get("data") or {}).get(example.field)
        return Said(status, body.decode(), data, errors[0]["message"])


@cache
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
