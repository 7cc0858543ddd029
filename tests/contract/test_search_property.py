"""Any filter in any order, paged at any size, gives what plain Python gives, on both databases."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.actors import Actor
from registrum.core.filters import Filter, parse_filter
from registrum.core.pages import page_ask
from registrum.core.policy import Action
from registrum.server.db import (
    Database,
    collection_pages,
    membership_pages,
    open_database,
    run_search,
    version_grids,
    version_plans,
)
from registrum.server.db import collections as collection_rows
from registrum.server.db import entities as entity_rows
from registrum.server.db import projects as project_rows
from registrum.server.db import registries as registry_rows
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.migrations import upgrade
from registrum.server.db.registries import ProjectsAsk
from registrum.server.db.run_search import RunsAsk
from tests.contract import catalogue, run_catalogue
from tests.contract.catalogue import (
    ANN,
    GUS,
    ORGANIZATION,
    REGISTRIES,
    RESTRICTED,
    START,
    STEP,
    Catalogue,
)
from tests.searching import conditions_on, filters_of, matches, times, understood, walked

Walk = tuple[list[int], set[int | None]]
EXAMPLES = [12, pytest.param(250, marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def stocked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[tuple[Database, Catalogue]]":
    """A database with the catalogue in it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("search") / "registrum.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        url, dropped = f"sqlite:///{path}", None
    else:
        cluster = request.getfixturevalue("postgres")
        url = cluster.database_like("migrated", upgrade)
        dropped = cluster.drop
    database = open_database(url)
    made = database.write(ANN, catalogue.fill)
    made.runs = database.write(ANN, run_catalogue.fill)
    if request.param == "postgres":
        cluster.analyze(url)
    yield database, made
    database.close()
    if dropped is not None:
        dropped(url)


TEXTS = st.sampled_from(catalogue.TEXTS)
MOMENTS = st.tuples(st.integers(-1, 21), st.sampled_from([0, 0, 1, 500_000])).map(
    lambda at: (
        datetime.fromtimestamp(START // 1_000_000 + at[0] * STEP, UTC)
        .replace(microsecond=at[1])
        .isoformat()
    )
)
NUMBERS = st.sampled_from(catalogue.NUMBERS)
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans())
COUNTS = st.integers(-1, 12)


def one_of(*names: str) -> Any:
    return st.sampled_from(names)


def on(names: Any, values: Any, kind: str) -> Any:
    return names.flatmap(lambda name: conditions_on(name, values, kind))


PROJECT_CONDITIONS = st.one_of(
    on(one_of("id", "project_id"), st.integers(1, 24), "number"),
    on(st.just("name"), st.sampled_from(["wandb-registry-5", "wandb-registry-22"]), "text"),
    on(one_of("name", "description"), TEXTS, "text"),
    on(st.just("entity_id"), st.integers(0, 2), "number"),
    on(st.just("visibility"), one_of("organization", "restricted"), "text"),
    on(one_of("created_at", "updated_at"), MOMENTS, "moment"),
)
COLLECTION_CONDITIONS = st.one_of(
    on(one_of("id", "collection_id", "artifact_collection_id"), st.integers(0, 61), "number"),
    on(one_of("name", "collection_name", "artifact_collection_name"), TEXTS, "text"),
    on(one_of("tag", "tags"), st.sampled_from([*catalogue.TAGS, "none"]), "text"),
    on(st.just("description"), TEXTS, "text"),
    on(st.just("type"), one_of("type0", "type1"), "text"),
    on(st.just("project_id"), st.integers(1, 24), "number"),
    on(one_of("created_at", "updated_at"), MOMENTS, "moment"),
)
PATHS = (
    *("score", "deep.er", "deep.list", "nested", "nested.x", "many", "long", 'quo"te é%'),
    "missing",
)
VERSION_CONDITIONS = st.one_of(
    on(one_of("id", "artifact_id"), st.integers(0, 301), "number"),
    on(one_of("version", "version_index"), st.integers(0, 301), "number"),
    on(st.just("version"), st.integers(0, 301).map("v{}".format), "number"),
    on(one_of("tag", "tags"), st.sampled_from([*catalogue.TAGS, "none"]), "text"),
    on(one_of("alias", "aliases"), st.sampled_from([*catalogue.ALIASES, "none"]), "text"),
    on(one_of("size", "artifact_size"), COUNTS, "number"),
    on(one_of("created_at", "artifact_created_at"), MOMENTS, "moment"),
    on(one_of("linked_at", "acm_created_at"), MOMENTS, "moment"),
    on(one_of("updated_at", "artifact_updated_at"), MOMENTS, "moment"),
    on(one_of("description", "digest", "collection_name", "state"), TEXTS, "text"),
    on(st.just("artifact_collection_name"), TEXTS, "text"),
    on(st.just("state"), one_of("committed", "COMMITTED", "deleted"), "text"),
    on(st.just("type"), one_of("type0", "type1"), "text"),
    on(one_of("collection_id", "artifact_collection_id"), st.integers(0, 61), "number"),
    on(st.just("project_id"), st.integers(1, 24), "number"),
    on(one_of("metadata", "artifact_metadata"), SCALARS, "document"),
    on(st.sampled_from(PATHS).map("metadata.{}".format), SCALARS, "document"),
    on(st.sampled_from(PATHS).map("artifact_metadata.{}".format), SCALARS, "document"),
)

SETTINGS = [
    f"config.{path}"
    for path in (*run_catalogue.SETTINGS, *run_catalogue.SETTINGS.values(), "missing")
]
RESULTS = [
    f"{name}.{path}"
    for path in (*run_catalogue.RESULTS, "missing")
    for name in ("summary_metrics", "summaryMetrics", "summary")
]
RUN_CONDITIONS = st.one_of(
    on(st.just("id"), st.integers(0, 121), "number"),
    on(one_of("name", "description", "notes", "commit", "host", "sweep"), TEXTS, "text"),
    on(one_of("display_name", "displayName", "group", "job_type", "jobType"), TEXTS, "text"),
    on(st.just("state"), st.sampled_from(run_catalogue.STATES), "text"),
    on(one_of("tag", "tags"), st.sampled_from([*catalogue.TAGS, "none"]), "text"),
    on(one_of("user", "username"), one_of("ann", "gus", "none"), "text"),
    on(one_of("created_at", "createdAt", "updated_at", "updatedAt"), MOMENTS, "moment"),
    on(one_of("heartbeat_at", "heartbeatAt"), MOMENTS, "moment"),
    on(one_of("history_line_count", "historyLineCount"), COUNTS, "number"),
    on(st.sampled_from(SETTINGS), SCALARS, "document"),
    on(st.sampled_from(RESULTS), SCALARS, "document"),
)

OWN_NAMES = {
    **{"collection_id": "id", "artifact_collection_id": "id"},
    **{"collection_name": "name", "artifact_collection_name": "name", "tags": "tag"},
}
PROJECT_NAMES = {"project_id": "id"}
VERSION_NAMES = {
    **{"artifact_id": "id", "version_index": "version", "tags": "tag", "aliases": "alias"},
    **{"artifact_size": "size", "artifact_created_at": "created_at", "acm_created_at": "linked_at"},
    "artifact_metadata": "metadata",
    "artifact_updated_at": "updated_at",
    "artifact_collection_id": "collection_id",
    "artifact_collection_name": "collection_name",
}
RUN_NAMES = {
    **{"tags": "tag", "displayName": "display_name", "jobType": "job_type", "username": "user"},
    **{"createdAt": "created_at", "updatedAt": "updated_at", "heartbeatAt": "heartbeat_at"},
    **{"summaryMetrics": "summary_metrics", "summary": "summary_metrics"},
    "historyLineCount": "history_line_count",
}


def expected(
    records: Mapping[int, Mapping[str, Any]], filter_: Filter | None, order: str
) -> list[int]:
    """Ids of what fits, in order."""
    found = [number for number, record in records.items() if matches(filter_, record)]
    name = order[1:]
    return sorted(
        found,
        key=lambda number: (0 if name == "own" else records[number][name][0], number),
        reverse=order[0] == "-",
    )


def seen_by(actor: Actor, records: Mapping[int, Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """What that actor may see."""
    restricted = actor is GUS
    return {
        number: record
        for number, record in records.items()
        if (record["project_id"][0] == RESTRICTED) is restricted
    }


VERSION_ORDERS = {
    "created_at": "created_at",
    "artifact_created_at": "created_at",
    "acm_created_at": "linked_at",
    "linked_at": "linked_at",
    "artifact_size": "size",
    "size": "size",
    "version_index": "version",
    "version": "version",
    "id": "own",
}
COLLECTION_ORDERS = {
    **{"name": "name", "created_at": "created_at", "updated_at": "updated_at"},
    "id": "own",
}
SIGNS = st.sampled_from(["+", "-"])
SIZES = st.sampled_from([7, 40, 1000])
# Small limits make the planner take every way in a small catalogue.
LIMITS = ("FEW_ROWS", "MOST_VISITED", "MOST_IN_SET", "MANY_EARLY")
# And these, every way by cells of time.
GRID_LIMITS = ("OUT_OF_TURN", "MOST_RECENT", "MOST_OLDER", "MOST_CELLS")
GRIDS = st.sampled_from(
    [
        (0, 4_000, 4_000, 1_000),
        (30, 4_000, 4_000, 1_000),
        (0, 40, 4_000, 1_000),
        (0, 4_000, 3, 1_000),
        (0, 4_000, 4_000, 2),
        (20_000, 4_000, 4_000, 1_000),
    ]
)
PLANS = st.sampled_from(
    [
        (1_000, 4_000, 20_000, 40),
        (0, 1_000, 1_000, 40),
        (0, 0, 1_000, 40),
        (0, 0, 0, 40),
        (0, 0, 0, 0),
    ]
)


def maybe(conditions: Any) -> Any:
    return st.one_of(st.just({}), filters_of(conditions))


def parsed(*asked: Any) -> list[Filter | None]:
    return [parse_filter(json.dumps(each)) for each in asked]


def fitting(
    records: Mapping[int, Mapping[str, Any]],
    filter_: Filter | None,
    names: Mapping[str, str] = OWN_NAMES,
) -> set[int]:
    """Numbers of the collections, or by other names the registries, that a filter holds for."""
    wanted = understood(filter_, names)
    return {number for number, record in records.items() if matches(wanted, record)}


def plan_by(patch: pytest.MonkeyPatch, plan: Sequence[int], grid: Sequence[int] = ()) -> None:
    for name, limit in zip(LIMITS, plan, strict=True):
        patch.setattr(version_plans, name, limit)
    for name, limit in zip(GRID_LIMITS, grid, strict=False):
        patch.setattr(version_grids, name, limit)


def versions_found(database: Database, actor: Actor, size: int, **ask: Any) -> Walk:
    """The versions of the organization, page by page."""
    with database.read(actor) as tx:
        return walked(
            lambda page: membership_pages.page_of_organization(
                tx, Action.READ, ORGANIZATION, VersionsAsk(page, **ask)
            ),
            size,
        )


def check(
    walk: Walk, records: Mapping[int, Mapping[str, Any]], wanted: Filter | None, order: str
) -> None:
    """What was found is what fits, in order; and so many it was said to be, on each page that said it."""
    ids, totals = walk
    assert ids == expected(records, wanted, order)
    assert totals == {len(ids)}


@pytest.mark.parametrize("examples", EXAMPLES)
def test_versions_of_an_organization(
    stocked: tuple[Database, Catalogue], examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = stocked

    @times(examples)
    @given(
        actor=st.sampled_from([ANN, GUS]),
        asked=maybe(VERSION_CONDITIONS),
        in_collections=maybe(COLLECTION_CONDITIONS),
        in_projects=maybe(PROJECT_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(sorted(VERSION_ORDERS))),
        size=SIZES,
        plan=PLANS,
    )
    def agree(actor, asked, in_collections, in_projects, order, size, plan):
        plan_by(monkeypatch, plan)
        filter_, of_collections, of_projects = parsed(asked, in_collections, in_projects)
        lines = fitting(made.collections, of_collections)
        registries = fitting(made.projects, of_projects, PROJECT_NAMES)
        records = {
            number: record
            for number, record in seen_by(actor, made.versions).items()
            if record["line"][0] in lines and record["project_id"][0] in registries
        }
        found = versions_found(
            database,
            actor,
            size,
            filter=filter_,
            collection_filter=of_collections,
            project_filter=of_projects,
            order="".join(order),
        )
        wanted = understood(filter_, VERSION_NAMES)
        check(found, records, wanted, order[0] + VERSION_ORDERS[order[1]])

    agree()


SPANS = st.tuples(MOMENTS, MOMENTS).map(lambda ends: {"$gte": min(ends), "$lt": max(ends)})
INDEXED = st.one_of(
    st.fixed_dictionaries({"created_at": SPANS}),
    st.sampled_from(("$gt", "$lte")).flatmap(
        lambda op: st.fixed_dictionaries({"created_at": st.fixed_dictionaries({op: MOMENTS})})
    ),
    st.fixed_dictionaries({"tag": st.sampled_from(catalogue.TAGS)}),
    st.fixed_dictionaries({"metadata.deep.list": st.fixed_dictionaries({"$gte": NUMBERS})}),
    st.fixed_dictionaries({"metadata.score": st.fixed_dictionaries({"$lt": NUMBERS})}),
    st.fixed_dictionaries({"metadata.nested": TEXTS}),
)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_versions_newest_first_by_cells_of_time(
    stocked: tuple[Database, Catalogue], examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = stocked

    @times(examples)
    @given(
        actor=st.sampled_from([ANN, GUS]),
        parts=st.lists(INDEXED, min_size=1, max_size=3),
        registry=st.sampled_from([None, 5, 7, RESTRICTED]),
        size=st.sampled_from([3, 7, 40]),
        plan=PLANS.filter(lambda plan: plan[0] == 0),
        grid=GRIDS,
    )
    def agree(actor, parts, registry, size, plan, grid):
        plan_by(monkeypatch, plan, grid)
        filter_, of_projects = parsed({"$and": parts}, {"id": registry} if registry else {})
        records = {
            number: record
            for number, record in seen_by(actor, made.versions).items()
            if registry in (None, record["project_id"][0])
        }
        found = versions_found(database, actor, size, filter=filter_, project_filter=of_projects)
        check(found, records, understood(filter_, VERSION_NAMES), "-linked_at")

    agree()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_versions_of_a_collection(
    stocked: tuple[Database, Catalogue], examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, made = stocked

    @times(examples)
    @given(
        line=st.integers(1, 60),
        asked=maybe(VERSION_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(sorted(VERSION_ORDERS))),
        size=st.sampled_from([2, 100]),
        plan=PLANS,
    )
    def agree(line, asked, order, size, plan):
        plan_by(monkeypatch, plan)
        (filter_,) = parsed(asked)
        actor = GUS if made.collections[line]["project_id"] == [RESTRICTED] else ANN
        with database.read(actor) as tx:
            collection = collection_rows.get_for(tx, Action.READ, line).thing
            found = walked(
                lambda page: membership_pages.page_of_collection(
                    tx,
                    Action.READ,
                    collection,
                    VersionsAsk(page, filter=filter_, order="".join(order)),
                ),
                size,
            )
        records = {n: record for n, record in made.versions.items() if record["line"] == [line]}
        wanted = understood(filter_, VERSION_NAMES)
        check(found, records, wanted, order[0] + VERSION_ORDERS[order[1]])

    agree()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_collections_of_an_organization(stocked: tuple[Database, Catalogue], examples: int) -> None:
    database, made = stocked

    @times(examples)
    @given(
        actor=st.sampled_from([ANN, GUS]),
        asked=maybe(COLLECTION_CONDITIONS),
        in_projects=maybe(PROJECT_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(sorted(COLLECTION_ORDERS))),
        size=SIZES,
    )
    def agree(actor, asked, in_projects, order, size):
        filter_, of_projects = parsed(asked, in_projects)
        registries = fitting(made.projects, of_projects, PROJECT_NAMES)
        records = {
            number: record
            for number, record in seen_by(actor, made.collections).items()
            if record["project_id"][0] in registries
        }
        with database.read(actor) as tx:
            found = walked(
                lambda page: collection_pages.page_of_organization(
                    tx,
                    Action.READ,
                    ORGANIZATION,
                    CollectionsAsk(
                        page, filter_, of_projects, ("portfolio",), order="".join(order)
                    ),
                ),
                size,
            )
        wanted = understood(filter_, OWN_NAMES)
        check(found, records, wanted, order[0] + COLLECTION_ORDERS[order[1]])

    agree()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_collections_of_a_registry_and_of_its_type(
    stocked: tuple[Database, Catalogue], examples: int
) -> None:
    database, made = stocked

    @times(examples)
    @given(
        registry=st.sampled_from(sorted(REGISTRIES)),
        is_of_type=st.booleans(),
        asked=maybe(COLLECTION_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(sorted(COLLECTION_ORDERS))),
        size=st.sampled_from([1, 3, 100]),
    )
    def agree(registry, is_of_type, asked, order, size):
        (filter_,) = parsed(asked)
        actor = GUS if registry == RESTRICTED else ANN
        with database.read(actor) as tx:
            project = project_rows.by_ids(tx, Action.READ, [registry])[registry]

            def page(ask):
                ask = CollectionsAsk(ask, filter_, order="".join(order))
                if is_of_type:
                    return collection_pages.page_of_type(tx, Action.READ, project, registry, ask)
                return collection_pages.page_of_project(tx, Action.READ, project, ask)

            found = walked(page, size)
        records = {n: r for n, r in made.collections.items() if r["project_id"] == [registry]}
        wanted = understood(filter_, OWN_NAMES)
        check(found, records, wanted, order[0] + COLLECTION_ORDERS[order[1]])

    agree()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_registries_of_an_organization(stocked: tuple[Database, Catalogue], examples: int) -> None:
    database, made = stocked

    @times(examples)
    @given(
        actor=st.sampled_from([ANN, GUS]),
        asked=maybe(PROJECT_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(sorted(COLLECTION_ORDERS))),
        size=st.sampled_from([1, 4, 100]),
    )
    def agree(actor, asked, order, size):
        (filter_,) = parsed(asked)
        with database.read(actor) as tx:
            owner = entity_rows.by_ids(tx, [1])[1]
            found = walked(
                lambda page: registry_rows.page_of_registries(
                    tx, Action.READ, owner, ProjectsAsk(page, filter_, "".join(order))
                ),
                size,
            )
        records = {
            number: record
            for number, record in made.projects.items()
            if (number == RESTRICTED) is (actor is GUS)
        }
        wanted = understood(filter_, PROJECT_NAMES)
        check(found, records, wanted, order[0] + COLLECTION_ORDERS[order[1]])

    agree()


FIRST = datetime.fromtimestamp(START // 1_000_000, UTC)
SECONDS = [(FIRST + timedelta(seconds=STEP * n)).isoformat() for n in range(20)]


# What few random filters happen to ask for.
@pytest.mark.parametrize("field", ["created_at", "updated_at"])
@pytest.mark.parametrize(
    "condition",
    [
        *({op: second} for op in ("$eq", "$lte", "$gt", "$gte", "$lt") for second in SECONDS[4:7]),
        {"$in": SECONDS[:8]},
        {"$eq": [SECONDS[3]]},
        {"$exists": True},
        {"$size": 0},
        None,
    ],
)
def test_times_for_certain(stocked: tuple[Database, Catalogue], field: str, condition: Any) -> None:
    agree_on(stocked, {field: condition})


@pytest.mark.parametrize("part", ["a", "A", "b", "B", "É", "é", ""])
def test_case_counts_for_certain(stocked: tuple[Database, Catalogue], part: str) -> None:
    agree_on(stocked, {"description": {"$contains": part}})
    agree_on(stocked, {"description": {"$regex": part}})
    agree_on(stocked, {"tag": {"$contains": part}})


@pytest.mark.parametrize("count", range(4))
def test_counts_for_certain(stocked: tuple[Database, Catalogue], count: int) -> None:
    for field in ("tag", "description", "id", "type"):
        agree_on(stocked, {field: {"$size": count}})


def agree_on(stocked: tuple[Database, Catalogue], asked: Any) -> None:
    """What is asked of collections and of versions is found, newest first."""
    database, made = stocked
    (filter_,) = parsed(asked)
    with database.read(ANN) as tx:
        ask = CollectionsAsk(page_ask(1_000, None), filter_, kinds=("portfolio",))
        page = collection_pages.page_of_organization(tx, Action.READ, ORGANIZATION, ask)
    found = [node.id for node in page.nodes]
    wanted = understood(filter_, OWN_NAMES)
    assert found == expected(seen_by(ANN, made.collections), wanted, "-own")
    ids, _ = versions_found(database, ANN, 1_000, filter=filter_)
    wanted = understood(filter_, VERSION_NAMES)
    assert ids == expected(seen_by(ANN, made.versions), wanted, "-linked_at")


DATES = [
    f"2023-11-{day:02}T{hour:02}:{minute:02}:00Z"
    for day in range(14, 28)
    for hour in range(24)
    for minute in (0, 20, 40)
][:1_000]
MANY_TEXTS = [f"t{i}" for i in range(498)]


@pytest.mark.parametrize(
    "asked",
    [
        {"created_at": {"$in": DATES}},
        {"updated_at": {"$nin": DATES}},
        {"tag": {"$all": ["a", *MANY_TEXTS]}},
        {"tag": {"$not": {"$all": ["a", *MANY_TEXTS]}}},
        {"tag": ["a", *MANY_TEXTS]},
        {"tag": {"$ne": ["a", *MANY_TEXTS]}},
        {"$and": [{"tag": {"$ne": text}} for text in MANY_TEXTS]},
        {"$and": [{"$not": {"description": {"$regex": f"t{i}$"}}} for i in range(500)]},
        {"$or": [{"description": {"$regex": f"t{i}.*a"}} for i in range(499)] + [{"tag": "a"}]},
        {"$or": [{"$and": [{"id": i}, {"tag": "a"}]} for i in range(250)]},
        {"$nor": [{"id": {"$gt": i, "$lt": i + 2}} for i in range(250)]},
    ],
)
def test_filters_as_large_as_may_be(stocked: tuple[Database, Catalogue], asked: Any) -> None:
    agree_on(stocked, asked)


def test_a_thousand_values_of_metadata(stocked: tuple[Database, Catalogue]) -> None:
    database, made = stocked
    for asked in (
        {"metadata.score": {"$in": [*range(800), *MANY_TEXTS[:200]]}},
        {"metadata.deep.list": {"$all": [1, *MANY_TEXTS[:99]]}},
        {"metadata.deep.list": [0, 1, *MANY_TEXTS[:98]]},
        {"$or": [{f"metadata.p{i}": i} for i in range(99)] + [{"metadata.score": 3}]},
    ):
        (filter_,) = parsed(asked)
        ids, _ = versions_found(database, ANN, 1_000, filter=filter_)
        assert ids == expected(
            seen_by(ANN, made.versions), understood(filter_, VERSION_NAMES), "-linked_at"
        )


RUN_ORDERS = [
    *("created_at", "createdAt", "heartbeat_at", "updated_at"),
    *("name", "display_name", "group", "job_type", *SETTINGS, *RESULTS),
]


def run_key(record: Mapping[str, Any], name: str, *, descending: bool) -> tuple[Any, ...]:
    """What a run is sorted by: numbers, then texts, then those without the value; the other way round, each of these too."""
    root, dot, path = name.partition(".")
    name = f"{RUN_NAMES.get(root, root)}{dot}{path}"
    (value,) = record.get(name) or [None]
    if name in ("heartbeat_at", "updated_at"):
        return (record["created_at"][0] if value is None else value,)
    no_text = "" if descending else "\U0010ffff"
    if isinstance(value, str):
        value = value[:200]
    if not path:
        return (no_text if value is None else value,)
    no_number = -1.7e308 if descending else 1.7e308
    if isinstance(value, str):
        return (no_number, value)
    return (no_number if value is None else value, no_text)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_runs_of_a_project(stocked: tuple[Database, Catalogue], examples: int) -> None:
    database, made = stocked

    @times(examples)
    @given(
        asked=maybe(RUN_CONDITIONS),
        order=st.tuples(SIGNS, st.sampled_from(RUN_ORDERS)),
        size=SIZES,
    )
    def agree(asked, order, size):
        with database.read(ANN) as tx:
            project = project_rows.by_ids(tx, Action.READ, [run_catalogue.PROJECT])[1]
            ids, totals = walked(
                lambda page: run_search.page_of_runs(
                    tx, Action.READ, project, RunsAsk(page, json.dumps(asked), "".join(order))
                ),
                size,
            )
        wanted = understood(parse_filter(json.dumps(asked)), RUN_NAMES)
        is_down = order[0] == "-"
        fitting = [number for number, record in made.runs.items() if matches(wanted, record)]
        assert ids == sorted(
            fitting,
            key=lambda number: (run_key(made.runs[number], order[1], descending=is_down), number),
            reverse=is_down,
        )
        assert totals == {len(ids)}

    agree()
