"""What one GraphQL request may ask: hostile documents are refused with 400, quickly, and the clients' own pass."""

from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.execution import Engine
from registrum.server.graphql.fitting import build
from registrum.server.graphql.limits import Limits
from registrum.server.graphql.scalars import SCALARS

SDL = """
scalar JSON
type Query { node: Node  nodes(first: Int = 20, after: String): [Node!]!  take(value: JSON, names: [String!]): Int }
type Node { id: ID! next: Node nodes(first: Int): [Node!]! }
"""


def engine() -> Engine:
    query, node = Root("Query"), Type("Node", reads={"next": lambda _: None})

    @query.field("node")
    def resolve_node(_: None, info: Info) -> Any:
        return {"id": "1"}

    @query.field("nodes")
    def resolve_nodes(_: None, info: Info, first: int, after: str | None) -> Any:
        return [{"id": str(number)} for number in range(min(first, 3))]

    @query.field("take")
    def resolve_take(_: None, info: Info, value: Any, names: list[str] | None) -> int:
        return 1

    @node.field("nodes")
    def resolve_nodes_of(_: Any, info: Info, first: int | None) -> Any:
        return []

    return Engine(build([SDL], [query, node, *SCALARS]))


def chain(count: int, link: str) -> str:
    return " ".join(link.replace("NEXT", str(i + 1)).replace("THIS", str(i)) for i in range(count))


BOMB = chain(30, "fragment FTHIS on Node { a: next { ...FNEXT } b: next { ...FNEXT } }")
SPREADS = chain(30, "fragment FTHIS on Node { ...FNEXT ...FNEXT }")
LONG_CHAIN = chain(1500, "fragment FTHIS on Node { ...FNEXT }")

TOO_COMPLEX = {
    "200 levels": "{ node " + "{ next " * 200 + "{ id }" + "}" * 200 + "}",
    "200 levels, unbalanced": "{" * 200,
    "nested lists": "{ take(value: " + "[" * 200 + "]" * 200 + ") }",
    "levels hidden in fragments": "{ node { ...F0 } } "
    + chain(60, "fragment FTHIS on Node { next { ...FNEXT } }")
    + "fragment F60 on Node { id }",
    "fragments doubling": "{ node { ...F0 } } " + BOMB + " fragment F30 on Node { id }",
    "spreads doubling": "{ node { ...F0 } } " + SPREADS + " fragment F30 on Node { id }",
    "doubling where nothing uses it": "{ node { id } } " + SPREADS + " fragment F30 on Node { id }",
    "a chain of 1,500 fragments": "{ node { ...F0 } } " + LONG_CHAIN + "fragment F1500 on Node { id }",
    "a fragment in itself": "{ node { ...F } } fragment F on Node { next { ...F } }",
    "many aliases": "{" + " ".join(f"a{i}: node {{ id }}" for i in range(2000)) + "}",
    "the schema many times": "{" + " ".join(f"a{i}: __schema {{ types {{ name }} }}" for i in range(3)) + "}",
    "one field many times": "{" + "node { id } " * 1000 + "}",
    "one field many times through fragments": "{ node { ...A ...A2 } } "
    + "fragment A on Node {" + "next { id } " * 30 + "} fragment A2 on Node {" + "next { id } " * 30 + "}",
    "a long text": "{ node { id } } #" + "x" * 300_000,
    "a long text of wide characters": "{ node { id } } #" + "é" * 150_000,
    "a large page": "{ nodes(first: 10001) { id } }",
    "a negative page": "{ nodes(first: -1) { id } }",
    "a huge page": "{ nodes(first: 99999999999999999999) { id } }",
    "pages of pages": "{ nodes(first: 1000) { nodes(first: 1000) { id next { id } } } }",
    "pages of pages of unstated size": "{ nodes { nodes { nodes { nodes { nodes { id } } } } } }",
}  # fmt: skip


@pytest.mark.parametrize("text", TOO_COMPLEX.values(), ids=TOO_COMPLEX.keys())
def test_what_is_too_complex_is_refused(text: str) -> None:
    subject = engine()
    answer = subject.execute(text, None, None, None)
    assert answer.status == 400
    assert orjson.loads(answer.body)["errors"][0]["extensions"]["code"] in (
        "query_too_complex",
        "invalid",
    )


@pytest.mark.parametrize("quotes", ['"""', '"', '"\\', '\\"""', '""" ', "#\n"])
def test_unclosed_strings_and_comments_are_scanned_once(quotes: str) -> None:
    subject = engine()
    text = '{ take(value: """' + quotes * (250_000 // len(quotes))
    assert subject.execute(text, None, None, None).status == 400


def test_brackets_inside_of_strings_and_comments_do_not_count() -> None:
    text = (
        '{ take(value: "'
        + "{" * 100
        + '") # '
        + "{" * 100
        + '\n x: take(value: """'
        + "[" * 100
        + '""") }'
    )
    assert engine().execute(text, None, None, None).status == 200


def test_page_sizes_in_variables_count() -> None:
    subject = engine()
    text = "query($n: Int = 5, $m: Int) { nodes(first: $n) { nodes(first: $m) { id } } }"
    assert subject.execute(text, {"n": 100, "m": 100}, None, None).status == 200
    assert subject.execute(text, {"m": 10_001}, None, None).status == 400
    assert subject.execute(text, {"n": 10_000, "m": 1_000}, None, None).status == 400


def test_variables_have_a_bounded_depth() -> None:
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"a": [deep]}
    answer = engine().execute("query($v: JSON) { take(value: $v) }", {"v": deep}, None, None)
    assert answer.status == 400
    shallow = {"v": {"a": [{"b": {}}] * 5000}}
    assert (
        engine().execute("query($v: JSON) { take(value: $v) }", shallow, None, None).status == 200
    )


def test_introspection_passes() -> None:
    text = get_introspection_query(descriptions=True, input_value_deprecation=True)
    assert engine().execute(text, None, "IntrospectionQuery", None).status == 200


def test_limits_are_settable() -> None:
    query = Root("Query")
    query.field("a")(lambda _, info: 1)
    subject = Engine(build(["type Query { a: Int }"], [query]), Limits(text_bytes=20))
    assert subject.execute("{ a }", None, None, None).status == 200
    assert subject.execute("{ a }" + " " * 20, None, None, None).status == 400
