"""Regular expressions of the search language: the part that RE2 and PostgreSQL share, read once and written for each engine.

An expression is parsed into a tree and written anew for the engine that runs it, so that it means the same everywhere:
it is searched anywhere in the text, `.` is any character but a line feed, `^` and `$` are the ends of the whole text,
`\\d \\w \\s \\b` are about ASCII, and a leading `(?i)` makes ASCII letters equal to their other case. What only one
engine has (look-around, backreferences, `\\p{…}`, atomic groups) is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from registrum.core.pattern_parsing import Chars, Choice, Edge, Node, Repeat, Sequence, parse


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that means the same in every engine.

    Attributes:
        source: as it was written.
    """

    source: str
    tree: Node

    @property
    def literal(self) -> str:
        """The longest text that everything which matches has in it, as far as is easily seen; "" where there is none."""
        return max(_literals(self.tree), key=len)

    def for_re2(self) -> str:
        """For RE2."""
        return _written(self.tree, _RE2)

    def for_postgres(self) -> str:
        """For PostgreSQL's `~`, on a text of collation "C"."""
        return _written(self.tree, _POSTGRES)

    def for_python(self) -> str:
        """For `re.search` with `re.ASCII`."""
        return _written(self.tree, _PYTHON)


def parse_pattern(source: str) -> Pattern:
    """The pattern of a regular expression. Raises as `pattern_parsing.parse`."""
    return Pattern(source, parse(source))


def _literals(node: Node) -> list[str]:
    """Texts, at least one, each of which is in everything that matches; neighbouring characters are one text."""
    runs = [""]
    for item in _flat(node):
        if isinstance(item, Chars):
            if char := _only_character(item):
                runs[-1] += char
            else:
                runs.append("")
        elif isinstance(item, Repeat):
            # Whether another one or something else follows on it is not looked at.
            runs += [*(_literals(item.item) if item.least else ()), ""]
        elif isinstance(item, Choice):
            runs.append("")
    return runs


def _flat(node: Node) -> Iterator[Node]:
    if isinstance(node, Sequence):
        for item in node.items:
            yield from _flat(item)
    else:
        yield node


def _only_character(node: Chars) -> str:
    """The one character that fits; "" if several do."""
    if node.negated or len(node.ranges) != 1 or node.ranges[0][0] != node.ranges[0][1]:
        return ""
    return chr(node.ranges[0][0])


class _Dialect(NamedTuple):
    """How an engine writes what the engines write differently."""

    character: Callable[[int], str]
    any_character: str
    edges: dict[str, str]


def _written(node: Node, to: _Dialect) -> str:
    if isinstance(node, Chars):
        return _written_chars(node, to)
    if isinstance(node, Edge):
        return to.edges[node.kind]
    if isinstance(node, Repeat):
        most = "" if node.most is None else str(node.most)
        count = f"{{{node.least}}}" if node.least == node.most else f"{{{node.least},{most}}}"
        return f"(?:{_written(node.item, to)}){count}"
    if isinstance(node, Sequence):
        return "".join(f"(?:{_written(item, to)})" for item in node.items)
    return "|".join(f"(?:{_written(item, to)})" for item in node.items)


def _written_chars(node: Chars, to: _Dialect) -> str:
    if not node.ranges:
        return to.any_character
    if len(node.ranges) == 1 and not node.negated and node.ranges[0][0] == node.ranges[0][1]:
        return to.character(node.ranges[0][0])
    inside = "".join(
        to.character(low) if low == high else f"{to.character(low)}-{to.character(high)}"
        for low, high in node.ranges
    )
    return f"[{'^' if node.negated else ''}{inside}]"


def _plain_or(escape: str, code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else escape


_RE2 = _Dialect(
    lambda code: _plain_or(f"\\x{{{code:x}}}", code),
    "(?s:.)",
    {"^": "\\A", "$": "\\z", "b": "\\b"},
)
_POSTGRES = _Dialect(
    lambda code: _plain_or(f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}", code),
    ".",
    {"^": "^", "$": "$", "b": "\\y"},
)
_PYTHON = _Dialect(
    lambda code: _plain_or(f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}", code),
    "(?s:.)",
    {"^": "\\A", "$": "\\Z", "b": "\\b"},
)
