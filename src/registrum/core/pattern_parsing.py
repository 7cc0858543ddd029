"""Reading a regular expression: from its text to a tree of what the engines share.

What only one engine has is refused here, with a sentence that says what there is instead.
"""

from typing import NamedTuple

from registrum.core.errors import InvalidFilter

LONGEST = 1000
MOST_REPEATS = 255
DEEPEST = 50

_HIGHEST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_DIGIT = ((0x30, 0x39),)
_WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_POSIX = {
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "digit": _DIGIT,
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "upper": ((0x41, 0x5A),),
    "lower": ((0x61, 0x7A),),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
    "word": _WORD,
}
_SHORT = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "a": 0x07}

Ranges = tuple[tuple[int, int], ...]


class Chars(NamedTuple):
    """One character out of a set, or out of all others."""

    ranges: Ranges
    negated: bool


class Edge(NamedTuple):
    """A place between characters: `^`, `$`, or `b` at the edge of a word. RE2 finds `\\B` within a character, so it is left out."""

    kind: str


class Repeat(NamedTuple):
    """The same thing from `least` to `most` times in a row; `most` None: without end."""

    item: "Node"
    least: int
    most: int | None


class Sequence(NamedTuple):
    """One after the other."""

    items: "tuple[Node, ...]"


class Choice(NamedTuple):
    """One of several."""

    items: "tuple[Node, ...]"


Node = Chars | Edge | Repeat | Sequence | Choice


def parse(source: str) -> Node:
    """The tree of an expression.

    Raises:
        InvalidFilter: it is not one, is too large, or uses what the two databases do not share.
    """
    if len(source) > LONGEST:
        raise InvalidFilter(f"A $regex may have at most {LONGEST} characters.")
    return _Parser(source).parsed()


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0
        self.folds_case = False
        self.dot: Node = Chars(((0x0A, 0x0A),), negated=True)

    def parsed(self) -> Node:
        self._leading_flags()
        tree = self._choice()
        if self.at < len(self.source):
            raise self._error("has a `)` too many")
        if _repeats(tree) > MOST_REPEATS:
            raise self._error(f"repeats something more than {MOST_REPEATS} times")
        return tree

    def _error(self, what: str) -> InvalidFilter:
        return InvalidFilter(
            f"The $regex {self.source[:100]!r} {what}. It may use literals, `.`, classes like [a-z] and \\d \\w \\s, "
            "groups, `|`, `* + ? {m,n}`, `^ $ \\b` and a leading (?i) or (?s)."
        )

    def _peek(self, text: str) -> bool:
        return self.source.startswith(text, self.at)

    def _take(self, text: str) -> bool:
        found = self._peek(text)
        if found:
            self.at += len(text)
        return found

    def _next(self) -> str:
        if self.at >= len(self.source):
            raise self._error("ends too early")
        self.at += 1
        return self.source[self.at - 1]

    def _leading_flags(self) -> None:
        for flags in ("(?i)", "(?s)", "(?is)", "(?si)"):
            if self._take(flags):
                self.folds_case = "i" in flags
                if "s" in flags:
                    self.dot = Chars((), negated=True)
                return

    def _choice(self) -> Node:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _sequence(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.source) and not self._peek("|") and not self._peek(")"):
            items.append(self._repeated(self._atom()))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _atom(self) -> Node:
        char = self._next()
        match char:
            case ".":
                return self.dot
            case "^" | "$":
                return Edge(char)
            case "(":
                return self._group()
            case "[":
                return self._class()
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise self._error(f"has a `{char}` with nothing to repeat")
            case "{":
                raise self._error("has a bare `{`: write \\{")
        return self._one_of(((ord(char), ord(char)),), negated=False)

    def _group(self) -> Node:
        if self._peek("?"):
            named = self._take("?P<") or self._take("?<")
            if named and not self._peek("=") and not self._peek("!"):
                while self._next() != ">":
                    pass
            elif named or not self._take("?:"):
                raise self._error("has a kind of group that is not supported")
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"is nested more than {DEEPEST} deep")
        inner = self._choice()
        self.depth -= 1
        if not self._take(")"):
            raise self._error("lacks a `)`")
        return inner if isinstance(inner, Choice) else Sequence((inner,))

    def _repeated(self, item: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return item
        if isinstance(item, Edge):
            raise self._error("repeats a place, not a character")
        self._take("?")  # greedy or not, the same texts match
        if any(self._peek(text) for text in "*+?"):
            raise self._error("has two repetitions in a row")
        return Repeat(item, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for text, bounds in {"*": (0, None), "+": (1, None), "?": (0, 1)}.items():
            if self._take(text):
                return bounds
        if not self._take("{"):
            return None
        inner, brace, _ = self.source[self.at :].partition("}")
        least, comma, most = inner.partition(",")
        if not brace or not _is_count(least) or (most and not _is_count(most)):
            raise self._error("has a `{` that is no repetition like {2,5}: write \\{")
        self.at += len(inner) + 1
        low = int(least)
        high = low if not comma else int(most) if most else None
        if low > MOST_REPEATS or (high is not None and not low <= high <= MOST_REPEATS):
            raise self._error(f"repeats from more to fewer, or more than {MOST_REPEATS} times")
        return low, high

    def _escape(self) -> Node:
        char = self._next()
        match char:
            case "b":
                return Edge(char)
            case "A":
                return Edge("^")
            case "z":
                return Edge("$")
        if char.lower() in _SHORT:
            return Chars(_SHORT[char.lower()], negated=char.isupper())
        code = self._code(char)
        return self._one_of(((code, code),), negated=False)

    def _code(self, char: str) -> int:
        """The character that an escape stands for."""
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            if self._take("{"):
                digits, brace, _ = self.source[self.at :].partition("}")
                self.at += len(digits) + len(brace)
            else:
                digits, brace = self.source[self.at : self.at + 2], "}"
                self.at += 2
            if (
                brace
                and 2 <= len(digits) <= 6
                and all(c in "0123456789abcdefABCDEF" for c in digits)
            ):
                return self._character(int(digits, 16))
            raise self._error("has an \\x without its hexadecimal digits")
        if char.isascii() and not char.isalnum() and char.isprintable():
            return ord(char)
        raise self._error(f"uses \\{char}, which is not supported")

    def _character(self, code: int) -> int:
        if not 0 < code <= _HIGHEST or 0xD800 <= code <= 0xDFFF:
            raise self._error("names a character that no text can have")
        return code

    def _class(self) -> Node:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or not self._peek("]"):
            is_first = False
            ranges.extend(self._class_item())
        self.at += 1
        return self._one_of(_merged(ranges), negated=negated)

    def _class_item(self) -> Ranges:
        if self._take("[:"):
            name, closing, _ = self.source[self.at :].partition(":]")
            self.at += len(name) + len(closing)
            if not closing or name not in _POSIX:
                raise self._error(f"has an unknown class [:{name[:20]}:]")
            return _POSIX[name]
        if self._peek("[.") or self._peek("[="):
            raise self._error("has a class of PostgreSQL only")
        low = self._class_end()
        if not isinstance(low, int):
            return low
        if self._peek("-") and not self._peek("-]"):
            self.at += 1
            high = self._class_end()
            if not isinstance(high, int) or high < low:
                raise self._error("has a range in [] that ends before it begins")
            return ((low, high),)
        return ((low, low),)

    def _class_end(self) -> int | Ranges:
        char = self._next()
        if char != "\\":
            return self._character(ord(char))
        char = self._next()
        if char.lower() in _SHORT:
            found = _SHORT[char.lower()]
            return found if char.islower() else _complement(found)
        return self._code(char)

    def _one_of(self, ranges: Ranges, *, negated: bool) -> Node:
        if self.folds_case:
            ranges = _merged([*ranges, *_other_case(ranges)])
        if negated and not _complement(ranges):
            raise self._error("has a class that no character is in")
        return Chars(ranges, negated)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _repeats(node: Node) -> int:
    """How often the most repeated part is repeated by counts."""
    if isinstance(node, Repeat):
        return max(node.least, node.most or 1, 1) * _repeats(node.item)
    if isinstance(node, Sequence | Choice):
        return max((_repeats(item) for item in node.items), default=1)
    return 1


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def _complement(ranges: Ranges) -> Ranges:
    found, begin = [], 1
    for low, high in _merged([*ranges, _SURROGATES]):
        if low > begin:
            found.append((begin, low - 1))
        begin = max(begin, high + 1)
    if begin <= _HIGHEST:
        found.append((begin, _HIGHEST))
    return tuple(found)


def _other_case(ranges: Ranges) -> Ranges:
    found = []
    for first, last, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
        for low, high in ranges:
            low, high = max(low, first), min(high, last)
            if low <= high:
                found.append((low + shift, high + shift))
    return tuple(found)
