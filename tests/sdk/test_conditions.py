"""Filters and orders go over the wire as W&B's client sends them, and are refused where it refuses them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from wandb.apis.public.registries.registries_search import (
    _AdvancedVersionsVars,
    _CollectionsVars,
    _RegistriesVars,
)

from registrum.sdk.conditions import (
    COLLECTIONS,
    COLLECTIONS_OF_VERSIONS,
    REGISTRIES,
    REGISTRIES_OF_VERSIONS,
    SORTABLE,
    VERSION_TIMES,
    VERSIONS,
    filter_text,
    of_registries,
    order_text,
)

REGISTRY_FILTERS: list[dict[str, Any]] = [
    {},
    {"name": "a"},
    {"name": "wandb-registry-a"},
    {"name": {"$in": ["a", "wandb-registry-b"]}},
    {"name": {"$regex": "^a"}},
    {"name": {"$not": {"$regex": "^a"}}},
    {"name": {"$not": {"$eq": "a"}}},
    {"name": {"$contains": "a", "$ne": "b"}},
    {"$or": [{"name": "a"}, {"$and": [{"name": {"$gte": "b"}}]}]},
    {"$not": {"name": "a"}},
    {"$nor": [{"name": "a"}, {"id": 3}]},
    {"id": 3, "name": {"$nin": ["a"]}},
    {"colour": "red"},
    {"$or": [{"name": "a"}, {"colour": "red"}]},
    {"$not": {"colour": "red"}},
]
COLLECTION_FILTERS: list[dict[str, Any]] = [
    {"name": "a", "tag": "b"},
    {"id": "x"},
    {"collection_id": 4},
    {"$or": [{"tag": {"$in": ["a", "b"]}}, {"name": {"$regex": "x"}}]},
    {"alias": "a"},
]
VERSION_FILTERS: list[dict[str, Any]] = [
    {"alias": "best"},
    {"aliases": "best", "tags": {"$in": ["a"]}},
    {"$or": [{"tag": "a"}, {"created_at": {"$gt": "2026-01-01"}}]},
    {"metadata.score.top": {"$gte": 0.5}, "artifact_metadata.x": {"$exists": True}},
    {"version_index": 3, "linked_at": {"$lt": "2026-01-01"}},
    {"tag": "a", "tags": "b"},
    {"artifact_size": {"$gt": 1000}},
    {"description": "a"},
    {"metadata": {"$exists": False}},
]


def theirs(make: Any, name: str) -> Any:
    try:
        return json.loads(make().model_dump()[name])
    except ValidationError:
        return ValueError


def ours(make: Any) -> Any:
    try:
        return json.loads(make())
    except ValueError:
        return ValueError


@pytest.mark.parametrize("given", REGISTRY_FILTERS, ids=str)
def test_a_filter_of_registries(given: dict[str, Any]) -> None:
    wanted = theirs(lambda: _RegistriesVars(organization="o", filters=given), "filters")
    assert ours(lambda: filter_text(of_registries(given), REGISTRIES)) == wanted
    wanted = theirs(
        lambda: _AdvancedVersionsVars(organization="o", registry_filter=given), "registryFilter"
    )
    assert ours(lambda: filter_text(of_registries(given), REGISTRIES_OF_VERSIONS)) == wanted


@pytest.mark.parametrize("given", COLLECTION_FILTERS, ids=str)
def test_a_filter_of_collections(given: dict[str, Any]) -> None:
    wanted = theirs(
        lambda: _CollectionsVars(organization="o", collection_filter=given), "collectionFilter"
    )
    assert ours(lambda: filter_text(given, COLLECTIONS)) == wanted
    wanted = theirs(
        lambda: _AdvancedVersionsVars(organization="o", collection_filter=given),
        "collectionFilter",
    )
    assert ours(lambda: filter_text(given, COLLECTIONS_OF_VERSIONS)) == wanted


@pytest.mark.parametrize("given", VERSION_FILTERS, ids=str)
def test_a_filter_of_versions(given: dict[str, Any]) -> None:
    wanted = theirs(
        lambda: _AdvancedVersionsVars(organization="o", artifact_filter=given), "artifactFilter"
    )
    assert ours(lambda: filter_text(given, VERSIONS)) == wanted


@pytest.mark.parametrize(
    "given",
    [
        "name",
        "+name",
        "-name",
        "created_at",
        "linked_at",
        "-artifact_size",
        "*name",
        "",
        "3",
        "a b",
        "name\n",
    ],
)
def test_an_order(given: str) -> None:
    for make, fields in (
        (lambda: _RegistriesVars(organization="o", order=given), SORTABLE),
        (lambda: _AdvancedVersionsVars(organization="o", order=given), VERSION_TIMES),
    ):
        try:
            wanted = make().model_dump()["order"]
        except ValidationError:
            with pytest.raises(ValueError):
                order_text(given, fields)
        else:
            assert order_text(given, fields) == wanted


def test_a_filter_may_hold_times_sets_and_tuples() -> None:
    then = datetime(2026, 1, 2, tzinfo=UTC)
    given = {"created_at": {"$gt": then}, "tag": {"$in": ("a",)}, "name": {"$in": {"b"}}}
    assert json.loads(filter_text(given, None) or "") == {
        "created_at": {"$gt": "2026-01-02T00:00:00+00:00"},
        "tag": {"$in": ["a"]},
        "name": {"$in": ["b"]},
    }


@pytest.mark.parametrize("given", ["name", 3, [{"name": "a"}]])
def test_what_is_no_filter_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="A filter is a dict"):
        filter_text(given, VERSIONS)


@pytest.mark.parametrize(
    "given", [{"alias": {"$near": 3}}, {"alias": {"$in": 3}}, {"$some": []}, {"$or": {}}], ids=str
)
def test_an_operator_that_there_is_not_is_refused_at_once(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\$"):
        filter_text(given, VERSIONS)
