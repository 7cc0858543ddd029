"""From values to the JSON shape of a selection, by a function generated once for each field of a cached query.

graphql-core spends 6 to 9 µs on a field. Where everything that is selected beneath a field is data (binding.py), all
that the executor would do is known beforehand: which attributes are read, which function serialises them, what must not
be null. `compile_projection` writes that down as Python source and compiles it:

    def object_2(v):                      # Artifact
        if v is None: raise Gap
        if v.__class__ is dict: return {...}
        return {
            'id': a if (a := read_0(v)).__class__ is str else leaf_1(a),
            'state': enum_1[v.state],
            'tags': list_3(v.tags),
        }

Where many rows refer to one value (a type bound with `is_shared=True`, beneath a list), its JSON is made once a page.

A projection gives what the executor gives, or raises: a null where none may be, a value no serialiser takes, a reader's
exception. It never reports; the executor (execution.py) then does the same field in the ordinary way and finds the
error, its path and how far null spreads.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.values import VariableValues

from registrum.server.graphql.arguments import Arguments, arguments_of, has_variable
from registrum.server.graphql.binding import BoundSchema, DataField, GlobalId
from registrum.server.graphql.selection import group_key

Projection = Callable[[Any, VariableValues], Any]
Collect = Callable[[GraphQLObjectType, FieldDetailsList], Mapping[str, FieldDetailsList]]

MAX_FIELDS = 3_000
"""A larger selection is left to the executor; the memory of the compiled code stays bounded."""

FAST_CHECKS = {
    "String": "{0}.__class__ is str",
    "ID": "{0}.__class__ is str",
    "Boolean": "{0}.__class__ is bool",
    "Int": "{0}.__class__ is int and -2147483648 <= {0} <= 2147483647",
}
"""Where these hold, the built-in scalars' serialisers return their argument."""


class Gap(Exception):
    """This value does not fit the projection; the ordinary executor must look at it."""


class _NotCovered(Exception):
    """This selection can't be projected."""


def compile_projection(
    bound: BoundSchema,
    collect: Collect,
    return_type: Any,
    details: FieldDetailsList,
    variables: VariableValues,
) -> Projection | None:
    """The projection for a field, or None where a field beneath has a resolver or the selection is too large.

    Args:
        bound: schema and readers.
        collect: groups the fields beneath a field by response name, for one object type.
        return_type: the field's type.
        details: the field's nodes.
        variables: of the current execution; only arguments without variables are read here.

    Returns:
        A function of the field's value and an execution's variables, good for every execution of the same variant. It
        raises whatever it meets where the value does not fit.
    """
    compiler = _Compiler(bound, collect, variables)
    try:
        return compiler.compile(return_type, details)
    except (_NotCovered, GraphQLError):
        return None


class _Compiler:
    """Collects the source lines and the names they refer to; children first."""

    def __init__(self, bound: BoundSchema, collect: Collect, variables: VariableValues) -> None:
        self._bound = bound
        self._collect = collect
        self._variables = variables
        self._lines: list[str] = []
        self._names: dict[str, Any] = {"Gap": Gap, "b2a_base64": b2a_base64}
        self._functions: dict[tuple[Any, ...], str] = {}
        self._leaves: dict[str, str] = {}
        self._takes: dict[str, str] = {}
        self._shared = 0
        self._lists = 0
        self._arguments: list[Arguments] = []
        self._fields = 0

    def compile(self, return_type: Any, details: FieldDetailsList) -> Projection:
        value = self._complete(return_type, details, "v")
        self._lines += ["def project(v, args, memo):", f"    return {value}"]
        # The source is our own; what comes from the query (response names) is quoted by repr.
        exec(compile("\n".join(self._lines), "<projection>", "exec"), self._names)  # noqa: S102
        project: Callable[[Any, Any, Any], Any] = self._names["project"]
        arguments, shared = self._arguments, range(self._shared)

        def project_for(value: Any, variables: VariableValues) -> Any:
            given = [values(variables) for values in arguments] if arguments else None
            return project(value, given, [{} for _ in shared])

        return project_for

    def _complete(self, kind: Any, details: FieldDetailsList, source: str) -> str:
        """An expression for the completed value of `source`, which it evaluates once."""
        required = isinstance(kind, GraphQLNonNull)
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        first, again = (source, source) if source.isidentifier() else (f"(a := {source})", "a")
        if isinstance(inner, GraphQLEnumType):
            lookup = self._enum(inner)
            return (
                f"{lookup}[{source}]"
                if required
                else f"None if {first} is None else {lookup}[{again}]"
            )
        if is_leaf_type(inner):
            leaf, fits = self._leaf(inner), self._fast_check(inner.name)
            if fits is None:
                return (
                    f"{leaf}({source})"
                    if required
                    else f"None if {first} is None else {leaf}({again})"
                )
            if required:
                fits = fits.replace("{0}", first, 1).replace("{0}", again)
                return f"{again} if {fits} else {leaf}({again})"
            fits = fits.replace("{0}", again)
            return f"{again} if {first} is None or {fits} else {leaf}({again})"
        function = self._function(inner, details)
        takes = self._takes[function]
        if required:
            return f"{function}({source}{takes})"
        return f"None if {first} is None else {function}({again}{takes})"

    def _function(self, kind: Any, details: FieldDetailsList) -> str:
        """The name of the function that completes a present value of an object, list or abstract type."""
        key = (str(kind), *group_key("", [d.node for d in details]))
        known = self._functions.get(key)
        if known is not None:
            return known
        if isinstance(kind, GraphQLList):
            prefix, body = "list", self._list_body(kind, details)
        elif isinstance(kind, GraphQLObjectType):
            prefix, body = "object", self._object_body(kind, details)
        else:
            prefix, body = "abstract", self._abstract_body(kind, details)
        name = self._functions[key] = f"{prefix}_{len(self._functions)}"
        takes = "".join(f", {more}" for more in ("args", "memo") if any(more in b for b in body))
        self._takes[name] = takes
        self._lines += [f"def {name}(v{takes}):", *(f"    {line}" for line in body)]
        if self._lists and str(kind) in self._bound.shared:
            name = self._functions[key] = self._shared_function(name, takes)
        return name

    def _shared_function(self, fresh: str, takes: str) -> str:
        """The name of a function that calls `fresh` once for each value; it keeps the value, so that its identity stays."""
        name, number = f"shared_{fresh}", self._shared
        self._shared += 1
        self._takes[name] = takes if "memo" in takes else f"{takes}, memo"
        self._lines += [
            f"def {name}(v{self._takes[name]}):",
            f"    known = memo[{number}].get(id(v))",
            "    if known is not None: return known[1]",
            f"    found = {fresh}(v{takes})",
            f"    memo[{number}][id(v)] = v, found",
            "    return found",
        ]
        return name

    def _list_body(self, kind: GraphQLList[Any], details: FieldDetailsList) -> list[str]:
        self._lists += 1
        item = self._complete(kind.of_type, details, "x")
        self._lists -= 1
        call = re.fullmatch(r"(\w+)\(x\)", item)
        return [
            "if v.__class__ is not list and v.__class__ is not tuple: raise Gap",
            f"return list(map({call[1]}, v)) if v else []"
            if call
            else f"return [{item} for x in v]",
        ]

    def _abstract_body(
        self, kind: GraphQLInterfaceType | GraphQLUnionType, details: FieldDetailsList
    ) -> list[str]:
        type_of = self._bound.type_of.get(kind.name)
        if type_of is None:
            raise _NotCovered
        body = ["if v is None: raise Gap", f"t = {self._name('type_of', type_of)}(v)"]
        for possible in self._bound.schema.get_possible_types(kind):
            call = self._complete(GraphQLNonNull(possible), details, "v")
            body.append(f"if t == {possible.name!r}: return {call}")
        return [*body, "raise Gap"]

    def _object_body(self, kind: GraphQLObjectType, details: FieldDetailsList) -> list[str]:
        of_attributes: list[str] = []
        of_keys: list[str] = []
        for response, below in self._collect(kind, details).items():
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise _NotCovered
            name = below[0].node.name.value
            if name == "__typename":
                value = keyed = repr(kind.name)
            else:
                data = self._bound.data.get((kind.name, name))
                if data is None:
                    raise _NotCovered
                value = keyed = self._field(kind.fields[name], data, below)
                if data.read is None:
                    keyed = self._complete(kind.fields[name].type, below, f"v.get({data.key!r})")
            of_attributes.append(f"{response!r}: {value}")
            of_keys.append(f"{response!r}: {keyed}")
        body = ["if v is None: raise Gap"]
        if of_keys != of_attributes:
            body.append(f"if v.__class__ is dict: return {{{', '.join(of_keys)}}}")
        return [*body, f"return {{{', '.join(of_attributes)}}}"]

    def _field(self, definition: GraphQLField, data: DataField, below: FieldDetailsList) -> str:
        """The expression of one data field of `v`, arguments included."""
        arguments = self._argument_expression(definition, below) if definition.args else ""
        if isinstance(data.read, GlobalId) and get_named_type(definition.type).name == "ID":
            # `ids.encode`, without the two calls: a page has hundreds.
            return f"b2a_base64(f'{data.read.kind}:{{v.id}}'.encode(), newline=False).decode()"
        if data.read is None:
            source = f"v.{data.attribute}"
        else:
            read = self._name("read", data.read)
            source = f"{read}(v, {arguments})" if data.takes_arguments else f"{read}(v)"
        return self._complete(definition.type, below, source)

    def _argument_expression(self, definition: GraphQLField, below: FieldDetailsList) -> str:
        """Arguments without variables are evaluated now, the others once an execution."""
        node = below[0].node
        arguments = _every_argument(definition, node)
        if any(has_variable(argument) for argument in node.arguments or ()):
            self._arguments.append(arguments)
            return f"args[{len(self._arguments) - 1}]"
        return self._name("given", arguments(self._variables))

    def _fast_check(self, scalar: str) -> str | None:
        own = self._bound.as_is.get(scalar)
        if own is not None:
            return f"{{0}}.__class__ is {self._name('cls', own)}"
        return FAST_CHECKS.get(scalar)

    def _leaf(self, kind: Any) -> str:
        if kind.name not in self._leaves:
            serialise = kind.coerce_output_value
            if kind.name not in self._bound.strict:
                serialise = _serialiser(serialise)
            self._leaves[kind.name] = self._name("leaf", serialise)
        return self._leaves[kind.name]

    def _enum(self, kind: GraphQLEnumType) -> str:
        if kind.name not in self._leaves:
            names = {
                name if value.value is None else value.value: name
                for name, value in reversed(kind.values.items())
            }
            self._leaves[kind.name] = self._name("enum", names)
        return self._leaves[kind.name]

    def _name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self._names)}"
        self._names[name] = value
        return name


def _every_argument(field: GraphQLField, node: FieldNode) -> Arguments:
    """All arguments of a field by their Python names, None where absent."""
    given = arguments_of(field, node)
    absent: dict[str, Any] = {a.out_name or "": None for a in field.args.values()}
    return lambda variables: absent | given(variables)


def _serialiser(serialise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The scalar's own serialiser; nothing and exceptions are for the executor."""

    def leaf(value: Any) -> Any:
        if value is None or value is Undefined or isinstance(value, Exception):
            raise Gap
        result = serialise(value)
        if result is None or result is Undefined:
            raise Gap
        return result

    return leaf
