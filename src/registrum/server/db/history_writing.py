"""Writing the lines that runs report (`core/history.py`): each at its number, so that the same report twice changes nothing."""

from collections.abc import Sequence
from operator import eq

from sqlalchemy import bindparam, select

from registrum.core.history import (
    Chunk,
    Lines,
    Stream,
    are_consecutive,
    are_same,
    chunks_of,
    count_to_fold,
    folded,
    steps_of,
    texts_of,
)
from registrum.core.policy import Action
from registrum.server.db import run_chunks
from registrum.server.db.run_writing import Head
from registrum.server.db.statements import prepared
from registrum.server.db.tables import run_writers
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert
from registrum.server.db.visibility import Grant

_SENT = prepared(
    select(run_writers.c.line_count).where(
        run_writers.c.run_id == bindparam("run_id"),
        run_writers.c.writer == bindparam("writer"),
        run_writers.c.stream == bindparam("stream"),
    )
)
_NOTE_SENT = prepared(
    insert(run_writers)
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
    found = run_chunks.between(tx, run.require(Action.WRITE).id, stream, number, number + 1)
    return texts_of(found[0])[number - found[0].first_line] if found else None


def line_like(tx: Tx, run: Grant[Head], step: int, text: str) -> int | None:
    """The number of the last line of the history that is of this step and says the same; None where there is none.

    Args:
        run: grant to WRITE.
    """
    found = None
    for chunk in run_chunks.each(tx, run.require(Action.WRITE).id, Stream.HISTORY, step, step + 1):
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
    cut = run_chunks.between(tx, run_id, stream, line_count, line_count + 1)
    run_chunks.remove(tx, run_id, stream, line_count, run_chunks.BEYOND)
    for chunk in cut:
        run_chunks.remove(tx, run_id, stream, chunk.first_line, chunk.end)
        _add_head(tx, run_id, stream, chunk, line_count)


def last_at_step(tx: Tx, run: Grant[Head], step: int) -> tuple[int, str | None]:
    """How many lines a history has up to the last one of a step or an earlier one, and that line.

    Args:
        run: grant to WRITE.
    """
    run_id = run.require(Action.WRITE).id
    chunk = run_chunks.last_with_step_before(tx, run_id, Stream.HISTORY, step + 1)
    if chunk is None:
        return 0, None
    texts = texts_of(chunk)
    fitting = [i for i, own in enumerate(steps_of(texts)) if own is not None and own <= step]
    return chunk.first_line + fitting[-1] + 1, texts[fitting[-1]]


def copy_history(tx: Tx, source: Grant[Head], run: Grant[Head], line_count: int) -> None:
    """Copies the first `line_count` lines of a history to a run that has none.

    Args:
        source: grant to WRITE; the run's row is locked in this transaction.
        run: grant to WRITE.
    """
    source_id, run_id = (grant.require(Action.WRITE).id for grant in (source, run))
    run_chunks.copy(tx, source_id, run_id, Stream.HISTORY, line_count)
    for chunk in run_chunks.between(tx, source_id, Stream.HISTORY, line_count, line_count + 1):
        _add_head(tx, run_id, Stream.HISTORY, chunk, line_count)


def _add_head(tx: Tx, run_id: int, stream: Stream, chunk: Chunk, line_count: int) -> None:
    """Adds those lines of a chunk that are among the stream's first `line_count`."""
    kept = texts_of(chunk)[: max(line_count - chunk.first_line, 0)]
    if kept:
        run_chunks.add(tx, run_id, stream, _chunks_of(stream, chunk.first_line, kept))


def _append(tx: Tx, run_id: int, lines: Lines, line_count: int) -> None:
    """Adds lines at the end, folding the stream's last small chunks into theirs."""
    added = chunks_of(lines.offset, lines.texts, lines.steps)
    if lines.offset == line_count:
        last = run_chunks.last_sizes(tx, run_id, lines.stream)
        count = count_to_fold([size for _, size in last], added[0].raw_bytes)
        if count:
            start, _ = last[count - 1]
            before = run_chunks.between(tx, run_id, lines.stream, start, line_count)
            if are_consecutive([*before, added[0]]):
                run_chunks.remove(tx, run_id, lines.stream, start, line_count)
                added[0] = folded([*before, added[0]])
    run_chunks.add(tx, run_id, lines.stream, added)


def _make_room(tx: Tx, run_id: int, lines: Lines) -> bool:
    """Replaces lines that are there by others of the same numbers; False if they are the same already."""
    end = lines.offset + len(lines.texts)
    found = run_chunks.between(tx, run_id, lines.stream, lines.offset, end)
    old = [(chunk.first_line, texts_of(chunk)) for chunk in found]
    kept = {number: text for first, texts in old for number, text in enumerate(texts, first)}
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
        run_chunks.remove(tx, run_id, lines.stream, chunk.first_line, chunk.end)
    run_chunks.add(tx, run_id, lines.stream, _chunks_of(lines.stream, start, texts))
    return True


def _chunks_of(stream: Stream, first_line: int, texts: Sequence[str]) -> list[Chunk]:
    return chunks_of(first_line, texts, steps_of(texts) if stream is Stream.HISTORY else [])
