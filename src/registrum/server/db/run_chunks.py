"""The chunks that lines of runs are kept in (`core/history.py`), as rows: found by line or by step, added, and removed.

Only `history.py` and `history_writing.py` use this room: they ask who may.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import bindparam, delete, func, insert, select

from registrum.core.history import Chunk, Stream
from registrum.server.db.columns import Id
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import run_chunks
from registrum.server.db.tx import Tx

BEYOND = 2**62
"""Above the number of every line and step."""

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
_LAST_OF_STEPS = prepared(
    select(*_KEPT)
    .where(*_IN_STREAM, run_chunks.c.first_step < bindparam("high"))
    .order_by(run_chunks.c.first_line.desc())
    .limit(1)
)
_COPY = prepared(
    insert(run_chunks).from_select(
        ["run_id", "stream", *(column.name for column in _KEPT)],
        select(bindparam("copy_id", type_=Id), run_chunks.c.stream, *_KEPT).where(
            *_IN_STREAM, run_chunks.c.first_line + run_chunks.c.line_count <= bindparam("end")
        ),
    )
)
_ONE = prepared(
    select(*_KEPT).where(*_IN_STREAM, run_chunks.c.first_line == bindparam("first_line"))
)


def between(tx: Tx, run_id: int, stream: Stream, start: int, end: int) -> list[Chunk]:
    """The chunks that have lines from `start` up to before `end`, in order."""
    rows = tx.rows(_OVERLAP, run_id=run_id, stream=stream.value, start=start, end=end)
    return [_chunk(row) for row in rows]


def each(
    tx: Tx, run_id: int, stream: Stream, low: int = 0, high: int | None = None
) -> Iterator[Chunk]:
    """The chunks of a stream in order, one in memory at a time; with `high`, only those that may have such steps."""
    where = {"run_id": run_id, "stream": stream.value}
    statement = _KEYS if high is None else _KEYS_OF_STEPS
    for row in tx.rows(statement, **where, low=low, high=high):
        found = tx.one(_ONE, **where, first_line=row.first_line)
        assert found is not None, "the transaction is one snapshot"
        yield _chunk(found)


def last_with_step_before(tx: Tx, run_id: int, stream: Stream, high: int) -> Chunk | None:
    """The last chunk that has a line of a step before `high`; None where there is none."""
    row = tx.one(_LAST_OF_STEPS, run_id=run_id, stream=stream.value, high=high)
    return None if row is None else _chunk(row)


def copy(tx: Tx, run_id: int, copy_id: int, stream: Stream, end: int) -> None:
    """Copies the chunks that end at line `end` or before to a run that has none."""
    tx.run(_COPY, run_id=run_id, copy_id=copy_id, stream=stream.value, end=end)


def last_sizes(tx: Tx, run_id: int, stream: Stream) -> list[tuple[int, int]]:
    """First line, and bytes before compression, of the last chunks of a stream, the very last one first."""
    rows = tx.rows(_LAST_SIZES, run_id=run_id, stream=stream.value)
    return [(row.first_line, row.raw_bytes) for row in rows]


def add(tx: Tx, run_id: int, stream: Stream, chunks: Sequence[Chunk]) -> None:
    """Keeps chunks, where no others are."""
    for chunk in chunks:
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


def remove(tx: Tx, run_id: int, stream: Stream, start: int, end: int) -> None:
    """Removes the chunks that begin from line `start` up to before `end`."""
    tx.run(_DELETE_BETWEEN, run_id=run_id, stream=stream.value, start=start, end=end)


def _chunk(row: Row) -> Chunk:
    return Chunk(
        row.first_line,
        row.line_count,
        row.first_step,
        row.last_step,
        row.raw_bytes,
        bytes(row.body),
    )
