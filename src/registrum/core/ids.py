"""Global ids as the wire has them: standard base64 of `Kind:<number>`."""

import binascii
from base64 import b64decode

from registrum.core.errors import Invalid

MAX_ID = 2**63 - 1


def encode(kind: str, number: int) -> str:
    """The global id of thing `number` of that kind, e.g. `encode("User", 7)`."""
    return binascii.b2a_base64(f"{kind}:{number}".encode(), newline=False).decode()


def decode(kind: str, text: str, largest: int = MAX_ID) -> int:
    """The number inside a global id.

    Args:
        largest: that is taken.

    Raises:
        Invalid: the text is no id, or the id of another kind.
    """
    try:
        found, _, number = b64decode(text, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError, UnicodeDecodeError):
        raise Invalid(f"{text[:80]!r} is not a valid {kind} id.") from None
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(largest))
    if found != kind or not is_number or int(number) > largest:
        raise Invalid(f"{text[:80]!r} is not a valid {kind} id.")
    return int(number)
