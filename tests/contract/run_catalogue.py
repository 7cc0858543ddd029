"""Runs full of odd values, in the database and as plain records, for tests of searching."""

import json
import random
from typing import Any

from registrum.core.policy import Role
from registrum.server.db.columns import from_micros
from registrum.server.db.tables import run_tags, runs, team_members
from registrum.server.db.tx import Tx
from tests.contract.catalogue import NUMBERS, START, STEP, TAGS, TEXTS, plain_scalar
from tests.rows import put

TEAM, PROJECT = 2, 1
STATES = ["running", "finished", "failed", "crashed"]
# By path, and the path as the documents have it.
SETTINGS = {
    "lr": "lr.value",
    "opt.name": "opt.value.name",
    "a.b": "a.b.value",
    "odd é": "odd é.value",
}
# Longer than what a cursor holds of them; the second differs from the first behind that.
LONG_TEXTS = ["é" * 5_000, "é" * 5_000 + "x", "\U0001f600" * 5_000]
RESULTS = ("loss", "deep.er", "x.y")
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
Record = dict[str, list[Any]]


def fill(tx: Tx, *, count: int = 120) -> dict[int, Record]:
    """Writes runs of the team's project, which ann then belongs to; their records by id. The same ones each time."""
    put(tx, team_members, team_id=TEAM, user_id=1, role=Role.MEMBER, created_at=from_micros(START))
    luck = random.Random(11)
    now = (tx.now - from_micros(0)).days * _DAY
    return {number: _run(tx, luck, number, now) for number in range(1, count + 1)}


def _run(tx: Tx, luck: random.Random, number: int, now: int) -> Record:
    state = luck.choice(STATES)

    def moment() -> int:
        return START + luck.randrange(20) * STEP * _SECOND + luck.choice([0, 0, 1, 500_000])

    created, updated = moment(), luck.choice([None, moment()])
    # A run that is heard of now and for days is running; the others fell silent in 2023.
    heard = luck.choice([None, moment(), now + 9 * _DAY])
    columns = {
        name: luck.choice([None, *TEXTS])
        for name in (
            *("display_name", "run_group", "job_type", "sweep_name"),
            *("notes", "description", "commit", "host"),
        )
    }
    author, lines = luck.choice([None, 1, 2]), luck.randrange(10)
    settings, results = _values(luck, tuple(SETTINGS)), _values(luck, RESULTS)
    put(
        tx,
        runs,
        id=number,
        project_id=PROJECT,
        name=f"run{number % 13}-{number}",
        state=state,
        user_id=author,
        history_lines=lines,
        config=_text(_document(settings, is_config=True)),
        summary=_text(_document(results, is_config=False)),
        created_at=from_micros(created),
        updated_at=None if updated is None else from_micros(updated),
        heartbeat_at=None if heard is None else from_micros(heard),
        **columns,
    )
    tags = luck.sample(TAGS, luck.randrange(3))
    for tag in tags:
        put(tx, run_tags, run_id=number, name=tag)
    is_silent = (created if heard is None else heard) < now
    return {
        "id": [number],
        "name": [f"run{number % 13}-{number}"],
        "state": ["crashed" if state == "running" and is_silent else state],
        "tag": tags,
        "group": _one(columns.pop("run_group")),
        "sweep": _one(columns.pop("sweep_name")),
        "user": [] if author is None else [("ann", "gus")[author - 1]],
        "created_at": [created],
        "updated_at": _one(updated),
        "heartbeat_at": _one(heard),
        "history_line_count": [lines],
        **{name: _one(value) for name, value in columns.items()},
        **{f"config.{path}": _scalar(value) for path, value in settings.items()},
        **{f"config.{SETTINGS[path]}": _scalar(value) for path, value in settings.items()},
        **{f"summary_metrics.{path}": _scalar(value) for path, value in results.items()},
    }


def _one(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _text(document: dict[str, Any]) -> str | None:
    """As documents are kept: with their characters as they are."""
    return json.dumps(document, ensure_ascii=False) if document else None


def _scalar(value: Any) -> list[Any]:
    """What the language sees of it: lists and nothing are no values here."""
    return [plain_scalar(value)] if isinstance(value, str | int | float) else []


def _values(luck: random.Random, paths: tuple[str, ...]) -> dict[str, Any]:
    choices = [*TEXTS, *LONG_TEXTS, *NUMBERS, True, False, None, [1, 2]]
    return {path: luck.choice(choices) for path in paths if luck.random() < 0.8}


def _document(values: dict[str, Any], *, is_config: bool) -> dict[str, Any]:
    """The document with these values: nested where a path has a dot, but for `a.b` and `x.y`, which are keys."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        key, dot, inner = (path, "", "") if path in ("a.b", "x.y") else path.partition(".")
        held = {inner: value} if dot else value
        found[key] = {"value": held} if is_config else held
    return found
