"""Variables and arguments of a cached document, by what was worked out about them once.

graphql-core looks up types, signatures and defaults anew for each request, which is most of what a look-up by name
spends in it. Here they are kept with the document. Only what is plainly right is done here; whatever is not (a value that is
refused, a required variable that is missing) is left to graphql-core's own functions, which have the words for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_argument_values,
    is_required_argument,
    is_required_input_field,
    visit,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

_SAME = {"String": str, "ID": str, "Boolean": bool}
"""Input of exactly this class is what the built-in scalar makes of it."""

Arguments = Callable[[VariableValues], dict[str, Any]]
_Take = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Variable:
    signature: GraphQLVariableSignature
    is_required: bool
    same: type | None
    take: _Take
    default: Any
    absent: VariableValueSource


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, declared: Sequence[VariableDefinitionNode]) -> None:
        self._variables: list[_Variable] | None = []
        for node in declared:
            signature = get_variable_signature(schema, node)
            if isinstance(signature, GraphQLError):
                self._variables = None
                return
            self._variables.append(_variable(signature))

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | None:
        """As `graphql.get_variable_values`; None where that finds an error."""
        if self._variables is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._variables:
            name = variable.signature.name
            value = given.get(name, Undefined)
            if value is Undefined:
                sources[name] = variable.absent
                if variable.default is not Undefined:
                    coerced[name] = variable.default
                elif variable.is_required:
                    return None
                continue
            sources[name] = VariableValueSource(variable.signature, value)
            if value.__class__ is not variable.same and (value is not None or variable.is_required):
                value = variable.take(value)
                if value is Undefined:
                    return None
            coerced[name] = value
        return VariableValues(sources, coerced)


def _variable(signature: GraphQLVariableSignature) -> _Variable:
    kind: Any = signature.type
    is_required = isinstance(kind, GraphQLNonNull)
    same = _SAME.get(str(kind.of_type) if isinstance(kind, GraphQLNonNull) else str(kind))
    default = Undefined if signature.default is None else coerce_default_value(signature)
    take = _taker(kind, {})
    return _Variable(signature, is_required, same, take, default, VariableValueSource(signature))


def _taker(kind: Any, known: dict[str, _Take]) -> _Take:
    """`coerce_input_value` for one type: of a list of 1,000 inputs, each type is looked into once.

    Args:
        known: the input objects met so far, which may hold themselves.
    """
    if isinstance(kind, GraphQLNonNull):
        inner = _taker(kind.of_type, known)
        return lambda value: Undefined if value is None else inner(value)
    if isinstance(kind, GraphQLList):
        return _list_taker(kind, _taker(kind.of_type, known))
    if isinstance(kind, GraphQLInputObjectType) and not kind.is_one_of:
        name = kind.name
        if name not in known:

            def later(value: Any) -> Any:
                return known[name](value)

            known[name] = later
            known[name] = _object_taker(kind, known)
        return known[name]
    same = _SAME.get(str(kind))
    return lambda value: (
        value if value is None or value.__class__ is same else coerce_input_value(value, kind)
    )


def _list_taker(kind: GraphQLList[Any], item: _Take) -> _Take:
    def take(value: Any) -> Any:
        if value.__class__ is not list:
            return coerce_input_value(value, kind)
        found = []
        for given in value:
            each = item(given)
            if each is Undefined:
                return Undefined
            found.append(each)
        return found

    return take


def _object_taker(kind: GraphQLInputObjectType, known: dict[str, _Take]) -> _Take:
    fields = {
        name: (field.out_name or name, _taker(field.type, known))
        for name, field in kind.fields.items()
    }
    required = {name for name, field in kind.fields.items() if is_required_input_field(field)}
    defaults = {
        field.out_name or name: default
        for name, field in kind.fields.items()
        if (default := coerce_default_value(field)) is not Undefined
    }

    def take(value: Any) -> Any:
        if value.__class__ is not dict or not (fields.keys() >= value.keys() >= required):
            return coerce_input_value(value, kind)
        found = defaults.copy()
        for name, given in value.items():
            out_name, taken = fields[name]
            found[out_name] = each = taken(given)
            if each is Undefined:
                return Undefined
        return kind.out_type(found)

    return take


def arguments_of(field: GraphQLField, node: FieldNode) -> Arguments:
    """What `graphql.get_argument_values` finds for one field of a valid document, as a function of the variables.

    Raises, when it is called, what that does.
    """

    def in_full(variables: VariableValues) -> dict[str, Any]:
        return get_argument_values(field, node, variables)

    fixed: dict[str, Any] = {}
    taken: list[tuple[str, str, bool, bool]] = []
    written = {argument.name.value: argument.value for argument in node.arguments or ()}
    for name, argument in field.args.items():
        value, out_name = written.get(name), argument.out_name or name
        if value is None or isinstance(value, VariableNode):
            default = coerce_default_value(argument)
            if default is not Undefined:
                fixed[out_name] = default
        if isinstance(value, VariableNode):
            is_required = isinstance(argument.type, GraphQLNonNull)
            taken.append((out_name, value.name.value, is_required, is_required_argument(argument)))
        elif value is not None and has_variable(value):
            return in_full
        elif value is not None or is_required_argument(argument):
            try:
                fixed |= get_argument_values(GraphQLField(field.type, {name: argument}), node)
            except GraphQLError:
                return in_full

    def found(variables: VariableValues) -> dict[str, Any]:
        coerced, values = variables.coerced, fixed.copy()
        for out_name, name, is_required, must_be_given in taken:
            value = coerced.get(name, Undefined)
            if value is Undefined:
                if must_be_given:
                    return in_full(variables)
            elif value is None and is_required:
                return in_full(variables)
            else:
                values[out_name] = value
        return values

    return found


def has_variable(value: Any) -> bool:
    """Whether a variable stands anywhere in this argument's value."""
    finder = _VariableFinder()
    visit(value, finder)
    return finder.found


class _VariableFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """There is one."""
        self.found = True
