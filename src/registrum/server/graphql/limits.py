"""Bounds on what one GraphQL request may ask, checked before the work it would cause.

In the order in which they are checked: length and nesting of the text (a scan, before parsing), number of tokens
(by the parser), depth and number of fields with fragments expanded (before validation, whose rules grow with
both), cost and page sizes (with the variables, before execution). Everything beyond is 400 `query_too_complex`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    type_from_ast,
)

from registrum.core.errors import QueryTooComplex


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask at most; the released client's own documents have up to 84 fields, 11 levels and 5 twins.

    Attributes:
        text_bytes: length of the query text, UTF-8.
        nesting: levels of brackets in the text, of any kind.
        tokens: lexical tokens of the text.
        depth: levels of fields, fragments expanded.
        fields: fields of the document, fragments expanded.
        twins: times that one response name may be given in one selection set, fragments expanded.
        schemas: times that the whole schema may be asked for.
        page: the largest `first` or `last`.
        cost: values an answer may hold by estimate: fields times the page sizes on their path.
        variables_depth: levels of objects and lists in the variables.
        cached_characters: query text remembered together with what was parsed and compiled from it.
    """

    text_bytes: int = 256 * 1024
    nesting: int = 64
    tokens: int = 12_000
    depth: int = 32
    fields: int = 2_000
    twins: int = 50
    schemas: int = 2
    page: int = 10_000
    cost: int = 1_000_000
    variables_depth: int = 64
    cached_characters: int = 2_000_000


_SCAN = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:"""|\Z)'
    r'|"(?:[^"\\\n\r]|\\[^\n\r])*+(?:"|\\?(?=[\n\r])|\\?\Z)'
    r"|#[^\n\r]*|[{}()\[\]]"
)
"""Strings (also unterminated ones), comments and brackets; linear in the text."""

UNSTATED_PAGE = 50
"""What a connection without `first` is taken to return, in the estimate of cost."""


def check_text(text: str, limits: Limits) -> None:
    """Refuses a text that is too long or too nested to be given to the parser.

    Raises:
        QueryTooComplex: says which limit and how large it is.
    """
    if len(text) * 4 > limits.text_bytes and len(text.encode()) > limits.text_bytes:
        raise QueryTooComplex(f"The query is longer than {limits.text_bytes} bytes.")
    level = 0
    for match in _SCAN.finditer(text):
        sign = match[0]
        if sign in "{([":
            level += 1
            if level > limits.nesting:
                raise QueryTooComplex(f"The query is nested deeper than {limits.nesting} levels.")
        elif sign in "})]":
            level -= 1


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Refuses a document that is too deep or too large once its fragments are expanded.

    Raises:
        QueryTooComplex: says which limit and how large it is.
    """
    fragments = fragments_of(document)
    reached: set[str] = set()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            _Expansion(fragments, reached, limits).walk(definition.selection_set, ("",), 0, 0)
    for name, fragment in fragments.items():
        if name not in reached:
            _Expansion(fragments, reached, limits).walk(fragment.selection_set, ("",), 0, 0)


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragment definitions of a document by name."""
    return {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


class _Expansion:
    """Walks one operation with its fragments expanded and stops at the first limit: never more than `fields` steps."""

    def __init__(
        self,
        fragments: Mapping[str, FragmentDefinitionNode],
        reached: set[str],
        limits: Limits,
    ) -> None:
        self._fragments = fragments
        self._reached = reached
        self._limits = limits
        self._steps = 0
        self._schemas = 0
        self._twins: dict[tuple[Any, ...], int] = {}

    def walk(
        self, selections: SelectionSetNode, path: tuple[Any, ...], depth: int, level: int
    ) -> None:
        """`depth` counts fields above, `level` fields and fragments; `path` is a linked list of response names."""
        limits = self._limits
        if level > limits.nesting or depth > limits.depth:
            raise QueryTooComplex(f"The query is deeper than {limits.depth} levels of fields.")
        for node in selections.selections:
            self._steps += 1
            if self._steps > limits.fields:
                raise QueryTooComplex(f"The query selects more than {limits.fields} fields.")
            if isinstance(node, FieldNode):
                key = (path, node.alias.value if node.alias else node.name.value)
                twins = self._twins[key] = self._twins.get(key, 0) + 1
                if twins > limits.twins:
                    raise QueryTooComplex(
                        f"The query selects {key[1]!r} in one place more than {limits.twins} times."
                    )
                if node.name.value == "__schema":
                    self._schemas += 1
                    if self._schemas > limits.schemas:
                        raise QueryTooComplex(
                            f"The query asks for the schema more than {limits.schemas} times."
                        )
                if node.selection_set:
                    self.walk(node.selection_set, key, depth + 1, level + 1)
            elif isinstance(node, InlineFragmentNode):
                self.walk(node.selection_set, path, depth, level + 1)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                self._reached.add(name)
                if name in self._fragments:
                    self.walk(self._fragments[name].selection_set, path, depth, level + 1)


@dataclass(slots=True)
class Weight:
    """The cost of a selection: `fields` that count once, and parts that count once per row of their page.

    Attributes:
        fields: how many fields are outside of any page.
        pages: for each page its size, or the variable that has it, and the weight of a row.
    """

    fields: int
    pages: "list[tuple[int | str | None, Weight]]"

    def cost(self, variables: Mapping[str, Any], limits: Limits) -> int:
        """The estimate for these coerced variables.

        Raises:
            QueryTooComplex: a page size beyond `limits.page` or below zero.
        """
        total = self.fields
        for size, row in self.pages:
            rows = variables.get(size) if isinstance(size, str) else size
            if rows is None:
                rows = UNSTATED_PAGE
            if isinstance(rows, int) and not 0 <= rows <= limits.page:
                raise QueryTooComplex(
                    f"A page can have 0 to {limits.page} rows; {rows} were asked for."
                )
            total += row.cost(variables, limits) * max(rows, 1)
        return total


def check_cost(weight: Weight, variables: Mapping[str, Any], limits: Limits) -> None:
    """Refuses an operation whose answer would hold too many values.

    Raises:
        QueryTooComplex: says the estimate and the limit.
    """
    cost = weight.cost(variables, limits)
    if cost > limits.cost:
        raise QueryTooComplex(
            f"The query could return {cost} values; {limits.cost} are allowed. Ask for smaller pages."
        )


def weigh(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> Weight:
    """The weight of a valid operation."""
    root = schema.get_root_type(operation.operation)
    return _weigh(schema, fragments_of(document), operation.selection_set, root)


def _weigh(
    schema: GraphQLSchema,
    fragments: Mapping[str, FragmentDefinitionNode],
    selections: SelectionSetNode,
    parent: Any,
) -> Weight:
    weight = Weight(0, [])
    for node in selections.selections:
        if isinstance(node, FieldNode):
            weight.fields += 1
            definition = getattr(parent, "fields", {}).get(node.name.value)
            if node.selection_set is None or definition is None:
                continue
            below = _weigh(schema, fragments, node.selection_set, get_named_type(definition.type))
            if "first" in definition.args or "last" in definition.args:
                weight.pages.append((_page_size(node, definition.args), below))
            else:
                _add(weight, below)
        elif isinstance(node, InlineFragmentNode):
            inner = type_from_ast(schema, node.type_condition) if node.type_condition else parent
            _add(weight, _weigh(schema, fragments, node.selection_set, inner))
        elif isinstance(node, FragmentSpreadNode):
            fragment = fragments[node.name.value]
            inner = type_from_ast(schema, fragment.type_condition)
            _add(weight, _weigh(schema, fragments, fragment.selection_set, inner))
    return weight


def _add(weight: Weight, more: Weight) -> None:
    weight.fields += more.fields
    weight.pages += more.pages


def _page_size(node: FieldNode, declared: Mapping[str, Any]) -> int | str | None:
    """The literal or the variable of `first` (or `last`); the SDL's default where neither is given."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    for name in ("first", "last"):
        value = given.get(name)
        if isinstance(value, IntValueNode):
            return int(value.value[:12])
        if isinstance(value, VariableNode):
            return value.name.value
    for name in ("first", "last"):
        if name in declared and isinstance(declared[name].default_value, int):
            return int(declared[name].default_value)
    return None


def check_variables(variables: Mapping[str, Any], limits: Limits) -> None:
    """Refuses variables that are nested too deeply.

    Raises:
        QueryTooComplex: says the limit.
    """
    level: list[Any] = [variables]
    for _ in range(limits.variables_depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if inner.__class__ is dict or inner.__class__ is list
        ]
        if not level:
            return
    raise QueryTooComplex(f"The variables are nested deeper than {limits.variables_depth} levels.")
