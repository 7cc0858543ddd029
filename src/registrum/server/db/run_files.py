"""Files of runs: a row a path; the content is the newest blob whose bytes have come.

An upload reserves a new blob beside the one that is shown, which stays until the new bytes are there.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
)

from registrum.core.errors import InvalidFilter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.run_files import RunFile
from registrum.core.runs import Run
from registrum.server.db import blobs as blob_rows
from registrum.server.db.columns import among
from registrum.server.db.refusals import refuse
from registrum.server.db.run_writing import Head
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import blobs, projects, run_files, runs
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant, allowed

_LONGEST_PATTERN = 4096

pending = blobs.alias("pending_blobs")

_SHOWN = (
    run_files.join(runs, runs.c.id == run_files.c.run_id)
    .join(projects, projects.c.id == runs.c.project_id)
    .outerjoin(
        pending, (pending.c.id == run_files.c.pending_blob_id) & (pending.c.state == "stored")
    )
    .outerjoin(blobs, (blobs.c.id == run_files.c.blob_id) & (blobs.c.state == "stored"))
)
_COLUMNS = (
    run_files.c.id,
    run_files.c.run_id,
    run_files.c.name,
    func.coalesce(pending.c.id, blobs.c.id, type_=Text()).label("blob"),
    case((pending.c.id.is_not(None), pending.c.size_bytes), else_=blobs.c.size_bytes).label("size"),
    case((pending.c.id.is_not(None), pending.c.md5), else_=blobs.c.md5).label("md5"),
    case((pending.c.id.is_not(None), pending.c.stored_at), else_=blobs.c.stored_at).label("at"),
)
_IS_SHOWN = or_(pending.c.id.is_not(None), blobs.c.id.is_not(None))


def _file(row: Row) -> RunFile:
    md5 = bytes(row.md5) if row.md5 is not None else None
    return RunFile(row.id, row.run_id, row.name, row.blob, row.size or 0, md5, row.at)


_newest = blobs.alias("newest_blobs")
_RESERVE_INSERT = insert(run_files).values(
    run_id=bindparam("run_id"),
    name=bindparam("path"),
    pending_blob_id=bindparam("new_blob_id"),
    updated_at=bindparam("now"),
)
_RESERVE = prepared(
    _RESERVE_INSERT.on_conflict_do_update(
        index_elements=["run_id", "name"],
        set_={
            # What was pending and has come is what is shown from now on.
            "blob_id": case(
                (
                    select(_newest.c.id)
                    .where(_newest.c.id == run_files.c.pending_blob_id, _newest.c.state == "stored")
                    .exists(),
                    run_files.c.pending_blob_id,
                ),
                else_=run_files.c.blob_id,
            ),
            "pending_blob_id": _RESERVE_INSERT.excluded.pending_blob_id,
            "updated_at": _RESERVE_INSERT.excluded.updated_at,
        },
    )
)


def reserve(tx: Tx, run: Grant[Head], blob_by_path: Mapping[str, str]) -> None:
    """Makes places for the contents of these paths; what is shown stays until they have come.

    Args:
        run: grant to WRITE.
        blob_by_path: fresh keys, made outside.
    """
    where = run.require(Action.WRITE)
    blob_rows.reserve(tx, where.project_id, blob_by_path.values())
    tx.run_many(
        _RESERVE,
        [
            {"run_id": where.id, "path": path, "new_blob_id": blob, "now": tx.now}
            for path, blob in blob_by_path.items()
        ],
    )


@cache
def _owners_statement(action: Action) -> Prepared:
    return prepared(
        select(run_files.c.id, runs.c.project_id, allowed(action).label("granted"))
        .select_from(
            run_files.join(runs, runs.c.id == run_files.c.run_id).join(
                projects, projects.c.id == runs.c.project_id
            )
        )
        .where(among(run_files.c.id, "file_ids"), runs.c.deleted_at.is_(None))
    )


_REMOVE = prepared(delete(run_files).where(among(run_files.c.id, "file_ids")))


def get_for_ids(tx: Tx, action: Action, ids: Sequence[int]) -> Grant[tuple[int, ...]]:
    """These files, if the actor may do `action` to all of them.

    Raises:
        NotFound: one of them is missing or hidden.
        Forbidden: the actor may see them all, but not do this.
    """
    rows = {row.id: row for row in tx.rows(_owners_statement(action), file_ids=list(ids))}
    for number in ids:
        row = rows.get(number)
        if row is None or not row.granted:
            raise refuse(tx, action, row.project_id if row else None, "file with this id")
    return Grant(tuple(rows), action)


def remove(tx: Tx, files: Grant[tuple[int, ...]]) -> None:
    """Takes files away from their runs; garbage collection takes the bytes."""
    tx.run(_REMOVE, file_ids=list(files.require(Action.WRITE)))


@cache
def _page_statement(
    action: Action, *, by_name: bool, by_pattern: bool, has_after: bool
) -> Prepared:
    where = _where(action, by_name=by_name, by_pattern=by_pattern)
    if has_after:
        where.append(run_files.c.name > bindparam("last_name", type_=Text()))
    return prepared(
        select(*_COLUMNS)
        .select_from(_SHOWN)
        .where(*where)
        .order_by(run_files.c.name)
        .limit(bindparam("limit"))
    )


@cache
def _count_statement(action: Action, *, by_name: bool, by_pattern: bool) -> Prepared:
    where = _where(action, by_name=by_name, by_pattern=by_pattern)
    return prepared(select(func.count()).select_from(_SHOWN).where(*where))


def _where(action: Action, *, by_name: bool, by_pattern: bool) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [
        run_files.c.run_id == bindparam("run_id"),
        runs.c.deleted_at.is_(None),
        _IS_SHOWN,
        allowed(action),
    ]
    if by_name:
        where.append(among(run_files.c.name, "names", Text))
    if by_pattern:
        pattern: Any = bindparam("pattern", type_=Text())
        where.append(run_files.c.name.ilike(pattern, escape="\\"))
    return where


def page_of_run(
    tx: Tx,
    action: Action,
    run: Run,
    page: PageAsk,
    *,
    names: Sequence[str] = (),
    pattern: str | None = None,
) -> Page[RunFile]:
    """The stored files of a run by path, if the actor may do `action` there.

    Args:
        names: only these paths; empty: all.
        pattern: only paths like this, in any case, with `%` for anything and `_` for one character.

    Raises:
        InvalidFilter: the pattern or the cursor is none.
    """
    given = _given(run, names, pattern)
    after = page.text_behind()
    kind = {"by_name": bool(names), "by_pattern": pattern is not None}
    rows = tx.rows(
        _page_statement(action, **kind, has_after=after is not None),
        **given,
        last_name=after,
        limit=page.first + 1,
    )
    total = tx.value(_count_statement(action, **kind), **given) if page.with_total else None
    return page_of([_file(row) for row in rows], page.first, lambda file: (file.name,), total)


def count_of_run(tx: Tx, action: Action, run: Run) -> int:
    """How many stored files a run has, if the actor may do `action` there."""
    return int(tx.value(_count_statement(action, by_name=False, by_pattern=False), run_id=run.id))


def _given(run: Run, names: Sequence[str], pattern: str | None) -> dict[str, Any]:
    if pattern is not None:
        if len(pattern) > _LONGEST_PATTERN:
            raise InvalidFilter(f"A pattern of files has at most {_LONGEST_PATTERN} characters.")
        trailing = len(pattern) - len(pattern.rstrip("\\"))
        if trailing % 2 or "\x00" in pattern:
            raise InvalidFilter("A pattern of files cannot end with a backslash.")
    return {"run_id": run.id, "names": list(names), "pattern": pattern}
