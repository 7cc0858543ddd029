"""Patterns for paths of files: `*.json`, `data/**/part-?.parquet`, `[a-f]*/`.

`*` and `?` stay within a folder, `**` goes through any number of them. A pattern without a `/` is for the file's name, in whatever
folder; one that ends with `/` is for all below a folder.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path within an artifact matches one of the patterns."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


@lru_cache(256)
def _compiled(pattern: str) -> re.Pattern[str]:
    whole = f"{pattern}**" if pattern.endswith("/") else pattern
    if "/" not in whole:
        whole = f"**/{whole}"
    return re.compile(_expression(whole.removeprefix("/")), re.DOTALL)


def _expression(pattern: str) -> str:
    found, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            found, at = found + "(?:[^/]+/)*", at + 3
        elif pattern.startswith("**", at):
            found, at = found + ".*", at + 2
        elif pattern[at] == "*":
            found, at = found + "[^/]*", at + 1
        elif pattern[at] == "?":
            found, at = found + "[^/]", at + 1
        elif pattern[at] == "[" and (end := _end_of_class(pattern, at)):
            found, at = found + _class(pattern[at + 1 : end]), end + 1
        else:
            found, at = found + re.escape(pattern[at]), at + 1
    return found


def _end_of_class(pattern: str, at: int) -> int:
    """Where the class ends that begins here; 0 where it does not end."""
    first = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
    return max(pattern.find("]", first + 1), 0)


def _class(inner: str) -> str:
    negated = inner.startswith("!")
    inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[")
    inner = inner.replace("^", "\\^") if inner.startswith("^") else inner
    return f"(?!/)[{'^' if negated else ''}{inner}]"
