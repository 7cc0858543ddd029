"""Compares the client's own result models with the SDL: what a model requires must be non-null.

The installed client parses most answers with generated pydantic models, one a document. A field that the
model requires but the server may leave null would be a crash in somebody's training script.
"""

import importlib
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    parse,
)
from pydantic import BaseModel

_PACKAGES = (
    "wandb.sdk.artifacts._generated",
    "wandb.apis._generated",
    "wandb.automations._generated",
    "wandb.sdk.internal._generated",
)

_Selected = list[tuple[GraphQLNamedType, SelectionSetNode]]
_Fragments = dict[str, FragmentDefinitionNode]


def looser_fields(schema: GraphQLSchema) -> dict[str, str]:
    """Fields (`Type.field`) that some model requires and the schema leaves nullable, with the path."""
    found: dict[str, str] = {}
    for name, model, operation, fragments in _models():
        is_query = operation.operation is OperationType.QUERY
        root = schema.query_type if is_query else schema.mutation_type
        assert root is not None
        walk = _Walk(schema, fragments, found)
        walk.compare(model, [(root, operation.selection_set)], name)
    return found


def _models() -> Iterator[tuple[str, type[BaseModel], OperationDefinitionNode, _Fragments]]:
    for package in _PACKAGES:
        module = importlib.import_module(package)
        operations = importlib.import_module(f"{package}.operations")
        for constant, text in vars(operations).items():
            if constant.endswith("_GQL"):
                document = parse(text)
                operation = document.definitions[0]
                assert isinstance(operation, OperationDefinitionNode)
                assert operation.name is not None
                fragments = {
                    f.name.value: f
                    for f in document.definitions
                    if isinstance(f, FragmentDefinitionNode)
                }
                name = operation.name.value
                yield name, getattr(module, name), operation, fragments


class _Walk:
    """Walks one model and its document's selections side by side."""

    def __init__(self, schema: GraphQLSchema, fragments: _Fragments, found: dict[str, str]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._found = found

    def compare(self, model: type[BaseModel], selected: _Selected, path: str) -> None:
        answered: dict[str, list[tuple[Any, FieldNode]]] = {}
        for parent, selections in selected:
            self._gather(parent, selections, answered)
        for name, field in model.model_fields.items():
            key = field.alias or name
            for parent, node in answered.get(key, ()):
                if node.name.value == "__typename":
                    continue
                declared = parent.fields[node.name.value].type
                if field.is_required() and _is_looser(field.annotation, declared):
                    self._found.setdefault(f"{parent}.{node.name.value}", f"{path}.{key}")
            below = [
                (get_named_type(parent.fields[node.name.value].type), node.selection_set)
                for parent, node in answered.get(key, ())
                if node.selection_set is not None
            ]
            for inner in _models_in(field.annotation):
                self.compare(inner, below, f"{path}.{key}")

    def _gather(
        self,
        parent: GraphQLNamedType,
        selections: SelectionSetNode,
        into: dict[str, list[tuple[Any, FieldNode]]],
    ) -> None:
        """Fields by the key they are answered under, with the type each is selected on."""
        for node in selections.selections:
            if isinstance(node, FieldNode):
                into.setdefault((node.alias or node.name).value, []).append((parent, node))
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment: Any = self._fragments[node.name.value]
            else:
                assert isinstance(node, InlineFragmentNode)
                fragment = node
            narrowed = self._schema.type_map[fragment.type_condition.name.value]
            self._gather(narrowed, fragment.selection_set, into)


def _is_looser(annotation: Any, declared: Any) -> bool:
    """Whether the declared type may be null, or hold nulls, where the annotation may not."""
    if not is_non_null_type(declared) and not _may_be_none(annotation):
        return True
    inner, element = get_nullable_type(declared), _element(annotation)
    return is_list_type(inner) and element is not None and _is_looser(element, inner.of_type)


def _choices(annotation: Any) -> tuple[Any, ...]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _choices(get_args(annotation)[0])
    return get_args(annotation) if origin in (Union, types.UnionType) else (annotation,)


def _may_be_none(annotation: Any) -> bool:
    return type(None) in _choices(annotation)


def _element(annotation: Any) -> Any:
    """The annotation of a list's elements; None where it is no list."""
    lists = [choice for choice in _choices(annotation) if get_origin(choice) is list]
    return get_args(lists[0])[0] if lists else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    found = []
    for choice in _choices(annotation):
        if get_origin(choice) is list:
            found += _models_in(get_args(choice)[0])
        elif isinstance(choice, type) and issubclass(choice, BaseModel):
            found.append(choice)
    return found
