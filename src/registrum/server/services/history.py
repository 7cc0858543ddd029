"""What runs report: taking it, once and in its place."""

from dataclasses import replace
from typing import Any

from registrum.core.history import Lines, Stream, are_same, steps_of
from registrum.core.policy import Action
from registrum.core.run_reports import Report, merge_keys, metrics_of, state_after
from registrum.core.runs import RunName
from registrum.server.db import history_writing, run_writing
from registrum.server.db.run_writing import Head
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_COUNTS = {
    Stream.HISTORY: "history_lines",
    Stream.EVENTS: "event_lines",
    Stream.LOGS: "log_lines",
}


def write_report(tx: Tx, name: RunName, report: Report, writer: str | None = None) -> bool:
    """Writes what a run sent in one go; the same report again changes nothing.

    Args:
        tx: transaction of the one who logs.
        name: the run.
        report: what it sent; empty for a sign of life.
        writer: of a run that several processes log to, which of them this is.

    Returns:
        Whether the run is asked to stop.

    Raises:
        NotFound: there is no such run, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    run = run_writing.get_for_path(tx, Action.WRITE, name)
    after, keys = run.thing, None
    for sent in report.lines:
        if writer is None:
            before, lines = _placed(tx, run, after, sent)
        else:
            before, lines = after, _behind_others(tx, run, after, sent, writer)
        after, changed = _written(tx, run, before, lines)
        if changed and lines.stream is Stream.HISTORY:
            had = before.history_lines
            stored = run_writing.history_keys(tx, run) if had else None
            seen = report.metrics or {}
            if lines.offset < had or lines.texts != sent.texts:
                seen = metrics_of(lines.texts[max(had - lines.offset, 0) :])
            keys = merge_keys(stored, seen, after.last_step)
    after = replace(
        after, state=state_after(after.state, report, was_stopped=run.thing.should_stop)
    )
    run_writing.record_report(
        tx,
        run,
        after,
        exit_code=report.exit_code if report.is_complete else None,
        summary=report.summary,
        system_metrics=report.system_metrics,
        history_keys=keys,
    )
    return run.thing.should_stop


def _placed(tx: Tx, run: Grant[Head], before: Head, lines: Lines) -> tuple[Head, Lines]:
    """Where lines belong, which the client numbers as if it were the only one that ever logged to the run."""
    if lines.stream is Stream.LOGS:
        return before, lines
    had: int = getattr(before, _COUNTS[lines.stream])
    if lines.offset < had:
        kept = history_writing.line_at(tx, run, lines.stream, lines.offset)
        if kept is None or not are_same(kept, lines.texts[0]):
            before = _begun_again(tx, run, before, lines.stream, lines.offset)
    elif lines.stream is Stream.HISTORY and lines.offset >= had:
        lines = replace(lines, offset=_end_or_copy(tx, run, before, lines))
    return before, lines


def _behind_others(tx: Tx, run: Grant[Head], before: Head, lines: Lines, writer: str) -> Lines:
    """What one of several writers has not sent before, at the stream's end: each counts its own lines."""
    known = max(history_writing.count_sent(tx, run, lines, writer) - lines.offset, 0)
    end: int = getattr(before, _COUNTS[lines.stream])
    return Lines(lines.stream, end, lines.texts[known:], lines.steps[known:])


def _end_or_copy(tx: Tx, run: Grant[Head], before: Head, lines: Lines) -> int:
    """The number that lines at or behind the history's end get: the end, or that of their copy where they were sent before.

    A client that resumes asks how many lines there are and counts on; sent once more, the same lines come under higher numbers.
    """
    step, last = lines.steps[0], before.last_step
    if step is not None and last is not None and step <= last:
        copy = history_writing.line_like(tx, run, step, lines.texts[0])
        if copy is not None:
            return copy
    return before.history_lines


def _begun_again(tx: Tx, run: Grant[Head], before: Head, stream: Stream, count: int) -> Head:
    """Removes all but the first lines of a stream: another process logs what comes next."""
    history_writing.truncate(tx, run, stream, count)
    if stream is Stream.EVENTS:
        return replace(before, event_lines=count)
    last = history_writing.line_at(tx, run, stream, count - 1) if count else None
    return replace(before, history_lines=count, last_step=steps_of([last])[0] if last else None)


def _written(tx: Tx, run: Grant[Head], before: Head, lines: Lines) -> tuple[Head, bool]:
    count = _COUNTS[lines.stream]
    had: int = getattr(before, count)
    if not lines.texts or not history_writing.write_lines(tx, run, lines, had):
        return before, False
    steps = [step for step in (*lines.steps, before.last_step) if step is not None]
    has: dict[str, Any] = {count: max(had, lines.end)}
    return replace(before, **has, last_step=max(steps, default=None)), True
