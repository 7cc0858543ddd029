"""The lines that runs report, kept as compressed chunks (`core/history.py`): writing at their numbers, reading ranges and samples."""

from collections.abc import Iterator, Sequence
from functools import cache
from operator import eq
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, insert, select

from registrum.core.history import (
    Chunk,
    Lines,
    Stream,
    are_consecutive,
    are_same,
    chunks_of,
    count_to_fold,
    folded,
    picked,
    steps_of,
    texts_of,
)
from registrum.core.policy import Action
from registrum.core.runs import Run
from registrum.server.db.refusals import refuse
from registrum.server.db.run_writing import Head
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import projects, run_chunks, run_writers, runs
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert as upsert
from registrum.server.db.visibility import Grant, allowed

_TAIL = 32

_IN_STREAM = (
    run_chunks.c.run_id == bindparam("run_id"),
    run_chunks.c.stream == bindparam("stream"),
)
_KEPT = (
    run_chunks.c.first_line,
    run_chunks.c.line_count,
    run_chunks.c.first_step,
    run_chunks.c.last_step,
    run_chunks.c.raw_bytes,
    run_chunks.c.body,
)
_ADD = prepared(
    insert(run_chunks).values(
        run_id=bindparam("run_id"),
        stream=bindparam("stream"),
        first_line=bindparam("first_line"),
        line_count=bindparam("line_count"),
        first_step=bindparam("first_step"),
        last_step=bindparam("last_step"),
        raw_bytes=bindparam("raw_bytes"),
        body=bindparam("body"),
    )
)
_DELETE_BETWEEN = prepared(
    delete(run_chunks).where(
        *_IN_STREAM,
        run_chunks.c.first_line >= bindparam("start"),
        run_chunks.c.first_line < bindparam("end"),
    )
)
_LAST_SIZES = prepared(
    select(run_chunks.c.first_line, run_chunks.c.line_count, run_chunks.c.raw_bytes)
    .where(*_IN_STREAM)
    .order_by(run_chunks.c.first_line.desc())
    .limit(_TAIL)
)


def _overlapping() -> Prepared:
    """Chunks that have lines from `start` up to before `end`."""
    earlier = run_chunks.alias()
    begins = (
        select(func.max(earlier.c.first_line))
        .where(
            earlier.c.run_id == bindparam("run_id"),
            earlier.c.stream == bindparam("stream"),
            earlier.c.first_line <= bindparam("start"),
        )
        .scalar_subquery()
    )
    return prepared(
        select(*_KEPT)
        .where(
            *_IN_STREAM,
            run_chunks.c.first_line >= func.coalesce(begins, 0),
            run_chunks.c.first_line < bindparam("end"),
            run_chunks.c.first_line + run_chunks.c.line_count > bindparam("start"),
        )
        .order_by(run_chunks.c.first_line)
    )


_OVERLAP = _overlapping()

_SENT = prepared(
    select(run_writers.c.line_count).where(
        run_writers.c.run_id == bindparam("run_id"),
        run_writers.c.writer == bindparam("writer"),
        run_writers.c.stream == bindparam("stream"),
    )
)
_NOTE_SENT = prepared(
    upsert(run_writers)
    .values(
        run_id=bindparam("run_id"),
        writer=bindparam("writer"),
        stream=bindparam("stream"),
        line_count=bindparam("line_count"),
    )
    .on_conflict_do_update(
        index_elements=["run_id", "writer", "stream"],
        set_={"line_count": bindparam("line_count")},
    )
)

# --- Writing ------------------------------------------------------------------------------------------------------


def write_lines(tx: Tx, run: Grant[Head], lines: Lines, line_count: int) -> bool:
    """Writes lines at their numbers; the same lines again change nothing.

    Args:
        run: grant to WRITE; the run's row is locked in this transaction.
        lines: consecutive ones.
        line_count: how many the stream has so far.

    Returns:
        Whether anything changed.
    """
    run_id = run.require(Action.WRITE).id
    if lines.offset < line_count and not _make_room(tx, run_id, lines):
        return False
    if lines.offset >= line_count:
        _append(tx, run_id, lines, line_count)
    return True


def line_at(tx: Tx, run: Grant[Head], stream: Stream, number: int) -> str | None:
    """One line; None where there is none.

    Args:
        run: grant to WRITE.
    """
    found = _chunks(tx, run.require(Action.WRITE).id, stream, number, number + 1)
    return texts_of(found[0])[number - found[0].first_line] if found else None


def line_like(tx: Tx, run: Grant[Head], step: int, text: str) -> int | None:
    """The number of the last line of the history that is of this step and says the same; None where there is none.

    Args:
        run: grant to WRITE.
    """
    found = None
    for chunk in _all_chunks(tx, run.require(Action.WRITE).id, Stream.HISTORY, step, step + 1):
        texts = texts_of(chunk)
        for number, (kept, of_line) in enumerate(zip(texts, steps_of(texts), strict=True)):
            if of_line == step and are_same(kept, text):
                found = chunk.first_line + number
    return found


def count_sent(tx: Tx, run: Grant[Head], lines: Lines, writer: str) -> int:
    """Notes that one of several writers has sent these lines; how many of its lines were there before.

    Args:
        run: grant to WRITE; the run's row is locked in this transaction.
        lines: as the writer numbers them.
        writer: what it calls itself.
    """
    key = {
        "run_id": run.require(Action.WRITE).id,
        "writer": writer,
        "stream": lines.stream.value,
    }
    before: int = tx.value(_SENT, **key) or 0
    if lines.end > before:
        tx.run(_NOTE_SENT, **key, line_count=lines.end)
    return before


def truncate(tx: Tx, run: Grant[Head], stream: Stream, line_count: int) -> None:
    """Leaves the first `line_count` lines of a stream and removes the others."""
    run_id = run.require(Action.WRITE).id
    where = {"run_id": run_id, "stream": stream.value}
    cut = _chunks(tx, run_id, stream, line_count, line_count + 1)
    tx.run(_DELETE_BETWEEN, **where, start=line_count, end=_BEYOND)
    for chunk in cut:
        if chunk.first_line < line_count:
            tx.run(_DELETE_BETWEEN, **where, start=chunk.first_line, end=chunk.end)
            kept = texts_of(chunk)[: line_count - chunk.first_line]
            _add(tx, run_id, stream, _chunks_of(stream, chunk.first_line, kept))


def last_at_step(tx: Tx, run: Grant[Head], step: int) -> tuple[int, str | None]:
    """How many lines a history has up to the last one of a step or an earlier one, and that line.

    Args:
        run: grant to WRITE.
    """
    count, last = 0, None
    for chunk in _all_chunks(tx, run.require(Action.WRITE).id, Stream.HISTORY, -_BEYOND, step + 1):
        texts = texts_of(chunk)
        for number, (text, of_line) in enumerate(zip(texts, steps_of(texts), strict=True)):
            if of_line is not None and of_line <= step:
                count, last = chunk.first_line + number + 1, text
    return count, last


_BEYOND = 2**62


def _append(tx: Tx, run_id: int, lines: Lines, line_count: int) -> None:
    """Adds lines at the end, folding the stream's last small chunks into theirs."""
    added = chunks_of(lines.offset, lines.texts, lines.steps)
    stream = {"run_id": run_id, "stream": lines.stream.value}
    if lines.offset == line_count:
        last = tx.rows(_LAST_SIZES, **stream)
        count = count_to_fold([row.raw_bytes for row in last], added[0].raw_bytes)
        if count:
            start = last[count - 1].first_line
            before = _chunks(tx, run_id, lines.stream, start, line_count)
            if are_consecutive([*before, added[0]]):
                tx.run(_DELETE_BETWEEN, **stream, start=start, end=line_count)
                added[0] = folded([*before, added[0]])
    _add(tx, run_id, lines.stream, added)


def _make_room(tx: Tx, run_id: int, lines: Lines) -> bool:
    """Replaces lines that are there by others of the same numbers; False if they are the same already."""
    end = lines.offset + len(lines.texts)
    found = _chunks(tx, run_id, lines.stream, lines.offset, end)
    old = [(chunk.first_line, texts_of(chunk)) for chunk in found]
    kept = dict(_numbered(old))
    same = eq if lines.stream is Stream.LOGS else are_same
    numbered = enumerate(lines.texts, lines.offset)
    if all(number in kept and same(kept[number], text) for number, text in numbered):
        return False
    start, texts = lines.offset, list(lines.texts)
    if old and old[0][0] < start:
        texts = old[0][1][: start - old[0][0]] + texts
        start = old[0][0]
    if found and found[-1].end > end:
        texts += old[-1][1][end - found[-1].first_line :]
    for chunk in found:
        tx.run(
            _DELETE_BETWEEN,
            run_id=run_id,
            stream=lines.stream.value,
            start=chunk.first_line,
            end=chunk.end,
        )
    _add(tx, run_id, lines.stream, _chunks_of(lines.stream, start, texts))
    return True


def _numbered(parts: Sequence[tuple[int, list[str]]]) -> Iterator[tuple[int, str]]:
    for first, texts in parts:
        yield from enumerate(texts, first)


def _chunks_of(stream: Stream, first_line: int, texts: Sequence[str]) -> list[Chunk]:
    return chunks_of(first_line, texts, steps_of(texts) if stream is Stream.HISTORY else [])


def _add(tx: Tx, run_id: int, stream: Stream, added: Sequence[Chunk]) -> None:
    for chunk in added:
        tx.run(
            _ADD,
            run_id=run_id,
            stream=stream.value,
            first_line=chunk.first_line,
            line_count=chunk.line_count,
            first_step=chunk.first_step,
            last_step=chunk.last_step,
            raw_bytes=chunk.raw_bytes,
            body=chunk.body,
        )


def _chunks(tx: Tx, run_id: int, stream: Stream, start: int, end: int) -> list[Chunk]:
    rows = tx.rows(_OVERLAP, run_id=run_id, stream=stream.value, start=start, end=end)
    return [_chunk(row) for row in rows]


def _chunk(row: Row) -> Chunk:
    return Chunk(
        row.first_line,
        row.line_count,
        row.first_step,
        row.last_step,
        row.raw_bytes,
        bytes(row.body),
    )


# --- Reading ------------------------------------------------------------------------------------------------------


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
    parts = [
        (chunk.first_line, texts_of(chunk)) for chunk in _chunks(tx, run.id, stream, start, end)
    ]
    return [(number, text) for number, text in _numbered(parts) if start <= number < end]


def sample_for(
    tx: Tx, action: Action, run: Run, stream: Stream, *, line_count: int, samples: int
) -> list[str]:
    """About `samples` lines out of all, evenly spread, the first and the last among them."""
    _check(tx, action, run)
    wanted = picked(line_count, samples)
    found: list[str] = []
    position = 0
    for chunk in _all_chunks(tx, run.id, stream):
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
    low = -_BEYOND if min_step is None else min_step
    high = _BEYOND if max_step is None else max_step
    for chunk in _all_chunks(tx, run.id, Stream.HISTORY, low, high if bounded else None):
        for text in texts_of(chunk):
            row = orjson.loads(text)
            step = row.get("_step")
            if not bounded or (isinstance(step, int | float) and low <= step < high):
                yield text, row


_KEYS = prepared(
    select(run_chunks.c.first_line, run_chunks.c.line_count)
    .where(*_IN_STREAM)
    .order_by(run_chunks.c.first_line)
)
_KEYS_OF_STEPS = prepared(
    select(run_chunks.c.first_line, run_chunks.c.line_count)
    .where(
        *_IN_STREAM,
        run_chunks.c.last_step >= bindparam("low"),
        run_chunks.c.first_step < bindparam("high"),
    )
    .order_by(run_chunks.c.first_line)
)
_ONE = prepared(
    select(*_KEPT).where(*_IN_STREAM, run_chunks.c.first_line == bindparam("first_line"))
)


def _all_chunks(
    tx: Tx, run_id: int, stream: Stream, low: int = 0, high: int | None = None
) -> Iterator[Chunk]:
    """The chunks of a stream in order, one in memory at a time; with `high`, only those that may have such steps."""
    where = {"run_id": run_id, "stream": stream.value}
    statement = _KEYS if high is None else _KEYS_OF_STEPS
    for row in tx.rows(statement, **where, low=low, high=high):
        found = tx.one(_ONE, **where, first_line=row.first_line)
        assert found is not None, "the transaction is one snapshot"
        yield _chunk(found)
