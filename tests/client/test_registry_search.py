"""Search through the real client's `Registries`, `Collections` and `Versions`: every operator, field, order and cursor."""

import json
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
import wandb
from wandb.apis.public.registries import registries_search
from wandb.errors import UnsupportedError
from wandb.sdk.lib.service.service_connection import WandbApiFailedError

from tests.client.whale import ENTITY, ORGANIZATION, TEAM, Whale
from tests.house.sources import ROOT

COUNT = 6


@dataclass
class Found:
    """What is searched: registries find-a and find-b that all see, find-secret for nora.

    Attributes:
        links: of find-a's collection `ranker`, v0 to v5; the source v<n> is of size 10 n + 1.
    """

    world: Whale
    links: list[wandb.Artifact]

    @property
    def mia(self) -> wandb.Api:
        """Her client; all is hers."""
        return self.world.api("mia")

    def versions(self, filter: Any = None, **more: Any) -> Any:
        """Versions of find-a's ranker."""
        collections = self.mia.registry("find-a").collections({"name": "ranker"})
        return collections.versions(filter, **more)


@pytest.fixture(scope="session")
def found(world: Whale) -> Found:
    """Registries, collections and versions with something of everything to ask for."""
    mia = world.api("mia")
    mia.create_registry("find-a", "organization", description="Finds models.")
    mia.create_registry("find-b", "organization")
    secret = mia.create_registry("find-secret", "restricted", description="Hidden.")
    nora = world.api("olga").user("bw-nora")
    assert nora
    secret.add_members(nora)
    links = []
    for i in range(COUNT):
        metadata = {
            "acc": i / 10,
            "epoch": i,
            "name": f"run-{i}",
            "deep": {"er": {"x": i % 2}},
            "list": [i, "every", {"lr": i}],
            "ok": i == 3,
            **({"only": "here"} if i == 2 else {}),
            **({"mixed": i} if i < 3 else {"mixed": str(i)}),
        }
        source = world.log("find", "net", "x" * (10 * i + 1), metadata=metadata)
        if i in (1, 4):
            source.tags = ["prod", "two words"] if i == 1 else ["prod"]
            source.save()
        aliases = ["best"] if i == 4 else [f"a{i}", "shared"] if i < 2 else []
        links.append(source.link("wandb-registry-find-a/ranker", aliases=aliases))
    data = world.log("find", "rows", "rows", artifactTypeName="dataset")
    for target in ("find-a/rows", "find-b/rows", "find-b/Rows %_", "find-secret/rows"):
        data.link(f"wandb-registry-{target}", aliases=["prod"])
    ranker = mia.registry("find-a").collections({"name": "ranker"})[0]
    ranker.tags, ranker.description = ["good", "Two Words"], "Ranks."
    ranker.save()
    rows = mia.registry("find-b").collections({"name": "rows"})[0]
    rows.tags, rows.description = ["good"], ""
    rows.save()
    return Found(world, links)


def numbers(versions: Iterable[wandb.Artifact]) -> list[int]:
    """The version numbers, in the order they came."""
    return [int(version.version[1:]) for version in versions]


BOTH = [
    ({"alias": "best"}, [4]),
    ({"alias": "latest"}, [5]),
    ({"alias": "shared"}, [1]),
    ({"alias": {"$ne": "shared"}}, [5, 4, 3, 2, 0]),
    ({"alias": {"$in": ["best", "a0"]}}, [4, 0]),
    ({"alias": {"$exists": False}}, [3, 2]),
    ({"alias": {"$size": 2}}, [1]),
    ({"alias": {"$all": ["a1", "shared"]}}, [1]),
    ({"tag": "prod"}, [4, 1]),
    ({"tag": {"$all": ["prod", "two words"]}}, [1]),
    ({"tag": {"$nin": ["two words"]}}, [5, 4, 3, 2, 0]),
    ({"tag": {"$contains": "wo w"}}, [1]),
    ({"$or": [{"tag": "two words"}, {"alias": "best"}]}, [4, 1]),
    ({"$nor": [{"tag": "prod"}, {"alias": "latest"}]}, [3, 2, 0]),
    ({"$and": [{"tag": "prod"}, {"$not": {"alias": "best"}}]}, [1]),
    ({"tag": "prod", "alias": "best"}, [4]),
    ({"$not": {"tag": "prod"}}, [5, 3, 2, 0]),
    ({"version": "v3"}, [3]),
    ({"version": 3}, [3]),
    ({"version": {"$gte": 3, "$lt": 5}}, [4, 3]),
    ({"version": {"$in": ["v0", "v5"]}}, [5, 0]),
    ({"metadata.acc": 0.3}, [3]),
    ({"metadata.acc": {"$gt": 0.25}}, [5, 4, 3]),
    ({"metadata.acc": {"$gt": 0.15, "$lte": 0.4}}, [4, 3, 2]),
    ({"metadata.epoch": {"$in": [1, 5]}}, [5, 1]),
    ({"metadata.epoch": 2.0}, [2]),
    ({"metadata.epoch": {"$ne": 2}}, [5, 4, 3, 1, 0]),
    ({"metadata.epoch": {"$not": {"$gte": 2}}}, [1, 0]),
    ({"metadata.name": "run-4"}, [4]),
    ({"metadata.name": {"$contains": "n-4"}}, [4]),
    ({"metadata.name": {"$regex": "^run-[0-2]$"}}, [2, 1, 0]),
    ({"metadata.deep.er.x": 1}, [5, 3, 1]),
    ({"metadata.list": "every"}, [5, 4, 3, 2, 1, 0]),
    ({"metadata.list": 4}, [4]),
    ({"metadata.ok": True}, [3]),
    ({"metadata.ok": {"$ne": True}}, [5, 4, 2, 1, 0]),
    ({"metadata.only": {"$exists": True}}, [2]),
    ({"metadata.only": "here"}, [2]),
    ({"metadata.none": {"$exists": True}}, []),
    ({"metadata.mixed": {"$gte": 1}}, [2, 1]),
    ({"metadata.mixed": "4"}, [4]),
    ({"created_at": {"$gte": "2020-01-01T00:00:00Z"}}, [5, 4, 3, 2, 1, 0]),
    ({"created_at": {"$lt": "2020-01-01"}}, []),
    ({"tag": "nobody"}, []),
    ({}, [5, 4, 3, 2, 1, 0]),
    (None, [5, 4, 3, 2, 1, 0]),
]
ADVANCED = [
    ({"tags": "prod"}, [4, 1]),
    ({"aliases": "best"}, [4]),
    ({"version_index": 2}, [2]),
    ({"artifact_metadata.epoch": {"$lt": 1}}, [0]),
    ({"artifact_size": {"$gt": 35}}, [5, 4]),
    ({"artifact_size": 11}, [1]),
    ({"artifact_created_at": {"$gt": "2020-01-01"}}, [5, 4, 3, 2, 1, 0]),
    ({"linked_at": {"$lt": "2020-01-01"}}, []),
    ({"acm_created_at": {"$gt": "2020-01-01T00:00:00+02:00"}}, [5, 4, 3, 2, 1, 0]),
]


@pytest.mark.parametrize(("filter_", "expected"), [*BOTH, *ADVANCED])
def test_versions_by_every_operator_and_field(
    found: Found, filter_: Any, expected: list[int]
) -> None:
    assert numbers(found.versions(filter_)) == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [*BOTH, ({"updated_at": {"$gt": "2020-01-01"}}, [5, 4, 3, 2, 1, 0])],
)
def test_versions_as_a_client_without_advanced_search_asks(
    found: Found, monkeypatch: pytest.MonkeyPatch, filter_: Any, expected: list[int]
) -> None:
    monkeypatch.setattr(registries_search, "advanced_search_enabled", lambda *_: False)
    assert numbers(found.versions(filter_)) == expected


COMPARED = {
    **{"$eq": operator.eq, "$ne": operator.ne, "$lt": operator.lt},
    **{"$lte": operator.le, "$gt": operator.gt, "$gte": operator.ge},
}


def test_versions_by_times_and_ids_of_one(found: Found) -> None:
    third, links = found.links[3], found.links[::-1]
    for field, shown in (("created_at", third.created_at), ("linked_at", third.linked_at or "")):
        # Times are shown in whole seconds, so that is how they are compared with what was shown.
        times = {int(link.version[1:]): getattr(link, field) for link in links}
        for op, holds in COMPARED.items():
            expected = [number for number, time in times.items() if holds(time, shown)]
            assert numbers(found.versions({field: {op: shown}})) == expected, op
        assert numbers(found.versions({field: {"$in": [shown, "2020-01-01"]}})) == [
            number for number, time in times.items() if time == shown
        ]
        later = (datetime.fromisoformat(shown) + timedelta(hours=3)).isoformat()
        assert numbers(found.versions({field: {"$gte": later}})) == []
    assert numbers(found.versions({"id": third.id})) == [3]
    assert numbers(found.versions({"id": {"$ne": third.id}})) == [5, 4, 2, 1, 0]


@pytest.mark.parametrize(
    "field", ["created_at", "artifact_created_at", "artifact_size", "linked_at"]
)
def test_versions_in_every_order(found: Found, field: str) -> None:
    up, down = [0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]
    for order, expected in ((field, up), (f"+{field}", up), (f"-{field}", down)):
        assert numbers(found.versions(order=order)) == expected
        assert numbers(found.versions(order=order, per_page=1)) == expected
        assert numbers(found.versions({"tag": "prod"}, order=order, per_page=1)) == [
            number for number in expected if number in (1, 4)
        ]


def test_orders_and_fields_that_are_none(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Invalid filter fields: 'colour'"):
        found.versions({"colour": "red"})
    with pytest.raises(ValueError):
        found.versions(order="colour")
    with pytest.raises(ValueError):
        found.versions(per_page=0)
    monkeypatch.setattr(registries_search, "advanced_search_enabled", lambda *_: False)
    with pytest.raises(UnsupportedError, match="Ordering registry versions is not supported"):
        found.versions(order="created_at")


VERSIONS = """query($o: String!, $r: JSONString, $c: JSONString, $f: JSONString, $s: String, $a: String) {
  organization(name: $o) { orgEntity { artifactMemberships(projectFilters: $r, collectionFilters: $c,
    filters: $f, order: $s, after: $a, first: 3) { totalCount edges { node { versionIndex } } } } } }"""


ASKED = """query($o: String!, $f: JSONString) { organization(name: $o) { orgEntity {
  artifactMemberships(filters: $f, first: 3) { edges { node { NODE } } } } } }"""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"f": '{"colour": "red"}'}, ["'colour'", "metadata", "alias", "linked_at"]),
        ({"c": '{"colour": "red"}'}, ["'colour'", "name", "tag", "description"]),
        ({"r": '{"colour": "red"}'}, ["'colour'", "name", "created_at"]),
        ({"f": '{"tag": {"$near": 1}}'}, ["'$near'", "$regex", "$contains"]),
        ({"f": '{"$xor": []}'}, ["'$xor'", "$and", "$or", "$nor"]),
        ({"f": "nope"}, ["not valid JSON"]),
        ({"f": '{"metadata.x": {"$regex": "(?=a)"}}'}, ["(?=a)", "not supported"]),
        ({"f": '{"created_at": {"$gt": "soon"}}'}, ["'soon'"]),
        ({"f": '{"artifact_size": "big"}'}, ["'size'", "'big'"]),
        ({"f": '{"version": {"$contains": "v"}}'}, ["no $contains", "$gte", "$in", "$exists"]),
        ({"f": '{"created_at": {"$regex": "2"}}'}, ["no $regex", "$gte", "$in", "$exists"]),
        ({"f": '{"id": "zzz"}'}, ["'zzz'", "Artifact:1", "number"]),
        ({"f": '{"tag": NaN}'}, ["NaN"]),
        ({"f": '{"metadata.x": 18446744073709551616}'}, ["18446744073709551616", "too large"]),
        ({"f": '{"metadata.x": {"$regex": "(?m)a"}}'}, ["(?i) or (?s)"]),
        ({"s": "colour"}, ["'colour'", "created_at"]),
        ({"a": "nonsense"}, ["cursor"]),
    ],
)
def test_what_cannot_be_asked_is_explained(
    world: Whale, given: dict[str, str], words: list[str]
) -> None:
    status, answer = world.server.ask(world.people["mia"], VERSIONS, o=ORGANIZATION, **given)
    message = answer["errors"][0]["message"]
    assert status == 400, answer
    for word in words:
        assert word in message


def test_an_operator_that_the_client_passes_on_is_explained_in_its_exception(found: Found) -> None:
    with pytest.raises(WandbApiFailedError, match=r"no operator '\$near'.*\$contains"):
        list(found.versions({"tag": {"$near": "x"}}))
    with pytest.raises(WandbApiFailedError, match=r"no operator '\$text'"):
        list(found.mia.registries(filter={"name": {"$text": "x"}}))


def names(things: Iterable[Any]) -> list[str]:
    return [thing.name for thing in things]


OURS = {"$regex": "^wandb-registry-find-"}


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"name": "find-a"}, ["find-a"]),
        ({"name": "wandb-registry-find-a"}, ["find-a"]),
        ({"name": {"$in": ["find-b", "find-a", "no"]}}, ["find-a", "find-b"]),
        ({"name": {"$contains": "find-"}}, ["find-a", "find-b", "find-secret"]),
        ({"name": {"$regex": "find-[ab]$"}}, ["find-a", "find-b"]),
        ({"name": {"$regex": "^find-a"}}, []),
        ({"name": {"$not": {"$eq": "find-a"}}}, ["find-b", "find-secret"]),
        ({"name": {"$ne": "find-a"}}, ["find-b", "find-secret"]),
        ({"name": {"$gt": "find-a", "$lt": "find-c"}}, ["find-b"]),
        ({"description": "Finds models."}, ["find-a"]),
        ({"description": {"$contains": "models"}}, ["find-a"]),
        ({"description": {"$exists": False}}, ["find-b"]),
        ({"created_at": {"$gte": "2020-01-01"}}, ["find-a", "find-b", "find-secret"]),
        ({"updated_at": {"$lt": "2020-01-01"}}, []),
        ({"$or": [{"name": "find-a"}, {"description": "Hidden."}]}, ["find-a", "find-secret"]),
        ({"name": "nobody"}, []),
    ],
)
def test_registries_by_every_field(found: Found, filter_: Any, expected: list[str]) -> None:
    both = {"$and": [filter_, {"name": OURS}]}
    assert sorted(names(found.mia.registries(filter=both))) == expected


def test_registries_in_order_paged_and_resumed(found: Found) -> None:
    api, ours = found.mia, {"name": OURS}
    for order, expected in (
        ("name", ["find-a", "find-b", "find-secret"]),
        ("-name", ["find-secret", "find-b", "find-a"]),
        ("+created_at", ["find-a", "find-b", "find-secret"]),
        ("-created_at", ["find-secret", "find-b", "find-a"]),
        (None, ["find-secret", "find-b", "find-a"]),
    ):
        for size in (1, 2, 100):
            assert names(api.registries(filter=ours, order=order, per_page=size)) == expected
        begun = api.registries(filter=ours, order=order, per_page=2)
        first = names(islice(begun, 2))
        rest = api.registries(filter=ours, order=order, per_page=2, start=begun.cursor)
        assert first + names(rest) == expected
    found_one = api.registry("find-a")
    assert names(api.registries(filter={"$and": [ours, {"id": found_one.id}]})) == ["find-a"]
    assert len(names(api.registries(order="updated_at"))) >= 5
    with pytest.raises(ValueError, match="order"):
        api.registries(order="colour")
    with pytest.raises(ValueError, match="not supported"):
        api.registries(order="name").versions(start="x")


def test_registries_are_found_without_naming_the_organization(world: Whale, found: Found) -> None:
    api = world.new_api("mia")
    api.settings["organization"] = None
    assert names(api.registries(filter={"name": "find-a"})) == ["find-a"]
    assert api.registry("find-a").organization == ORGANIZATION
    for spelled in (ENTITY, ORGANIZATION.lower()):
        assert names(api.registries(spelled, filter={"name": "find-a"})) == ["find-a"]


COLLECTIONS = [
    (None, ["Rows %_", "ranker", "rows", "rows"]),
    ({"name": "rows"}, ["rows", "rows"]),
    ({"name": {"$contains": "ank"}}, ["ranker"]),
    ({"name": {"$contains": "%_"}}, ["Rows %_"]),
    ({"name": {"$regex": "^[rR]ows"}}, ["Rows %_", "rows", "rows"]),
    ({"name": {"$in": ["ranker", "Rows %_"]}}, ["Rows %_", "ranker"]),
    ({"tag": "good"}, ["ranker", "rows"]),
    ({"tag": "Two Words"}, ["ranker"]),
    ({"tag": {"$nin": ["good"]}}, ["Rows %_", "rows"]),
    ({"tag": {"$exists": True}}, ["ranker", "rows"]),
    ({"name": "ranker", "tag": "good"}, ["ranker"]),
    ({"description": "Ranks."}, ["ranker"]),
    ({"description": ""}, ["rows"]),
    ({"description": {"$exists": False}}, ["Rows %_", "rows"]),
    ({"created_at": {"$gt": "2020-01-01"}}, ["Rows %_", "ranker", "rows", "rows"]),
    ({"updated_at": {"$lt": "2020-01-01"}}, []),
    ({"$or": [{"name": "ranker"}, {"tag": "good"}]}, ["ranker", "rows"]),
    ({"$not": {"name": {"$contains": "ows"}}}, ["ranker"]),
    ({"name": "nobody"}, []),
]


@pytest.mark.parametrize(("filter_", "expected"), COLLECTIONS)
def test_collections_by_every_field(found: Found, filter_: Any, expected: list[str]) -> None:
    registries = found.mia.registries(filter={"name": {"$in": ["find-a", "find-b"]}})
    collections = registries.collections(filter_)
    assert len(collections) == len(expected)
    assert sorted(names(collections)) == expected
    small = registries.collections(filter_, per_page=1, order="name")
    assert names(small) == sorted(expected)


def test_collections_in_order_paged_and_resumed(found: Found) -> None:
    registry = found.mia.registry("find-b")
    for order, expected in (
        ("name", ["Rows %_", "rows"]),
        ("-name", ["rows", "Rows %_"]),
        ("created_at", ["rows", "Rows %_"]),
        ("-created_at", ["Rows %_", "rows"]),
        ("updated_at", ["Rows %_", "rows"]),
    ):
        begun = registry.collections(order=order, per_page=1)
        assert names([begun[0]]) == expected[:1]
        assert (len(begun), begun.more) == (2, True)
        # A cursor of a registry found by its id is good for the same one found by name.
        by_name = found.mia.registries(filter={"name": "find-b"})
        rest = by_name.collections(order=order, per_page=1, start=begun.cursor)
        assert names(rest) == expected[1:]
    with pytest.raises(ValueError, match="not supported"):
        found.mia.registries(order="name").collections(start="x")


def test_versions_paged_and_resumed_in_any_size(found: Found) -> None:
    for size in (1, 2, 4, 6, 100):
        assert numbers(found.versions(per_page=size)) == [5, 4, 3, 2, 1, 0]
        begun = found.versions(per_page=size, order="linked_at")
        first = numbers(islice(begun, size))
        if begun.cursor:
            rest = found.versions(per_page=size, order="linked_at", start=begun.cursor)
            assert first + numbers(rest) == [0, 1, 2, 3, 4, 5]
    begun = found.mia.registry("find-a").versions(per_page=3)
    first = [version.qualified_name for version in islice(begun, 3)]
    other = found.mia.registries(filter={"name": "find-a"}).versions(start=begun.cursor)
    assert len({*first, *(version.qualified_name for version in other)}) == COUNT + 1


def test_pages_stay_right_while_versions_come_and_go(world: Whale, found: Found) -> None:
    path = "wandb-registry-find-a/moving"
    sources = [world.log("find", "moving", f"m{i}") for i in range(6)]
    links = [source.link(path) for source in sources[:4]]
    collection = found.mia.registry("find-a").collections({"name": "moving"})
    begun = collection.versions(per_page=2)
    seen = numbers(islice(begun, 2))
    sources[4].link(path)
    links[3].unlink()
    links[1].unlink()
    seen += numbers(islice(begun, 2, None))
    assert seen == [3, 2, 0]
    up = collection.versions(per_page=2, order="linked_at")
    first = numbers(islice(up, 2))
    assert first == [0, 2]
    sources[5].link(path)
    assert [version.version for version in up][-2:] == ["v4", "v5"]
    collection[0].delete()


def test_ordered_registries_and_collections_are_chained(found: Found) -> None:
    api, ours = found.mia, {"name": {"$in": ["find-a", "find-b"]}}
    chained = api.registries(filter=ours, order="-name").collections(order="name")
    assert [(c.project[-1], c.name) for c in chained] == [
        ("b", "Rows %_"),
        ("b", "rows"),
        ("a", "ranker"),
        ("a", "rows"),
    ]
    ordered = api.registries(filter=ours, order="name")
    assert [v.name for v in ordered.versions({"alias": "prod"})] == [
        "rows:v0",
        "Rows %_:v0",
        "rows:v0",
    ]
    by_collection = (
        api.registries(filter=ours).collections(order="-name").versions({"alias": "prod"})
    )
    assert [v.project[-1] for v in by_collection] == ["b", "a", "b"]
    deep = api.registries(filter=ours, order="name").collections({"name": "ranker"}, order="name")
    assert numbers(deep.versions({"tag": "prod"}, order="artifact_size")) == [1, 4]


def test_the_examples_of_the_clients_documentation(found: Found) -> None:
    api = found.mia
    assert names(api.registries(filter={"name": {"$regex": "find-secret"}})) == ["find-secret"]
    assert names(api.registries().collections(filter={"name": "ranker", "tag": "good"})) == [
        "ranker"
    ]
    best = api.registries().collections(filter={"name": {"$regex": "^rank"}})
    assert names(best.versions(filter={"alias": "best"})) == ["ranker:v4"]
    either = api.registries(filter={"name": {"$regex": "find-a"}}).versions(
        filter={"$or": [{"tag": "prod"}, {"alias": "best"}]}
    )
    assert names(either) == ["ranker:v4", "ranker:v1"]


def test_the_examples_of_the_page_about_searching(world: Whale, found: Found) -> None:
    page = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    for shown, here in (("Acme", ORGANIZATION), ("team/training", f"{TEAM}/find")):
        assert shown in code
        code = code.replace(shown, here)
    source = world.log("find", "seen", "seen", metadata={"accuracy": 0.95})
    link = source.link("wandb-registry-model/seen", aliases=["production"])
    collection = found.mia.artifact_collection("model", f"{ENTITY}/wandb-registry-model/seen")
    collection.tags = ["vision"]
    collection.save()
    made: dict[str, Any] = {}
    exec(code, made)
    assert "model" in names(made["models"])
    assert [version.qualified_name for version in made["good"]] == [link.qualified_name]
    assert link.name in names(made["recent"])
    assert names(made["runs"]) == []
    collection.delete()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mia", ["find-a", "find-b", "find-b", "find-secret"]),
        ("nora", ["find-a", "find-b", "find-b", "find-secret"]),
        ("max", ["find-a", "find-b", "find-b"]),
        ("vic", ["find-a", "find-b", "find-b"]),
        ("rae", []),
    ],
)
def test_each_person_finds_what_they_may_see(
    world: Whale, found: Found, name: str, expected: list[str]
) -> None:
    api = world.api(name)
    registries = api.registries(ORGANIZATION, filter={"name": OURS})
    assert sorted(names(registries)) == sorted(set(expected))
    collections = registries.collections({"name": {"$regex": "^[rR]ows"}})
    assert len(collections) == len(expected)
    assert sorted(c.project.removeprefix("wandb-registry-") for c in collections) == expected
    versions = list(registries.versions({"alias": "prod"}, per_page=1))
    assert sorted(v.project.removeprefix("wandb-registry-") for v in versions) == expected
    hides = name not in ("mia", "max")
    assert {v.source_project for v in versions} <= ({""} if hides else {"find"})
    answer = world.ask(
        name,
        VERSIONS,
        o=ORGANIZATION,
        r='{"name": {"$contains": "registry-find-"}}',
        f='{"alias": "prod"}',
    )
    page = answer["organization"]["orgEntity"]["artifactMemberships"]
    assert page["totalCount"] == len(expected)


@pytest.mark.parametrize(
    "place",
    [
        "artifactCollection { HERE }",
        "aliases { artifactCollection { HERE } }",
        "artifact { artifactSequence { HERE } }",
        "artifact { aliases { artifactCollection { HERE } } }",
    ],
)
def test_collections_of_listed_versions_have_what_is_asked_of_them(
    world: Whale, found: Found, place: str
) -> None:
    def listed(here: str) -> str:
        document = ASKED.replace("NODE", place.replace("HERE", here))
        return json.dumps(world.ask("mia", document, o=ORGANIZATION, f='{"alias": "prod"}'))

    assert '"name": "' in listed("name")
    assert '"createdAt": "' in listed("...{ __typename } createdAt")


def test_registries_and_versions_have_no_length_but_a_page_has(found: Found) -> None:
    for paginator in (
        found.mia.registries(filter={"name": OURS}, per_page=2),
        found.versions(per_page=2),
    ):
        with pytest.raises(TypeError):
            len(paginator)
        assert paginator.length is None
        assert paginator[0]
        assert paginator.length == 2
