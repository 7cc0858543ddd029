"""Talks to a server: one GraphQL operation there and its answer, or one sentence that says why not.

A `Service` may be shared by threads, and goes on in a forked child with connections of its own. What a server has surely not
done is asked again by itself: after a refused connection, 429 and 503. What it may have done is asked again only where the
caller says that twice is as good as once.
"""

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from registrum import __version__
from registrum.errors import Refused, Unreachable
from registrum.sdk.connections import Connections
from registrum.sdk.credentials import Credentials

USER_AGENT = f"registrum/{__version__}"
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
TRIES = 8
FIRST_TRIES = 3
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 30.0
CONNECTIONS = 32

_HEALS_BY_ITSELF = frozenset({429, 502, 503, 504})
_SURELY_NOT_DONE = frozenset({429, 503})


class Service:
    """A server, and the person who asks it.

    Args:
        credentials: its address and the key.
        timeout_s: how long one answer may take.
    """

    def __init__(self, credentials: Credentials, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self.credentials = credentials
        self.timeout_s = timeout_s
        self._pool: urllib3.PoolManager | None = None
        self._connections = Connections()
        self._owner = 0
        self._has_answered = False

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self.credentials.url

    @property
    def pool(self) -> urllib3.PoolManager:
        """This process's connections; byte transfers use them, too."""
        if self._pool is None or self._owner != os.getpid():
            timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=self.timeout_s)
            # Redirects would carry the key to somewhere else; what is sent again is decided here.
            self._connections = Connections()
            self._pool = self._connections.watch(
                urllib3.PoolManager(
                    num_pools=8, maxsize=CONNECTIONS, timeout=timeout, retries=False
                )
            )
            self._owner = os.getpid()
        return self._pool

    def hang_up(self) -> None:
        """Ends every connection, in whatever thread it waits for bytes; the next request makes new ones."""
        self._pool = None
        self._connections.end()

    def ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        repeatable: bool | None = None,
    ) -> dict[str, Any]:
        """Sends one GraphQL operation; its `data`.

        Args:
            document: one operation.
            variables: of it.
            repeatable: whether it may be sent twice. None: queries may, mutations may not.

        Raises:
            Refused: the server refused it, with its own words.
            Unreachable: nobody answers at that address, or not in time.
        """
        is_change = document.lstrip().startswith("mutation")
        if is_change:
            self.before_change()
        if repeatable is None:
            repeatable = not is_change
        asked = {"query": document, "variables": variables or {}}
        answer = self.post(f"{self.url}/graphql", asked, repeatable=repeatable)
        return _answered(self.credentials, answer)

    def post(
        self, url: str, document: Mapping[str, Any], *, repeatable: bool
    ) -> urllib3.BaseHTTPResponse:
        """Sends a JSON object, with the key; takes and raises the rest as `send`."""
        headers = {
            **urllib3.make_headers(basic_auth=f"api:{self.credentials.api_key}"),
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }
        body = json.dumps(document).encode()
        return self.send("POST", url, body=body, headers=headers, repeatable=repeatable)

    def before_change(self) -> None:
        """Runs before each operation that may change the server; who only rehearses ends there."""

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """Sends one request, again after pauses where that can heal; its last answer, whatever its status.

        Args:
            method: of HTTP.
            url: absolute.
            body: bytes; a stream can't be sent twice, send it through `pool`.
            headers: exactly these; none of the key's are added.
            repeatable: whether it may be sent twice.
            stream: leave the answer's body unread.

        Raises:
            Unreachable: nobody answers at that address, or not in time.
        """
        # Who never answered is more likely an address mistyped than a server that restarts.
        patience = pauses(TRIES if self._has_answered else FIRST_TRIES)
        while True:
            pool, connections = self.pool, self._connections
            try:
                answer = pool.request(
                    method, url, body=body, headers=headers, preload_content=not stream
                )
            except urllib3.exceptions.HTTPError as error:
                pause = None if connections.have_ended else next(patience, None)
                if pause is None or not (repeatable or _never_arrived(error)):
                    raise Unreachable(f"No answer from {self.url}: {_cause(error)}") from None
                time.sleep(pause)
                continue
            if not self._has_answered:
                self._has_answered, patience = True, pauses(TRIES)
            healing = _HEALS_BY_ITSELF if repeatable else _SURELY_NOT_DONE
            if answer.status not in healing or (pause := next(patience, None)) is None:
                return answer
            answer.drain_conn()
            time.sleep(retry_after_s(answer, pause))


def ask(credentials: Credentials, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Sends one GraphQL operation; its `data`. Raises what `Service.ask` raises."""
    return Service(credentials).ask(document, variables)


def retry_after_s(answer: urllib3.BaseHTTPResponse, otherwise: float) -> float:
    """Seconds to wait by an answer's `Retry-After`, in seconds or as a date; never above half a minute."""
    asked = answer.headers.get("Retry-After", "")
    if asked.isdigit():
        return min(float(asked), LONGEST_PAUSE_S)
    try:
        # The two dates are both the server's, so that a wrong clock here does no harm.
        then = parsedate_to_datetime(asked)
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        seconds = (then - now).total_seconds()
    except (ValueError, TypeError):  # It is no date, or one without a zone.
        return otherwise
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def pauses(tries: int) -> Iterator[float]:
    """How many seconds to wait before the second of so many tries, and before each one after it; ever longer."""
    for number in range(tries - 1):
        # Half of it by chance, so that many clients do not come back at the same moment.
        longest = min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S)
        yield longest * (0.5 + random.random() / 2)  # noqa: S311


def _never_arrived(error: Exception) -> bool:
    return isinstance(
        error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


def _cause(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "is the server running there?"  # Which is a TimeoutError, too.
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it took too long."
    return str(error)


def refusal(url: str, answer: urllib3.BaseHTTPResponse) -> Refused:
    """What an answer other than success says, in the server's own words where it has some."""
    try:
        told = json.loads(answer.data)
    except ValueError:
        told = None
    number = answer.headers.get("X-Request-Id")
    if isinstance(told, dict) and isinstance(told.get("errors"), list) and told["errors"]:
        return _refused(told["errors"], answer.status, number)
    return Refused(f"{url} answered HTTP {answer.status}.", answer.status, None, number)


def _refused(errors: list[Any], status: int, number: str | None) -> Refused:
    known = [error for error in errors if isinstance(error, dict)]
    message = " ".join(str(error.get("message", error)) for error in known) or str(errors)
    more = (known[0].get("extensions") or {}) if known else {}
    return Refused(message, status, more.get("code"), more.get("requestId") or number)


def _answered(credentials: Credentials, answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    number = answer.headers.get("X-Request-Id")
    try:
        told = json.loads(answer.data)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Refused(
            f"{credentials.url} is no Registrum server: HTTP {answer.status}.", answer.status
        )
    if errors := told.get("errors"):
        raise _refused(errors, answer.status, number)
    if answer.status != 200 or not isinstance(told.get("data"), dict):
        raise Refused(f"{credentials.url} answered HTTP {answer.status}.", answer.status)
    data: dict[str, Any] = told["data"]
    return data
