"""Binds `schema/history.graphql`: what a run reported, whole, sampled and page by page."""

import json
from typing import Any

from registrum.core.errors import Invalid
from registrum.core.history import (
    Choice,
    ConsoleLine,
    Stream,
    choice_from,
    chosen,
    console_line,
    spread,
)
from registrum.core.pages import MAX_PAGE, Edge, Page, encode_cursor, page_ask
from registrum.core.policy import Action
from registrum.core.runs import Run, dump_json
from registrum.server.db import history
from registrum.server.graphql.binding import Info, Type

TAIL_LINES = 1  # clients read the first of them as the last line
MOST_CHOICES = 50
MOST_LINES = 100_000

run = Type(
    "Run",
    reads={
        "historyLineCount": "history_lines",
        "eventsLineCount": "event_lines",
        "logLineCount": "log_lines",
        "historyKeys": lambda r: json.loads(r.history_keys) if r.history_keys else _NO_KEYS,
    },
)
line = Type("LogLine", value=ConsoleLine)
line_connection = Type("LogLineConnection", reads={"pageInfo": lambda page: page})

_NO_KEYS: dict[str, Any] = {"keys": {}, "lastStep": -1}


@run.field("historyTail")
def resolve_history_tail(found: Run, info: Info) -> str:
    """The last line of the history, from which a resumed run goes on."""
    return _tail(found, info, Stream.HISTORY, found.history_lines)


@run.field("eventsTail")
def resolve_events_tail(found: Run, info: Info) -> str:
    """The last line about the machine."""
    return _tail(found, info, Stream.EVENTS, found.event_lines)


def _tail(found: Run, info: Info, stream: Stream, count: int) -> str:
    lines = history.lines_for(
        info.context.tx, Action.READ, found, stream, start=max(count - TAIL_LINES, 0), end=count
    )
    return dump_json([text for _, text in lines])


@run.field("history")
def resolve_history(
    found: Run, info: Info, min_step: int | None, max_step: int | None, samples: int | None
) -> list[str]:
    """Lines of the history: all of them in a range of steps, or so many samples."""
    tx = info.context.tx
    if min_step is None and max_step is None:
        count = found.history_lines
        return history.sample_for(
            tx, Action.READ, found, Stream.HISTORY, line_count=count, samples=_bounded(samples)
        )
    texts = (text for text, _ in history.rows_for(tx, Action.READ, found, min_step, max_step))
    return spread(texts, _wanted(min_step, max_step, samples))


def _bounded(samples: int | None) -> int:
    return MOST_LINES if samples is None else max(min(samples, MOST_LINES), 0)


def _wanted(min_step: int | None, max_step: int | None, samples: int | None) -> int:
    """How many lines to give of a range of steps; all, where so many were asked for as it has steps."""
    if samples is not None and max_step is not None and max_step - (min_step or 0) <= samples:
        return MOST_LINES
    return _bounded(samples)


@run.field("events")
def resolve_events(found: Run, info: Info, samples: int | None) -> list[str]:
    """Lines about the machine."""
    return history.sample_for(
        info.context.tx,
        Action.READ,
        found,
        Stream.EVENTS,
        line_count=found.event_lines,
        samples=_bounded(samples),
    )


@run.field("sampledHistory")
def resolve_sampled_history(found: Run, info: Info, specs: list[str]) -> list[list[dict[str, Any]]]:
    """For each choice of metrics, about as many rows as it asks for."""
    if len(specs) > MOST_CHOICES:
        raise Invalid(f"At most {MOST_CHOICES} choices of history can be made at once.")
    return [_sampled(found, info, choice_from(spec)) for spec in specs]


def _sampled(found: Run, info: Info, choice: Choice) -> list[dict[str, Any]]:
    whole = history.rows_for(info.context.tx, Action.READ, found, choice.min_step, choice.max_step)
    rows = (row for _, each in whole if (row := chosen(each, choice.keys)) is not None)
    return spread(rows, _wanted(choice.min_step, choice.max_step, choice.samples))


@run.field("parquetHistory")
def resolve_parquet_history(found: Run, info: Info, live_keys: list[str]) -> dict[str, Any]:
    """No column files: everything is live."""
    rows = history.rows_for(info.context.tx, Action.READ, found, None, None)
    first = next((row for _, row in rows), None)
    live = [] if first is None else [chosen(first, live_keys) or {"_step": first.get("_step", 0)}]
    return {"parquetUrls": [], "liveData": live}


@run.field("logLines")
def resolve_log_lines(
    found: Run,
    info: Info,
    last: int | None,
    use_improved_pagination: bool | None,
    after: str | None,
    first: int | None,
) -> Page[ConsoleLine]:
    """Lines of the console from the beginning, behind a cursor, or the last ones."""
    if last is not None:
        end = found.log_lines
        start = max(end - min(max(last, 0), MAX_PAGE), 0)
    else:
        ask = page_ask(first, after)
        behind = ask.number_behind()
        start = 0 if behind is None else behind + 1
        end = min(start + ask.first, found.log_lines)
    texts = history.lines_for(
        info.context.tx, Action.READ, found, Stream.LOGS, start=start, end=end
    )
    edges = tuple(
        Edge(console_line(number, text), encode_cursor([number])) for number, text in texts
    )
    return Page(edges, end < found.log_lines)


BINDINGS = [run, line, line_connection, Type("LogLineEdge"), Type("ParquetHistory")]
