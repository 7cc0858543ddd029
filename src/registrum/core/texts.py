"""Texts that somebody writes, beyond names: how long they may be, and of which characters, so that both databases keep them."""

import re

from registrum.core.errors import Invalid

LONGEST_TEXT = 1 << 16
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether it has neither NUL nor half a surrogate pair in it, which not every database keeps."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """The text, with a replacement for such characters."""
    return _UNSTORABLE.sub("\ufffd", text)


def check_text(what: str, text: str | None) -> str | None:
    """A text for people: at most `LONGEST_TEXT` characters that can be stored; None stays None.

    Args:
        what: its name for the message.

    Raises:
        Invalid: it is too long, or has other characters.
    """
    if text is None:
        return None
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"The {what} may have at most {LONGEST_TEXT} characters.")
    if not is_storable(text):
        raise Invalid(f"The {what} contains characters that are not text.")
    return text
