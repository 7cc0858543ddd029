"""The search language as values: what is understood, what is refused, and with which words."""

import json

import pytest

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Either, Every, Negation, parse_filter

THERE = Compare("a", "$exists", True)


@pytest.mark.parametrize(
    ("document", "filter_"),
    [
        ({"a": 1}, Compare("a", "$eq", 1)),
        ({"a": {"$ne": "x"}}, Negation(Compare("a", "$eq", "x"))),
        ({"a": None}, Negation(THERE)),
        ({"a": {"$ne": None}}, Negation(Negation(THERE))),
        ({"a": ["x", "y"]}, Compare("a", "$is", ("x", "y"))),
        ({"a": {"$in": [1, None]}}, Either((Compare("a", "$in", (1,)), Negation(THERE)))),
        ({"a": {"$in": []}}, Either(())),
        ({"a": {"$nin": ["x"]}}, Negation(Compare("a", "$in", ("x",)))),
        (
            {"a": {"$all": ["x", "y"]}},
            Every((Compare("a", "$eq", "x"), Compare("a", "$eq", "y"))),
        ),
        ({"a": {"$all": []}}, Either(())),
        ({"a": {"$exists": False}}, Negation(THERE)),
        (
            {"a": {"$gt": 1, "$lt": 3}, "b": True},
            Every(
                (
                    Every((Compare("a", "$gt", 1), Compare("a", "$lt", 3))),
                    Compare("b", "$eq", True),
                )
            ),
        ),
        ({"a": {"$not": {"$gt": 1}}}, Negation(Compare("a", "$gt", 1))),
        ({"$not": {"a": 1}}, Negation(Compare("a", "$eq", 1))),
        ({"$nor": [{"a": 1}]}, Negation(Either((Compare("a", "$eq", 1),)))),
        ({"$and": [{"a": 1}, {}]}, Every((Compare("a", "$eq", 1), Every(())))),
    ],
)
def test_a_document_becomes_a_filter(document, filter_):
    assert parse_filter(json.dumps(document)) == filter_


@pytest.mark.parametrize("text", [None, "", "null", "{}"])
def test_nothing_is_no_filter(text):
    assert parse_filter(text) is None


def nested(depth):
    document = {"a": 1}
    for _ in range(depth):
        document = {"$not": document}
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "JSON object"),
        ("x", "JSON object"),
        ({"$xor": [{"a": 1}]}, "$and, $or, $nor and $not"),
        ({"a": {"$near": 1}}, "$contains, $regex"),
        ({"a": {"b": 1}}, "metadata.accuracy"),
        ({"a": {}}, "object of operators"),
        ({"$or": []}, "one or more"),
        ({"$or": {"a": 1}}, "one or more"),
        ({"a": {"$in": 3}}, "takes a list"),
        ({"a": {"$gt": None}}, "texts, numbers"),
        ({"a": {"$gt": [1]}}, "texts, numbers"),
        ({"a": {"$in": [[1]]}}, "texts, numbers"),
        ({"a": {"$exists": 1}}, "true or false"),
        ({"a": {"$size": -1}}, "whole number"),
        ({"a": {"$size": True}}, "whole number"),
        ({"a": {"$contains": 1}}, "takes a text"),
        ({"a": {"$regex": 1}}, "takes a text"),
        ({"a": 2**63}, "too large"),
        ({"a": "\x00"}, "character"),
        ({"a": "\ud800"}, "character"),
        ({"a": "x" * 4097}, "4096 bytes"),
        ({"a": {"$in": [0] * 1001}}, "1000 items"),
        ({"$and": [{"a": i} for i in range(501)]}, "500 conditions"),
        ({"a": {"$all": list(range(501))}}, "500 conditions"),
        ({"a": {"$eq": [0] * 300}, "b": {"$ne": [0] * 201}}, "500 conditions"),
        ({"a": float("nan")}, "cannot hold NaN"),
        ({"a": {"$gt": -float("inf")}}, "cannot hold -Infinity"),
        (nested(32), "32 levels"),
        ({"a": ["y" * 4000] * 17}, "65536 bytes"),
    ],
)
def test_what_is_not_of_the_language_is_refused_with_what_is(document, words):
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(json.dumps(document))
    assert words in refusal.value.message
    assert refusal.value.status == 400


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', '{"a": 1e999}', "[" * 5000, '{"a": Infinity}'])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(InvalidFilter):
        parse_filter(text)


def test_the_limits_themselves_are_allowed():
    assert parse_filter(json.dumps(nested(31)))
    assert parse_filter(json.dumps({"a": {"$in": list(range(1000))}}))
    assert parse_filter(json.dumps({"$and": [{"a": i} for i in range(500)]}))
    assert parse_filter(json.dumps({"a": {"$all": list(range(500))}}))
