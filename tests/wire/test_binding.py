"""Binders and SDL must fit, or the server does not start."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest

from registrum.server.graphql.binding import (
    Abstract,
    Binding,
    BindingError,
    Enumeration,
    Info,
    Root,
    Type,
)
from registrum.server.graphql.fitting import build, snake_case

SDL = [
    "type Query { thing(name: String!, clientID: ID): Thing  named: Named }",
    "interface Named { fullName: String! }",
    "type Thing implements Named { fullName: String! sizeBytes: Int mood: Mood tags(first: Int): [String!]! }",
    "enum Mood { HAPPY SAD }",
    "extend type Thing { extra: Int }",
]


@dataclass
class Thing:
    full_name: str
    size_bytes: int
    mood: Any
    extra: int


class Mood(Enum):
    HAPPY = 1
    SAD = 2


class Weather(Enum):
    SUN = 1


def resolve_thing(_: None, info: Info, name: str, client_id: str | None) -> Thing:
    return Thing(name, 1, Mood.SAD, 2)


def bindings(**replaced: Any) -> list[Binding]:
    query = Root("Query")
    query.field("thing")(replaced.get("resolver", resolve_thing))
    if "named" not in replaced:
        query.field("named")(lambda _, info: None)
    reads = {"tags": lambda value, args: ["a", "b"][: args["first"]]}
    thing = Type("Thing", reads=replaced.get("reads", reads), value=Thing)
    abstract = Abstract("Named", type_of=lambda value: "Thing")
    return [
        query,
        thing,
        *replaced.get("more", [abstract]),
        Enumeration("Mood", replaced.get("mood", Mood)),
    ]


def test_what_fits_is_built() -> None:
    assert ("Thing", "tags") in build(SDL, bindings()).data
    assert ("Query", "thing") not in build(SDL, bindings()).data


ABSTRACT = Abstract("Named", type_of=lambda value: "Thing")
MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"named": None}, "Query.named is in the SDL, but not bound."),
    ({"more": []}, "Query.named returns Named, which has no Abstract binder."),
    ({"reads": {}}, "Thing.tags takes arguments"),
    ({"reads": {"tags": "tags"}}, "Thing has no attribute 'tags'"),
    ({"reads": {"tags": lambda t: [], "sizeBytes": lambda t, a: 1}}, "the field has none"),
    (
        {"reads": {"tags": lambda t: [], "colour": "x"}},
        "Thing.colour is bound, but not in the SDL.",
    ),
    (
        {"more": [ABSTRACT, Type("Thing", reads={"tags": lambda t: []})]},
        "Thing.tags is bound twice.",
    ),
    ({"more": [ABSTRACT, Type("Nothing")]}, "Nothing is no object type of the SDL."),
    ({"more": [ABSTRACT, ABSTRACT]}, "Named is bound twice."),
    ({"resolver": lambda _, info, name: None}, "does not take 'client_id'"),
    ({"resolver": lambda _, info, name, client_id, more: None}, "takes 'more'"),
    ({"mood": Weather}, "Weather has no member HAPPY."),
]


@pytest.mark.parametrize(("replaced", "message"), MISFITS, ids=[m for _, m in MISFITS])
def test_what_does_not_fit_is_named(replaced: dict[str, Any], message: str) -> None:
    with pytest.raises(BindingError, match=message.replace(".", r"\.")):
        build(SDL, bindings(**replaced))


def test_a_field_is_bound_once_in_a_module() -> None:
    query = Root("Query")
    query.field("thing")(resolve_thing)
    with pytest.raises(BindingError):
        query.field("thing")(resolve_thing)


@pytest.mark.parametrize(
    ("wire", "python"),
    [
        ("entityName", "entity_name"),
        ("artifactID", "artifact_id"),
        ("rampIDType", "ramp_id_type"),
        ("md5", "md5"),
        ("from", "from_"),
        ("directUrl", "direct_url"),
        ("ttlDurationSeconds", "ttl_duration_seconds"),
    ],
)
def test_names_of_the_wire_in_python(wire: str, python: str) -> None:
    assert snake_case(wire) == python
