"""What a run reports while it goes: lines of its history, of its machine and of its console, kept in compressed chunks.

A line has a number in its stream, from 0, and is written at that number, so that a report sent twice changes nothing; console
lines may be rewritten. Who logs under the name of a run that is there, without resuming it, begins at line 0 again, or where the
run branched off: the same lines are a copy sent a second time, others take the place of all from there on.

Lines are kept in chunks of at most `CHUNK_BYTES`. Each report makes a chunk of its own; when the ones before it are not much
larger they are folded into it (`count_to_fold`). So a line is rewritten a number of times that grows with the logarithm of the
chunk's size, and a run has few chunks however often it reports.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from registrum.core.errors import Invalid

T = TypeVar("T")

CHUNK_BYTES = 512 * 1024
"""Lines of one chunk before compression; a longer single line has a chunk to itself."""

STEP = "_step"

_PLAIN_LINE = re.compile(
    r"(ERROR )?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?) (.*)", re.DOTALL
)


class Stream(StrEnum):
    """What lines are about: metrics by step, the machine, or the console."""

    HISTORY = "history"
    EVENTS = "events"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines to be written.

    Attributes:
        offset: number of the first of them.
        steps: of history, the step of each, None for one without.
    """

    stream: Stream
    offset: int
    texts: tuple[str, ...]
    steps: tuple[int | None, ...] = ()

    @property
    def end(self) -> int:
        """Number of the line after the last of them."""
        return self.offset + len(self.texts)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive lines as they are kept.

    Attributes:
        first_step, last_step: least and greatest step in it; None where no line has one.
        raw_bytes: before compression.
    """

    first_line: int
    line_count: int
    first_step: int | None
    last_step: int | None
    raw_bytes: int
    body: bytes

    @property
    def end(self) -> int:
        """Number of the line after its last one."""
        return self.first_line + self.line_count


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """A line of a run's console.

    Attributes:
        number: from 0.
        timestamp: as the client wrote it; None where it did not.
        level: "error" for what went to the error stream, else empty.
        label: names one of several writers.
        line: the text.
    """

    number: int
    timestamp: str | None
    level: str
    label: str
    line: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which metrics of the history are wanted.

    Attributes:
        keys: only lines that have all of these, and of them only these.
        samples: about how many lines to pick.
        min_step, max_step: from the first of these on, and before the second.
    """

    keys: tuple[str, ...] = ()
    samples: int = 500
    min_step: int | None = None
    max_step: int | None = None


def chunks_of(first_line: int, texts: Sequence[str], steps: Sequence[int | None]) -> list[Chunk]:
    """Consecutive lines as chunks of at most `CHUNK_BYTES`.

    Args:
        first_line: number of the first line.
        texts: the lines, none of which has a line break in it.
        steps: of history, the step of each line; empty otherwise.
    """
    found = []
    for start, end in _cuts(texts):
        known = [step for step in steps[start:end] if step is not None]
        raw = "\n".join(texts[start:end]).encode()
        found.append(
            Chunk(
                first_line + start,
                end - start,
                min(known, default=None),
                max(known, default=None),
                len(raw),
                zlib.compress(raw, 3),
            )
        )
    return found


def _cuts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = size = 0
    for i, text in enumerate(texts):
        length = len(text.encode()) + 1
        if i > start and size + length > CHUNK_BYTES:
            yield start, i
            start, size = i, 0
        size += length
    if start < len(texts):
        yield start, len(texts)


def texts_of(chunk: Chunk) -> list[str]:
    """The lines of a chunk."""
    return zlib.decompress(chunk.body).decode().split("\n")


def steps_of(texts: Iterable[str]) -> list[int | None]:
    """The step of each line of a history."""
    return [step_of(json.loads(text)) for text in texts]


def are_same(text: str, other: str) -> bool:
    """Whether two lines of a history, or about the machine, say the same: a client writes their keys in any order."""
    return text == other or bool(json.loads(text) == json.loads(other))


def count_to_fold(sizes: Sequence[int], new: int) -> int:
    """How many of the chunks at a stream's end are to become one with a new chunk.

    Args:
        sizes: bytes before compression of the stream's last chunks, the very last one first.
        new: of the new chunk.
    """
    total, count = new, 0
    for size in sizes:
        if size > 2 * total or size + total > CHUNK_BYTES:
            break
        total += size
        count += 1
    return count


def are_consecutive(found: Sequence[Chunk]) -> bool:
    """Whether each chunk begins where the one before it ends."""
    return all(one.end == other.first_line for one, other in pairwise(found))


def folded(found: Sequence[Chunk]) -> Chunk:
    """Consecutive chunks as one."""
    raw = b"\n".join(zlib.decompress(chunk.body) for chunk in found)
    firsts = [chunk.first_step for chunk in found if chunk.first_step is not None]
    lasts = [chunk.last_step for chunk in found if chunk.last_step is not None]
    return Chunk(
        found[0].first_line,
        sum(chunk.line_count for chunk in found),
        min(firsts, default=None),
        max(lasts, default=None),
        len(raw),
        zlib.compress(raw, 3),
    )


def step_of(row: Mapping[str, Any]) -> int | None:
    """The step of a row of a history; None for one without."""
    step = row.get(STEP)
    return int(step) if isinstance(step, int | float) and abs(step) < 2**63 else None


def picked(total: int, samples: int) -> list[int]:
    """At most `samples` of the numbers from 0 to `total - 1`, evenly spread, with the first and the last."""
    if samples <= 0 or total <= 0:
        return []
    if samples >= total:
        return list(range(total))
    if samples == 1:
        return [total - 1]
    return [i * (total - 1) // (samples - 1) for i in range(samples)]


def spread(items: Iterable[T], samples: int) -> list[T]:
    """At most `samples` of the items, evenly spread, with the first and the last; never holds many more than that."""
    kept: list[T] = []
    stride = 1
    last: list[T] = []
    for i, item in enumerate(items):
        last = [item]
        if i % stride == 0:
            kept.append(item)
            if len(kept) > 4 * max(samples, 256):
                kept, stride = kept[::2], stride * 2
    if last and kept[-1] is not last[0]:
        kept += last
    return [kept[i] for i in picked(len(kept), samples)]


def choice_from(text: str) -> Choice:
    """Which metrics a client asks for, out of its JSON text; its `maxStep` is the last step that is wanted.

    Raises:
        Invalid: it is not a choice.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    keys = document.get("keys") or [] if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Invalid("A choice of history must be a JSON object with a list of keys.")
    assert isinstance(document, dict)
    numbers = {k: document.get(k) for k in ("samples", "minStep", "maxStep")}
    if any(n is not None and not isinstance(n, int) for n in numbers.values()):
        raise Invalid("Samples and steps in a choice of history must be whole numbers.")
    samples, last = numbers["samples"], numbers["maxStep"]
    return Choice(
        tuple(dict.fromkeys(keys)),
        500 if samples is None else samples,
        numbers["minStep"],
        None if last is None else last + 1,
    )


def chosen(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any] | None:
    """Those metrics of a row; None if it lacks one. `a.b` is found inside `a` as well."""
    if not keys:
        return dict(row)
    found = {}
    for key in keys:
        value: Any = row.get(key, _MISSING)
        if value is _MISSING and "." in key:
            value = row
            for part in key.split("."):
                value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
        if value is _MISSING:
            return None
        found[key] = value
    return found


_MISSING = object()


def console_line(number: int, text: str) -> ConsoleLine:
    """A console line as people read it, out of either form that clients send: a JSON object, or time and text."""
    if text.startswith("{"):
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            parts = None
        if isinstance(parts, dict) and isinstance(parts.get("content"), str):
            stamp, level, label = (str(parts.get(k) or "") for k in ("ts", "level", "label"))
            return ConsoleLine(number, stamp or None, level, label, parts["content"])
    plain = _PLAIN_LINE.fullmatch(text)
    if plain is None:
        return ConsoleLine(number, None, "", "", text)
    return ConsoleLine(number, plain[2], "error" if plain[1] else "", "", plain[3])
