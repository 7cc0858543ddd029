"""Which fields a query asks beneath a field, so that a loader fetches those and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
)

from registrum.server.graphql.binding import Info
from registrum.server.graphql.documents import Variant


@dataclass(frozen=True, slots=True)
class Selection:
    """The dotted paths of wire names selected beneath a field, e.g. `"edges.node.artifact.tags" in wants`.

    Aliases are resolved to field names, fragments of all types taken together, @skip and @include honoured;
    `__typename` is left out.
    """

    paths: frozenset[str]
    _below: dict[str, "Selection"] = field(default_factory=dict, compare=False, repr=False)

    def __contains__(self, path: str) -> bool:
        return path in self.paths

    def under(self, path: str) -> "Selection":
        """What is selected beneath that path; empty if the path is not selected."""
        found = self._below.get(path)
        if found is None:
            start = f"{path}."
            below = frozenset(p[len(start) :] for p in self.paths if p.startswith(start))
            found = self._below[path] = Selection(below)
        return found


def selected(info: Info) -> Selection:
    """What the query selects beneath the field that is being resolved; computed once per query text and toggles."""
    variant: Variant = info.root_value
    key = group_key(info.parent_type.name, info.field_nodes)
    found = variant.selections.get(key)
    if not isinstance(found, Selection):
        paths = _paths(info.field_nodes, info.fragments, info.variable_values.coerced)
        found = variant.selections[key] = Selection(paths)
    return found


def group_key(parent: str, nodes: Sequence[FieldNode]) -> tuple[Any, ...]:
    """Names one field of a cached document: its parent's type and the identities of the nodes merged into it."""
    if len(nodes) == 1:
        return parent, id(nodes[0])
    return parent, *map(id, nodes)


def _paths(
    nodes: Sequence[FieldNode],
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> frozenset[str]:
    found: set[str] = set()
    waiting = [("", node.selection_set) for node in nodes if node.selection_set]
    while waiting:
        prefix, selections = waiting.pop()
        for node in _fields(selections, fragments, variables):
            name = node.name.value
            if name == "__typename":
                continue
            found.add(prefix + name)
            if node.selection_set:
                waiting.append((f"{prefix}{name}.", node.selection_set))
    return frozenset(found)


def _fields(
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> Iterator[FieldNode]:
    """The fields of a selection set and of the fragments in it."""
    for node in selections.selections:
        if not _is_included(node, variables):
            continue
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(fragments[node.name.value].selection_set, fragments, variables)
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set, fragments, variables)


def _is_included(node: Any, variables: Mapping[str, Any]) -> bool:
    for directive in node.directives or ():
        stated = directive.name.value
        if stated not in ("skip", "include"):
            continue
        value = directive.arguments[0].value
        if isinstance(value, VariableNode):
            condition = bool(variables.get(value.name.value))
        else:
            condition = isinstance(value, BooleanValueNode) and value.value
        if condition is (stated == "skip"):
            return False
    return True
