"""The GraphQL edge's translator: what went wrong becomes an HTTP status and a body the client understands.

The client branches on the HTTP status and shows `errors[].message` (docs/wire.md), so failures are never
answered at 200 — save when several mutations were asked at once and some were done: hiding those would invite
doing them again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from graphql import FieldNode, GraphQLError

from registrum.core.errors import Invalid, RegistrumError

log = logging.getLogger("registrum.graphql")

MAX_ERRORS_SHOWN = 10


class Answer(NamedTuple):
    """An HTTP status and the JSON body that goes with it."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """One error as the client will read it."""

    status: int
    code: str
    message: str
    path: tuple[str | int, ...] = ()


def refused(error: RegistrumError, request_id: str | None) -> Answer:
    """The answer to a request that was turned away before execution."""
    return _answer([Failure(error.status, error.code, error.message)], request_id)


def refused_document(errors: Sequence[GraphQLError], request_id: str | None) -> Answer:
    """400 for a document that does not parse or validate, or variables of the wrong shape."""
    failures = [Failure(Invalid.status, Invalid.code, error.message) for error in errors]
    return _answer(failures, request_id)


def failed(
    errors: Sequence[GraphQLError], data: Mapping[str, Any] | None, request_id: str | None
) -> Answer:
    """The answer to an operation of which at least one field failed.

    Args:
        errors: what the executor collected.
        data: given where part of a mutation was done: 200 then, with `path` on each error; otherwise None.
        request_id: named in each error and in the log.

    Returns:
        The status of the first error that retrying cannot cure (4xx), else of the first one.
    """
    shown = errors[:MAX_ERRORS_SHOWN]
    return _answer([_translate(error, request_id) for error in shown], request_id, data)


def broken(error: Exception, request_id: str | None) -> Answer:
    """500 for what nobody foresaw; the log has the traceback, the client a sentence."""
    log.error("request %s failed", request_id, exc_info=error)
    return _answer([_internal(request_id)], request_id)


def _translate(error: GraphQLError, request_id: str | None) -> Failure:
    path = tuple(error.path or ())
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(cause, RegistrumError) and cause.code != RegistrumError.code:
        return Failure(cause.status, cause.code, cause.message, path)
    if _is_about_arguments(error if cause is None else cause):
        return Failure(Invalid.status, Invalid.code, error.message, path)
    where = ".".join(map(str, path))
    log.error("request %s: field %s failed", request_id, where, exc_info=cause or error)
    return _internal(request_id, path)


def _internal(request_id: str | None, path: tuple[str | int, ...] = ()) -> Failure:
    named = f" under request {request_id}" if request_id else ""
    message = f"Internal error; the server's log has the details{named}."
    return Failure(RegistrumError.status, RegistrumError.code, message, path)


def _is_about_arguments(cause: BaseException) -> bool:
    """graphql-core blames an argument or value where the client is at fault, a field where we are."""
    return (
        isinstance(cause, GraphQLError)
        and bool(cause.nodes)
        and not any(isinstance(node, FieldNode) for node in cause.nodes or ())
    )


def _answer(
    failures: Sequence[Failure], request_id: str | None, data: Mapping[str, Any] | None = None
) -> Answer:
    errors: list[dict[str, Any]] = []
    for failure in failures:
        extensions = {"code": failure.code}
        if request_id:
            extensions["requestId"] = request_id
        entry: dict[str, Any] = {"message": failure.message, "extensions": extensions}
        if data is not None:
            entry["path"] = failure.path
        errors.append(entry)
    status = next((f.status for f in failures if f.status < 500), failures[0].status)
    return Answer(
        200 if data is not None else status, orjson.dumps({"errors": errors, "data": data})
    )
