"""From a query's text to the bytes of its answer, synchronously, in the worker thread that was given the request."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import orjson
from graphql import Executor, GraphQLError, OperationType

from registrum.core.errors import Invalid, RegistrumError
from registrum.server.graphql import errors
from registrum.server.graphql.binding import BoundSchema
from registrum.server.graphql.documents import Documents, Prepared
from registrum.server.graphql.errors import Answer
from registrum.server.graphql.limits import Limits, check_cost, check_variables


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
        except RegistrumError as error:
            return errors.refused(error, request_id)
        return _run(executor, request_id)

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
    ) -> Executor[Any] | list[GraphQLError]:
        executor = Executor.build(
            self._bound.schema,
            prepared.document,
            context_value=context,
            raw_variable_values=dict(variables or {}),
            operation_name=operation_name or None,
            max_coercion_errors=10,
            is_awaitable=_never,
            is_async_iterable=_never,
        )
        if isinstance(executor, list):
            return executor
        name = executor.operation.name
        coerced = executor.variable_values.coerced
        check_cost(prepared.weights[name.value if name else ""], coerced, self._limits)
        executor.root_value = prepared.variant(coerced)
        return executor


def _run(executor: Executor[Any], request_id: str | None) -> Answer:
    result: Any = executor.execute_operation()
    if not result.errors:
        return Answer(200, _encoded(result.data))
    is_mutation = executor.operation.operation is OperationType.MUTATION
    done = is_mutation and any(value is not None for value in (result.data or {}).values())
    return errors.failed(result.errors, result.data if done else None, request_id)


def _encoded(data: Mapping[str, Any] | None) -> bytes:
    return orjson.dumps({"data": data})


def _never(_: object) -> TypeGuard[Any]:
    """Nothing here is awaitable."""
    return False
