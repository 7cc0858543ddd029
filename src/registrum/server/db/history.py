"""Reading the lines that runs reported: ranges, samples, and rows by step. `history_writing.py` writes them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from registrum.core.history import STEP, Stream, picked, texts_of
from registrum.core.policy import Action
from registrum.core.runs import Run
from registrum.server.db import run_chunks
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import projects, runs
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import allowed


@cache
def _readable_statement(action: Action) -> Prepared:
    return prepared(
        select(runs.c.id)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(
            runs.c.id == bindparam("run_id"),
            runs.c.deleted_at.is_(None),
            allowed(action),
        )
    )


def _check(tx: Tx, action: Action, run: Run) -> None:
    if tx.value(_readable_statement(action), run_id=run.id) is None:
        raise refuse(tx, action, run.project.id, f"run {run.name!r}")


def lines_for(
    tx: Tx, action: Action, run: Run, stream: Stream, *, start: int, end: int
) -> list[tuple[int, str]]:
    """The lines of these numbers, each with its number.

    Args:
        action: READ.
        start: the first number.
        end: the number before which to stop.
    """
    _check(tx, action, run)
    return [
        (number, text)
        for chunk in run_chunks.between(tx, run.id, stream, start, end)
        for number, text in enumerate(texts_of(chunk), chunk.first_line)
        if start <= number < end
    ]


def sample_for(
    tx: Tx, action: Action, run: Run, stream: Stream, *, line_count: int, samples: int
) -> list[str]:
    """About `samples` lines out of all, evenly spread, the first and the last among them."""
    _check(tx, action, run)
    wanted = picked(line_count, samples)
    found: list[str] = []
    position = 0
    for chunk in run_chunks.each(tx, run.id, stream):
        texts: list[str] | None = None
        while position < len(wanted) and wanted[position] < chunk.end:
            if wanted[position] >= chunk.first_line:
                texts = texts_of(chunk) if texts is None else texts
                found.append(texts[wanted[position] - chunk.first_line])
            position += 1
    return found


def rows_for(
    tx: Tx, action: Action, run: Run, min_step: int | None, max_step: int | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines of the history, as text and parsed, in order.

    Args:
        action: READ.
        min_step: from this step on; None: from the first.
        max_step: before this step; None: to the last.
    """
    _check(tx, action, run)
    bounded = min_step is not None or max_step is not None
    low = -run_chunks.BEYOND if min_step is None else min_step
    high = run_chunks.BEYOND if max_step is None else max_step
    for chunk in run_chunks.each(tx, run.id, Stream.HISTORY, low, high if bounded else None):
        for text in texts_of(chunk):
            row = orjson.loads(text)
            step = row.get(STEP)
            if not bounded or (isinstance(step, int | float) and low <= step < high):
                yield text, row
