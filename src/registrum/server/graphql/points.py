"""What needs no thread of its own: look-ups of a few rows by index, and single writes.

Waking a thread costs more than a look-up takes: the event loop answers it itself. An operation is one if it only reads and every
field of it is data or bound with `is_point=True`. A single write has one field, bound with `is_write=True`, and nothing but data
beneath: the event loop hands it to the writer, and makes the answer of what that gives back.
"""

from collections.abc import Collection, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    type_from_ast,
)

from registrum.server.graphql.binding import BoundSchema


def is_point_read(
    bound: BoundSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> bool:
    """Whether nothing but look-ups and data is asked by an operation of a valid document."""
    if operation.operation is not OperationType.QUERY:
        return False
    root = bound.schema.query_type
    walk = _Walk(bound, bound.data.keys() | bound.points, fragments)
    return root is not None and walk.is_quick(operation.selection_set, root)


def is_single_write(
    bound: BoundSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> bool:
    """Whether an operation of a valid document is one write, answered with nothing but data."""
    fields, root = operation.selection_set.selections, bound.schema.mutation_type
    if operation.operation is not OperationType.MUTATION or root is None or len(fields) != 1:
        return False
    (node,) = fields
    if not isinstance(node, FieldNode) or (root.name, node.name.value) not in bound.writes:
        return False
    below, kind = node.selection_set, get_named_type(root.fields[node.name.value].type)
    walk = _Walk(bound, bound.data.keys(), fragments)
    return not node.directives and (below is None or walk.is_quick(below, kind))


class _Walk:
    """Looks at each fragment once."""

    def __init__(
        self,
        bound: BoundSchema,
        quick: Collection[tuple[str, str]],
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> None:
        self._bound = bound
        self._quick = quick
        self._fragments = fragments
        self._seen: set[str] = set()

    def is_quick(self, selections: SelectionSetNode, kind: Any) -> bool:
        return all(self._is_quick(node, kind) for node in selections.selections)

    def _is_quick(self, node: Any, kind: Any) -> bool:
        schema = self._bound.schema
        if isinstance(node, FieldNode):
            name = node.name.value
            if name == "__typename":
                return True
            definition = getattr(kind, "fields", {}).get(name)
            if definition is None or not self._is_quick_field(kind, name):
                return False
            below = node.selection_set
            return below is None or self.is_quick(below, get_named_type(definition.type))
        if isinstance(node, FragmentSpreadNode):
            fragment = self._fragments[node.name.value]
            if node.name.value in self._seen:
                return True
            self._seen.add(node.name.value)
            return self.is_quick(
                fragment.selection_set, type_from_ast(schema, fragment.type_condition)
            )
        condition = node.type_condition
        return self.is_quick(
            node.selection_set, type_from_ast(schema, condition) if condition else kind
        )

    def _is_quick_field(self, kind: Any, name: str) -> bool:
        possible = self._bound.schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
        return all((each.name, name) in self._quick for each in possible)
