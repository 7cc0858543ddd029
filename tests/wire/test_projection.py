"""A projection gives exactly what the ordinary executor gives: same data, same order, same errors and paths."""

import json
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import pytest
from graphql import DocumentNode, Executor, parse, print_ast, validate
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from registrum.core.errors import Forbidden, NotFound
from registrum.server.graphql.binding import Abstract, BoundSchema, Enumeration, Info, Root, Type
from registrum.server.graphql.documents import RULES, Variant
from registrum.server.graphql.execution import ProjectingExecutor
from registrum.server.graphql.fitting import build
from registrum.server.graphql.scalars import SCALARS

SDL = """
scalar Int64
scalar JSON
scalar JSONString
enum Mood { HAPPY SAD }
enum Size { SMALL LARGE }
interface Animal {
  id: ID! name: String friend: Animal friends(first: Int = 2, names: [String!]): [Animal] weight: Float
}
type Dog implements Animal {
  id: ID! name: String friend: Animal friends(first: Int = 2, names: [String!]): [Animal] weight: Float
  barks: Boolean! legs: Int! mood: Mood owner: Owner!
}
type Cat implements Animal {
  id: ID! name: String friend: Animal friends(first: Int = 2, names: [String!]): [Animal] weight: Float
  lives: Int64 mood: Mood kittens: [Cat!] grid: [[Int!]]! owner: Owner!
}
type Owner { name: String! size: Size! pets: [Animal!]! favourite: Pet notes: [String!]! extra: JSON text: JSONString
  loaded(first: Int): Owner  echo(value: Int = 3, label: String! = "x"): String }
union Pet = Dog | Cat
type Query { owners(first: Int): [Owner!] owner: Owner! animals: [Animal] pet: Pet }
type Mutation { adopt(name: String): Owner }
"""


class Mood(Enum):
    HAPPY = 1
    SAD = 2


@dataclass(slots=True)
class Animal:
    kind: str
    name: Any
    friend: Any
    friends: Any
    weight: Any
    barks: Any
    legs: Any
    mood: Any
    owner: Any
    lives: Any
    kittens: Any
    grid: Any


class Owner(NamedTuple):
    name: Any
    size: Any
    pets: Any
    favourite: Any
    notes: Any
    extra: Any
    text: Any


def kind_of(value: Any) -> str:
    return str(value["kind"] if isinstance(value, dict) else value.kind)


def identifier(value: Any) -> str:
    if kind_of(value) == "Cat" and isinstance(value, Animal) and value.name == "unreadable":
        raise Forbidden("This cat has no id for you.")
    return f"{kind_of(value)}:1"


def first_friends(value: Any, arguments: dict[str, Any]) -> Any:
    friends = value.get("friends") if isinstance(value, dict) else value.friends
    if isinstance(friends, list | tuple) and arguments["first"] is not None:
        return friends[: arguments["first"]]
    return friends


def bound() -> BoundSchema:
    query, mutation = Root("Query"), Root("Mutation")
    owner = Type(
        "Owner",
        reads={"echo": lambda o, args: f"{args['label']}{args['value']}", "text": "text"},
        is_shared=True,
    )
    animal = Abstract("Animal", type_of=kind_of, reads={"id": identifier, "friends": first_friends})

    for name in ("owners", "owner", "animals", "pet"):

        def resolve(_: None, info: Info, name: str = name, **arguments: Any) -> Any:
            return info.context[name]

        query.field(name)(resolve)

    @mutation.field("adopt")
    def resolve_adopt(_: None, info: Info, name: str | None) -> Any:
        return info.context["owner"]

    @owner.field("loaded")
    def resolve_loaded(value: Any, info: Info, first: int | None) -> Any:
        if first == 0:
            raise NotFound("No such owner.")
        return value

    cat = Type("Cat", is_shared=True)
    bindings = [query, mutation, owner, animal, cat, Abstract("Pet", type_of=kind_of)]
    return build([SDL], [*bindings, Enumeration("Mood", Mood), *SCALARS])


BOUND = bound()


class Chance:
    """Draws documents and values from one seed."""

    def __init__(self, seed: int, faults: float) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.owners: list[Any] = []
        self.cats: list[Any] = []

    def odd(self) -> bool:
        return self.random.random() < self.faults

    def leaf(self, *right: Any) -> Any:
        if self.odd():
            return self.random.choice(
                [None, object(), "wrong", -1, 2**40, [], 1.5, ValueError("v")]
            )
        return self.random.choice(right)

    def many(self, make: Any, depth: int) -> Any:
        if self.odd():
            return self.random.choice([None, 7, "text", (x for x in [])])
        items = [None if self.odd() else make(depth - 1) for _ in range(self.random.randint(0, 3))]
        return tuple(items) if self.random.random() < 0.2 else items

    def animal(self, depth: int) -> Any:
        if depth <= 0:
            return None
        values = {
            "kind": self.leaf("Dog", "Cat", "Dog", "Cat")
            if self.odd()
            else self.random.choice(["Dog", "Cat"]),
            "name": self.leaf("Rex", "Tom", None, "unreadable", Mood.SAD),
            "friend": self.animal(depth - 1),
            "friends": self.many(self.animal, depth),
            "weight": self.leaf(3.5, 2, None, 4.0),
            "barks": self.leaf(True, False, 1),
            "legs": self.leaf(4, 3, True, 2.0),
            "mood": self.leaf(Mood.HAPPY, Mood.SAD, None),
            "owner": self.owner(depth - 1)
            if depth > 1
            else Owner("o", "SMALL", [], None, [], 1, "{}"),
            "lives": self.leaf(9, 2**40, "12", None),
            "kittens": self.many(self.cat, depth),
            "grid": [[self.leaf(1, 2)] * 2, None, []],
        }
        return values if self.random.random() < 0.3 else Animal(**values)

    def cat(self, depth: int) -> Any:
        if self.cats and self.random.random() < 0.4:
            return self.random.choice(self.cats)
        cat = self.animal(depth)
        if isinstance(cat, dict):
            cat["kind"] = "Cat"
        elif cat is not None:
            cat.kind = "Cat"
        self.cats.append(cat)
        return cat

    def owner(self, depth: int) -> Any:
        """Sometimes one that others have too."""
        if not self.owners or self.random.random() < 0.6:
            self.owners.append(self.new_owner(depth))
        return self.random.choice(self.owners)

    def new_owner(self, depth: int) -> Any:
        owner = Owner(
            name=self.leaf("Ann", "Bob"),
            size=self.leaf("SMALL", "LARGE"),
            pets=self.many(self.animal, depth),
            favourite=self.animal(depth - 1),
            notes=self.many(lambda _: self.leaf("a", "b"), 1),
            extra=self.leaf({"a": [1]}, 5, "x", None),
            text=self.leaf("{}", {"b": 1}, None),
        )
        if self.random.random() < 0.3:
            odd = OrderedDict if self.odd() else dict
            return odd(owner._asdict())
        return owner

    def roots(self) -> dict[str, Callable[[], Any]]:
        """How the values of the root's fields are made; `adopt` gives `owner`."""
        return {
            "owner": lambda: self.owner(4),
            "owners": lambda: self.many(self.owner, 4),
            "animals": lambda: self.many(self.animal, 4),
            "pet": lambda: self.animal(4),
        }

    def document(self) -> str:
        root = self.random.choice(["query", "query", "mutation"])
        self.fragments: dict[str, str] = {}
        body = self.selections("Query" if root == "query" else "Mutation", 4)
        variables = (
            "($yes: Boolean!, $no: Boolean = false, $n: Int, $m: Int = 1, $names: [String!])"
        )
        return "\n".join([f"{root} Q{variables} {body}", *self.fragments.values()])

    def selections(self, type_name: str, depth: int) -> str:
        chosen = [self.selection(type_name, depth) for _ in range(self.random.randint(1, 4))]
        return "{ " + " ".join(chosen) + " }"

    def selection(self, type_name: str, depth: int) -> str:
        kind = BOUND.schema.type_map[type_name]
        draw = self.random.random()
        is_root = type_name in ("Query", "Mutation")
        if not is_root and (draw < 0.15 or type_name == "Pet"):
            targets = ["Dog", "Cat", "Animal"] if type_name in ("Animal", "Pet") else [type_name]
            target = self.random.choice(targets)
            if draw < 0.07 and 0 < depth < 4:
                name = f"F{target}{depth}"
                if name not in self.fragments:
                    self.fragments[name] = ""
                    inner = self.selections(target, depth - 1)
                    self.fragments[name] = f"fragment {name} on {target} {inner}"
                return f"...{name}{self.directive()}"
            return f"... on {target}{self.directive()} {self.selections(target, depth - 1)}"
        fields = kind.fields  # type: ignore[union-attr]
        if depth <= 0:
            leaves = [n for n, f in fields.items() if "selection" not in self.below(f, 0)]
            name = self.random.choice([*leaves, "__typename"])
        else:
            name = self.random.choice([*fields, "__typename"])
        if name == "__typename":
            return self.random.choice(["__typename", "t: __typename"])
        number = self.random.randint(0, 2)
        alias = f"{name}{number}: " if number else ""
        if number == 2:
            alias = f"{name}{number}{self.random.randint(0, 9)}: "
        given = self.arguments(name, number) if fields[name].args else ""
        inner = self.below(fields[name], depth)
        return f"{alias}{name}{given}{self.directive()} {inner}"

    def below(self, field: Any, depth: int) -> str:
        kind = field.type
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        if not hasattr(kind, "fields") and kind.name != "Pet":
            return ""
        return "selection" if depth <= 0 else self.selections(kind.name, depth - 1)

    @staticmethod
    def arguments(name: str, number: int) -> str:
        return {
            "friends": ["", "(first: $m)", "(first: 1, names: $names)"],
            "loaded": ["", "(first: $n)", "(first: 0)"],
            "echo": ["", "(value: $n)", '(value: null, label: "y")'],
            "owners": ["", "(first: $n)", "(first: 2)"],
            "adopt": ["", "", '(name: "z")'],
        }[name][number]

    def directive(self) -> str:
        return self.random.choices(
            [
                "",
                " @include(if: $yes)",
                " @skip(if: $no)",
                " @include(if: false)",
                " @skip(if: $yes)",
            ],
            [20, 2, 2, 1, 1],
        )[0]


def run(
    cls: type[Executor[Any]],
    document: DocumentNode,
    values: dict[str, Any],
    variables: dict[str, Any],
    variant: Variant,
) -> tuple[str, list[Any]]:
    """Data as text, so that order counts, and the errors' messages and paths."""
    executor = cls.build(
        BOUND.schema,
        document,
        context_value=values,
        raw_variable_values=variables,
        is_awaitable=lambda _: False,  # type: ignore[arg-type, return-value]
        is_async_iterable=lambda _: False,  # type: ignore[arg-type, return-value]
    )
    assert not isinstance(executor, list), executor
    if isinstance(executor, ProjectingExecutor):
        executor.bound, executor.variant = BOUND, variant
    result: Any = executor.execute_operation()
    text = json.dumps(result.data, default=repr)
    return text, [(error.message, error.path) for error in result.errors or ()]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.005, 0.05]), st.booleans())
def test_projection_equals_the_ordinary_executor(seed: int, faults: float, yes: bool) -> None:
    chance = Chance(seed, faults)
    text = chance.document()
    document = parse(text)
    assume(not validate(BOUND.schema, document, RULES))
    note(print_ast(document))
    asked, variant = text.replace("adopt", "owner"), Variant()
    for variables in ({"yes": yes, "n": 0, "names": ["a"]}, {"yes": yes, "n": None, "m": None}):
        values = {name: make() for name, make in chance.roots().items() if name in asked}
        # Generators are consumed by the first reading: both sides must get the same values, not the same iterators.
        assume(not any(isinstance(value, Iterator) for value in values.values()))
        plain = run(Executor, document, values, variables, Variant())
        assert run(ProjectingExecutor, document, values, variables, variant) == plain


def projections_of(text: str, values: dict[str, Any]) -> dict[str, bool]:
    """Which fields were looked at for projecting, and whether they could be."""
    variant = Variant()
    document = parse(text)
    assert not validate(BOUND.schema, document, RULES)
    run(ProjectingExecutor, document, values, {}, variant)
    nodes = {}

    def gather(selections: Any) -> None:
        for node in selections.selections:
            if hasattr(node, "name"):
                nodes[id(node)] = node.name.value
            if getattr(node, "selection_set", None):
                gather(node.selection_set)

    for definition in document.definitions:
        gather(definition.selection_set)  # type: ignore[attr-defined]
    return {
        nodes[key[1]]: projection is not None for key, projection in variant.projections.items()
    }


ANN = Owner("Ann", "SMALL", [], None, ["a"], 1, "{}")


@pytest.mark.parametrize(
    ("text", "projected"),
    [
        ("{ owners { name pets { id } } }", {"owners": True}),
        ("{ owners { name echo(value: 4) } }", {"owners": True}),
        ("mutation { adopt { name favourite { ... on Dog { barks } } } }", {"adopt": True}),
        ("{ owner { name loaded { name size } } }", {"owner": False, "loaded": True}),
        (
            "{ owner { pets { id } loaded { name } } }",
            {"owner": False, "pets": True, "loaded": True},
        ),
        ("{ __schema { queryType { name } } }", {"__schema": False, "queryType": False}),
    ],
)
def test_everything_beneath_must_be_data(text: str, projected: dict[str, bool]) -> None:
    assert projections_of(text, {"owner": ANN, "owners": [ANN]}) == projected
