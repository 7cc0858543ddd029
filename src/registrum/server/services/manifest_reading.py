"""Reads the JSON of a large manifest in pieces, between which others have their turn at the interpreter.

A hundred thousand entries read at once would keep every look-up waiting for as long as that takes. Where a piece ends is
guessed, and only what is valid JSON by itself counts: a wrong guess leaves a bracket or a string open. Whatever is not
laid out as clients do it, or could be understood in two ways, is read by Python's parser, which has the last word.
"""

import json
import re
from typing import Any

import orjson

_PIECE_BYTES = 1 << 16
_LARGE_BYTES = 4 * _PIECE_BYTES
_GUESSES = 64
_AROUND_BYTES = 1 << 16
_BEFORE = re.compile(rb'[{,][ \t\n\r]*"contents"[ \t\n\r]*:[ \t\n\r]*\{')
_BEHIND = re.compile(rb"\}[ \t\n\r]*\}[ \t\n\r]*\Z")
_BETWEEN = re.compile(rb'\}[ \t\n\r]*,[ \t\n\r]*(?=")')


def read_json(content: bytes) -> Any:
    """What `json.loads` gives for it.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    document = _in_pieces(content) if len(content) >= _LARGE_BYTES else None
    return json.loads(content) if document is None else document


def _in_pieces(content: bytes) -> dict[str, Any] | None:
    """The document, if the contents come last in it, as clients write them; else None."""
    before = _BEFORE.search(content, 0, _AROUND_BYTES)
    behind = _BEHIND.search(content, max(0, len(content) - _AROUND_BYTES))
    if before is None or behind is None:
        return None
    # With nothing in the contents this is valid, so that they are those of the whole and nothing comes behind them.
    document = _object(content[: before.end()] + b"}}")
    if document is None or document.get("contents") != {}:
        return None
    contents: dict[str, Any] = {}
    at, end = before.end(), behind.start()
    while at < end:
        piece, at = _piece(content, at, end)
        if piece is None or not _is_plain(piece):
            return None
        contents.update(piece)
    document["contents"] = contents
    return document


def _piece(content: bytes, at: int, end: int) -> tuple[dict[str, Any] | None, int]:
    """Some entries from `at` on, and where the next ones begin."""
    guess = at + _PIECE_BYTES
    for _ in range(_GUESSES):
        found = _BETWEEN.search(content, guess, end) if guess < end else None
        if found is None:
            return _object(b"{%b}" % content[at:end]), end
        piece = _object(b"{%b}}" % content[at : found.start()])
        if piece is not None:
            return piece, found.end()
        guess = found.end()
    return None, end


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _is_plain(piece: dict[str, Any]) -> bool:
    """Whether both parsers give the same for what is kept of it: of huge numbers only Python's keeps each digit."""
    for entry in piece.values():
        extra = entry.get("extra") if type(entry) is dict else None
        if type(extra) is dict and not all(type(value) is str for value in extra.values()):
            return False
    return True
