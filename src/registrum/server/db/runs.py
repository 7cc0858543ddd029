"""Runs: loading them with their project and author. `run_writing.py` writes them, `run_search.py` searches them.

A run's state is derived where it is read: one that claims to run and has been silent for five minutes has crashed
(`core.runs.state_now`), so nobody has to be awake to notice it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from registrum.core.names import folded
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.runs import Run, RunName, RunState, state_now
from registrum.core.users import User
from registrum.server.db import entities as entity_rows
from registrum.server.db import projects as project_rows
from registrum.server.db import users as user_rows
from registrum.server.db.columns import among
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import entities, projects, run_tags, runs
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed

_LARGE = {"config", "summary", "system_metrics", "history_keys"}
_WRITABLE = allowed(Action.WRITE).label("is_writable")
SMALL_COLUMNS = (*(c for c in runs.c if c.name not in _LARGE), _WRITABLE)
"""What makes a `Run` without its JSON documents; select from `WITH_PROJECT`."""
ALL_COLUMNS = (*runs.c, _WRITABLE)

WITH_PROJECT = runs.join(projects, projects.c.id == runs.c.project_id)


def select_run(key: str, *columns: Any) -> Select[Any]:
    """These columns of the living run that parameters name, and of its project.

    Args:
        key: "id"; "name", within a project; or "path", with the names of the project and its entity.
    """
    found = select(*columns).where(runs.c.deleted_at.is_(None))
    if key == "id":
        return found.select_from(WITH_PROJECT).where(runs.c.id == bindparam("run_id"))
    found = found.where(runs.c.name == bindparam("run_name"))
    if key == "name":
        in_project = runs.c.project_id == bindparam("project_id")
        return found.select_from(WITH_PROJECT).where(in_project)
    with_entity = WITH_PROJECT.join(entities, entities.c.id == projects.c.entity_id)
    return found.select_from(with_entity).where(
        entities.c.name_key == bindparam("entity_key"),
        entities.c.deleted_at.is_(None),
        projects.c.name == bindparam("project_name"),
        projects.c.deleted_at.is_(None),
    )


@cache
def _get_statement(action: Action, key: str) -> Prepared:
    return prepared(select_run(key, *ALL_COLUMNS, allowed(action).label("granted")))


def get_for(tx: Tx, action: Action, project: Project, name: str) -> Grant[Run]:
    """The living run of that id in a project, if the actor may do `action` there.

    Raises:
        NotFound: there is none, or the actor may not see it.
        Forbidden: the actor may see it, but not do this.
    """
    row = tx.one(_get_statement(action, "name"), project_id=project.id, run_name=name)
    return _granted(tx, action, row, f"run {project.entity.name}/{project.name}/{name}")


def get_for_path(tx: Tx, action: Action, path: RunName) -> Grant[Run]:
    """The living run of that full name. Raises as `get_for`."""
    row = tx.one(
        _get_statement(action, "path"),
        entity_key=folded(path.entity or entity_rows.default_name(tx)),
        project_name=path.project,
        run_name=path.name,
    )
    return _granted(tx, action, row, f"run {path}")


def get_for_id(tx: Tx, action: Action, run_id: int) -> Grant[Run]:
    """The living run of that number. Raises as `get_for`."""
    row = tx.one(_get_statement(action, "id"), run_id=run_id)
    return _granted(tx, action, row, "run with this id")


def _granted(tx: Tx, action: Action, row: Row | None, what: str) -> Grant[Run]:
    if row is None or not row.granted:
        raise refuse(tx, action, row.project_id if row else None, what)
    return Grant(runs_from(tx, [row])[0], action)


@cache
def _by_ids_statement(action: Action) -> Prepared:
    return prepared(
        select(*ALL_COLUMNS)
        .select_from(WITH_PROJECT)
        .where(among(runs.c.id, "run_ids"), runs.c.deleted_at.is_(None), allowed(action))
    )


def by_ids(tx: Tx, action: Action, ids: Sequence[int]) -> dict[int, Run]:
    """Those of these living runs in whose projects the actor may do `action`, by number."""
    if not ids:
        return {}
    found = runs_from(tx, tx.rows(_by_ids_statement(action), run_ids=ids))
    return {run.id: run for run in found}


_TAGS = prepared(
    select(run_tags.c.run_id, run_tags.c.name)
    .where(among(run_tags.c.run_id, "run_ids"))
    .order_by(run_tags.c.name)
)


def runs_from(tx: Tx, rows: Sequence[Row], project: Project | None = None) -> list[Run]:
    """The runs of rows with `SMALL_COLUMNS` or `ALL_COLUMNS`, in their order.

    Args:
        project: where they all are, if that is known.
    """
    if not rows:
        return []
    if project is not None:
        where: Mapping[int, Project] = {project.id: project}
    else:
        ids = sorted({row.project_id for row in rows})
        where = project_rows.by_ids(tx, Action.READ, ids)
    authors = user_rows.by_ids(tx, sorted({row.user_id for row in rows if row.user_id is not None}))
    tags: dict[int, list[str]] = defaultdict(list)
    for run_id, tag in tx.rows(_TAGS, run_ids=[row.id for row in rows]):
        tags[run_id].append(tag)
    return [
        _run(tx, row, where[row.project_id], authors.get(row.user_id), tuple(tags[row.id]))
        for row in rows
    ]


def _run(tx: Tx, row: Row, project: Project, author: User | None, tags: tuple[str, ...]) -> Run:
    return Run(
        id=row.id,
        name=row.name,
        number=row.number,
        project=project,
        state=state_now(RunState(row.state), row.heartbeat_at or row.created_at, tx.now),
        display_name=row.display_name,
        description=row.description,
        notes=row.notes,
        group=row.run_group,
        job_type=row.job_type,
        sweep_name=row.sweep_name,
        commit=row.commit,
        host=row.host,
        program=row.program,
        repo=row.repo,
        exit_code=row.exit_code,
        should_stop=row.should_stop,
        history_lines=row.history_lines,
        event_lines=row.event_lines,
        log_lines=row.log_lines,
        last_step=row.last_step,
        user=author,
        created_at=row.created_at,
        updated_at=row.updated_at,
        heartbeat_at=row.heartbeat_at,
        finished_at=row.finished_at,
        is_read_only=not row.is_writable,
        tags=tags,
        config=getattr(row, "config", None),
        summary=getattr(row, "summary", None),
        system_metrics=getattr(row, "system_metrics", None),
        history_keys=getattr(row, "history_keys", None),
    )
