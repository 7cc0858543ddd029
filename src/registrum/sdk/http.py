"""Talks to a server: one GraphQL operation there and its answer, or one sentence that says why not."""

import json
from collections.abc import Mapping
from typing import Any

import urllib3

from registrum import __version__
from registrum.core.errors import RegistrumError, Unavailable
from registrum.sdk.credentials import Credentials

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0


class Refused(RegistrumError):
    """The server answered, and the answer is no.

    Attributes:
        http_status: what it answered with.
        reason: the server's code for why (docs/errors.md), where it gave one.
    """

    code = "refused"
    status = 400

    def __init__(self, message: str, http_status: int, reason: str | None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.reason = reason


def ask(credentials: Credentials, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Sends one GraphQL operation; its `data`.

    Raises:
        Refused: the server refused it, with its own words.
        Unavailable: nobody answers at that address, or not in time.
    """
    with _connections() as connections:
        try:
            answer = connections.request(
                "POST",
                f"{credentials.url}/graphql",
                body=json.dumps({"query": document, "variables": variables}).encode(),
                headers={
                    **urllib3.make_headers(basic_auth=f"api:{credentials.api_key}"),
                    "Content-Type": "application/json",
                    "User-Agent": f"registrum/{__version__}",
                },
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"No answer from {credentials.url}: {_cause(error)}") from None
    return _answered(credentials, answer.status, answer.data)


def _connections() -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=ANSWER_TIMEOUT_S)
    # Redirects would carry the key to somewhere else, and a write must not be sent twice.
    return urllib3.PoolManager(timeout=timeout, retries=False)


def _cause(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "is the server running there?"  # Which is a TimeoutError, too.
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it took too long."
    return str(error)


def _answered(credentials: Credentials, status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Refused(f"{credentials.url} is no Registrum server: HTTP {status}.", status, None)
    if errors := answer.get("errors"):
        message = " ".join(str(error.get("message", error)) for error in errors)
        reason = (errors[0].get("extensions") or {}).get("code")
        raise Refused(message, status, reason)
    if status != 200 or not isinstance(answer.get("data"), dict):
        raise Refused(f"{credentials.url} answered HTTP {status}.", status, None)
    data: dict[str, Any] = answer["data"]
    return data
