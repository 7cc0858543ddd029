"""Query texts, parsed and validated once: a bounded cache from text to what execution needs of it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.collect_fields import CollectedFields, FragmentDetails, GroupedFieldSet
from graphql.validation import NoUnusedFragmentsRule, NoUnusedVariablesRule

from registrum.server.graphql.arguments import Variables
from registrum.server.graphql.binding import BoundSchema
from registrum.server.graphql.errors import MAX_ERRORS_SHOWN
from registrum.server.graphql.limits import (
    Limits,
    Weight,
    check_document,
    check_text,
    fragments_of,
    weigh,
)
from registrum.server.graphql.points import is_point_read, is_single_write

T = TypeVar("T")

RULES = [
    rule for rule in specified_rules if rule not in (NoUnusedVariablesRule, NoUnusedFragmentsRule)
]
"""The client declares variables it does not use, and strips fields but not what they used."""

MAX_VARIANTS = 8


class BoundedCache(Generic[T]):
    """Text → value, least recently used out first; the texts kept weigh at most `max_weight` characters together."""

    def __init__(self, max_weight: int) -> None:
        self._max_weight = max_weight
        self._weight = 0
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = Lock()

    def get(self, text: str) -> T | None:
        """The value kept for this text, now the most recent one."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
            return found

    def put(self, text: str, value: T) -> None:
        """Keeps a value, unless its text alone is too heavy (a sixteenth of all)."""
        if len(text) > self._max_weight // 16:
            return
        with self._lock:
            if text not in self._kept:
                self._weight += len(text)
            self._kept[text] = value
            while self._weight > self._max_weight:
                gone, _ = self._kept.popitem(last=False)
                self._weight -= len(gone)

    def __len__(self) -> int:
        return len(self._kept)


@dataclass(slots=True)
class Variant:
    """What was compiled for one document and one outcome of its @skip and @include; lives and dies with the document.

    Attributes:
        projections: per field (see `group_key`) its compiled projection, or None where the executor must do it.
        selections: per field the paths selected beneath it.
        roots: per operation the fields of its root, by response name.
        groups: per type and list of nodes (its identity) the fields beneath; the lists live as long as this does.
        steps: per list of nodes (its identity) what executing the field takes.
    """

    projections: dict[Any, Any] = field(default_factory=dict)
    selections: dict[Any, Any] = field(default_factory=dict)
    roots: dict[int, GroupedFieldSet] = field(default_factory=dict)
    groups: dict[tuple[str, int], CollectedFields] = field(default_factory=dict)
    steps: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document.

    Attributes:
        weight: its cost as a function of variables.
        variables: those it declares.
        is_point_read, is_single_write: see `points.py`.
    """

    definition: OperationDefinitionNode
    weight: Weight
    variables: Variables
    is_point_read: bool
    is_single_write: bool


@dataclass(slots=True)
class Prepared:
    """A valid document.

    Attributes:
        document: the AST; its nodes' identities are keys of the variants.
        operations: by name, "" for the anonymous one.
        fragments: by name.
        details: the fragments as the executor wants them.
        toggles: names of the variables used in @skip and @include, sorted.
    """

    document: DocumentNode
    operations: Mapping[str, Operation]
    fragments: dict[str, FragmentDefinitionNode]
    details: dict[str, FragmentDetails]
    toggles: tuple[str, ...]
    _variants: dict[tuple[Any, ...], Variant] = field(default_factory=dict)

    def operation(self, name: str | None) -> Operation | None:
        """The operation of that name; without a name the only one."""
        if name:
            return self.operations.get(name)
        return next(iter(self.operations.values())) if len(self.operations) == 1 else None

    def variant(self, variables: Mapping[str, Any]) -> Variant:
        """The variant for these coerced variables."""
        key = tuple(variables.get(name) for name in self.toggles)
        found = self._variants.get(key)
        if found is None:
            if len(self._variants) >= MAX_VARIANTS:
                self._variants.clear()
            found = self._variants.setdefault(key, Variant())
        return found


class Documents:
    """Parses and validates query texts against one schema, remembering the last ones, good and bad."""

    def __init__(
        self,
        bound: BoundSchema,
        limits: Limits,
    ) -> None:
        self._bound = bound
        self._schema = bound.schema
        self._limits = limits
        self._good: BoundedCache[Prepared] = BoundedCache(limits.cached_characters)
        self._bad: BoundedCache[list[GraphQLError]] = BoundedCache(limits.cached_characters // 8)

    def known(self, text: str) -> Prepared | None:
        """The prepared document, if it is remembered."""
        return self._good.get(text)

    def prepare(self, text: str) -> Prepared | list[GraphQLError]:
        """The prepared document, or what is wrong with it.

        Raises:
            QueryTooComplex: the text is beyond the limits.
        """
        known = self._good.get(text) or self._bad.get(text)
        if known is not None:
            return known
        fresh = self._prepare(text)
        if isinstance(fresh, Prepared):
            self._good.put(text, fresh)
        else:
            self._bad.put(text, fresh)
        return fresh

    def _prepare(self, text: str) -> Prepared | list[GraphQLError]:
        check_text(text, self._limits)
        try:
            document = parse(text, max_lexical_tokens=self._limits.tokens)
        except GraphQLError as error:
            return [GraphQLError(str(error.message))]
        check_document(document, self._limits)
        errors = validate(self._schema, document, RULES, max_errors=MAX_ERRORS_SHOWN)
        if errors:
            return [GraphQLError(error.message) for error in errors]
        return self._valid(document)

    def _valid(self, document: DocumentNode) -> Prepared:
        schema, fragments = self._schema, fragments_of(document)
        operations = {
            definition.name.value if definition.name else "": Operation(
                definition,
                weigh(schema, document, definition),
                Variables(schema, definition.variable_definitions or ()),
                is_point_read(self._bound, definition, fragments),
                is_single_write(self._bound, definition, fragments),
            )
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        details = {name: FragmentDetails(fragment) for name, fragment in fragments.items()}
        return Prepared(document, operations, fragments, details, _toggles(document))


class _ToggleVisitor(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Notes the variables of @skip and @include."""
        if node.name.value not in ("skip", "include"):
            return
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


def _toggles(document: DocumentNode) -> tuple[str, ...]:
    visitor = _ToggleVisitor()
    visit(document, visitor)
    return tuple(sorted(visitor.names))
