"""From a query's text to the bytes of its answer, synchronously, in the worker thread that was given the request."""

import json
import logging
from collections.abc import Mapping
from typing import Any, TypeGuard, cast

import orjson
from graphql import (
    Executor,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationType,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Path

from registrum.core.errors import Invalid, RegistrumError
from registrum.server.graphql import errors
from registrum.server.graphql.binding import BoundSchema, Info
from registrum.server.graphql.documents import Documents, Prepared, Variant
from registrum.server.graphql.errors import Answer
from registrum.server.graphql.limits import Limits, check_cost, check_variables
from registrum.server.graphql.projection import Projection, compile_projection
from registrum.server.graphql.selection import group_key

log = logging.getLogger("registrum.graphql")


class ProjectingExecutor(Executor[Any]):
    """graphql-core's executor, except that fields with nothing but data beneath are completed by their projection."""

    bound: BoundSchema
    variant: Variant

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Info,
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Completes a field's value as a whole where it can, else as graphql-core does.

        Also called for the parts of a value (list items, what is inside of NonNull): these have another `return_type`.
        """
        if (
            result is not None
            and return_type is info.return_type
            and field_details_list[0].node.selection_set is not None
            and not isinstance(result, Exception)
        ):
            project = self._projection(info, field_details_list)
            if project is not None:
                try:
                    return project(result, self.variable_values)
                except Exception as error:
                    # Whatever it is, the executor meets it again below, and reports it with its path.
                    log.debug("projection of %s failed: %r", info.field_name, error)
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def _projection(self, info: Info, details: FieldDetailsList) -> Projection | None:
        projections = self.variant.projections
        key = group_key(info.parent_type.name, info.field_nodes)
        try:
            known: Projection | None = projections[key]
        except KeyError:
            known = projections[key] = compile_projection(
                self.bound, self._grouped, info.return_type, details, self.variable_values
            )
        return known

    def _grouped(
        self, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> Mapping[str, FieldDetailsList]:
        return self.collect_subfields(kind, details).grouped_field_set


class Engine:
    """Executes operations against one bound schema; keeps nothing of a request but what its text compiled to."""

    def __init__(self, bound: BoundSchema, limits: Limits | None = None) -> None:
        self._bound = bound
        self._limits = limits or Limits()
        self._documents = Documents(bound.schema, self._limits)

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
        executor = ProjectingExecutor.build(
            self._bound.schema,
            prepared.document,
            context_value=context,
            raw_variable_values=dict(variables or {}),
            operation_name=operation_name or None,
            max_coercion_errors=10,
            is_awaitable=_never,
            is_async_iterable=_never,
        )
        if not isinstance(executor, ProjectingExecutor):
            return cast(list[GraphQLError], executor)
        name = executor.operation.name
        coerced = executor.variable_values.coerced
        check_cost(prepared.weights[name.value if name else ""], coerced, self._limits)
        executor.bound = self._bound
        executor.root_value = executor.variant = prepared.variant(coerced)
        return executor


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
