"""CPU of pages of search at a million versions: `python -m benchmarks.search URL` on a database made by `benchmarks.populate`.

Times are CPU milliseconds of this process a page, the least and the median of several runs; with PostgreSQL its own server's
are not in them. Beside them the same, corrected by what a loop of known cost took around each run.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from registrum.core.actors import Actor
from registrum.core.filters import parse_filter
from registrum.core.memberships import Wants
from registrum.core.pages import page_ask
from registrum.core.policy import Action
from registrum.server.db import Database, collection_pages, membership_pages, open_database
from registrum.server.db import collections as collection_rows
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.membership_pages import VersionsAsk

ORGANIZATION = 1
ACTORS = {
    "admin": Actor(1, "admin"),
    "member": Actor(2, "member"),
    "of 200 teams": Actor(3, "many"),
    "guest of the restricted registry": Actor(4, "guest"),
}
ONE = {"name": "wandb-registry-r3"}
FULL = Wants(aliases=True, tags=True)
YEAR = "2023-11-14T22:13:20+00:00"

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


LOOP_MS = 2.9
"""Of `loop_ms`, where nothing else runs on the core: Python 3.11 on the machine whose times docs/search.md has."""


def loop_ms() -> float:
    """The CPU time of a loop that always does the same."""
    before, x = time.process_time(), 0
    for i in range(60_000):
        x += i * i
    return (time.process_time() - before) * 1000


@dataclass(frozen=True)
class Times:
    """CPU milliseconds of the runs of one thing, as measured and corrected."""

    raw: list[float]
    corrected: list[float]


def cpu_ms(work: Callable[[], Any]) -> tuple[Times, Any]:
    """CPU times of several runs, and what the last one gave."""
    found, times, began = work(), Times([], []), time.perf_counter()
    for _ in range(12):
        around = loop_ms()
        before = time.process_time()
        found = work()
        took = (time.process_time() - before) * 1000
        slowness = max((around + loop_ms()) / 2 / LOOP_MS, 1)
        times.raw.append(took)
        times.corrected.append(took / slowness)
        if time.perf_counter() - began > 4:
            break
    return times, found


def _filter(asked: dict[str, Any], name: str) -> Any:
    return parse_filter(json.dumps(asked[name])) if name in asked else None


def versions(database: Database, actor: Actor, asked: dict[str, Any], first: int = 100) -> Any:
    """A page of versions."""
    ask = VersionsAsk(
        page_ask(first, asked.get("after")),
        FULL,
        _filter(asked, "filter"),
        _filter(asked, "collections"),
        _filter(asked, "projects"),
        asked.get("order"),
    )
    with database.read(actor) as tx:
        return membership_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask)


def collections(database: Database, actor: Actor, asked: dict[str, Any]) -> Any:
    """A page of collections, with their count, as the client asks."""
    ask = CollectionsAsk(
        page_ask(100, asked.get("after"), with_total=True),
        _filter(asked, "filter"),
        _filter(asked, "projects"),
        ("portfolio",),
        asked.get("order"),
    )
    with database.read(actor) as tx:
        return collection_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask)


def of_collection(database: Database, actor: Actor, *, with_total: bool) -> Any:
    """A page of one collection's versions; it is found first."""
    with database.read(actor) as tx:
        ask = VersionsAsk(page_ask(1, None), project_filter=parse_filter(json.dumps(ONE)))
        one = membership_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask).nodes[0]
        collection = collection_rows.get_for(tx, Action.READ, one.collection.id).thing
        ask = VersionsAsk(page_ask(100, None, with_total=with_total), FULL)
        return membership_pages.page_of_collection(tx, Action.READ, collection, ask)


def report(what: str, times: Times, page: Any) -> None:
    """One line: least and median as measured, the same corrected, and what was found."""
    count = "" if page.total_count is None else f"of {page.total_count:,}"
    ms = " ".join(f"{min(each):7.2f} {median(each):7.2f}" for each in (times.raw, times.corrected))
    print(f"{what:64} {ms} ms  {len(page.nodes):4} {count}", flush=True)


def main(url: str, only: str) -> None:
    """Measures every shape that has `only` in its name."""
    database = open_database(url)
    for who, actor in ACTORS.items():
        for what, asked in VERSIONS.items():
            if only in (name := f"versions {what}, {who}"):
                report(name, *cpu_ms(partial(versions, database, actor, asked)))
        second = {"after": versions(database, actor, {}).end_cursor}
        if only in (name := f"versions, second page, {who}"):
            report(name, *cpu_ms(partial(versions, database, actor, second)))
        for what, asked in COLLECTIONS.items():
            if only in (name := f"collections {what}, {who}"):
                report(name, *cpu_ms(partial(collections, database, actor, asked)))
    report(
        "versions of one collection, counted",
        *cpu_ms(lambda: of_collection(database, ACTORS["member"], with_total=True)),
    )
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
