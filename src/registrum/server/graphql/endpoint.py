"""`POST /graphql`: a body becomes an operation, runs in a worker thread, and its answer goes out.

Look-ups and searches have thread pools of their own, so that slow searches cannot starve the quick look-ups. Point reads of a
near database (`points.py`) are answered by the event loop itself, within `AT_ONCE_S`; what takes longer begins anew in a thread.
Single writes go from the event loop to the database's writer and back.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Protocol

import orjson

from registrum.core.actors import Actor
from registrum.core.brackets import check_brackets
from registrum.core.compression import unpacked
from registrum.core.errors import Invalid, RegistrumError, TooLarge, Unauthenticated
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.db.database import READ_TIMEOUT_S, WRITE_TIMEOUT_S, Pending
from registrum.server.graphql import errors
from registrum.server.graphql.context import Context, Services
from registrum.server.graphql.errors import Answer
from registrum.server.graphql.execution import Engine

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

POINT_THREADS = 8
SEARCH_THREADS = 4
AT_ONCE_S = 0.02
MOST_BEGUN_BYTES = 2**16
"""What a single write may have that the event loop makes ready for the writer."""
SMALL_BYTES = 2**20
"""What a body may have, once unpacked, before anybody asks whose it is; and what is parsed by the event loop."""

_JSON = (b"content-type", b"application/json")
_SEARCHES = ("filter", "order", "query")


class Authenticate(Protocol):
    """Finds who asks."""

    def __call__(self, scope: Scope, /) -> Actor:
        """The actor; looks into the database.

        Raises:
            Unauthenticated: the credentials are wrong.
        """

    def known(self, scope: Scope, /) -> Actor | None:
        """The actor, where that is known without looking."""


class GraphQLEndpoint:
    """The ASGI application of the one GraphQL route."""

    def __init__(
        self, engine: Engine, services: Services, authenticate: Authenticate, signer: Signer
    ) -> None:
        self._engine = engine
        self._services = services
        self._authenticate = authenticate
        self._signer = signer
        self._points = ThreadPoolExecutor(POINT_THREADS, "graphql")
        self._searches = ThreadPoolExecutor(SEARCH_THREADS, "search")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request_id = scope.get("state", {}).get("request_id", "")
        headers: list[tuple[bytes, bytes]] = [_JSON]
        try:
            if scope["method"] != "POST":
                raise Invalid("GraphQL is asked by POST, with a JSON body.")
            body = await self._body(scope, receive)
            if len(body) <= SMALL_BYTES:
                request = _decode(body)
            else:
                request = await asyncio.to_thread(_decode, body)
            answer = self._at_once(scope, request) or await self._written(scope, request, body)
            if answer is None:
                pool = self._searches if _is_search(request) else self._points
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(pool, self._answer, scope, request)
            status, body = answer
        except RegistrumError as error:
            status, body = errors.refused(error, request_id)
        if status == 503:
            headers.append((b"retry-after", b"2"))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def close(self) -> None:
        """Waits for what is running and ends the threads."""
        self._points.shutdown()
        self._searches.shutdown()

    def _at_once(self, scope: Scope, request: dict[str, Any]) -> Answer | None:
        """The answer to a point read; None if it is none, or takes too long for the event loop."""
        if not self._services.database.is_near:
            return None
        known = self._engine.known(request.get("query"), request.get("operationName"))
        if known is None or not known.is_point_read:
            return None
        actor = self._authenticate.known(scope)
        if actor is None:
            return None
        answer = self._answered(scope, request, actor, AT_ONCE_S)
        return None if answer.status == 503 else answer

    async def _written(self, scope: Scope, request: dict[str, Any], body: bytes) -> Answer | None:
        """The answer to a single write, which the writer is given without a thread in between; None if it is none."""
        database = self._services.database
        if not database.is_near or len(body) > MOST_BEGUN_BYTES:
            return None
        query, name = request.get("query"), request.get("operationName")
        known = self._engine.known(query, name)
        if known is None or not known.is_single_write:
            return None
        actor = self._authenticate.known(scope)
        context = None if actor is None else self._context(scope, actor, READ_TIMEOUT_S)
        if actor is None or not isinstance(context, Context):
            return None
        try:
            begun = self._engine.begin(str(query), request.get("variables"), name, context)
            if begun is None:
                return None
            pending = database.begin_write(actor, begun.write.work, begun.write.read)
            if pending is None:
                return None
            await _done(pending)
            return self._engine.finish(begun, pending)
        finally:
            context.close()

    def _answer(self, scope: Scope, request: dict[str, Any]) -> Answer:
        try:
            actor = self._authenticate(scope)
        except RegistrumError as error:
            return errors.refused(error, scope.get("state", {}).get("request_id", ""))
        return self._answered(scope, request, actor, READ_TIMEOUT_S)

    def _answered(
        self, scope: Scope, request: dict[str, Any], actor: Actor, timeout_s: float
    ) -> Answer:
        context = self._context(scope, actor, timeout_s)
        if isinstance(context, Answer):
            return context
        try:
            return self._engine.execute(
                request.get("query", ""),
                request.get("variables"),
                request.get("operationName"),
                context,
            )
        finally:
            context.close()

    def _context(self, scope: Scope, actor: Actor, timeout_s: float) -> Context | Answer:
        """What resolvers of one request have at hand; an answer where it asks by a name that is not ours."""
        state = scope.setdefault("state", {})
        request_id, config = state.get("request_id", ""), self._services.config
        try:
            base_url = config.url_for(scope["scheme"], _host(scope))
        except RegistrumError as error:
            return errors.refused(error, request_id)
        state["actor"] = actor
        urls = Urls(
            base_url + scope.get("root_path", ""),
            self._signer,
            config.download_url_expiry_s,
            config.upload_url_expiry_s,
        )
        return Context(self._services, actor, urls, request_id, timeout_s)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The body, unpacked; only of who has a key or a session may it be large."""
        limit = self._services.config.max_body_bytes
        allowed = min(SMALL_BYTES, limit)
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Invalid("The request stopped half-way.")
            part = message.get("body", b"")
            size += len(part)
            if size > allowed:
                allowed = await self._large(scope)
                if size > allowed:
                    raise _too_large(limit)
            parts.append(part)
            more = message.get("more_body", False)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if _header(scope, b"content-encoding") != b"gzip":
            return body
        plain = unpacked(body, allowed)
        if plain is None and allowed < limit:
            allowed = await self._large(scope)
            plain = await asyncio.to_thread(unpacked, body, allowed)
        if plain is None:
            raise _too_large(limit)
        return plain

    async def _large(self, scope: Scope) -> int:
        """How large a body may be that is larger than anybody's.

        Raises:
            Unauthenticated: there are no credentials, or wrong ones.
        """
        actor = await asyncio.to_thread(self._authenticate, scope)
        if actor.user_id is None:
            raise Unauthenticated(
                f"A request without credentials may have at most {SMALL_BYTES} bytes."
            )
        return self._services.config.max_body_bytes


async def _done(pending: Pending) -> None:
    """Waits until it is done, or given up because the writer had no time for it."""
    loop = asyncio.get_running_loop()
    waiting = loop.create_future()

    def wake() -> None:
        if not waiting.done():
            waiting.set_result(None)

    pending.call_when_done(lambda: loop.call_soon_threadsafe(wake))
    late = loop.call_later(WRITE_TIMEOUT_S, pending.give_up)
    try:
        await waiting
    finally:
        late.cancel()


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body of a request may be at most {limit} bytes.")


def _decode(body: bytes) -> dict[str, Any]:
    check_brackets(body, "A request")
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Invalid("The body must be a JSON object with a query.") from None
    if not isinstance(request, dict):
        raise Invalid("The body must be a JSON object with a query.")
    name = request.get("operationName")
    if name is not None and not isinstance(name, str):
        raise Invalid("operationName must be a string.")
    return request


def _is_search(request: dict[str, Any]) -> bool:
    """Whether a filter or an order is given: what may take long."""
    variables = request.get("variables")
    if not isinstance(variables, dict):
        return False
    return any(value and _names_search(name) for name, value in variables.items())


@lru_cache(maxsize=1024)
def _names_search(variable: str) -> bool:
    return any(word in variable.lower() for word in _SEARCHES)


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def _host(scope: Scope) -> str:
    return (_header(scope, b"host") or b"").decode("latin-1")
