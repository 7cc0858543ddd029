"""Runs: one execution of a program each; what it was told, what it reported, and the states it goes through."""

import json
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from registrum.core.errors import Invalid, InvalidName, TooLarge, Unprocessable
from registrum.core.names import LONGEST
from registrum.core.projects import Project
from registrum.core.texts import is_storable
from registrum.core.users import User

MAX_OBJECT_CHARACTERS = 16 << 20
"""Of a run's config, its summary or a line of its history, as JSON text; clients send lines of 10 MiB at most."""

MOST_TAGS = 1_000
SILENT_FOR = timedelta(minutes=5)
"""A running run that has not reported for so long has crashed."""

_EXTREME = re.compile(r"[0-9]{300}|[eE][-+]?[0-9]{3}")
"""What a number beyond 64 bits of floating point has in it, as few others do."""
_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_FORBIDDEN = ":/\\#?%\r\n"


class RunState(StrEnum):
    """Where a run is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    PREEMPTING = "preempting"
    PREEMPTED = "preempted"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    KILLED = "killed"


ENDED = frozenset(
    {
        *(RunState.FINISHED, RunState.FAILED, RunState.CRASHED),
        *(RunState.KILLED, RunState.PREEMPTED),
    }
)

# What somebody else than the run itself may change its state to, and from what.
_ALLOWED_CHANGES = {
    RunState.PENDING: frozenset(
        {RunState.RUNNING, RunState.FAILED, RunState.CRASHED, RunState.PREEMPTED}
    ),
    RunState.FAILED: frozenset({RunState.PENDING, RunState.RUNNING, RunState.CRASHED}),
}


class RunName(NamedTuple):
    """How people name a run: `entity/project/run`; without an entity it is the caller's default one."""

    entity: str | None
    project: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a program.

    Attributes:
        name: its id as people see it, unique within its project.
        number: counts the runs of its project from 1.
        state: as it is now: a running run that fell silent is crashed.
        should_stop: somebody asked it to stop; it hears of that with its next report.
        history_lines, event_lines, log_lines: how much it has reported.
        last_step: of its history.
        config, summary, system_metrics: JSON objects as text; filled only where they were asked for.
        history_keys: the record of its metrics that `core.run_reports.merge_keys` keeps, JSON text; likewise.
        is_read_only: the actor may not write to it.
        tags: alphabetical.
    """

    id: int
    name: str
    number: int
    project: Project
    state: RunState
    display_name: str | None
    description: str | None
    notes: str | None
    group: str | None
    job_type: str | None
    sweep_name: str | None
    commit: str | None
    host: str | None
    program: str | None
    repo: str | None
    exit_code: int | None
    should_stop: bool
    history_lines: int
    event_lines: int
    log_lines: int
    last_step: int | None
    user: User | None
    created_at: datetime
    updated_at: datetime | None
    heartbeat_at: datetime | None
    finished_at: datetime | None
    is_read_only: bool = True
    tags: tuple[str, ...] = ()
    config: str | None = None
    summary: str | None = None
    system_metrics: str | None = None
    history_keys: str | None = None


@dataclass(frozen=True, slots=True)
class SaveRun:
    """What is to be set of a run; None leaves a value as it is.

    Attributes:
        config, summary: JSON objects as text, which replace the ones before.
        tags: all of them.
    """

    display_name: str | None = None
    description: str | None = None
    notes: str | None = None
    config: str | None = None
    summary: str | None = None
    group: str | None = None
    job_type: str | None = None
    sweep_name: str | None = None
    commit: str | None = None
    host: str | None = None
    program: str | None = None
    repo: str | None = None
    debug: bool | None = None
    state: RunState | None = None
    tags: tuple[str, ...] | None = None


def check_run_name(name: str) -> str:
    """A run's id: 1 to 128 characters, none of `: / \\ # ? %` or a control character."""
    if not name or name.isspace() or name != name.strip():
        raise InvalidName("A run id cannot be empty, nor begin or end with a space.")
    if len(name) > LONGEST:
        raise InvalidName(
            f"A run id may have at most {LONGEST} characters; this one has {len(name)}."
        )
    if name in (".", ".."):
        raise InvalidName(f"A run id cannot be {name!r}: no address could hold it.")
    for bad in name:
        if bad in _FORBIDDEN or not bad.isprintable():
            raise InvalidName(
                f"A run id cannot contain {bad!r} (nor any of : / \\ # ? %): {name!r}."
            )
    return name


def check_tags(tags: Sequence[str]) -> None:
    """Refuses what a run cannot be tagged with.

    Raises:
        InvalidName: a tag is empty, too long, or has characters that can't be stored.
        Invalid: they are too many.
    """
    if len(tags) > MOST_TAGS:
        raise Invalid(f"A run may have at most {MOST_TAGS} tags.")
    for tag in tags:
        if not tag.strip() or len(tag) > LONGEST or not is_storable(tag):
            raise InvalidName(f"A run's tag has from 1 to {LONGEST} characters: {tag[:80]!r}.")


def state_named(text: str) -> RunState:
    """The state of that wire name.

    Raises:
        Invalid: there is none; the message lists those there are.
    """
    try:
        return RunState(text.lower())
    except ValueError:
        known = ", ".join(RunState)
        raise Invalid(f"There is no run state {text[:60]!r}; the states are {known}.") from None


def state_now(stored: RunState, last_seen: datetime, now: datetime) -> RunState:
    """What the stored state means now: a run that claims to run and is silent has crashed.

    Args:
        stored: as it was last reported.
        last_seen: when the run reported last, or was made.
        now: the present moment.
    """
    is_silent = stored is RunState.RUNNING and now - last_seen > SILENT_FOR
    return RunState.CRASHED if is_silent else stored


def check_state_change(current: RunState, target: RunState) -> None:
    """Refuses what nobody but the run itself may change its state to.

    Raises:
        Invalid: only `pending` and `failed` can be asked for.
        Unprocessable: not from the state it is in.
    """
    sources = _ALLOWED_CHANGES.get(target)
    if sources is None:
        raise Invalid(f"The state of a run can be set to pending or failed, not to {target}.")
    if current not in sources:
        raise Unprocessable(f"A {current} run cannot become {target}.")


def json_object(text: str, what: str) -> str:
    """A JSON object that both databases and every JSON reader take, as text. Takes and raises as `read_object`."""
    return read_object(text, what)[0]


def read_object(text: str, what: str) -> tuple[str, dict[str, Any]]:
    """A JSON object as text that both databases and every JSON reader take, and as a value.

    Python's `NaN` and `Infinity`, which are not JSON, become strings of that name, and so do numbers of more than 64 bits
    of floating point, which PostgreSQL does not compare; NUL characters go.

    Args:
        text: as the client sent it.
        what: its name for messages.

    Raises:
        Invalid: it is no JSON, or no object.
        TooLarge: longer than `MAX_OBJECT_CHARACTERS`.
    """
    if len(text) > MAX_OBJECT_CHARACTERS:
        raise TooLarge(f"The {what} of a run may have at most {MAX_OBJECT_CHARACTERS} characters.")
    strange: list[str] = []

    def constant(name: str) -> str:
        strange.append(name)
        return name

    def number(written: str) -> int | float | str:
        value = float(written)
        if math.isinf(value):
            return constant(written)
        if not value:
            strange.append(written)
        return value if set(written) & set(".eE") else int(written)

    read = number if _EXTREME.search(text) else None
    try:
        document = json.loads(
            text, parse_constant=constant, parse_float=read, parse_int=read, strict=False
        )
    except (ValueError, RecursionError):
        raise Invalid(f"The {what} of a run must be a JSON object; this is no JSON.") from None
    if not isinstance(document, dict):
        raise Invalid(f"The {what} of a run must be a JSON object.")
    if strange or "\\u" in text or not text.isprintable():
        return dump_json(document), document
    return text, document


def dump_json(document: Any) -> str:
    """Compact JSON text without NUL characters and lone surrogates, which PostgreSQL and UTF-8 refuse."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return _ESCAPED_NUL.sub(r"\1", text).encode("utf-8", "replace").decode()


def own_section(config: str | None, keys: tuple[str, ...] | None) -> str:
    """The client's own section of a run's settings (`_wandb`), as a JSON object.

    Args:
        config: the run's settings, JSON text.
        keys: only these; all where None.
    """
    section = json.loads(config or "{}").get("_wandb")
    values = section.get("value") if isinstance(section, dict) else None
    if not isinstance(values, dict):
        values = {}
    return dump_json({k: v for k, v in values.items() if keys is None or k in keys})


def display_name(name: str, number: int) -> str:
    """A name for people to say, such as `amber-harbor-12`: the same for the same run id and number."""
    picked = zlib.crc32(name.encode("utf-8", "replace"))
    adjective = _ADJECTIVES[picked % len(_ADJECTIVES)]
    noun = _NOUNS[picked // len(_ADJECTIVES) % len(_NOUNS)]
    return f"{adjective}-{noun}-{number}"


_ADJECTIVE_TEXT = (
    "amber autumn azure balmy bold brisk bright bronze calm cedar clear cobalt copper coral crimson crisp curious "
    "daring deep dewy early eager emerald even fair fleet floral fresh gentle gilded glad golden grand hazel icy "
    "indigo ivory jade jolly keen kind leafy light lilac lively lucid lunar mellow merry misty noble northern olive "
    "opal patient pearly placid polar proud quiet rapid rosy royal ruby rustic sage sandy scarlet serene silent "
    "silver smooth snowy solar spring steady still stellar summer sunny swift tidal vivid warm wild winter wise"
)
_NOUN_TEXT = (
    "acorn badger bay beacon birch bird bloom breeze brook canyon cloud comet cove crane creek dawn delta dune "
    "eagle ember fern field finch fjord flame forest fox glacier glade grove gull harbor hawk heron hill island "
    "jasmine kestrel lagoon lake lark leaf lynx maple marsh meadow moon moss moth oak ocean orchid osprey otter owl "
    "path peak pebble pine plain pond prairie rain reef ridge river robin rose shadow shore sky snow sparrow spruce "
    "star stone storm stream sun surf swallow thicket thunder tide trail tree valley voyage wave willow wren"
)
_ADJECTIVES, _NOUNS = _ADJECTIVE_TEXT.split(), _NOUN_TEXT.split()
