"""Reads SDL into a schema, as graphql-core does, for the part of the language that `schema/*.graphql` is written in.

graphql-core keeps a tree of every word, and validates it: more than a tenth of the time that the server takes to start. So
this reads types, fields and descriptions in quotes straight into its classes; of directives and block strings it knows
nothing. The tests hold the outcome against graphql-core's own, and validate it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    parse_const_value,
    specified_scalar_types,
)

from registrum.server.graphql.binding import BindingError

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|-?\d[\w.+-]*|\w+|#[^\n]*|[^\s,]')
_CLASSES: dict[str, Any] = {
    "type": GraphQLObjectType,
    "interface": GraphQLInterfaceType,
    "input": GraphQLInputObjectType,
    "enum": GraphQLEnumType,
    "union": GraphQLUnionType,
    "scalar": GraphQLScalarType,
}


class _Member(NamedTuple):
    """A field, an argument, or, without type, a value of an enum or a type of a union."""

    name: str
    description: str | None
    type: str = ""
    arguments: "tuple[_Member, ...]" = ()
    default: str = ""


@dataclass(slots=True)
class _Definition:
    """A type, with all its extensions."""

    keyword: str
    name: str
    description: str | None
    interfaces: list[str] = field(default_factory=list)
    members: list[_Member] = field(default_factory=list)


def read(sdl: Iterable[str]) -> GraphQLSchema:
    """The schema of SDL texts, in any order.

    Raises:
        BindingError: a text is no SDL, or of a part of the language that this does not know; a type or member is defined
            twice, or a type not at all.
    """
    definitions: dict[str, _Definition] = {}
    extensions: list[_Definition] = []
    for text in sdl:
        _Words(text).definitions(definitions, extensions)
    for extension in extensions:
        extended = definitions.get(extension.name)
        if extended is None or extended.keyword != extension.keyword:
            raise BindingError(f"The SDL extends {extension.name!r}, which it does not define so.")
        extended.members += extension.members
        extended.interfaces += extension.interfaces
    return _schema(definitions.values())


class _Words:
    """The words of a text, taken one after the other."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = [word for word in _TOKEN.findall(text) if word[0] != "#"]
        self._words.append("")
        self._at = 0

    def definitions(self, found: dict[str, _Definition], extensions: list[_Definition]) -> None:
        """Adds what the text defines, and what it extends."""
        while self._words[self._at]:
            description = self._description()
            is_extension = self._skip("extend")
            definition = self._definition(description)
            if is_extension:
                extensions.append(definition)
            elif definition.name in found:
                raise BindingError(f"The SDL defines {definition.name!r} twice.")
            else:
                found[definition.name] = definition

    def _definition(self, description: str | None) -> _Definition:
        keyword = self._name()
        if keyword not in _CLASSES:
            raise self._misfit(keyword)
        definition = _Definition(keyword, self._name(), description)
        if self._skip("implements"):
            self._skip("&")
            definition.interfaces.append(self._name())
            while self._skip("&"):
                definition.interfaces.append(self._name())
        if keyword == "union" and self._skip("="):
            self._skip("|")
            definition.members.append(_Member(self._name(), None))
            while self._skip("|"):
                definition.members.append(_Member(self._name(), None))
        elif self._skip("{"):
            definition.members += self._members("}", has_types=keyword != "enum")
        return definition

    def _members(self, end: str, *, has_types: bool) -> list[_Member]:
        found = []
        while not self._skip(end):
            description, name = self._description(), self._name()
            if not has_types:
                found.append(_Member(name, description))
                continue
            arguments = tuple(self._members(")", has_types=True)) if self._skip("(") else ()
            self._expect(":")
            kind = self._type()
            default = self._value() if self._skip("=") else ""
            found.append(_Member(name, description, kind, arguments, default))
        return found

    def _type(self) -> str:
        if self._skip("["):
            kind = f"[{self._type()}]"
            self._expect("]")
        else:
            kind = self._name()
        return f"{kind}!" if self._skip("!") else kind

    def _value(self) -> str:
        """The text of a default: one word, or all between brackets."""
        words, depth = [], 0
        while True:
            word = self._words[self._at]
            if not word:
                raise self._misfit(word)
            self._at += 1
            words.append(word)
            depth += (word in ("[", "{")) - (word in ("]", "}"))
            if depth <= 0:
                return " ".join(words)

    def _description(self) -> str | None:
        word = self._words[self._at]
        if not word.startswith('"'):
            return None
        self._at += 1
        return str(json.loads(word)) if "\\" in word else word[1:-1]

    def _name(self) -> str:
        word = self._words[self._at]
        if not word.isidentifier():
            raise self._misfit(word)
        self._at += 1
        return word

    def _skip(self, word: str) -> bool:
        if self._words[self._at] != word:
            return False
        self._at += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._skip(word):
            raise self._misfit(self._words[self._at])

    def _misfit(self, word: str) -> BindingError:
        before = " ".join(self._words[max(self._at - 8, 0) : self._at])
        return BindingError(f"The SDL can't be read at {word!r} after: {before}")


class _Types(dict[str, Any]):
    """Types by their names; what is made of them, such as `[String!]`, when it is first asked for."""

    def __missing__(self, text: str) -> Any:
        made: Any
        if text.endswith("!"):
            made = GraphQLNonNull(self[text[:-1]])
        elif text.endswith("]"):
            made = GraphQLList(self[text[1:-1]])
        else:
            raise BindingError(f"The SDL has no type {text!r}.")
        self[text] = made
        return made


def _schema(definitions: Iterable[_Definition]) -> GraphQLSchema:
    types = _Types(specified_scalar_types)
    members: dict[str, Any] = {}
    interfaces: dict[str, list[Any]] = {}
    for definition in definitions:
        types[definition.name] = _type(definition, members, interfaces)
    for definition in definitions:
        members[definition.name] = _members(definition, types)
        interfaces[definition.name] = [types[name] for name in definition.interfaces]
    return GraphQLSchema(
        types.get("Query"),
        types.get("Mutation"),
        types=[types[definition.name] for definition in definitions],
        assume_valid=True,
    )


def _type(
    definition: _Definition, members: dict[str, Any], interfaces: dict[str, list[Any]]
) -> Any:
    """The type, which takes its members when the schema asks: then all types are there to refer to."""
    name, made = definition.name, _CLASSES[definition.keyword]
    description = definition.description
    if definition.keyword == "scalar":
        return made(name, description=description)
    if definition.keyword == "enum":
        return made(name, _members(definition, _Types()), description=description)
    if definition.keyword in ("union", "input"):
        return made(name, lambda: members[name], description=description)
    return made(name, lambda: members[name], lambda: interfaces[name], description=description)


def _members(definition: _Definition, types: _Types) -> Any:
    if definition.keyword == "union":
        return [types[member.name] for member in definition.members]
    found: dict[str, Any] = {}
    for member in definition.members:
        if member.name in found:
            raise BindingError(f"The SDL defines {definition.name}.{member.name} twice.")
        if definition.keyword == "enum":
            found[member.name] = GraphQLEnumValue(member.name, description=member.description)
        elif definition.keyword == "input":
            found[member.name] = _input(GraphQLInputField, member, types)
        else:
            found[member.name] = GraphQLField(
                types[member.type],
                {each.name: _input(GraphQLArgument, each, types) for each in member.arguments},
                description=member.description,
            )
    return found


def _input(made: type[Any], member: _Member, types: _Types) -> Any:
    default = (
        GraphQLDefaultInput(literal=parse_const_value(member.default)) if member.default else None
    )
    return made(types[member.type], default=default, description=member.description)
