"""What a run has logged, step by step, and what it has printed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from registrum.sdk.http import Service
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import Node, Pages
from registrum.sdk.run_reading import Readable
from registrum.sdk.run_values import number

Row = dict[str, Any]
Stream = Literal["default", "system"]


class HistoryScan(Iterator[Row]):
    """All that a run has logged, in the order of steps.

    Args:
        run: whose.
        service_api: the server.
        min_step: the first step.
        max_step: the step before which it ends.
        keys: only rows that have all of these, and only these of them and `_step`.
        page_size: how many steps are asked for at a time.
        use_cache: taken for the sake of scripts; nothing is kept.
    """

    def __init__(
        self,
        run: Readable,
        *,
        service_api: Service,
        min_step: int,
        max_step: int,
        keys: list[str] | None = None,
        page_size: int = 1_000,
        use_cache: bool = True,
    ) -> None:
        self.run = run
        self.keys = keys
        self.min_step = min_step
        self.page_size = page_size
        self._end = max_step
        self._rows = self._scan()

    @property
    def max_step(self) -> int:
        """The last step that can come."""
        return self._end - 1

    def __iter__(self) -> Iterator[Row]:
        """Itself, from the beginning."""
        self._rows = self._scan()
        return self

    def __next__(self) -> Row:
        """The next row."""
        return next(self._rows)

    def _scan(self) -> Iterator[Row]:
        for begin in range(self.min_step, self._end, self.page_size):
            end = min(begin + self.page_size, self._end)
            asked = {"minStep": begin, "maxStep": end, "samples": self.page_size}
            for line in self.run.read(operations.STEPS, **asked)["lines"] or ():
                row = json.loads(line, parse_float=_number)
                if self.keys is None or not self.keys:
                    yield row
                elif all(key in row for key in self.keys):
                    yield {key: row[key] for key in ("_step", *self.keys) if key in row}


@dataclass(frozen=True, slots=True)
class ConsoleLogLine:
    """A line that a run has printed.

    Attributes:
        number: from 0.
        timestamp: when, aware; None where that is not known.
        level: `error` for what went to stderr, else empty.
        label: which of several writers; empty for one.
        content: the text.
    """

    number: int
    timestamp: datetime | None
    level: str
    label: str
    content: str


class ConsoleLogs(Pages[ConsoleLogLine]):
    """What a run has printed, oldest line first.

    Args:
        service_api: the server.
        run: whose.
        per_page: how many are asked for at a time.
        last: only so many from the end.
    """

    def __init__(
        self, service_api: Service, run: Readable, per_page: int = 1000, last: int | None = None
    ) -> None:
        super().__init__(per_page)
        self.run = run
        self._last = last

    @property
    def more(self) -> bool:
        """Whether there may be lines that are not loaded yet."""
        return super().more and not (self._last is not None and self._page is not None)

    def _ask(self, after: str | None, first: int) -> Node:
        part = {"after": after, "first": first} if self._last is None else {"last": self._last}
        page: Node = self.run.read(operations.LOG_LINES, **part)["page"]
        return page

    def _convert(self, edge: Node) -> ConsoleLogLine:
        node = edge["node"]
        return ConsoleLogLine(
            number=node["number"],
            timestamp=_moment(node["timestamp"]),
            level=node["level"] or "",
            label=node["label"] or "",
            content=node["line"],
        )

    def __repr__(self) -> str:
        return f"<ConsoleLogs {self.run.entity}/{self.run.project}/{self.run.id}>"


def sampled(run: Readable, keys: list[str], x_axis: str, samples: int) -> list[Row]:
    """Rows that have all of these metrics, thinned out to about `samples`."""
    spec = json.dumps({"keys": [x_axis, *keys], "samples": samples})
    rows: list[Row] = run.read(operations.SAMPLED, specs=[spec])["sampledHistory"][0]
    return rows


def lines(run: Readable, document: str, **more: Any) -> list[Row]:
    """Rows of the history or of the machine's metrics."""
    return [json.loads(line) for line in run.read(document, **more)["lines"] or ()]


def last_step(run: Readable) -> int:
    """The last step of the history; -1 where there is none."""
    keys = run.read(operations.HISTORY_KEYS)["historyKeys"]
    return int((keys or {}).get("lastStep", -1))


def frame(rows: list[Row]) -> Any:
    """Rows as a DataFrame, where pandas is installed; else as they are."""
    return import_module("pandas").DataFrame.from_records(rows) if find_spec("pandas") else rows


def _number(text: str) -> int | float:
    return number(float(text))


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
