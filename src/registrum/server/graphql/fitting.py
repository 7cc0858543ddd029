"""Joins the SDL and the binders into one schema, and refuses at start whatever does not fit."""

import dataclasses
import inspect
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
    is_object_type,
    is_scalar_type,
    is_specified_scalar_type,
)

from registrum.core.errors import NotFound
from registrum.server.graphql.binding import (
    Abstract,
    Binding,
    BindingError,
    BoundSchema,
    DataField,
    Enumeration,
    Fields,
    Info,
    Reader,
    Resolver,
    Scalar,
    Type,
)
from registrum.server.graphql.sdl import read


def build(sdl: Iterable[str], bindings: Iterable[Binding]) -> BoundSchema:
    """Joins the SDL texts into one schema and binds it.

    Args:
        sdl: contents of the `.graphql` files, in any order.
        bindings: all modules' binders and the scalars.

    Raises:
        BindingError: names every misfit: unknown names, fields bound twice, root fields or abstract types left
            unbound, readers that their value class lacks, resolvers that do not take their arguments.
    """
    schema = read(sdl)
    misfits: list[str] = []
    merged = _Merged(schema, misfits)
    for binding in bindings:
        merged.take(binding)
    data: dict[tuple[str, str], DataField] = {}
    for kind in schema.type_map.values():
        if is_object_type(kind) and not is_introspection_type(kind):
            _bind_object(kind, merged, data, misfits)
    _check_abstract(schema, merged, misfits)
    if misfits:
        raise BindingError("\n".join(sorted(set(misfits))))
    return BoundSchema(
        schema,
        data,
        merged.type_of,
        merged.as_is,
        frozenset(merged.points),
        frozenset(merged.shared),
        frozenset(merged.strict),
        frozenset(merged.writes),
    )


class _Merged:
    """All binders by type, checked against the schema as they come."""

    def __init__(self, schema: GraphQLSchema, misfits: list[str]) -> None:
        self.schema = schema
        self.misfits = misfits
        self.reads: dict[str, dict[str, Reader]] = {}
        self.resolvers: dict[str, dict[str, Resolver]] = {}
        self.values: dict[str, type] = {}
        self.type_of: dict[str, Callable[[Any], str]] = {}
        self.as_is: dict[str, type] = {}
        self.scalars: set[str] = set()
        self.shared: set[str] = set()
        self.strict: set[str] = set()
        self.points: set[tuple[str, str]] = set()
        self.writes: set[tuple[str, str]] = set()

    def take(self, binding: Binding) -> None:
        kind = self.schema.get_type(binding.name)
        if isinstance(binding, Scalar):
            if is_scalar_type(kind):
                self._take_scalar(kind, binding)
        elif isinstance(binding, Enumeration):
            self._take_enumeration(kind, binding)
        elif isinstance(binding, Abstract):
            if not is_abstract_type(kind):
                self.misfits.append(f"{binding.name} is no interface or union of the SDL.")
                return
            if binding.name in self.type_of:
                self.misfits.append(f"{binding.name} is bound twice.")
            self.type_of[binding.name] = binding.type_of
            kind.resolve_type = _type_resolver(binding.type_of)
            self._take_fields(binding, getattr(kind, "fields", {}))
        elif is_object_type(kind):
            self._take_fields(binding, kind.fields)
            if isinstance(binding, Type):
                self._take_type(binding)
        else:
            self.misfits.append(f"{binding.name} is no object type of the SDL.")

    def _take_type(self, binding: Type) -> None:
        if binding.value is not None:
            self.values[binding.name] = binding.value
        if binding.is_shared:
            self.shared.add(binding.name)

    def _take_fields(self, binding: Fields, fields: Mapping[str, GraphQLField]) -> None:
        reads = self.reads.setdefault(binding.name, {})
        resolvers = self.resolvers.setdefault(binding.name, {})
        for name in (*binding.reads, *binding.resolvers):
            if name not in fields:
                self.misfits.append(f"{binding.name}.{name} is bound, but not in the SDL.")
            if name in reads or name in resolvers:
                self.misfits.append(f"{binding.name}.{name} is bound twice.")
        reads.update(binding.reads)
        resolvers.update(binding.resolvers)
        self.points.update((binding.name, name) for name in binding.points)
        self.writes.update((binding.name, name) for name in binding.writes)

    def _take_scalar(self, kind: GraphQLScalarType, binding: Scalar) -> None:
        kind.serialize = kind.coerce_output_value = binding.serialize  # type: ignore[method-assign,assignment]
        kind.parse_value = kind.coerce_input_value = binding.parse  # type: ignore[method-assign,assignment]
        self.scalars.add(binding.name)
        if binding.as_is is not None:
            self.as_is[binding.name] = binding.as_is
        if binding.is_strict:
            self.strict.add(binding.name)

    def _take_enumeration(self, kind: Any, binding: Enumeration) -> None:
        if not isinstance(kind, GraphQLEnumType):
            self.misfits.append(f"{binding.name} is no enum of the SDL.")
            return
        members = binding.values.__members__
        for name, value in kind.values.items():
            if name in members:
                value.value = members[name]
            else:
                self.misfits.append(f"{binding.values.__name__} has no member {name}.")
        kind.__dict__.pop("_value_lookup", None)


def _bind_object(
    kind: GraphQLObjectType,
    merged: _Merged,
    data: dict[tuple[str, str], DataField],
    misfits: list[str],
) -> None:
    """Gives each field of an object type its resolver, and notes which fields are data."""
    is_root = kind in (merged.schema.query_type, merged.schema.mutation_type)
    owners = [kind.name, *(interface.name for interface in kind.interfaces)]
    for name, definition in kind.fields.items():
        for argument_name, argument in definition.args.items():
            argument.out_name = snake_case(argument_name)
        owner = next((o for o in owners if name in merged.resolvers.get(o, {})), None)
        reading = next((o for o in owners if name in merged.reads.get(o, {})), None)
        if owner is not None and (reading is None or owners.index(owner) <= owners.index(reading)):
            resolver = merged.resolvers[owner][name]
            misfits += _argument_misfits(f"{kind}.{name}", resolver, definition)
            definition.resolve = _calling(
                resolver,
                definition,
                is_root=is_root,
                forgives=kind is not merged.schema.mutation_type
                and not isinstance(definition.type, GraphQLNonNull),
            )
        elif is_root:
            misfits.append(f"{kind}.{name} is in the SDL, but not bound.")
        else:
            reader = merged.reads[reading][name] if reading is not None else None
            takes = _positional(reader) if callable(reader) else 0
            found = _data_field(name, reader, takes)
            value = merged.values.get(kind.name)
            misfits += _reader_misfits(kind, name, definition, reader, takes, value)
            data[kind.name, name] = found
            definition.resolve = _reading(found, definition)


def _data_field(name: str, reader: Reader | None, takes: int) -> DataField:
    if reader is None:
        return DataField(snake_case(name), name)
    if isinstance(reader, str):
        return DataField(reader, name)
    return DataField("", name, reader, takes == 2)


def _positional(function: Callable[..., Any]) -> int:
    """How many positional parameters without default a function takes; 1 where that can't be read."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(
        p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
        for p in parameters
    )


def _reader_misfits(
    kind: GraphQLObjectType,
    name: str,
    definition: GraphQLField,
    reader: Reader | None,
    takes: int,
    value: type | None,
) -> list[str]:
    where = f"{kind}.{name}"
    if reader is None and definition.args:
        return [f"{where} takes arguments: it needs a reader or a resolver."]
    if callable(reader):
        if takes not in (1, 2):
            return [f"The reader of {where} must take (value) or (value, arguments)."]
        if takes == 2 and not definition.args:
            return [f"The reader of {where} wants arguments, but the field has none."]
        return []
    attribute = reader or snake_case(name)
    if not attribute.isidentifier():
        return [f"{attribute!r} for {where} is no attribute's name."]
    if value is not None and attribute not in _attributes(value):
        return [f"{value.__name__} has no attribute {attribute!r} for {where}."]
    return []


@cache
def _attributes(value: type) -> set[str]:
    names = {n for n in dir(value) if not n.startswith("__")}
    if dataclasses.is_dataclass(value):
        names |= {f.name for f in dataclasses.fields(value)}
    return names


def _argument_misfits(where: str, resolver: Resolver, definition: GraphQLField) -> list[str]:
    parameters = list(inspect.signature(resolver).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return []
    takes = {p.name for p in parameters[2:]}
    has = {argument.out_name or "" for argument in definition.args.values()}
    return [f"The resolver of {where} does not take {name!r}." for name in has - takes] + [
        f"The resolver of {where} takes {p.name!r}, which is no argument of the field."
        for p in parameters[2:]
        if p.name not in has and p.default is p.empty
    ]


def _calling(
    resolver: Resolver, definition: GraphQLField, *, is_root: bool, forgives: bool
) -> Resolver:
    """The resolver as graphql-core calls it: every argument present; NotFound is null if it `forgives`."""
    absent: dict[str, Any] = {a.out_name or "": None for a in definition.args.values()}

    def call(source: Any, info: Info, **arguments: Any) -> Any:
        return resolver(None if is_root else source, info, **{**absent, **arguments})

    def call_forgiving(source: Any, info: Info, **arguments: Any) -> Any:
        try:
            return resolver(None if is_root else source, info, **{**absent, **arguments})
        except NotFound:
            return None

    return call_forgiving if forgives else call


def _reading(found: DataField, definition: GraphQLField) -> Resolver:
    """The reader as graphql-core calls it, for what a projection does not cover."""
    read, attribute, key = found.read, found.attribute, found.key
    if read is not None and found.takes_arguments:
        absent: dict[str, Any] = {a.out_name or "": None for a in definition.args.values()}

        def read_with_arguments(source: Any, info: Info, **arguments: Any) -> Any:
            return read(source, {**absent, **arguments})

        return read_with_arguments
    if read is not None:

        def read_value(source: Any, info: Info, **arguments: Any) -> Any:
            return read(source)

        return read_value

    def look(source: Any, info: Info, **arguments: Any) -> Any:
        return source.get(key) if isinstance(source, dict) else getattr(source, attribute)

    return look


def _check_abstract(schema: GraphQLSchema, merged: _Merged, misfits: list[str]) -> None:
    """Every interface or union that a field returns must know its values' types."""
    for kind in schema.type_map.values():
        if not is_object_type(kind) or is_introspection_type(kind):
            continue
        for name, definition in kind.fields.items():
            returned = get_named_type(definition.type)
            if is_abstract_type(returned) and returned.name not in merged.type_of:
                misfits.append(f"{kind}.{name} returns {returned}, which has no Abstract binder.")
            if (
                is_scalar_type(returned)
                and not is_specified_scalar_type(returned)
                and returned.name not in merged.scalars
            ):
                misfits.append(f"{kind}.{name} returns scalar {returned}, which is not bound.")


def _type_resolver(
    type_of: Callable[[Any], str],
) -> Callable[[Any, Info, GraphQLAbstractType], str]:
    def resolve_type(value: Any, info: Info, kind: GraphQLAbstractType) -> str:
        return type_of(value)

    return resolve_type


@cache
def snake_case(name: str) -> str:
    """The Python name of a wire name: `artifactID` → `artifact_id`; keywords get an underscore."""
    split = re.sub(r"([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])", _with_underscore, name).lower()
    return f"{split}_" if keyword.iskeyword(split) else split


def _with_underscore(match: re.Match[str]) -> str:
    return f"{match[1]}_{match[2]}" if match[1] else f"{match[3]}_"
