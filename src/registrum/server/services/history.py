"""What runs report: taking it, and going back to an earlier step."""

from dataclasses import replace
from typing import Any

from registrum.core.errors import Invalid
from registrum.core.history import STEP, Lines, Stream, steps_of
from registrum.core.policy import Action
from registrum.core.run_reports import Report, merge_keys, state_after
from registrum.core.runs import RunName, RunState
from registrum.server.db import history, run_writing
from registrum.server.db.run_writing import Head
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_COUNTS = {
    Stream.HISTORY: "history_lines",
    Stream.EVENTS: "event_lines",
    Stream.LOGS: "log_lines",
}


def write_report(tx: Tx, name: RunName, report: Report) -> bool:
    """Writes what a run sent in one go; the same report again changes nothing.

    Args:
        tx: transaction of the one who logs.
        name: the run.
        report: what it sent; empty for a sign of life.

    Returns:
        Whether the run is asked to stop.

    Raises:
        NotFound: there is no such run, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    run = run_writing.get_for_path(tx, Action.WRITE, name)
    after, keys = run.thing, None
    for lines in report.lines:
        after, changed = _written(tx, run, after, lines)
        if changed and lines.stream is Stream.HISTORY:
            stored = run_writing.history_keys(tx, run)
            keys = merge_keys(stored, report.metrics or {}, after.last_step)
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


def rewind_run(tx: Tx, name: RunName, metric: str, value: float) -> int:
    """Takes a run back to a step: later lines of its history go, and it is running again.

    Args:
        metric: what counts the steps; only `_step` does here.
        value: the last step that stays.

    Returns:
        The run's number.

    Raises:
        Invalid: another metric, or no such step.
        NotFound, Forbidden: as `write_report`.
    """
    if metric != STEP:
        raise Invalid(f"A run can be rewound to a {STEP} only, not to a value of {metric[:60]!r}.")
    run = run_writing.get_for_path(tx, Action.WRITE, name)
    count, last = history.last_at_step(tx, run, int(value))
    if last is None:
        raise Invalid(f"Run {name} has no step up to {value:g}.")
    history.truncate(tx, run, Stream.HISTORY, count)
    step = steps_of([last])[0]
    stored = run_writing.history_keys(tx, run)
    run_writing.record_report(
        tx,
        run,
        replace(run.thing, state=RunState.RUNNING, history_lines=count, last_step=step),
        summary=last,
        history_keys=merge_keys(stored, {}, step),
    )
    return run.thing.id


def _written(tx: Tx, run: Grant[Head], before: Head, lines: Lines) -> tuple[Head, bool]:
    count = _COUNTS[lines.stream]
    had: int = getattr(before, count)
    if not history.write_lines(tx, run, lines, had):
        return before, False
    steps = [step for step in (*lines.steps, before.last_step) if step is not None]
    has: dict[str, Any] = {count: max(had, lines.offset + len(lines.texts))}
    return replace(before, **has, last_step=max(steps, default=None)), True
