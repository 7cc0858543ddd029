"""The documents that this package's own SDK sends fit the server's schema."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from registrum.sdk import operations

SCHEMA = Path(__file__).parents[2] / "src" / "registrum" / "server" / "graphql" / "schema"
DOCUMENTS = {
    name: text for name, text in vars(operations).items() if name.isupper() and name[0] != "_"
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(name: str) -> None:
    parts = [path.read_text(encoding="utf-8") for path in sorted(SCHEMA.glob("*.graphql"))]
    schema = build_schema("\n".join(["type Query", "type Mutation", *parts]), assume_valid_sdl=True)
    assert not validate(schema, parse(DOCUMENTS[name]))
