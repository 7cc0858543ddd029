"""Runs as writers hold them: locked until the transaction ends, so that two reports of one run follow each other."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from registrum.core.names import folded
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.runs import (
    ENDED,
    RunName,
    RunState,
    SaveRun,
    display_name,
    state_now,
)
from registrum.server.db import entities as entity_rows
from registrum.server.db.refusals import refuse
from registrum.server.db.runs import select_run
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import ALIVE, run_tags, runs
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed


@dataclass(frozen=True, slots=True)
class Head:
    """What has to be known of a run to write to it.

    Attributes:
        state: as it is now, or is to be.
        should_stop: somebody asked it to stop.
        history_lines, event_lines, log_lines: how many lines each stream has.
        last_step: of its history.
    """

    id: int
    project_id: int
    state: RunState
    should_stop: bool
    history_lines: int
    event_lines: int
    log_lines: int
    last_step: int | None


_HEAD = (
    *(runs.c.id, runs.c.project_id, runs.c.state, runs.c.should_stop),
    *(runs.c.history_lines, runs.c.event_lines, runs.c.log_lines, runs.c.last_step),
    *(runs.c.heartbeat_at, runs.c.created_at),
)


@cache
def _statement(key: str) -> Prepared:
    found = select_run(key, *_HEAD, allowed(Action.WRITE).label("granted"))
    return prepared(found.with_for_update(of=runs))


def get_for_path(tx: Tx, action: Action, path: RunName) -> Grant[Head]:
    """The living run of that full name, locked.

    Args:
        action: WRITE.

    Raises:
        NotFound: there is none, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    row = tx.one(
        _statement("path"),
        entity_key=folded(path.entity or entity_rows.default_name(tx)),
        project_name=path.project,
        run_name=path.name,
    )
    return _granted(tx, action, row, f"run {path}")


def get_for_id(tx: Tx, action: Action, run_id: int) -> Grant[Head]:
    """The living run of that number, locked. Takes and raises as `get_for_path`."""
    row = tx.one(_statement("id"), run_id=run_id)
    return _granted(tx, action, row, "run with this id")


def _granted(tx: Tx, action: Action, row: Row | None, what: str) -> Grant[Head]:
    assert action is Action.WRITE, "a head is for writing"
    if row is None or not row.granted:
        raise refuse(tx, action, row.project_id if row else None, what)
    return Grant(
        Head(
            row.id,
            row.project_id,
            state_now(RunState(row.state), row.heartbeat_at or row.created_at, tx.now),
            row.should_stop,
            row.history_lines,
            row.event_lines,
            row.log_lines,
            row.last_step,
        ),
        action,
    )


_LAST_NUMBER = prepared(
    select(runs.c.number)
    .where(runs.c.project_id == bindparam("project_id"))
    .order_by(runs.c.created_at.desc(), runs.c.id.desc())
    .limit(1)
)
_ADD = prepared(
    insert(runs)
    .values(
        project_id=bindparam("project_id"),
        name=bindparam("run_name"),
        number=bindparam("number"),
        display_name=bindparam("display_name"),
        state=bindparam("state"),
        user_id=bindparam("user_id"),
        created_at=bindparam("now"),
        heartbeat_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "name"], index_where=ALIVE)
    .returning(runs.c.id)
)


def get_or_add(tx: Tx, project: Grant[Project], name: str) -> tuple[Grant[Head], bool]:
    """The run of that id in a project, made now and running if there is none; and whether it is new.

    Args:
        project: grant to WRITE.
    """
    where = project.require(Action.WRITE)
    row = tx.one(_statement("name"), project_id=where.id, run_name=name)
    is_new = row is None
    if row is None:
        number = (tx.value(_LAST_NUMBER, project_id=where.id) or 0) + 1
        added = tx.value(
            _ADD,
            project_id=where.id,
            run_name=name,
            number=number,
            display_name=display_name(name, number),
            state=RunState.RUNNING.value,
            user_id=tx.actor.user_id,
            now=tx.now,
        )
        is_new = added is not None  # else somebody else's is there
        row = tx.one(_statement("name"), project_id=where.id, run_name=name)
    return _granted(tx, Action.WRITE, row, f"run {name!r}"), is_new


def _or_kept(column: Any, name: str) -> Any:
    return func.coalesce(bindparam(name, type_=column.type), column)


_CHANGE = prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        updated_at=bindparam("now"),
        display_name=_or_kept(runs.c.display_name, "new_display_name"),
        description=_or_kept(runs.c.description, "new_description"),
        notes=_or_kept(runs.c.notes, "new_notes"),
        config=_or_kept(runs.c.config, "new_config"),
        summary=_or_kept(runs.c.summary, "new_summary"),
        run_group=_or_kept(runs.c.run_group, "new_group"),
        job_type=_or_kept(runs.c.job_type, "new_job_type"),
        sweep_name=_or_kept(runs.c.sweep_name, "new_sweep_name"),
        commit=_or_kept(runs.c.commit, "new_commit"),
        host=_or_kept(runs.c.host, "new_host"),
        program=_or_kept(runs.c.program, "new_program"),
        repo=_or_kept(runs.c.repo, "new_repo"),
        debug=_or_kept(runs.c.debug, "new_debug"),
    )
)
_UNTAG = prepared(delete(run_tags).where(run_tags.c.run_id == bindparam("run_id")))
_TAG = prepared(
    insert(run_tags)
    .values(run_id=bindparam("run_id"), name=bindparam("tag"))
    .on_conflict_do_nothing()
)
_POINT_STATE = prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        state=bindparam("new_state"),
        should_stop=False,
        heartbeat_at=bindparam("now"),
        updated_at=bindparam("now"),
    )
)
_ASK_TO_STOP = prepared(
    update(runs).where(runs.c.id == bindparam("run_id")).values(should_stop=True)
)
_REMOVE = prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"), runs.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"))
)


def change(tx: Tx, run: Grant[Head], ask: SaveRun) -> None:
    """Sets what `ask` names, except for the state; the rest stays."""
    run_id = run.require(Action.WRITE).id
    tx.run(
        _CHANGE,
        run_id=run_id,
        now=tx.now,
        new_display_name=ask.display_name,
        new_description=ask.description,
        new_notes=ask.notes,
        new_config=ask.config,
        new_summary=ask.summary,
        new_group=ask.group,
        new_job_type=ask.job_type,
        new_sweep_name=ask.sweep_name,
        new_commit=ask.commit,
        new_host=ask.host,
        new_program=ask.program,
        new_repo=ask.repo,
        new_debug=ask.debug,
    )
    if ask.tags is not None:
        tx.run(_UNTAG, run_id=run_id)
        tx.run_many(_TAG, [{"run_id": run_id, "tag": tag} for tag in _distinct(ask.tags)])


def _distinct(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def point_state(tx: Tx, run: Grant[Head], state: RunState) -> None:
    """Sets the stored state and takes back a request to stop."""
    tx.run(_POINT_STATE, run_id=run.require(Action.WRITE).id, new_state=state.value, now=tx.now)


def ask_to_stop(tx: Tx, run: Grant[Head]) -> None:
    """Leaves a word for the run that it is to stop."""
    tx.run(_ASK_TO_STOP, run_id=run.require(Action.WRITE).id)


def remove(tx: Tx, run: Grant[Head]) -> None:
    """Puts a run into the trash; its id is free again."""
    tx.run(_REMOVE, run_id=run.require(Action.WRITE).id, now=tx.now)


_RECORD = prepared(
    update(runs)
    .where(runs.c.id == bindparam("run_id"))
    .values(
        heartbeat_at=bindparam("now"),
        state=bindparam("new_state"),
        history_lines=bindparam("new_history_lines"),
        event_lines=bindparam("new_event_lines"),
        log_lines=bindparam("new_log_lines"),
        last_step=bindparam("new_last_step"),
        exit_code=bindparam("new_exit_code"),
        finished_at=bindparam("new_finished_at"),
        summary=_or_kept(runs.c.summary, "new_summary"),
        system_metrics=_or_kept(runs.c.system_metrics, "new_system_metrics"),
        history_keys=_or_kept(runs.c.history_keys, "new_history_keys"),
    )
)
_HISTORY_KEYS = prepared(select(runs.c.history_keys).where(runs.c.id == bindparam("run_id")))
_SETTINGS = prepared(select(runs.c.config).where(runs.c.id == bindparam("run_id")))


def history_keys(tx: Tx, run: Grant[Head]) -> str | None:
    """The record of the metrics that the run's history has so far."""
    found: str | None = tx.value(_HISTORY_KEYS, run_id=run.thing.id)
    return found


def settings(tx: Tx, run: Grant[Head]) -> str | None:
    """The settings of a run, a JSON object as text; None where it has none."""
    found: str | None = tx.value(_SETTINGS, run_id=run.thing.id)
    return found


def record_report(
    tx: Tx,
    run: Grant[Head],
    after: Head,
    *,
    exit_code: int | None = None,
    summary: str | None = None,
    system_metrics: str | None = None,
    history_keys: str | None = None,
) -> None:
    """Writes down where a run is now; documents that are None stay as they were.

    Args:
        run: grant to WRITE.
        after: its state, counts and last step as they are to be.
    """
    tx.run(
        _RECORD,
        run_id=run.require(Action.WRITE).id,
        now=tx.now,
        new_state=after.state.value,
        new_history_lines=after.history_lines,
        new_event_lines=after.event_lines,
        new_log_lines=after.log_lines,
        new_last_step=after.last_step,
        new_exit_code=exit_code,
        new_finished_at=tx.now if after.state in ENDED else None,
        new_summary=summary,
        new_system_metrics=system_metrics,
        new_history_keys=history_keys,
    )
