"""Our reader of SDL makes the schema that graphql-core makes of the same text."""

from importlib import resources

import pytest
from graphql import GraphQLSchema, build_schema, lexicographic_sort_schema, print_schema

from registrum.server.graphql.binding import BindingError
from registrum.server.graphql.sdl import read

EVERYTHING = r"""
# What a comment says is for nobody.
"Reads."
type Query {
  "A \"thing\" of C:\\ \u00e9."
  thing("Which." id: ID!, among: [[Int!]]! = [[1, 2], [-3]] to: Float = 1.5e-3): Thing
  type(input: Wish = { name: "a {b}", colour: RED, deep: {} }): [Any!]!
}
type Mutation { set(on: Boolean = true, no: String = null): Boolean }
interface Aged { age: Int }
interface Named implements Aged { name: String!, age: Int }
extend type Thing implements Named & Aged { name: String! age: Int }
type Thing
union Any = | Thing | Other
type Other { at: Moment }
"A moment."
scalar Moment
enum Colour { "Red." RED BLUE }
extend enum Colour { GREEN }
input Wish { name: String = "none", colour: Colour!, deep: Wish }
extend input Wish { more: [Moment!] }
"""


def told(schema: GraphQLSchema) -> str:
    return print_schema(lexicographic_sort_schema(schema))


def test_every_form_is_read_as_graphql_core_reads_it() -> None:
    assert told(read([EVERYTHING])) == told(build_schema(EVERYTHING))


def test_the_whole_schema_is_read_as_graphql_core_reads_it() -> None:
    folder = resources.files("registrum.server.graphql") / "schema"
    texts = [f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".graphql")]
    assert told(read(texts)) == told(build_schema("\n".join(texts)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type Query { a: Nothing }", "has no type 'Nothing'"),
        ("type Query { a(b: [Nothing!]): Int }", "has no type 'Nothing'"),
        ("type Query implements Nothing { a: Int }", "has no type 'Nothing'"),
        ("union Any = Nothing", "has no type 'Nothing'"),
        ("type Query { a: Int a: Int }", "Query.a twice"),
        ("type Query { a: Int } type Query { b: Int }", "'Query' twice"),
        ("type Query { a: Int } extend type Query { a: Int }", "Query.a twice"),
        ("extend type Query { a: Int }", "extends 'Query'"),
        ("type Query { a: Int } extend input Query { b: Int }", "extends 'Query'"),
        ("type Query { a: Int", "can't be read at ''"),
        ("type Query { a(b: [Int] = [1", "can't be read at ''"),
        ("type Query { a Int }", "can't be read at 'Int'"),
        ("type Query { a: [Int }", "can't be read at '}'"),
        ("type Query { a: Int @deprecated }", "can't be read at '@'"),
        ("schema { query: Query }", "can't be read at 'schema'"),
        ('"""Long.""" type Query { a: Int }', "can't be read at"),
    ],
)
def test_what_is_wrong_or_unknown_is_refused(text: str, message: str) -> None:
    with pytest.raises(BindingError) as refused:
        read([text])
    assert message in str(refused.value)
