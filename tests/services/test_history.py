"""What runs report is kept in few chunks, in order, however it is sent; on both databases."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from registrum.core.actors import Actor
from registrum.core.errors import NotFound
from registrum.core.history import CHUNK_BYTES, Stream
from registrum.core.policy import Action
from registrum.core.run_reports import read_report
from registrum.core.runs import Run, RunName, SaveRun
from registrum.server.db import Database, history, runs
from registrum.server.db.tables import run_chunks
from registrum.server.services import history as service
from registrum.server.services.runs import save_run
from tests.services.test_runs import ANN, STRANGER, people

FIRST = RunName("team", "demo", "first")
Send = Callable[..., bool]


@pytest.fixture
def send(database: Database) -> Send:
    """Makes the run and returns what sends a report of it."""
    database.write(Actor(None, is_admin=True), people)
    database.write(ANN, lambda tx: save_run(tx, FIRST, SaveRun()))

    def report(writer: str | None = None, **document: object) -> bool:
        found = read_report(document)
        return database.write(ANN, lambda tx: service.write_report(tx, FIRST, found, writer))

    return report


def rows(start: int, end: int, at: int | None = None, factor: int = 1) -> dict[str, object]:
    texts = [json.dumps({"_step": step, "loss": factor / (step + 1)}) for step in range(start, end)]
    return {"wandb-history.jsonl": {"offset": start if at is None else at, "content": texts}}


def machine(*values: int, at: int = 0) -> dict[str, object]:
    texts = [json.dumps({"system.cpu": value, "_runtime": i}) for i, value in enumerate(values, at)]
    return {"wandb-events.jsonl": {"offset": at, "content": texts}}


def reordered(files: dict[str, object]) -> dict[str, object]:
    """The same lines as a client writes them another time: with their keys in another order."""
    for part in files.values():
        assert isinstance(part, dict)
        rows = [json.loads(text) for text in part["content"]]
        part["content"] = [json.dumps(dict(reversed(row.items()))) for row in rows]
    return files


def counted(database: Database) -> int:
    counts = json.loads(load(database).history_keys or "")["keys"]["loss"]["typeCounts"]
    assert len(counts) == 1
    return int(counts[0]["count"])


def console(offset: int, *texts: str) -> dict[str, object]:
    return {"output.log": {"offset": offset, "content": list(texts)}}


def load(database: Database) -> Run:
    with database.read(ANN) as tx:
        return runs.get_for_path(tx, Action.READ, FIRST).thing


def lines(database: Database, stream: Stream, start: int = 0, end: int = 10**6) -> list[str]:
    run = load(database)
    with database.read(ANN) as tx:
        found = history.lines_for(tx, Action.READ, run, stream, start=start, end=end)
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    return [text for _, text in found]


def steps(database: Database, low: int | None = None, high: int | None = None) -> list[int]:
    run = load(database)
    with database.read(ANN) as tx:
        return [row["_step"] for _, row in history.rows_for(tx, Action.READ, run, low, high)]


def chunk_count(database: Database) -> int:
    with database.read(ANN) as tx:
        return int(tx.value(select(func.count()).select_from(run_chunks)))


def test_lines_come_back_in_order_out_of_few_chunks(database: Database, send: Send) -> None:
    for start in range(0, 1000, 10):
        send(files=rows(start, start + 10))
    assert steps(database) == list(range(1000))
    assert chunk_count(database) < 12
    run = load(database)
    assert (run.history_lines, run.last_step) == (1000, 999)
    keys = json.loads(run.history_keys or "")
    assert keys["lastStep"] == 999
    assert keys["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": 1000}]


def test_a_report_sent_twice_changes_nothing(database: Database, send: Send) -> None:
    for _ in range(2):
        send(files=rows(0, 5))
        send(files=rows(5, 9))
        send(files=rows(3, 7))
    assert steps(database) == list(range(9))
    assert json.loads(load(database).history_keys or "")["keys"]["_step"]["typeCounts"] == [
        {"type": "number", "count": 9}
    ]


def test_a_range_of_steps_reads_that_range(database: Database, send: Send) -> None:
    for start in range(0, 300, 100):
        send(files=rows(start, start + 100))
    assert steps(database, 95, 205) == list(range(95, 205))
    assert steps(database, None, 3) == [0, 1, 2]
    assert steps(database, 298, None) == [298, 299]


def test_console_lines_may_be_rewritten(database: Database, send: Send) -> None:
    send(files=console(0, "a", "b", "10%"))
    send(files=console(2, "20%"))
    send(files=console(2, "30%", "c"))
    send(files=console(1, "B"))
    assert lines(database, Stream.LOGS) == ["a", "B", "30%", "c"]
    assert lines(database, Stream.LOGS, 1, 3) == ["B", "30%"]
    assert load(database).log_lines == 4


def test_rewriting_across_chunks_keeps_what_is_around(database: Database, send: Send) -> None:
    big = "x" * (CHUNK_BYTES // 3)
    send(files=console(0, *[f"{i}{big}" for i in range(10)]))
    send(files=console(2, *["new"] * 5))
    found = [text[:4] for text in lines(database, Stream.LOGS)]
    assert found == ["0xxx", "1xxx", "new", "new", "new", "new", "new", "7xxx", "8xxx", "9xxx"]


def test_a_gap_is_left_and_can_be_filled(database: Database, send: Send) -> None:
    send(files=console(0, "a"))
    send(files=console(3, "d"))
    assert lines(database, Stream.LOGS) == ["a", "d"]
    assert load(database).log_lines == 4
    send(files=console(1, "b", "c"))
    assert lines(database, Stream.LOGS) == ["a", "b", "c", "d"]
    send(files=console(4, "e"))
    assert lines(database, Stream.LOGS) == ["a", "b", "c", "d", "e"]


def test_samples_are_spread_over_the_whole(database: Database, send: Send) -> None:
    for start in range(0, 500, 50):
        send(files=rows(start, start + 50))
    run = load(database)
    with database.read(ANN) as tx:
        found = history.sample_for(tx, Action.READ, run, Stream.HISTORY, line_count=500, samples=11)
    picked = [json.loads(text)["_step"] for text in found]
    assert len(picked) == 11
    assert (picked[0], picked[-1]) == (0, 499)


def test_summaries_and_machine_metrics_are_the_last_ones(database: Database, send: Send) -> None:
    send(
        files={
            "wandb-summary.json": {"offset": 0, "content": ['{"loss":1}', '{"loss":2}']},
            "wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu":5,"_runtime":1}']},
        }
    )
    send()
    run = load(database)
    assert json.loads(run.summary or "") == {"loss": 2}
    assert json.loads(run.system_metrics or "") == {"system.cpu": 5}
    assert run.event_lines == 1


def test_strangers_read_no_lines(database: Database, send: Send) -> None:
    send(files=rows(0, 3))
    run = load(database)
    with database.read(STRANGER) as tx:
        with pytest.raises(NotFound):
            history.lines_for(tx, Action.READ, run, Stream.HISTORY, start=0, end=9)
        with pytest.raises(NotFound):
            list(history.rows_for(tx, Action.READ, run, None, None))


def test_lines_sent_again_in_other_words_change_nothing(database: Database, send: Send) -> None:
    send(files=rows(0, 30) | machine(1, 2))
    before = lines(database, Stream.HISTORY), lines(database, Stream.EVENTS)
    send(files=reordered(rows(0, 12) | machine(1, 2)))
    send(files=reordered(rows(12, 30)))
    assert (lines(database, Stream.HISTORY), lines(database, Stream.EVENTS)) == before
    assert counted(database) == 30


def test_a_sync_that_was_broken_off_is_done_again(database: Database, send: Send) -> None:
    send(files=rows(0, 10))
    send(files=reordered(rows(0, 7)))
    send(files=reordered(rows(7, 25)))
    send(files=rows(25, 30))
    assert steps(database) == list(range(30))
    assert counted(database) == 30


def test_what_resumed_is_sent_again_behind_itself_and_kept_once(
    database: Database, send: Send
) -> None:
    send(files=rows(0, 10))
    send(files=rows(10, 20))
    for offset in (20, 20, 24):  # the client counts on from the 20 lines that it was told of
        start = offset - 10
        send(files=reordered(rows(start, start + 4, at=offset)))
    send(files=rows(18, 25, at=28))
    for _ in range(2):
        send(files=rows(25, 27, at=35))
    assert steps(database) == list(range(27))
    assert load(database).history_lines == 27
    assert counted(database) == 27


def test_a_step_may_come_twice_with_other_values(database: Database, send: Send) -> None:
    send(files=rows(0, 5))
    send(files=rows(4, 6, at=5, factor=3))
    assert steps(database) == [0, 1, 2, 3, 4, 4, 5]


def test_another_history_under_the_same_name_takes_the_place_of_the_first(
    database: Database, send: Send
) -> None:
    send(files=rows(0, 10) | machine(1, 2, 3))
    send(files=machine(7))
    assert steps(database) == list(range(10))
    send(files=rows(0, 3, factor=2))
    send(files=rows(3, 4, factor=2) | machine(8, at=1))
    assert steps(database) == [0, 1, 2, 3]
    assert [json.loads(text)["system.cpu"] for text in lines(database, Stream.EVENTS)] == [7, 8]
    run = load(database)
    assert (run.history_lines, run.event_lines, run.last_step) == (4, 2, 3)
    assert counted(database) == 4


def test_several_writers_at_once_each_count_their_own_lines(database: Database, send: Send) -> None:
    for start in range(0, 6, 2):
        for writer, factor in (("a", 1), ("b", 5)):
            for _ in range(2):
                send(
                    writer,
                    files=rows(start, start + 2, factor=factor)
                    | console(start, f"{writer}{start}", "-"),
                )
    send("a", files=rows(5, 7))
    assert sorted(steps(database)) == sorted([0, 1, 2, 3, 4, 5] * 2 + [6])
    assert len(lines(database, Stream.LOGS)) == 12
    assert load(database).history_lines == 13
    assert counted(database) == 13
