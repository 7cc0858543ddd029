"""Reports of runs: what a run sends while it goes, and what that does to its state and its list of metrics."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registrum.core.errors import Invalid
from registrum.core.history import Lines, Stream, step_of
from registrum.core.runs import ENDED, RunState, dump_json, json_object, read_object

LARGEST_LINE_NUMBER = 2**31 - 1
MOST_KEYS = 10_000
DEEPEST_KEY = 5
LONGEST_LAST = 100

_FILES = {
    "wandb-history.jsonl": "history",
    "wandb-events.jsonl": "events",
    "output.log": "logs",
}
_SUMMARY = "wandb-summary.json"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run sent in one go.

    Attributes:
        summary: last value of each metric: a JSON object as text; None: unchanged.
        system_metrics: likewise of the machine.
        metrics: what the lines of the history say of each metric.
        exit_code: given with the last report.
        is_complete: it is the last report.
        is_preempting: the machine is about to be taken away.
    """

    lines: tuple[Lines, ...] = ()
    summary: str | None = None
    system_metrics: str | None = None
    metrics: "Mapping[str, Seen] | None" = None
    exit_code: int | None = None
    is_complete: bool = False
    is_preempting: bool = False


def read_report(document: Any) -> Report:
    """A report out of its parsed JSON body.

    Raises:
        Invalid: it is not of the shape that runs send, or one of its lines is no JSON object.
    """
    if not isinstance(document, dict):
        raise Invalid("A run's report must be a JSON object.")
    files = document.get("files", None)
    files = {} if files is None else files
    if not isinstance(files, dict):
        raise Invalid("The files of a run's report must be an object.")
    lines, summary, machine, metrics = [], None, None, None
    for name, part in files.items():
        offset, texts = _content(name, part)
        if not texts:
            continue
        if name == _SUMMARY:
            summary = json_object(texts[-1], "summary")
        elif name in _FILES:
            stream = Stream(_FILES[name])
            if stream is Stream.LOGS:
                lines.append(Lines(stream, offset, tuple(map(_one_line, texts))))
                continue
            objects = [read_object(text, stream.value) for text in texts]
            texts, rows = [text for text, _ in objects], [row for _, row in objects]
            steps = tuple(map(step_of, rows)) if stream is Stream.HISTORY else ()
            lines.append(Lines(stream, offset, tuple(texts), steps))
            if stream is Stream.HISTORY:
                metrics = metrics_seen(rows)
            else:
                machine = _system_metrics(rows[-1]) or machine
    exit_code = document.get("exitcode")
    return Report(
        tuple(lines),
        summary,
        machine,
        metrics,
        exit_code if isinstance(exit_code, int) else None,
        bool(document.get("complete")),
        bool(document.get("preempting")),
    )


def _content(name: str, part: Any) -> tuple[int, list[str]]:
    offset = part.get("offset", 0) if isinstance(part, dict) else None
    texts = part.get("content") or [] if isinstance(part, dict) else None
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(offset, int) or not isinstance(texts, list) or offset < 0:
        raise Invalid(f"{name!r} in a run's report must have an offset and a list of lines.")
    if offset + len(texts) > LARGEST_LINE_NUMBER:
        raise Invalid(f"A run can't have more than {LARGEST_LINE_NUMBER} lines of {name!r}.")
    return offset, [text if isinstance(text, str) else dump_json(text) for text in texts]


def _one_line(text: str) -> str:
    text = text.rstrip("\r\n").replace("\n", " ").replace("\x00", "")
    return text.encode("utf-8", "replace").decode()


def _system_metrics(row: Mapping[str, Any]) -> str | None:
    found = {k: v for k, v in row.items() if k.startswith("system.")}
    return dump_json(found) if found else None


def state_after(state: RunState, report: Report, *, was_stopped: bool) -> RunState:
    """The state of a run once it has sent this.

    Args:
        state: before.
        report: what it sent.
        was_stopped: somebody had asked it to stop.
    """
    if not report.is_complete:
        return RunState.PREEMPTING if report.is_preempting else _going(state)
    if not report.exit_code:
        return RunState.FINISHED
    if state is RunState.PREEMPTING or report.is_preempting:
        return RunState.PREEMPTED
    return RunState.KILLED if was_stopped else RunState.FAILED


def _going(state: RunState) -> RunState:
    # A run that reports is alive, whatever was thought of it: it was resumed, or was only silent.
    return RunState.RUNNING if state in ENDED or state is RunState.PENDING else state


@dataclass(frozen=True, slots=True)
class Seen:
    """What some lines of a history say of one metric.

    Attributes:
        kinds: how often it comes with which kind of value: number, string, boolean, list, map, nil, or the
            name that a logged medium gives itself.
        last: its last value, where that is a number, a boolean or a short string.
    """

    kinds: Mapping[str, int]
    last: float | str | bool | None = None


def metrics_seen(rows: Iterable[Mapping[str, Any]]) -> dict[str, Seen]:
    """The metrics of lines of a history; those in objects by their dotted path."""
    kinds: dict[str, Counter[str]] = {}
    last: dict[str, Any] = {}
    for row in rows:
        for key, value in _flat(row, "", DEEPEST_KEY):
            kinds.setdefault(key, Counter())[_kind(value)] += 1
            last[key] = value
    return {key: Seen(dict(counts), _short(last[key])) for key, counts in kinds.items()}


def metrics_of(texts: Iterable[str]) -> dict[str, Seen]:
    """The metrics of lines of a history as they are kept."""
    return metrics_seen(json.loads(text) for text in texts)


def _flat(row: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value and depth > 1:
            yield from _flat(value, f"{prefix}{key}.", depth - 1)
        else:
            yield prefix + key, value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, dict) and isinstance(medium := value.get("_type"), str):
        return medium[:LONGEST_LAST]
    return _KINDS.get(type(value), "nil")


_KINDS: dict[type, str] = {str: "string", list: "list", dict: "map"}


def _short(value: Any) -> float | str | bool | None:
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and len(value) <= LONGEST_LAST else None


def merge_keys(stored: str | None, seen: Mapping[str, Seen], last_step: int | None) -> str:
    """The record of a history's metrics with those of more lines.

    Args:
        stored: the record before: JSON text, None for none.
        seen: in the new lines.
        last_step: greatest step of the whole history.
    """
    record = json.loads(stored) if stored else {}
    keys = record.setdefault("keys", {})
    for key, metric in seen.items():
        if key not in keys and len(keys) >= MOST_KEYS:
            continue
        entry = keys.setdefault(key, {"typeCounts": []})
        total = Counter({each["type"]: each["count"] for each in entry["typeCounts"]})
        total.update(metric.kinds)
        entry["typeCounts"] = [{"type": k, "count": n} for k, n in sorted(total.items())]
        entry.pop("previousValue", None)
        if metric.last is not None:
            entry["previousValue"] = metric.last
    record["lastStep"] = last_step if last_step is not None else -1
    return dump_json(record)
