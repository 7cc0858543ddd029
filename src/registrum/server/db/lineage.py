"""Lineage: which runs logged which artifacts, and which used them."""

from functools import cache

from sqlalchemy import Table, bindparam, func, select

from registrum.core.artifacts import Artifact
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.runs import Run
from registrum.server.db import artifacts as artifact_rows
from registrum.server.db import runs as run_rows
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifacts, projects, run_inputs, run_outputs, runs
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed, allowed_artifact

_USE = prepared(
    insert(run_inputs)
    .values(
        run_id=bindparam("run_id"),
        artifact_id=bindparam("artifact_id"),
        used_as=bindparam("used_as"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["run_id", "artifact_id"])
)


def add_use(tx: Tx, run: Grant[Run], artifact: Grant[Artifact], used_as: str | None) -> None:
    """Notes that a run used an artifact; once more is the same.

    Args:
        run: grant to WRITE.
        artifact: grant to DOWNLOAD.
        used_as: what the run calls it.
    """
    by, used = run.require(Action.WRITE), artifact.require(Action.DOWNLOAD)
    tx.run(_USE, run_id=by.id, artifact_id=used.id, used_as=used_as, now=tx.now)


@cache
def _users_statement(action: Action, has_after: bool) -> Prepared:
    statement = (
        select(runs.c.id)
        .select_from(
            run_inputs.join(runs, runs.c.id == run_inputs.c.run_id).join(
                projects, projects.c.id == runs.c.project_id
            )
        )
        .where(
            run_inputs.c.artifact_id == bindparam("artifact_id"),
            runs.c.deleted_at.is_(None),
            allowed(action),
        )
        .order_by(runs.c.id.desc())
        .limit(bindparam("at_most"))
    )
    if has_after:
        statement = statement.where(runs.c.id < bindparam("last_id"))
    return prepared(statement)


@cache
def _count_users_statement(action: Action) -> Prepared:
    return prepared(
        select(func.count(runs.c.id))
        .select_from(
            run_inputs.join(runs, runs.c.id == run_inputs.c.run_id).join(
                projects, projects.c.id == runs.c.project_id
            )
        )
        .where(
            run_inputs.c.artifact_id == bindparam("artifact_id"),
            runs.c.deleted_at.is_(None),
            allowed(action),
        )
    )


def page_of_users(tx: Tx, action: Action, artifact_id: int, ask: PageAsk) -> Page[Run]:
    """The runs that used an artifact, newest first, in whose projects the actor may do `action`."""
    found = tx.column(
        _users_statement(action, ask.after is not None),
        artifact_id=artifact_id,
        at_most=ask.first + 1,
        last_id=ask.number_behind(),
    )
    by_id = run_rows.by_ids(tx, action, found)
    total = (
        int(tx.value(_count_users_statement(action), artifact_id=artifact_id))
        if ask.with_total
        else None
    )
    kept = [by_id[run_id] for run_id in found if run_id in by_id]
    return page_of(kept, ask.first, lambda run: (run.id,), total)


@cache
def _artifacts_statement(action: Action, table: Table, has_after: bool) -> Prepared:
    statement = (
        select(*artifact_rows.ARTIFACT_COLUMNS)
        .select_from(
            artifact_rows.with_source(table.join(artifacts, artifacts.c.id == table.c.artifact_id))
        )
        .where(
            table.c.run_id == bindparam("run_id"),
            artifact_rows.LIVING,
            allowed_artifact(action),
        )
        .order_by(artifacts.c.id)
        .limit(bindparam("at_most"))
    )
    if has_after:
        statement = statement.where(artifacts.c.id > bindparam("last_id"))
    return prepared(statement)


@cache
def _count_artifacts_statement(action: Action, table: Table) -> Prepared:
    return prepared(
        select(func.count(artifacts.c.id))
        .select_from(
            table.join(artifacts, artifacts.c.id == table.c.artifact_id).join(
                artifact_rows.sequences, artifact_rows.sequences.c.id == artifacts.c.collection_id
            )
        )
        .where(
            table.c.run_id == bindparam("run_id"),
            artifact_rows.LIVING,
            allowed_artifact(action),
        )
    )


def page_of_inputs(tx: Tx, action: Action, run_id: int, ask: PageAsk) -> Page[Artifact]:
    """The artifacts that a run used, oldest first, to which the actor may do `action`."""
    return _page(tx, action, run_inputs, run_id, ask)


def page_of_outputs(tx: Tx, action: Action, run_id: int, ask: PageAsk) -> Page[Artifact]:
    """The artifacts that a run logged, oldest first, to which the actor may do `action`."""
    return _page(tx, action, run_outputs, run_id, ask)


def _page(tx: Tx, action: Action, table: Table, run_id: int, ask: PageAsk) -> Page[Artifact]:
    rows = tx.rows(
        _artifacts_statement(action, table, ask.after is not None),
        run_id=run_id,
        at_most=ask.first + 1,
        last_id=ask.number_behind(),
    )
    total = (
        int(tx.value(_count_artifacts_statement(action, table), run_id=run_id))
        if ask.with_total
        else None
    )
    found = artifact_rows.artifacts_from(tx, rows)
    return page_of(found, ask.first, lambda artifact: (artifact.id,), total)
