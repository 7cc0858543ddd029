"""Variables of a cached document become what graphql-core makes of them."""

from typing import Any

import pytest
from graphql import build_schema, get_variable_values, parse
from graphql.execution.values import VariableValues

from registrum.server.graphql.arguments import Variables

SCHEMA = build_schema("""
enum Kind { FULL PATCH }
input Part { number: Int! md5: String! }
input Tree { name: ID! kind: Kind = FULL parts: [Part!] rows: [[Int]] below: [Tree!] next: Tree exact: Boolean }
input Either @oneOf { left: String right: Part }
type Query { take(trees: [Tree!]!, either: Either): Int }
""")
OPERATION = parse(
    "query($trees: [Tree!]!, $either: Either) { take(trees: $trees, either: $either) }"
)
PART = {"number": 1, "md5": "a"}


@pytest.mark.parametrize(
    "given",
    [
        {"trees": []},
        {"trees": {"name": "one, not in a list"}},
        {"trees": [{"name": "a"}, {"name": 7, "kind": "PATCH", "exact": None}]},
        {"trees": [{"name": "a", "parts": [PART, PART], "rows": [[1, None], None, 3]}]},
        {"trees": [{"name": "a", "next": {"name": "b", "below": [{"name": "c"}]}}]},
        {"trees": [], "either": {"left": "a"}},
        {"trees": [], "either": {"right": PART}},
        {"trees": [], "either": {"left": "a", "right": PART}},
        {"trees": [], "either": {"left": None}},
        {"trees": None},
        {"trees": [None]},
        {"trees": ["a"]},
        {"trees": [{}]},
        {"trees": [{"name": None}]},
        {"trees": [{"name": "a", "surplus": 1}]},
        {"trees": [{"name": "a", "kind": "NONE"}]},
        {"trees": [{"name": "a", "exact": "true"}]},
        {"trees": [{"name": "a", "parts": [None]}]},
        {"trees": [{"name": "a", "parts": [{"number": 1.5, "md5": "a"}]}]},
        {"trees": [{"name": "a", "next": {"name": "b", "below": [{"kind": "FULL"}]}}]},
    ],
)
def test_variables_are_coerced_as_graphql_core_does(given: dict[str, Any]) -> None:
    declared = OPERATION.definitions[0].variable_definitions  # type: ignore[attr-defined]
    expected = get_variable_values(SCHEMA, declared, given)
    found = Variables(SCHEMA, declared).coerce(given)
    if isinstance(expected, VariableValues):
        assert found is not None
        assert found.coerced == expected.coerced
    else:
        assert found is None
