"""JSON that is small on the wire and huge in memory: `[],[],…` takes a hundred times the room of its text."""

from registrum.core.errors import TooLarge

MOST_BRACKETS = 2_000_000
"""Lists and objects of one JSON text from outside: some hundred megabytes once they are read."""


def check_brackets(text: bytes, what: str) -> None:
    """Refuses a JSON text whose lists and objects would fill the memory, before it is read.

    Args:
        text: brackets within its strings count as well.
        what: its name for the message.

    Raises:
        TooLarge: more than `MOST_BRACKETS`.
    """
    if len(text) > MOST_BRACKETS and text.count(b"[") + text.count(b"{") > MOST_BRACKETS:
        raise TooLarge(f"{what} may have at most {MOST_BRACKETS:,} lists and objects.")
