"""The documents that this package's own SDK sends fit the server's schema."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from registrum.sdk import operations

SCHEMA = Path(__file__).parents[2] / "src" / "registrum" / "server" / "graphql" / "schema"
MODULES = [found.name for found in pkgutil.iter_modules(operations.__path__)]
DOCUMENTS = {
    f"{module}.{name}": text
    for module in MODULES
    for name, text in vars(importlib.import_module(f"{operations.__name__}.{module}")).items()
    if isinstance(text, str) and text.startswith(("query ", "mutation "))
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    parts = [path.read_text(encoding="utf-8") for path in sorted(SCHEMA.glob("*.graphql"))]
    return build_schema("\n".join(["type Query", "type Mutation", *parts]), assume_valid_sdl=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert not validate(schema, parse(DOCUMENTS[name]))


def test_no_noun_is_left_out() -> None:
    assert {name.partition(".")[0] for name in DOCUMENTS} == set(MODULES)
