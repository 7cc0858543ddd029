"""Runs that go on from an earlier step: of their own history (rewinding), or of another run's (branching off)."""

from dataclasses import replace

from registrum.core.branching import MOST_STEPS, BranchPoint, inherited_settings
from registrum.core.errors import Invalid
from registrum.core.history import STEP, Stream, steps_of
from registrum.core.policy import Action
from registrum.core.run_reports import merge_keys
from registrum.core.runs import RunName, RunState, SaveRun
from registrum.server.db import history_writing, run_writing
from registrum.server.db.run_writing import Head
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant


def rewind_run(tx: Tx, name: RunName, metric: str, value: float) -> int:
    """Takes a run back to a step: later lines of its history go, and it is running again.

    Args:
        metric: what counts the steps; only `_step` does here.
        value: the last step that stays.

    Returns:
        The run's number.

    Raises:
        Invalid: another metric, or no such step.
        NotFound: there is no such run, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    if metric != STEP:
        raise Invalid(f"A run can be rewound to a {STEP} only, not to a value of {metric[:60]!r}.")
    run = run_writing.get_for_path(tx, Action.WRITE, name)
    # A client may write 1e999, which is infinite.
    fits = abs(value) < MOST_STEPS
    count, last = history_writing.last_at_step(tx, run, int(value)) if fits else (0, None)
    if last is None:
        raise Invalid(f"Run {name} has no step up to {value:g}.")
    history_writing.truncate(tx, run, Stream.HISTORY, count)
    running = replace(run.thing, state=RunState.RUNNING)
    _go_on_from(tx, replace(run, thing=running), run, count, last)
    return run.thing.id


def branch_off(tx: Tx, run: Grant[Head], name: RunName, point: BranchPoint) -> None:
    """Gives a new run its parent's settings, and the parent's history and summary up to a step.

    Args:
        run: grant to WRITE; it has reported nothing yet.
        name: of that run; the parent is in the same project.
        point: the parent, and the last step that both have.

    Raises:
        NotFound: there is no such parent, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    parent = run_writing.get_for_path(tx, Action.WRITE, name._replace(name=point.run))
    settings = inherited_settings(run_writing.settings(tx, parent))
    run_writing.change(tx, run, SaveRun(config=settings))
    count, last = history_writing.last_at_step(tx, parent, point.step)
    if last is not None:
        history_writing.copy_history(tx, parent, run, count)
        _go_on_from(tx, run, parent, count, last)


def _go_on_from(tx: Tx, run: Grant[Head], source: Grant[Head], count: int, last: str) -> None:
    """Writes down that a run has the first lines of a history, and the last of them as its summary."""
    step = steps_of([last])[0]
    keys = merge_keys(run_writing.history_keys(tx, source), {}, step)
    after = replace(run.thing, history_lines=count, last_step=step)
    run_writing.record_report(tx, run, after, summary=last, history_keys=keys)
