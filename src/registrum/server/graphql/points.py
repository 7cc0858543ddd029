"""Point reads: operations that look up a few rows by index, so that the event loop can answer them itself.

Waking a thread costs more than such a look-up takes. An operation is one if it only reads and every field of it is data or bound
with `is_point=True`.
"""

from collections.abc import Mapping
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
    return root is not None and _Walk(bound, fragments).is_quick(operation.selection_set, root)


class _Walk:
    """Looks at each fragment once."""

    def __init__(self, bound: BoundSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._bound = bound
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
            if definition is None or not self._is_read_or_point(kind, name):
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

    def _is_read_or_point(self, kind: Any, name: str) -> bool:
        possible = self._bound.schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
        return all(
            (each.name, name) in self._bound.data or (each.name, name) in self._bound.points
            for each in possible
        )
