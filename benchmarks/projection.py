"""Milliseconds from domain values to JSON bytes: a page of 100 versions (about 8,800 fields), and one look-up.

Run: `python -m benchmarks.projection`. Measures the engine alone: no database, no HTTP.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from registrum.core import ids
from registrum.server.graphql.binding import Abstract, Info, Root, Type
from registrum.server.graphql.execution import Engine
from registrum.server.graphql.fitting import build
from registrum.server.graphql.scalars import SCALARS

SDL = """
scalar DateTime
scalar JSONString
enum State { PENDING COMMITTED DELETED }
type Query {
  memberships(first: Int! = 100): Connection
  membership(alias: String!): Membership
}
type Connection { edges: [Edge!]! pageInfo: PageInfo! totalCount: Int! }
type PageInfo { endCursor: String hasNextPage: Boolean! }
type Edge { node: Membership cursor: String! }
type Membership {
  id: ID! versionIndex: Int createdAt: DateTime! aliases: [Alias!]! artifactCollection: Collection artifact: Artifact
}
type Alias { id: ID! alias: String! artifactCollection: Collection }
interface Collection { id: ID! name: String! description: String project: Project }
type Sequence implements Collection { id: ID! name: String! description: String project: Project }
type Portfolio implements Collection { id: ID! name: String! description: String project: Project }
type Project { id: ID! internalId: ID! name: String! entity: Entity! }
type Entity { id: ID! name: String! organization: Organization }
type Organization { name: String! }
type Kind { name: String! }
type Tag { id: ID! name: String! }
type Artifact {
  id: ID! artifactSequence: Sequence versionIndex: Int artifactType: Kind! description: String metadata: JSONString
  ttlDurationSeconds: Int! ttlIsInherited: Boolean! tags: [Tag!]! historyStep: Int state: State! size: Int!
  digest: String! digestAlgorithm: String commitHash: String fileCount: Int! createdAt: DateTime! updatedAt: DateTime
  aliases(first: Int = 50): [Alias!]!
}
"""

FRAGMENTS = """
fragment P on Project { __typename id internalId name entity { name organization { name } } }
fragment C on Collection { __typename name project { ...P } }
fragment A on Artifact {
  __typename id artifactSequence { ...C } versionIndex artifactType { name } description metadata ttlDurationSeconds
  ttlIsInherited tags { __typename id name } historyStep state size digest digestAlgorithm commitHash fileCount
  createdAt updatedAt aliases @include(if: $withAliases) { __typename id alias artifactCollection { ...C } }
}
fragment M on Membership {
  __typename id versionIndex createdAt aliases { __typename id alias } artifactCollection { ...C } artifact { ...A }
}
"""
PAGE = (
    """query Page($first: Int!, $withAliases: Boolean! = true) {
  memberships(first: $first) { totalCount pageInfo { endCursor hasNextPage } edges { cursor node { ...M } } }
}"""
    + FRAGMENTS
)
LOOK_UP = (
    """query One($alias: String!, $withAliases: Boolean! = false) { membership(alias: $alias) { ...M } }"""
    + FRAGMENTS
)


@dataclass(frozen=True, slots=True)
class Project:
    """Stands for a project and its entity."""

    id: int
    name: str
    entity: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Collection:
    """Stands for a collection of either kind."""

    id: int
    name: str
    is_sequence: bool
    project: Project
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """Stands for an alias."""

    id: int
    alias: str
    artifact_collection: Collection


@dataclass(frozen=True, slots=True)
class Artifact:
    """Stands for a version's content."""

    id: int
    artifact_sequence: Collection
    aliases: list[Alias]
    tags: list[dict[str, str]]
    created_at: datetime
    version_index: int = 7
    artifact_type: str = "model"
    description: str | None = "A model that ranks."
    metadata: str = '{"accuracy": 0.93, "epochs": 12}'
    ttl_duration_seconds: int = -2
    ttl_is_inherited: bool = True
    history_step: int | None = None
    state: str = "COMMITTED"
    size: int = 1_234_567
    digest: str = "0123456789abcdef0123456789abcdef"
    digest_algorithm: str = "MANIFEST_MD5"
    commit_hash: str = "fedcba98"
    file_count: int = 12
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """Stands for a version in a collection."""

    id: int
    version_index: int
    created_at: datetime
    aliases: list[Alias]
    artifact_collection: Collection
    artifact: Artifact


def an_id(kind: str) -> Callable[[Any], str]:
    """A reader of global ids."""
    return lambda value: ids.encode(kind, value.id)


def memberships(count: int) -> list[Membership]:
    """Versions of one collection, with two aliases each."""
    entity = {"id": "RTox", "name": "acme-org", "organization": {"name": "Acme"}}
    registry = Project(3, "wandb-registry-model", entity)
    source = Collection(4, "ranker-training", True, Project(5, "ranking", entity))
    collection = Collection(6, "ranker", False, registry)
    when = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    tags = [{"id": "VGFnOjE=", "name": "prod"}]
    return [
        Membership(
            number,
            number,
            when,
            [Alias(number, f"v{number}", collection), Alias(number, "best", collection)],
            collection,
            Artifact(
                number,
                source,
                [Alias(number, "v0", collection), Alias(number, "best", source)],
                tags,
                when,
            ),
        )
        for number in range(count)
    ]


def engine(page: Sequence[Membership]) -> Engine:
    """An engine that serves these versions from memory."""
    query = Root("Query")

    @query.field("memberships")
    def resolve_memberships(_: None, info: Info, first: int) -> dict[str, Any]:
        edges = [{"node": node, "cursor": str(node.id)} for node in page[:first]]
        return {
            "edges": edges,
            "pageInfo": {"endCursor": "x", "hasNextPage": True},
            "totalCount": 500,
        }

    @query.field("membership")
    def resolve_membership(_: None, info: Info, alias: str) -> Membership:
        return page[0]

    return Engine(
        build(
            [SDL],
            [
                query,
                Abstract(
                    "Collection",
                    type_of=lambda c: "Sequence" if c.is_sequence else "Portfolio",
                    reads={"id": an_id("Collection")},
                ),
                Type("Membership", reads={"id": an_id("Membership")}),
                Type("Alias", reads={"id": an_id("Alias")}),
                Type("Project", reads={"id": an_id("Project"), "internalId": an_id("Internal")}),
                Type(
                    "Artifact",
                    reads={
                        "id": an_id("Artifact"),
                        "artifactType": lambda a: {"name": a.artifact_type},
                        "aliases": lambda a, args: a.aliases[: args["first"]],
                    },
                ),
                *SCALARS,
            ],
        )
    )


def milliseconds(act: Callable[[], object], rounds: int) -> float:
    """The median of `rounds` runs, after a warm-up."""
    for _ in range(max(rounds // 10, 2)):
        act()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def fields_in(value: Any) -> int:
    """How many fields a decoded answer has."""
    if isinstance(value, dict):
        return len(value) + sum(map(fields_in, value.values()))
    return sum(map(fields_in, value)) if isinstance(value, list) else 0


def main() -> None:
    """Prints the table."""
    bench = engine(memberships(100))
    page = bench.execute(PAGE, {"first": 100}, "Page", None)
    one = bench.execute(LOOK_UP, {"alias": "best"}, "One", None)
    assert page.status == one.status == 200, (page, one)
    print(f"page: {fields_in(orjson.loads(page.body))} fields, {len(page.body)} bytes")
    took = milliseconds(lambda: bench.execute(PAGE, {"first": 100}, "Page", None), 200)
    print(f"page of 100        {took:8.3f} ms")
    took = milliseconds(lambda: bench.execute(LOOK_UP, {"alias": "best"}, "One", None), 2000)
    print(f"look-up            {took:8.3f} ms  ({fields_in(orjson.loads(one.body))} fields)")
    cold = milliseconds(
        lambda: engine(memberships(1)).execute(LOOK_UP, {"alias": "best"}, "", None), 10
    )
    print(f"new engine, look-up{cold:8.3f} ms  (SDL, bind, parse, validate, compile)")


if __name__ == "__main__":
    main()
