"""Values that nobody should send, and operations of the whole schema that send them, one place at a time."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)


def wire_id(text: str) -> str:
    return b64encode(text.encode()).decode()


TEXTS = (
    "",
    " ",
    "..",
    "../../etc/passwd",
    "/",
    "a/../b",
    "a\x00b",
    "a\nb",
    "x" * 10_000,
    "ünï 名 \U0001f600",
    "%2e%2e%2f",
    "\u202e\ufeff",
    "'; DROP TABLE artifacts; --",
    "*" * 50,
    "(a+)+$",
    wire_id("Artifact:-1"),
    wire_id("Artifact:99999999999999999999999999"),
    wire_id("Artifact:9223372036854775807"),
    wire_id("Project:1\x00"),
    "{",
    "null",
    "[]",
    '"text"',
    "1e999",
    "NaN",
    '{"a": NaN}',
    '{"$or": {"name": 1}}',
    '{"name": {"$in": [{}]}}',
    '{"name": {"$regex": "("}}',
    '{"createdAt": {"$gt": "never"}}',
    '{"metadata.a": {"$gt": 1' + "0" * 400 + "}}",
    '{"$and": [' * 200 + "{}" + "]}" * 200,
    '{"a":' * 20_000 + "1" + "}" * 20_000,
    '{"versionIndex": 1' + "0" * 5000 + "}",
    '{"\\u0000": "\\u0000"}',
    '{"a": "\\ud800"}',
    "+metadata.\x00",
    "-",
)
NUMBERS: tuple[Any, ...] = (
    *(-1, 0, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 1e30, 1.5),
    *("1", "x", True, [], {}),
)
TIMES = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30T00:00:00Z",
    "x" * 5000,
)
WRONG: tuple[Any, ...] = (None, 17, -0.5, True, "text", [], {}, [None], [[]], {"no": "such"})

_KNOWN: dict[str, Any] = {
    "entityName": "main",
    "entity": "main",
    "organizationName": "registrum",
    "username": "admin",
    "teamName": "main",
    "artifactTypeName": "model",
    "digest": "0" * 32,
    "first": 10,
    "email": "nobody@example.org",
    "role": "member",
    "filters": "{}",
    "order": "-created_at",
    "metadata": "{}",
}
_PLACES = {
    "entity.name": "registrum-org",
    "organization.name": "registrum",
    "artifact.name": "nasty:v0",
    "artifactMembership.aliasName": "v0",
    "user.userName": "admin",
}


@dataclass(frozen=True)
class Operation:
    """A document and its variables; `where` names the place that is nasty."""

    where: str
    document: str
    variables: dict[str, Any]


_Path = tuple[tuple[str, GraphQLField], ...]


def operations(schema: GraphQLSchema) -> Iterator[Operation]:
    """Every argument and input field of every field, reached by one shortest path, with every nasty value for it.

    First what makes things, so that there is something to find; what takes them away comes last.
    """
    assert schema.query_type
    assert schema.mutation_type
    fields = schema.mutation_type.fields
    taking = [name for name in fields if name.startswith(("delete", "remove"))]
    for name in sorted(fields.keys() - set(taking)):
        yield from _of_field(name, fields[name], "mutation", ())
    yield from _queries(schema.query_type)
    for name in sorted(taking):
        yield from _of_field(name, fields[name], "mutation", ())


def _queries(root: GraphQLObjectType) -> Iterator[Operation]:
    seen = {root.name}
    waiting: list[tuple[GraphQLObjectType, _Path]] = [(root, ())]
    while waiting:
        kind, path = waiting.pop(0)
        for name, field in kind.fields.items():
            if field.args:
                yield from _of_field(name, field, "query", path)
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType) and inner.name not in seen:
                seen.add(inner.name)
                waiting.append((inner, (*path, (name, field))))


def _of_field(name: str, field: GraphQLField, verb: str, path: _Path) -> Iterator[Operation]:
    whole = (*path, (name, field))
    document = _document(whole, verb)
    base = {
        f"v{depth}_{argument}": _PLACES.get(f"{known}.{argument}")
        or plausible(argument, about.type)
        for depth, (known, each) in enumerate(whole)
        for argument, about in each.args.items()
        if _is_wanted(argument, about)
    }
    for argument, about in field.args.items():
        key = f"v{len(path)}_{argument}"
        for where, value in variations(argument, about.type):
            names = ".".join([each for each, _ in whole])
            yield Operation(f"{names}({where})", document, base | {key: value})


def _document(path: _Path, verb: str) -> str:
    declared, text = [], ""
    for depth, (name, field) in reversed(list(enumerate(path))):
        given = ", ".join(f"{argument}: $v{depth}_{argument}" for argument in field.args)
        declared += [
            f"$v{depth}_{argument}: {about.type}" for argument, about in field.args.items()
        ]
        if not text:
            text = _leaves(field)
        text = f" {{ {name}{f'({given})' if given else ''}{text} }}"
    head = f"({', '.join(declared)})" if declared else ""
    return f"{verb}{head}{text}"


def _leaves(field: GraphQLField) -> str:
    kind = get_named_type(field.type)
    if is_leaf_type(kind):
        return ""
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return " { __typename }"
    leaves = [
        name
        for name, each in kind.fields.items()
        if is_leaf_type(get_named_type(each.type)) and not each.args
    ]
    for name in ("edges", "node"):
        if name in kind.fields:
            leaves.append(f"{name}{_leaves(kind.fields[name])}")
    return f" {{ __typename {' '.join(leaves)} }}"


def _is_wanted(name: str, about: GraphQLArgument | GraphQLInputField) -> bool:
    return isinstance(about.type, GraphQLNonNull) or name in _KNOWN or name.endswith("ame")


def plausible(name: str, kind: GraphQLInputType) -> Any:
    """A value that could be meant."""
    if isinstance(kind, GraphQLNonNull):
        return plausible(name, kind.of_type)
    if isinstance(kind, GraphQLList):
        return [plausible(name, kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            each: plausible(each, about.type)
            for each, about in kind.fields.items()
            if _is_wanted(each, about)
        }
    if name in _KNOWN:
        return _KNOWN[name]
    return {
        "ID": wire_id("Artifact:1"),
        "Boolean": False,
        "Int": 1,
        "Int64": 1,
        "Float": 1.0,
        "JSONString": "{}",
        "JSON": {},
        "DateTime": "2026-11-23T00:00:00Z",
        "Duration": 1,
    }.get(kind.name, "nasty")


def variations(name: str, kind: GraphQLInputType) -> Iterator[tuple[str, Any]]:
    """Each nasty value of each place within an argument, the rest of it plausible."""
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    for value in WRONG:
        yield name, value
    if isinstance(inner, GraphQLList):
        yield name, [plausible(name, inner.of_type)] * 12_000
        for where, value in variations(name, inner.of_type):
            yield f"{where}[]", [value]
    elif isinstance(inner, GraphQLInputObjectType):
        base = plausible(name, inner)
        for each, about in inner.fields.items():
            for where, value in variations(each, about.type):
                yield f"{name}.{where}", base | {each: value}
    elif isinstance(inner, GraphQLEnumType):
        yield name, "NO_SUCH"
    elif inner.name in ("Int", "Int64", "Float", "Duration"):
        yield from ((name, value) for value in NUMBERS)
    elif inner.name == "DateTime":
        yield from ((name, value) for value in TIMES)
    elif inner.name != "Boolean":
        yield from ((name, value) for value in TEXTS)
