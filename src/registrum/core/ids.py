"""Global ids as the wire has them: standard base64 of `Kind:<number>` (protocol.md 3.2)."""

import binascii
from base64 import b64decode

from registrum.core.errors import Invalid

MAX_ID = 2**63 - 1


def encode(kind: str, number: int) -> str:
    """The global id of thing `number` of that kind, e.g. `encode("User", 7)`."""
    return binascii.b2a_base64(f"{kind}:{number}".encode(), newline=False).decode()


def decode(kind: str, text: str) -> int:
    """The number inside a global id.

    Raises:
        Invalid: the text is no id, or the id of another kind.
    """
    try:
        found, _, number = b64decode(text, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError, UnicodeDecodeError):
        raise Invalid(f"{text[:80]!r} is not a valid {kind} id.") from None
    if found != kind or not (number.isascii() and number.isdigit()) or int(number[:20]) > MAX_ID:
        raise Invalid(f"{text[:80]!r} is not a valid {kind} id.")
    return int(number)
