"""CPU of pages of search at a million versions: `python -m benchmarks.search URL` on a database made by `benchmarks.populate`.

Times are CPU milliseconds a page, the least and the median of several runs: of the database layer alone, in this process; or,
with `--served`, of a whole server that is asked as the client asks (a SQLite file must then be named `registrum.sqlite`, as
in a data folder). With PostgreSQL its own server's are not in them.

With `--served`, each request of ours is followed by a hundred that bare Starlette answers with one indexed query, and their
CPU stands beside ours: the speed of the machine in that moment. The last number is the median divided by theirs, times 0.10 ms,
which such a request takes on the machine of the budgets.

Before anything is measured, every shape has been asked several times as everybody it is measured for: a process that has just
started takes two to three times as long, and the first shapes would be charged for it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import orjson
from wandb.sdk.artifacts._generated.operations import (
    REGISTRY_COLLECTIONS_GQL,
    REGISTRY_VERSIONS_GQL,
)

from benchmarks import bare
from benchmarks.served import SECRET_KEY, SYSTEM, Client, Served, serving
from registrum.core.actors import Actor
from registrum.core.filters import parse_filter
from registrum.core.memberships import Wants
from registrum.core.pages import page_ask
from registrum.core.policy import Action
from registrum.server.db import Database, collection_pages, membership_pages, open_database
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.tables import api_keys
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import Secrets

ORGANIZATION = 1
ACTORS = {
    "admin": Actor(1, "admin"),
    "member": Actor(2, "member"),
    "of 200 teams": Actor(3, "many"),
    "guest of the restricted registry": Actor(4, "guest"),
}
ONE = {"name": "wandb-registry-r3"}
FULL = Wants(aliases=True, tags=True)
BUDGETS_BARE_MS = 0.10
"""CPU of a bare request on the machine of the budgets (docs/performance.md)."""
BARE = 100
"""Bare requests behind each of ours."""
WARMING = 5
"""Times that every shape is asked before it is measured."""

VERSIONS: dict[str, dict[str, Any]] = {
    "of the organization": {},
    "of a registry": {"projects": ONE},
    "by alias production": {"filter": {"alias": "production"}},
    "by alias latest": {"filter": {"alias": "latest"}},
    "by tag, 10 %": {"filter": {"tag": "common"}},
    "by tag, 0.5 %": {"filter": {"tag": "uncommon"}},
    "by tag, 0.005 %": {"filter": {"tag": "rare"}},
    "by tag, 0.5 %, of a registry": {"filter": {"tag": "uncommon"}, "projects": ONE},
    "accuracy > 0.9": {"filter": {"metadata.accuracy": {"$gt": 0.9}}},
    "accuracy > 0.9, of a registry": {
        "filter": {"metadata.accuracy": {"$gt": 0.9}},
        "projects": ONE,
    },
    "accuracy in 1 %": {"filter": {"metadata.accuracy": {"$gte": 0.5, "$lt": 0.51}}},
    "accuracy in 0.3 %": {"filter": {"metadata.accuracy": {"$gte": 0.5, "$lt": 0.503}}},
    "accuracy in 0.1 %": {"filter": {"metadata.accuracy": {"$gte": 0.5, "$lt": 0.501}}},
    "accuracy in 0.001 %": {"filter": {"metadata.accuracy": {"$gte": 0.5, "$lt": 0.50001}}},
    "framework = jax": {"filter": {"metadata.framework": "jax"}},
    "framework = jax, of a registry": {"filter": {"metadata.framework": "jax"}, "projects": ONE},
    "run = run-500": {"filter": {"metadata.run": "run-500"}},
    "jax, accuracy > 0.99": {
        "filter": {"metadata.framework": "jax", "metadata.accuracy": {"$gt": 0.99}}
    },
    "created in an hour": {
        "filter": {"created_at": {"$gte": "2023-11-16T00:00:00Z", "$lt": "2023-11-16T01:00:00Z"}}
    },
    "rows > 0, of a registry that has none": {
        "filter": {"metadata.rows": {"$gt": 0}},
        "projects": ONE,
    },
    "framework = none, of a registry": {"filter": {"metadata.framework": "none"}, "projects": ONE},
    "created in a day": {
        "filter": {"created_at": {"$gte": "2023-11-16T00:00:00Z", "$lt": "2023-11-17T00:00:00Z"}}
    },
    "created in a day, of a registry": {
        "filter": {"created_at": {"$gte": "2023-11-16T00:00:00Z", "$lt": "2023-11-17T00:00:00Z"}},
        "projects": ONE,
    },
    "linked in an hour": {
        "filter": {"linked_at": {"$gte": "2023-11-16T00:00:00Z", "$lt": "2023-11-16T01:00:00Z"}}
    },
    "newest artifact first": {"order": "-artifact_created_at"},
    "largest first": {"order": "-artifact_size"},
    "largest first, of a registry": {"order": "-artifact_size", "projects": ONE},
    "largest first, by tag 10 %": {"order": "-artifact_size", "filter": {"tag": "common"}},
    "of one collection by name": {"collections": {"name": "model-7919-1"}},
    "of collections with a tag": {"collections": {"tag": "featured"}},
    "of collections by substring": {"collections": {"name": {"$contains": "-791"}}},
}
COLLECTIONS: dict[str, dict[str, Any]] = {
    "of the organization": {},
    "of a registry": {"projects": ONE},
    "by substring, few": {"filter": {"name": {"$contains": "-7919-"}}},
    "by substring, many": {"filter": {"name": {"$contains": "-1"}}},
    "by substring, few, of a registry": {
        "filter": {"name": {"$contains": "-7919-"}},
        "projects": ONE,
    },
    "by tag, 5 %": {"filter": {"tag": "featured"}},
    "by tag, rare": {"filter": {"tag": "rare"}},
    "by regex": {"filter": {"name": {"$regex": "^model-1.*9$"}}},
    "by name": {"order": "+name"},
    "newest first": {"order": "-created_at"},
    "last changed first": {"order": "-updated_at"},
}


class Taken(NamedTuple):
    """CPU milliseconds of several runs, those that a bare request took behind each, and what the last run gave."""

    ms: list[float]
    bare_ms: list[float]
    found: tuple[int, int | None]

    @property
    def line(self) -> str:
        """For people."""
        shown, total = self.found
        of = "" if total is None else f"of {total:,}"
        times = f"{min(self.ms):7.2f} {median(self.ms):7.2f} ms  {shown:4} {of:9}"
        if not self.bare_ms:
            return times
        bare_ms = median(self.bare_ms)
        return f"{times} bare {bare_ms:5.2f}: {median(self.ms) / bare_ms * BUDGETS_BARE_MS:6.2f}"


def taken(
    work: Callable[[], tuple[int, int | None]],
    clock: Callable[[], float],
    bare_ms: Callable[[], float] | None,
) -> Taken:
    """Runs the work several times, with bare requests between where there are any."""
    found, times, between, began = work(), list[float](), list[float](), time.perf_counter()
    for _ in range(15):
        before = clock()
        found = work()
        times.append((clock() - before) * 1000)
        if bare_ms:
            between.append(bare_ms())
        if time.perf_counter() - began > 4:
            break
    return Taken(times, between, found)


@contextmanager
def bare_requests() -> Iterator[Callable[[], float]]:
    """What sends bare requests and tells the CPU milliseconds of one; its cold first ones are not counted."""
    with tempfile.TemporaryDirectory() as scratch, bare.serving(Path(scratch)) as (served, act):

        def ms() -> float:
            for _ in range(BARE // 5):
                act()
            before = served.cpu_s()
            for _ in range(BARE):
                act()
            return (served.cpu_s() - before) * 1000 / BARE

        yield ms


def _filter(asked: dict[str, Any], name: str) -> Any:
    return parse_filter(json.dumps(asked[name])) if name in asked else None


class Layer:
    """Asks the database layer in this process."""

    clock = staticmethod(time.process_time)

    def __init__(self, database: Database, actor: Actor) -> None:
        self.database = database
        self.actor = actor

    def versions(self, asked: dict[str, Any]) -> tuple[int, int | None]:
        """How many there are on a page of versions, and in all if that was asked."""
        page = self._versions(asked)
        return len(page.nodes), page.total_count

    def second(self) -> dict[str, Any]:
        """What asks for the second page."""
        return {"after": self._versions({}).end_cursor}

    def _versions(self, asked: dict[str, Any]) -> Any:
        ask = VersionsAsk(
            page_ask(100, asked.get("after")),
            FULL,
            _filter(asked, "filter"),
            _filter(asked, "collections"),
            _filter(asked, "projects"),
            asked.get("order"),
        )
        with self.database.read(self.actor) as tx:
            return membership_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask)

    def collections(self, asked: dict[str, Any]) -> tuple[int, int | None]:
        """The same of a page of collections; their count is always asked, as the client does."""
        ask = CollectionsAsk(
            page_ask(100, asked.get("after"), with_total=True),
            _filter(asked, "filter"),
            _filter(asked, "projects"),
            ("portfolio",),
            asked.get("order"),
        )
        with self.database.read(self.actor) as tx:
            page = collection_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask)
        return len(page.nodes), page.total_count


class Asking:
    """Asks a server by the client's documents."""

    def __init__(self, served: Served, key: str) -> None:
        self.clock = served.cpu_s
        self.client = Client(served, key)

    def versions(self, asked: dict[str, Any]) -> tuple[int, int | None]:
        """See `Layer.versions`."""
        return len(self._versions(asked)["edges"]), None

    def second(self) -> dict[str, Any]:
        """See `Layer.second`."""
        return {"after": self._versions({})["pageInfo"]["endCursor"]}

    def _versions(self, asked: dict[str, Any]) -> Any:
        return self._ask(REGISTRY_VERSIONS_GQL, "artifactMemberships", asked, "artifactFilter")

    def collections(self, asked: dict[str, Any]) -> tuple[int, int | None]:
        """See `Layer.collections`."""
        page = self._ask(REGISTRY_COLLECTIONS_GQL, "artifactCollections", asked, "collectionFilter")
        return len(page["edges"]), page["totalCount"]

    def _ask(self, document: str, field: str, asked: dict[str, Any], filters: str) -> Any:
        names = {"filter": filters, "collections": "collectionFilter", "projects": "registryFilter"}
        given = {names[n]: json.dumps(asked[n]) for n in names if n in asked}
        request = self.client.body(
            document,
            {
                "organization": "Big",
                "perPage": 100,
                "cursor": asked.get("after"),
                "order": asked.get("order"),
                **given,
            },
        )
        return orjson.loads(self.client.send(request))["data"]["organization"]["orgEntity"][field]


def _add_key(tx: Tx, row: dict[str, Any]) -> None:
    tx.run(api_keys.insert().values(**row, created_at=tx.now))


@contextmanager
def asking(url: str) -> Iterator[Callable[[Actor], Asking]]:
    """A server on the database, and what asks it as somebody; his key is a new one."""
    secrets, keys = Secrets([SECRET_KEY.encode()]), {}
    database = open_database(url)
    for actor in ACTORS.values():
        new = keys[actor] = secrets.new_key()
        row = {"user_id": actor.user_id, "secret_hash": new.digest, "mask": new.mask}
        database.write(SYSTEM, partial(_add_key, row=row))
    database.close()
    with tempfile.TemporaryDirectory() as scratch:
        is_file = url.startswith("sqlite")
        folder = Path(url.removeprefix("sqlite:///")).parent if is_file else Path(scratch, "data")
        folder.mkdir(exist_ok=True)
        with serving(folder, None if is_file else url) as served:
            yield lambda actor: Asking(served, keys[actor].secret)


@contextmanager
def in_process(url: str) -> Iterator[Callable[[Actor], Layer]]:
    """What asks the database layer as somebody."""
    database = open_database(url)
    yield partial(Layer, database)
    database.close()


def main() -> None:
    """Measures every shape that has a given text in its name."""
    options = argparse.ArgumentParser("python -m benchmarks.search", description=__doc__)
    options.add_argument("url")
    options.add_argument("only", nargs="?", default="", help="a part of the shape's name")
    options.add_argument("--served", action="store_true", help="through a server")
    given = options.parse_args()
    with (asking if given.served else in_process)(given.url) as ask_as:
        asked = [each for who in ACTORS for each in _shapes(who, ask_as) if given.only in each[0]]
        for _ in range(WARMING):
            for _, work, _ in asked:
                work()
        with bare_requests() if given.served else nullcontext() as bare_ms:
            for name, work, clock in asked:
                print(f"{name:64} {taken(work, clock, bare_ms).line}", flush=True)


def _shapes(
    who: str, ask_as: Callable[[Actor], Layer | Asking]
) -> Iterator[tuple[str, Callable[[], tuple[int, int | None]], Callable[[], float]]]:
    """All that is asked as somebody: its name, what asks it, and whose CPU that takes."""
    ask = ask_as(ACTORS[who])
    for what, asked in {**VERSIONS, "second page": ask.second()}.items():
        yield f"versions {what}, {who}", partial(ask.versions, asked), ask.clock
    for what, asked in COLLECTIONS.items():
        yield f"collections {what}, {who}", partial(ask.collections, asked), ask.clock


if __name__ == "__main__":
    main()
