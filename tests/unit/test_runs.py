"""What runs and their reports mean, without a database."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core import history, run_files, run_reports, runs
from registrum.core.errors import Invalid, InvalidName, TooLarge, Unprocessable
from registrum.core.history import Stream
from registrum.core.run_reports import Report
from registrum.core.runs import RunState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_same_run_has_the_same_display_name_and_says_its_number() -> None:
    name = runs.display_name("a1b2c3", 12)
    assert name == runs.display_name("a1b2c3", 12)
    assert name.endswith("-12")
    assert name.count("-") == 2


@pytest.mark.parametrize("name", ["", " ", "a/b", "a:b", "a\nb", "x" * 129, "50%", " a"])
def test_bad_run_ids_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        runs.check_run_name(name)


def test_a_running_run_that_fell_silent_has_crashed() -> None:
    long_ago = NOW - timedelta(minutes=6)
    assert runs.state_now(RunState.RUNNING, long_ago, NOW) is RunState.CRASHED
    assert runs.state_now(RunState.FINISHED, long_ago, NOW) is RunState.FINISHED
    assert runs.state_now(RunState.RUNNING, NOW - timedelta(minutes=4), NOW) is RunState.RUNNING


def test_only_some_state_changes_can_be_asked_for() -> None:
    runs.check_state_change(RunState.CRASHED, RunState.PENDING)
    with pytest.raises(Unprocessable):
        runs.check_state_change(RunState.FINISHED, RunState.FAILED)
    with pytest.raises(Invalid):
        runs.check_state_change(RunState.RUNNING, RunState.FINISHED)


def test_documents_become_json_that_every_reader_takes() -> None:
    kept = runs.json_object('{"a": NaN, "b": "x\\u0000y", "c": "\\\\u0000"}', "summary")
    assert json.loads(kept) == {"a": "NaN", "b": "xy", "c": "\\u0000"}
    assert runs.json_object('{"lr":{"value":1}}', "config") == '{"lr":{"value":1}}'
    for bad in ("[1]", "nope", "1"):
        with pytest.raises(Invalid):
            runs.json_object(bad, "config")
    with pytest.raises(TooLarge):
        runs.json_object('"' + "x" * runs.MAX_OBJECT_CHARACTERS + '"', "config")


def test_numbers_beyond_64_bits_become_texts() -> None:
    many = "9" * 400
    text = f'{{"a": 1e400, "b": -1.5E+999, "c": {many}, "d": 1e-400, "e": [{"9" * 5000}]}}'
    assert json.loads(runs.json_object(text, "config")) == {
        **{"a": "1e400", "b": "-1.5E+999", "c": many, "d": 0.0, "e": ["9" * 5000]}
    }
    for fine in ('{"a":1e200,"b":-1e-300,"c":5e-324}', f'{{"a":{"9" * 300}}}', '{"a":"1e400"}'):
        assert runs.json_object(fine, "config") == fine


def test_the_clients_own_section_is_given_by_key() -> None:
    config = json.dumps({"_wandb": {"value": {"t": {"1": [2]}, "m": []}}, "lr": {"value": 1}})
    assert json.loads(runs.own_section(config, ("t",))) == {"t": {"1": [2]}}
    assert json.loads(runs.own_section(None, ("t",))) == {}


@pytest.mark.parametrize(
    ("before", "report", "was_stopped", "after"),
    [
        (RunState.RUNNING, Report(), False, RunState.RUNNING),
        (RunState.FINISHED, Report(), False, RunState.RUNNING),
        (RunState.RUNNING, Report(is_preempting=True), False, RunState.PREEMPTING),
        (RunState.PREEMPTING, Report(), False, RunState.PREEMPTING),
        (RunState.RUNNING, Report(is_complete=True, exit_code=0), False, RunState.FINISHED),
        (RunState.RUNNING, Report(is_complete=True, exit_code=1), False, RunState.FAILED),
        (RunState.RUNNING, Report(is_complete=True, exit_code=1), True, RunState.KILLED),
        (RunState.PREEMPTING, Report(is_complete=True, exit_code=1), False, RunState.PREEMPTED),
    ],
)
def test_reports_move_a_run_through_its_states(
    before: RunState, report: Report, was_stopped: bool, after: RunState
) -> None:
    assert run_reports.state_after(before, report, was_stopped=was_stopped) is after


def test_a_report_is_read_as_clients_send_it() -> None:
    report = run_reports.read_report(
        {
            "files": {
                "wandb-history.jsonl": {"offset": 3, "content": ['{"_step":3,"loss":0.5}']},
                "wandb-events.jsonl": {"offset": 0, "content": ['{"system.cpu":1,"_runtime":2}']},
                "wandb-summary.json": {"offset": 0, "content": ['{"a":1}', '{"a":2}']},
                "output.log": {"offset": 7, "content": ["a\n", "b"]},
                "unknown.txt": {"offset": 0, "content": ["x"]},
            },
            "complete": True,
            "exitcode": 1,
        }
    )
    by_stream = {lines.stream: lines for lines in report.lines}
    assert by_stream[Stream.HISTORY].offset == 3
    assert by_stream[Stream.HISTORY].steps == (3,)
    assert by_stream[Stream.LOGS].texts == ("a", "b")
    assert report.summary == '{"a":2}'
    assert json.loads(report.system_metrics or "") == {"system.cpu": 1}
    assert report.is_complete
    assert report.exit_code == 1


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"files": []},
        {"files": {"output.log": {"offset": -1, "content": ["x"]}}},
        {"files": {"output.log": {"offset": 2**31, "content": ["x"]}}},
        {"files": {"wandb-history.jsonl": {"offset": 0, "content": ["no json"]}}},
    ],
)
def test_reports_of_another_shape_are_refused(document: object) -> None:
    with pytest.raises(Invalid):
        run_reports.read_report(document)


@given(
    st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1)
)
def test_lines_come_out_of_chunks_as_they_went_in(texts: list[str]) -> None:
    found = history.chunks_of(5, texts, [])
    assert [text for chunk in found for text in history.texts_of(chunk)] == texts
    assert found[0].first_line == 5
    assert found[-1].end == 5 + len(texts)


def test_chunks_stay_below_their_bound_and_know_their_steps() -> None:
    line = "x" * 100_000
    found = history.chunks_of(0, [line] * 12, list(range(12)))
    assert all(chunk.raw_bytes <= history.CHUNK_BYTES for chunk in found)
    assert [(c.first_step, c.last_step) for c in found] == [(0, 4), (5, 9), (10, 11)]
    whole = history.folded(history.chunks_of(0, ["a"], [7]) + history.chunks_of(1, ["b"], [9]))
    assert (whole.line_count, whole.first_step, whole.last_step) == (2, 7, 9)
    assert history.texts_of(whole) == ["a", "b"]


def test_small_chunks_are_folded_so_that_a_stream_has_few_and_rewrites_little() -> None:
    sizes: list[int] = []
    rewritten = 0
    reports = 5_000
    for _ in range(reports):
        count = history.count_to_fold(sizes[::-1], 1_000)
        folded = sum(sizes[len(sizes) - count :])
        rewritten += folded
        sizes[len(sizes) - count :] = [folded + 1_000]
    assert len(sizes) < 40
    assert rewritten < 15 * reports * 1_000


def test_metrics_are_counted_by_kind_over_all_reports() -> None:
    first = run_reports.metrics_seen([{"loss": 1.5, "_step": 0, "name": "a", "nothing": None}])
    then = run_reports.metrics_seen([{"loss": 1.0}, {"loss": 0.5}])
    record = json.loads(run_reports.merge_keys(run_reports.merge_keys(None, first, 0), then, 2))
    assert record["lastStep"] == 2
    assert record["keys"]["loss"] == {
        "typeCounts": [{"type": "number", "count": 3}],
        "previousValue": 0.5,
    }
    assert record["keys"]["nothing"] == {"typeCounts": [{"type": "nil", "count": 1}]}


def test_metrics_in_objects_have_dotted_names_and_media_the_kind_they_say() -> None:
    page = {"_type": "html-file", "path": "media/html/a.html"}
    seen = run_reports.metrics_seen([{"a": {"b": 1, "c": {"d": "x"}}, "page": page, "none": {}}])
    assert {key: (dict(each.kinds), each.last) for key, each in seen.items()} == {
        "a.b": ({"number": 1}, 1),
        "a.c.d": ({"string": 1}, "x"),
        "page": ({"html-file": 1}, None),
        "none": ({"map": 1}, None),
    }


@given(st.integers(0, 500), st.integers(0, 60))
def test_samples_are_spread_and_hold_the_ends(total: int, samples: int) -> None:
    found = history.picked(total, samples)
    assert len(found) == min(total, samples)
    assert found == sorted(set(found))
    if len(found) > 1:
        assert found[0] == 0
        assert found[-1] == total - 1


@given(st.integers(0, 20_000), st.integers(0, 60))
def test_a_long_list_is_thinned_as_it_comes(total: int, samples: int) -> None:
    found = history.spread(iter(range(total)), samples)
    assert len(found) == min(total, samples)
    assert found == sorted(set(found))
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, total - 1)
        assert max(b - a for a, b in pairwise(found)) <= 2 * total / len(found) + 1


def test_a_choice_of_metrics_wants_all_of_them() -> None:
    choice = history.choice_from('{"keys":["_step","a.b"],"samples":10,"minStep":2,"maxStep":9}')
    assert (choice.samples, choice.min_step, choice.max_step) == (10, 2, 10)
    assert history.chosen({"_step": 1, "a": {"b": 2}, "c": 3}, choice.keys) == {
        "_step": 1,
        "a.b": 2,
    }
    assert history.chosen({"_step": 1}, choice.keys) is None
    for bad in ("[]", "{", '{"keys":[1]}', '{"samples":"x"}'):
        with pytest.raises(Invalid):
            history.choice_from(bad)


@pytest.mark.parametrize(
    ("text", "timestamp", "level", "line"),
    [
        ("2026-01-02T03:04:05.678901 hello", "2026-01-02T03:04:05.678901", "", "hello"),
        ("ERROR 2026-01-02T03:04:05.678901 oh", "2026-01-02T03:04:05.678901", "error", "oh"),
        ("just text", None, "", "just text"),
        ('{"ts":"2026-01-02T03:04:05","level":"error","content":"x"}', "2026-01-02T03:04:05", "error", "x"),
        ('{"loss": 1}', None, "", '{"loss": 1}'),
    ],
)  # fmt: skip
def test_console_lines_are_read_in_both_forms(
    text: str, timestamp: str | None, level: str, line: str
) -> None:
    found = history.console_line(4, text)
    assert (found.number, found.timestamp, found.level, found.line) == (4, timestamp, level, line)


def test_a_path_may_be_asked_for_as_the_shell_writes_it() -> None:
    asked = [run_files.asked_path(path) for path in ("./a b.txt", "a/./b", "a", "/a")]
    assert asked == ["a b.txt", "a/b", "a", "/a"]
