"""How `graphql/<noun>.py` binds the fields that `schema/<noun>.graphql` declares.

A noun module makes binder objects at module level and lists them in `BINDINGS`; nothing is registered on import. The
composition root collects the lists and calls `fitting.build`, which refuses at start whatever does not fit the SDL.

```python
query = Root("Query", unsupported={"sweeps": "Sweeps are not part of this server."})
mutation = Root("Mutation")
project = Type("Project", reads={"id": GlobalId("Project")})
artifact = Type(
    "Artifact",
    value=Artifact,                       # optional: readers are checked against this class at start
    reads={
        "id": GlobalId("Artifact"),                     # the global id of `value.id`
        "state": lambda a: a.state.upper(),             # a function of the value
        "size": "size_bytes",                           # another attribute
        "tags": lambda a, args: a.tags[: args["first"]],  # a *data field with arguments*: (value, arguments)
    },                                    # versionIndex is not named: the attribute `version_index` is read
)
collection = Abstract("ArtifactCollection", type_of=lambda c: "ArtifactSequence" if ... else "ArtifactPortfolio")
state = Enumeration("ArtifactState", State)             # a Python enum with the same member names

@query.field("project")
def resolve_project(_: None, info: Info, name: str, entity_name: str | None) -> Project:
    return projects.get_for(info.context.tx, Action.READ, ...).thing   # NotFound becomes null, see below

@project.field("artifactCollections")     # connection: loads one page, and only what is selected
def resolve_collections(found: Project, info: Info, first: int, after: str | None) -> Page: ...

BINDINGS = [query, mutation, project, artifact, collection, state]
```

Two kinds of fields. A **data field** reads from the value that is already there: no I/O, cheap, pure. It is
bound in `reads`, or not at all: then the attribute of the field's name in snake_case is read; of a `dict` (a
payload made on the spot) the key of the field's wire name, absent meaning null. A **resolver field**
(`@x.field(...)`) loads: it gets the parent's value, `info`, and every argument the SDL declares, by its name
in snake_case (`artifactID` → `artifact_id`), None where the client left it out. Input objects arrive as dicts
with wire names. A resolver returns ordinary values; turning them into JSON is the engine's work
(`projection.py`), fastest where everything selected below is a data field. Lists are lists or tuples.

What the SDL gives a default can still be None: clients send null for every optional variable they leave out. Which
fields are asked beneath a field, `selected(info)` tells (`selection.py`): `if "totalCount" in wants: ...`.

Fields of an interface that are bound once in `Abstract(..., reads=...)` or by `@collection.field` hold for
every type that implements it and does not bind them itself. Several modules may each bind other fields of one
type.

Outcomes are raised as `core.errors`. `NotFound` out of a resolver field of nullable type is null, not an
error, except on mutations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NoReturn, TypeAlias

from graphql import GraphQLResolveInfo, GraphQLSchema

from registrum.core import ids
from registrum.core.errors import NotSupported

Info: TypeAlias = GraphQLResolveInfo
Resolver: TypeAlias = Callable[..., Any]
Reader: TypeAlias = str | Callable[..., Any]
Bound = Callable[[Resolver], Resolver]


@dataclass(frozen=True, slots=True)
class GlobalId:
    """Reader of an id field: the global id of a value's number, its attribute `id`; projections write it out in place."""

    kind: str

    def __call__(self, value: Any) -> str:
        """The id on the wire."""
        return ids.encode(self.kind, value.id)


class BindingError(Exception):
    """The binders and the SDL do not fit; the server must not start."""


class Fields:
    """What the binders of objects have in common: a name, readers, resolvers."""

    def __init__(self, name: str, reads: Mapping[str, Reader] | None = None) -> None:
        self.name = name
        self.reads: dict[str, Reader] = dict(reads or {})
        self.resolvers: dict[str, Resolver] = {}
        self.points: set[str] = set()
        self.writes: set[str] = set()

    def field(self, name: str, *, is_point: bool = False, is_write: bool = False) -> Bound:
        """Decorator: this function resolves the field of that wire name.

        Args:
            is_point: it only reads, and only what indexes lead to, in a few statements (`points.py`).
            is_write: it does nothing itself, and returns a `context.Write`.

        Raises:
            BindingError: the field has a resolver or reader here already.
        """

        def bind(resolver: Resolver) -> Resolver:
            if name in self.resolvers or name in self.reads:
                raise BindingError(f"{self.name}.{name} is bound twice.")
            self.resolvers[name] = resolver
            if is_point:
                self.points.add(name)
            if is_write:
                self.writes.add(name)
            return resolver

        return bind


class Type(Fields):
    """Binds fields of an object type.

    Args:
        value: the class its values have, to check readers against.
        is_shared: many rows of a list may refer to one value, which does not change while it is read.
    """

    def __init__(
        self,
        name: str,
        *,
        reads: Mapping[str, Reader] | None = None,
        value: type | None = None,
        is_shared: bool = False,
    ) -> None:
        super().__init__(name, reads)
        self.value = value
        self.is_shared = is_shared


class Root(Fields):
    """Binds fields of `Query` or `Mutation`. `unsupported`: fields left out on purpose, each with its reason."""

    def __init__(self, name: str, *, unsupported: Mapping[str, str] | None = None) -> None:
        super().__init__(name)
        self.unsupported = dict(unsupported or {})
        for field_name, reason in self.unsupported.items():
            self.field(field_name)(_refusal(reason))


class Abstract(Fields):
    """Binds an interface or union: `type_of(value)` names the object type of a value."""

    def __init__(
        self,
        name: str,
        *,
        type_of: Callable[[Any], str],
        reads: Mapping[str, Reader] | None = None,
    ) -> None:
        super().__init__(name, reads)
        self.type_of = type_of


@dataclass(frozen=True)
class Scalar:
    """Binds a custom scalar.

    Attributes:
        serialize: domain value → JSON value; raises for what it can't express.
        parse: JSON value → domain value; raises `ValueError` or `Invalid` for a wrong one.
        as_is: values of exactly this class need no serialising (a shortcut for projections).
        is_strict: `serialize` raises for None and for exceptions, and never gives None.
    """

    name: str
    serialize: Callable[[Any], Any]
    parse: Callable[[Any], Any]
    as_is: type | None = None
    is_strict: bool = False


@dataclass(frozen=True)
class Enumeration:
    """Binds an enum to a Python enum whose members have the wire's names; plain strings need no binder."""

    name: str
    values: type[Enum]


Binding: TypeAlias = Type | Root | Abstract | Scalar | Enumeration


@dataclass(frozen=True)
class DataField:
    """A field that is read from its parent's value.

    Attributes:
        attribute: where a value has it, if `read` is None.
        key: the wire name, under which a `dict` has it.
        read: the reader function, if any.
        takes_arguments: whether `read` wants the arguments too.
    """

    attribute: str
    key: str
    read: Callable[..., Any] | None = None
    takes_arguments: bool = False


@dataclass(frozen=True)
class BoundSchema:
    """A schema whose every field has its reader or resolver.

    Attributes:
        schema: executable by graphql-core; its fields carry resolvers equal to the readers.
        data: the data fields by (type, field); what is absent has a resolver.
        type_of: by name of interface or union.
        as_is: scalar name → class whose values are JSON already.
        strict: names of scalars whose serialisers refuse what is no value.
        points: those (type, field) that are look-ups.
        writes: those (type, field) whose resolvers return a `Write`.
        shared: names of types of which many rows may refer to one value.
    """

    schema: GraphQLSchema
    data: Mapping[tuple[str, str], DataField]
    type_of: Mapping[str, Callable[[Any], str]]
    as_is: Mapping[str, type] = field(default_factory=dict)
    points: frozenset[tuple[str, str]] = frozenset()
    shared: frozenset[str] = frozenset()
    strict: frozenset[str] = frozenset()
    writes: frozenset[tuple[str, str]] = frozenset()


def _refusal(reason: str) -> Resolver:
    def refuse(_: None, info: Info, **arguments: Any) -> NoReturn:
        raise NotSupported(reason)

    return refuse
