"""Everything that a call of this package may raise on purpose; `except registrum.errors.CommError` catches what the server says.

Where a documented method promises a `ValueError` for what the server finds wrong, what is raised is one, too: a script may
catch either.
"""

from typing import Self

from registrum.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSupported,
    RegistrumError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

Error = RegistrumError


class CommError(RegistrumError):
    """The server did not do what was asked of it."""


class Refused(CommError):
    """The server answered, and the answer is no.

    Attributes:
        code: the server's code for why (docs/errors.md), or `refused` where it gave none.
        http_status: what it answered with.
        request_id: the request's number in the server's log, where it gave one.
    """

    code = "refused"
    status = 400

    def __init__(
        self, message: str, http_status: int, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.request_id = request_id
        if code:
            self.code = code  # type: ignore[misc]

    def __str__(self) -> str:
        return f"{self.message} (request {self.request_id})" if self.request_id else self.message


class RefusedValue(Refused, ValueError):
    """The server said no to a call whose documentation promises a `ValueError` then."""

    @classmethod
    def of(cls, error: Refused, what: str) -> Self:
        """What the server said, after a few words on what was tried."""
        told = (error.http_status, error.code, error.request_id)
        return cls(f"{what}: {error.message}", *told)


class Unreachable(CommError, Unavailable):
    """Nobody answers at the server's address, or not in time."""


class AuthenticationError(CommError, Unauthenticated):
    """There is no key, or the server does not take it."""


class UsageError(RegistrumError):
    """The package is used in a way it is not made for."""


class NotLoggedIn(AuthenticationError, UsageError):
    """There is no key for the server anywhere; nothing was asked."""


class Missing(CommError, NotFound, ValueError):
    """What a call names is not there, or hidden from the caller."""


class BadValue(CommError, Invalid, ValueError):
    """An argument that can never be right, found out by looking it up."""


class UnsupportedError(UsageError, NotSupported):
    """A part of W&B's interface that Registrum leaves out."""


class ArtifactNotLogged(UsageError, AttributeError):
    """A draft was asked for what only a saved artifact has: save it, and wait for it."""

    code = "artifact_not_logged"
    status = 400


class ArtifactFinalized(UsageError, AttributeError):
    """The content of a saved artifact was to be changed; `new_draft()` makes a draft of it."""

    code = "artifact_finalized"
    status = 400


class EntryDetached(UsageError, NotImplementedError):
    """An entry was asked for its artifact, and was not taken from one by `get_entry`."""

    code = "entry_detached"
    status = 400


class WaitTimeout(Error):
    """An artifact was not saved in the time that was to be waited."""

    code = "wait_timeout"
    status = 408


__all__ = [
    "ArtifactFinalized",
    "ArtifactNotLogged",
    "AuthenticationError",
    "BadValue",
    "CommError",
    "Conflict",
    "EntryDetached",
    "Error",
    "Forbidden",
    "Invalid",
    "Missing",
    "NotFound",
    "NotLoggedIn",
    "NotSupported",
    "Refused",
    "RefusedValue",
    "RegistrumError",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "Unreachable",
    "UnsupportedError",
    "UsageError",
    "WaitTimeout",
]
