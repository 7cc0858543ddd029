"""From a query's text to the bytes of its answer, synchronously, in the worker thread that was given the request."""

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

import orjson
from graphql import (
    Executor,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    GroupedFieldSet,
    collect_fields,
)
from graphql.pyutils import Path

from registrum.core.errors import Invalid, RegistrumError
from registrum.server.db.database import Pending
from registrum.server.graphql import errors
from registrum.server.graphql.arguments import Arguments, arguments_of
from registrum.server.graphql.binding import BoundSchema
from registrum.server.graphql.context import Write
from registrum.server.graphql.documents import Documents, Operation, Prepared, Variant
from registrum.server.graphql.errors import Answer
from registrum.server.graphql.limits import Limits, check_cost, check_variables
from registrum.server.graphql.projection import Projection, compile_projection
from registrum.server.graphql.selection import group_key

log = logging.getLogger("registrum.graphql")


class _Step(NamedTuple):
    """One field of a cached document, for all its executions."""

    definition: GraphQLField
    nodes: list[FieldNode]
    resolve: Any
    arguments: Arguments
    project: Projection | None


class ProjectingExecutor(Executor[Any]):
    """graphql-core's executor, with two shortcuts: what it finds out about a document is kept with the document, and
    fields with nothing but data beneath are completed by their projection.
    """

    bound: BoundSchema
    variant: Variant
    pending: Pending | None = None

    def execute_operation(self, serially: bool | None = None) -> Any:
        """As graphql-core does, with nothing awaitable; the root's fields are collected once."""
        kind = self.schema.get_root_type(self.operation.operation)
        assert kind is not None
        if serially is None:
            serially = self.operation.operation is OperationType.MUTATION
        try:
            data: Any = self.execute_root_grouped_field_set(
                kind, self.root_value, self._roots(kind), serially, None
            )
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            data = None
        return self.build_response(data)

    def _roots(self, kind: GraphQLObjectType) -> GroupedFieldSet:
        roots, key = self.variant.roots, id(self.operation)
        known = roots.get(key)
        if known is None:
            fresh = collect_fields(
                self.schema, self.fragments, self.variable_values, kind, self.operation
            )
            known = roots.setdefault(key, fresh.grouped_field_set)
        return known

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """As graphql-core does, once for all executions: only @skip and @include make a difference."""
        groups, key = self.variant.groups, (return_type.name, id(field_details_list))
        known = groups.get(key)
        if known is None:
            # Whoever comes first: the identities of these lists are keys themselves.
            known = groups.setdefault(
                key, super().collect_subfields(return_type, field_details_list)
            )
        return known

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Resolves a field and completes its value, as a whole where it can, else as graphql-core does."""
        step: _Step | None = self.variant.steps.get(id(field_details_list))
        if step is None:
            step = self._step(parent_type, field_details_list)
        kind = step.definition.type
        info = self.build_resolve_info(step.definition, step.nodes, parent_type, path)
        try:
            if self.pending is None:
                result = step.resolve(source, info, **step.arguments(self.variable_values))
                if type(result) is Write:
                    result = self.context_value.done(result)
            else:
                pending, self.pending = self.pending, None
                result = pending.value()
            if step.project and result is not None and not isinstance(result, Exception):
                try:
                    return step.project(result, self.variable_values)
                except Exception as error:
                    # Whatever it is, the executor meets it again below, and reports it with its path.
                    log.debug("projection of %s failed: %r", info.field_name, error)
            return self.complete_value(
                kind, field_details_list, info, path, result, position_context
            )
        except Exception as error:
            self.handle_field_error(error, kind, field_details_list, path)
            return None

    def _step(self, parent: GraphQLObjectType, details: FieldDetailsList) -> _Step:
        nodes = [each.node for each in details]
        definition = self.schema.get_field(parent, nodes[0].name.value)
        assert definition is not None  # The document is valid.
        project = None
        if nodes[0].selection_set is not None:
            project = self.variant.projections[group_key(parent.name, nodes)] = compile_projection(
                self.bound, self._grouped, definition.type, details, self.variable_values
            )
        resolve = definition.resolve or self.field_resolver
        step = _Step(definition, nodes, resolve, arguments_of(definition, nodes[0]), project)
        self.variant.steps[id(details)] = step
        return step

    def write_of_root(self) -> Write | None:
        """What the only field of a single write is to do; None where it has none, or does something else."""
        kind = self.schema.mutation_type
        assert kind is not None
        (details,) = self._roots(kind).values()
        step = self.variant.steps.get(id(details)) or self._step(kind, details)
        path = Path(None, next(iter(self._roots(kind))), kind.name)
        info = self.build_resolve_info(step.definition, step.nodes, kind, path)
        found = step.resolve(None, info, **step.arguments(self.variable_values))
        return found if type(found) is Write else None

    def _grouped(
        self, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> Mapping[str, FieldDetailsList]:
        return self.collect_subfields(kind, details).grouped_field_set


class Begun(NamedTuple):
    """A single write before it is done."""

    write: Write
    executor: ProjectingExecutor


class Engine:
    """Executes operations against one bound schema; keeps nothing of a request but what its text compiled to."""

    def __init__(self, bound: BoundSchema, limits: Limits | None = None) -> None:
        self._bound = bound
        self._limits = limits or Limits()
        self._documents = Documents(bound, self._limits)

    def execute(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        context: Any,
    ) -> Answer:
        """Answers one GraphQL request.

        Args:
            query: the document.
            variables: as decoded from JSON; what the document does not declare is ignored.
            operation_name: may be absent or empty where the document has one operation.
            context: reaches every resolver as `info.context`; its `request_id`, if any, names the request in errors.

        Returns:
            HTTP status and JSON body; never raises for what a request or a resolver does.
        """
        request_id: str | None = getattr(context, "request_id", None)
        try:
            prepared = self._prepare(query, variables)
            if isinstance(prepared, list):
                return errors.refused_document(prepared, request_id)
            executor = self._executor(prepared, variables, operation_name, context)
            if isinstance(executor, list):
                return errors.refused_document(executor, request_id)
            return _run(executor, request_id)
        except RegistrumError as error:
            return errors.refused(error, request_id)
        except Exception as error:
            return errors.broken(error, request_id)

    def known(self, query: Any, operation_name: str | None) -> Operation | None:
        """The operation, where this document was asked before; what is asked may still be refused."""
        known = self._documents.known(query) if isinstance(query, str) else None
        return known.operation(operation_name) if known is not None else None

    def begin(
        self,
        query: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        context: Any,
    ) -> Begun | None:
        """What there is to do of a single write that is known, for `finish`; None: it has to be executed as a whole.

        Nothing has been done yet.
        """
        try:
            prepared = self._prepare(query, variables)
            if isinstance(prepared, list):
                return None
            executor = self._executor(prepared, variables, operation_name, context)
            if isinstance(executor, list):
                return None
            write = executor.write_of_root()
        except Exception as error:
            # Whatever it is, it comes again in `execute`, and is reported there.
            log.debug("not begun: %r", error)
            return None
        return None if write is None else Begun(write, executor)

    def finish(self, begun: Begun, pending: Pending) -> Answer:
        """The answer to what was begun, once it is done."""
        begun.executor.pending = pending
        request_id: str | None = getattr(begun.executor.context_value, "request_id", None)
        try:
            return _run(begun.executor, request_id)
        except RegistrumError as error:
            return errors.refused(error, request_id)
        except Exception as error:
            return errors.broken(error, request_id)

    def _prepare(
        self, query: str, variables: Mapping[str, Any] | None
    ) -> Prepared | list[GraphQLError]:
        if not isinstance(query, str) or not query.strip():
            raise Invalid("The request has no query.")
        if variables is not None:
            if not isinstance(variables, dict):
                raise Invalid("The variables must be a JSON object.")
            check_variables(variables, self._limits)
        return self._documents.prepare(query)

    def _executor(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        context: Any,
    ) -> ProjectingExecutor | list[GraphQLError]:
        operation = prepared.operation(operation_name)
        if operation is None:
            return self._unbuilt(prepared, {}, operation_name)
        values = operation.variables.coerce(variables or {})
        if values is None:
            return self._unbuilt(prepared, variables, operation_name)
        check_cost(operation.weight, values.coerced, self._limits)
        variant = prepared.variant(values.coerced)
        executor = ProjectingExecutor(
            self._bound.schema,
            prepared.fragments,
            prepared.details,
            variant,
            context,
            operation.definition,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            is_awaitable=_never,
            is_async_iterable=_never,
        )
        executor.bound, executor.variant = self._bound, variant
        return executor

    def _unbuilt(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, operation_name: str | None
    ) -> list[GraphQLError]:
        """Why there is no operation of that name, or what is wrong with its variables, in graphql-core's words."""
        errors = Executor.build(
            self._bound.schema,
            prepared.document,
            raw_variable_values=dict(variables or {}),
            operation_name=operation_name or None,
            max_coercion_errors=10,
        )
        assert isinstance(errors, list), "our shortcut refuses what graphql-core takes"
        return errors


def _run(executor: Executor[Any], request_id: str | None) -> Answer:
    result: Any = executor.execute_operation()
    if not result.errors:
        return Answer(200, _encoded(result.data))
    is_mutation = executor.operation.operation is OperationType.MUTATION
    done = is_mutation and any(value is not None for value in (result.data or {}).values())
    return errors.failed(result.errors, result.data if done else None, request_id)


def _encoded(data: Mapping[str, Any] | None) -> bytes:
    try:
        return orjson.dumps({"data": data})
    except orjson.JSONEncodeError:
        # Half a surrogate pair or an integer of more than 64 bits, out of somebody's metadata.
        return json.dumps({"data": data}, separators=(",", ":")).encode()


def _never(_: object) -> TypeGuard[Any]:
    """Nothing here is awaitable."""
    return False
