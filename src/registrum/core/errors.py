"""Every outcome that is not success: one class a kind, each with a stable code and an HTTP status.

The statuses are those the `wandb` client does not retry (400, 401, 403, 404, 409, 413, 422) for what retrying cannot cure;
503 only for what heals by itself.
"""

from typing import ClassVar


class RegistrumError(Exception):
    """What went wrong, in one plain sentence for the person who asked.

    Attributes:
        code: stable, for programs; documented in docs/errors.md.
        status: the HTTP status that an edge answers with.
        message: the sentence.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(RegistrumError):
    """The request itself is malformed: a name, a number, a document that can never be right."""

    code = "invalid"
    status = 400


class InvalidName(Invalid):
    """A name breaks the rules for its kind of thing."""

    code = "invalid_name"


class InvalidFilter(Invalid):
    """A filter, order or cursor is not of the search language."""

    code = "invalid_filter"


class NotSupported(Invalid):
    """A part of the protocol this server leaves out."""

    code = "not_supported"


class QueryTooComplex(Invalid):
    """A GraphQL document beyond the bounds on size, depth, fields or cost."""

    code = "query_too_complex"


class TypeNotAccepted(Invalid):
    """The registry or the collection does not take artifacts of this type."""

    code = "type_not_accepted"


class Unauthenticated(RegistrumError):
    """No credentials, or credentials that are wrong, expired or revoked."""

    code = "unauthenticated"
    status = 401


class Forbidden(RegistrumError):
    """The actor may see the thing but not do this to it."""

    code = "forbidden"
    status = 403


class SignatureInvalid(Forbidden):
    """A signed URL was altered or has expired."""

    code = "signature_invalid"


class NotFound(RegistrumError):
    """Missing, or hidden from this actor: the two are not told apart."""

    code = "not_found"
    status = 404


class Conflict(RegistrumError):
    """The thing clashes with the state of another one: a taken name, an alias in the way."""

    code = "conflict"
    status = 409


class NameTaken(Conflict):
    """Somebody living has this name already."""

    code = "name_taken"


class InUse(Conflict):
    """Refused because something still stands on it: aliases, links, members."""

    code = "in_use"


class TooLarge(RegistrumError):
    """More than a limit, a quota or the disk takes."""

    code = "too_large"
    status = 413


class StorageFull(TooLarge):
    """No space left where bytes are kept."""

    code = "storage_full"


class Unprocessable(RegistrumError):
    """Well-formed, but it does not hold together: a false digest, a manifest that names absent files."""

    code = "unprocessable"
    status = 422


class DigestMismatch(Unprocessable):
    """The bytes are not what their digest or size says."""

    code = "digest_mismatch"


class TooManyRequests(RegistrumError):
    """Throttled; trying later helps."""

    code = "too_many_requests"
    status = 429


class Unavailable(RegistrumError):
    """Busy, starting, draining or out of time; the same request may work a moment later."""

    code = "unavailable"
    status = 503


class DeadlineExceeded(Unavailable):
    """A statement took longer than a request may."""

    code = "deadline_exceeded"
