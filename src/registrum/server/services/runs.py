"""What is done to runs: making and editing them, asking them to stop, setting their state, deleting them."""

from dataclasses import dataclass, replace

from registrum.core.branching import branch_point_of, settings_over
from registrum.core.errors import Invalid
from registrum.core.events import EventKind, SubjectKind
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.runs import (
    ENDED,
    RunName,
    RunState,
    SaveRun,
    check_run_name,
    check_state_change,
    check_tags,
    state_named,
)
from registrum.server.db import events, history_writing, lineage, projects, run_writing, runs
from registrum.server.db.tx import Tx
from registrum.server.services import artifacts, branching

MOST_VERSIONS = 200


@dataclass(frozen=True, slots=True)
class SavedRun:
    """Which run was made or changed.

    Attributes:
        first_line: number of the first line of history that who logs to it now may write, unless he resumes it.
    """

    id: int
    is_new: bool
    first_line: int = 0


def save_run(tx: Tx, name: RunName, ask: SaveRun) -> SavedRun:
    """Makes a run, with its project where that is missing, or changes the one of that name.

    A run that had ended is running again: this is how a client resumes it. A new run that branched off another one begins
    with that one's settings and history.

    Args:
        tx: transaction of the one who logs.
        name: of the run.
        ask: what to set.

    Raises:
        Invalid: the project is a registry, or a name breaks the rules.
        NotFound: the entity or project is hidden from the actor, or there is no run that this one branched off.
        Forbidden: the actor may see the project, but not write there.
    """
    check_run_name(name.name)
    check_tags(ask.tags or ())
    project = projects.create_on_demand(tx, name.entity, name.project)
    run, is_new = run_writing.get_or_add(tx, project, name.name)
    point, first_line = branch_point_of(ask.config), 0
    if point is not None and point.run != name.name:
        if is_new:
            branching.branch_off(tx, run, name, point)
        ask = replace(ask, config=settings_over(run_writing.settings(tx, run), ask.config or "{}"))
        first_line, _ = history_writing.last_at_step(tx, run, point.step)
    run_writing.change(tx, run, ask)
    state = ask.state
    if state is None and run.thing.state in ENDED | {RunState.PENDING}:
        state = RunState.RUNNING
    if state is not None and state is not run.thing.state:
        run_writing.point_state(tx, run, state)
    return SavedRun(run.thing.id, is_new, first_line)


def edit_run(tx: Tx, run_id: int, ask: SaveRun) -> SavedRun:
    """Changes an existing run, ended or not; its state only if `ask` names one.

    Raises:
        NotFound: there is no such run, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    check_tags(ask.tags or ())
    run = run_writing.get_for_id(tx, Action.WRITE, run_id)
    run_writing.change(tx, run, ask)
    if ask.state is not None and ask.state is not run.thing.state:
        run_writing.point_state(tx, run, ask.state)
    return SavedRun(run.thing.id, is_new=False)


def update_run_state(tx: Tx, run_id: int, state: str) -> None:
    """Sets the state of a run that does not report itself: `pending` or `failed`.

    Raises:
        Invalid: another state was asked for.
        Unprocessable: not from the state it is in.
        NotFound, Forbidden: as `edit_run`.
    """
    run = run_writing.get_for_id(tx, Action.WRITE, run_id)
    target = state_named(state)
    check_state_change(run.thing.state, target)
    run_writing.point_state(tx, run, target)


def stop_run(tx: Tx, run_id: int) -> None:
    """Asks a run to stop; it hears of it with its next report. A run that has ended is left alone.

    Raises:
        NotFound, Forbidden: as `edit_run`.
    """
    run = run_writing.get_for_id(tx, Action.WRITE, run_id)
    if run.thing.state not in ENDED:
        run_writing.ask_to_stop(tx, run)


def delete_run_with_artifacts(tx: Tx, run_id: int) -> None:
    """Puts a run and the versions it logged into the trash, with their aliases.

    Raises:
        Invalid: it logged more versions than one transaction deletes.
        InUse: a version has a protected alias; nothing is deleted then.
        NotFound, Forbidden: as `edit_run`.
    """
    run_writing.get_for_id(tx, Action.WRITE, run_id)
    logged = lineage.page_of_outputs(tx, Action.READ, run_id, PageAsk(MOST_VERSIONS))
    if logged.has_next_page:
        raise Invalid(f"The run logged more than {MOST_VERSIONS} versions; delete some first.")
    for version in logged.nodes:
        artifacts.delete_artifact(tx, version.id, with_aliases=True)
    delete_run(tx, run_id)


def delete_run(tx: Tx, run_id: int) -> None:
    """Puts a run into the trash. The artifacts it logged stay.

    Raises:
        NotFound, Forbidden: as `edit_run`.
    """
    run = run_writing.get_for_id(tx, Action.WRITE, run_id)
    run_writing.remove(tx, run)
    where = projects.by_ids(tx, Action.READ, [run.thing.project_id])
    events.record_in(
        tx,
        EventKind.RUN_DELETED,
        where.get(run.thing.project_id),
        subject_kind=SubjectKind.RUN,
        subject_id=run.thing.id,
    )


def check_alert(tx: Tx, name: RunName, title: str) -> None:
    """Takes the alert of a run; the run must be one that the actor may write to.

    Raises:
        Invalid: the alert has no title.
        NotFound, Forbidden: as `edit_run`.
    """
    runs.get_for_path(tx, Action.WRITE, name)
    if not title.strip():
        raise Invalid("An alert needs a title.")
