"""Runs that go on from an earlier step, of their own history or of another run's; on both databases."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from registrum.core.actors import Actor
from registrum.core.errors import Invalid, NotFound
from registrum.core.history import CHUNK_BYTES
from registrum.core.policy import Action
from registrum.core.run_reports import read_report
from registrum.core.runs import Run, RunName, SaveRun
from registrum.server.db import Database, history, runs
from registrum.server.services import branching
from registrum.server.services.history import write_report
from registrum.server.services.runs import SavedRun, save_run
from tests.services.test_runs import ANN, STRANGER, people

PARENT = RunName("team", "demo", "parent")
CHILD = RunName("team", "demo", "child")
LONG = "x" * (CHUNK_BYTES // 20)
Send = Callable[..., bool]


@pytest.fixture
def send(database: Database) -> Send:
    """Makes the parent, with settings, and returns what sends rows of some run's history."""
    database.write(Actor(None, is_admin=True), people)
    save(database, PARENT, lr={"value": 1}, depth={"value": 3}, _wandb={"value": {"m": []}})

    def report(
        name: RunName, first: int, end: int, at: int | None = None, **values: object
    ) -> bool:
        texts = [json.dumps({"_step": step, "loss": step, **values}) for step in range(first, end)]
        lines = {"offset": first if at is None else at, "content": texts}
        found = read_report({"files": {"wandb-history.jsonl": lines}})
        return database.write(ANN, lambda tx: write_report(tx, name, found))

    return report


def save(database: Database, name: RunName, **settings: object) -> SavedRun:
    ask = SaveRun(config=json.dumps(settings))
    return database.write(ANN, lambda tx: save_run(tx, name, ask))


def branch(database: Database, step: float, parent: str = "parent", **settings: object) -> SavedRun:
    point = {"branch_point": {"run_id": parent, "step": step}}
    return save(database, CHILD, _wandb={"value": point}, **settings)


def load(database: Database, name: RunName) -> Run:
    with database.read(ANN) as tx:
        return runs.get_for_path(tx, Action.READ, name).thing


def rows(database: Database, name: RunName) -> list[dict[str, Any]]:
    run = load(database, name)
    with database.read(ANN) as tx:
        return [row for _, row in history.rows_for(tx, Action.READ, run, None, None)]


def steps(database: Database, name: RunName) -> list[int]:
    return [row["_step"] for row in rows(database, name)]


def test_rewinding_drops_the_later_steps_and_goes_on_from_there(
    database: Database, send: Send
) -> None:
    send(PARENT, 0, 60)
    send(PARENT, 60, 100)
    database.write(ANN, lambda tx: branching.rewind_run(tx, PARENT, "_step", 30))
    run = load(database, PARENT)
    assert (run.history_lines, run.last_step, run.state) == (31, 30, "running")
    assert steps(database, PARENT) == list(range(31))
    assert json.loads(run.summary or "")["_step"] == 30
    send(PARENT, 31, 40)
    assert steps(database, PARENT) == list(range(40))


@pytest.mark.parametrize(
    ("metric", "value"),
    [("loss", 1), ("_step", -1), ("_step", 1e300), ("_step", float("inf"))],
)
def test_a_run_is_rewound_to_a_step_that_it_has(
    database: Database, send: Send, metric: str, value: float
) -> None:
    send(PARENT, 0, 3)
    with pytest.raises(Invalid):
        database.write(ANN, lambda tx: branching.rewind_run(tx, PARENT, metric, value))
    assert steps(database, PARENT) == [0, 1, 2]


def test_a_branch_begins_with_its_parents_history_up_to_a_step(
    database: Database, send: Send
) -> None:
    send(PARENT, 0, 100, note=LONG)
    saved = branch(database, 60.0)
    assert (saved.is_new, saved.first_line) == (True, 61)
    run = load(database, CHILD)
    assert (run.history_lines, run.last_step, run.state) == (61, 60, "running")
    assert json.loads(run.summary or "")["_step"] == 60
    assert rows(database, CHILD) == rows(database, PARENT)[:61]
    send(CHILD, 61, 70, loss=-1)
    assert [row["loss"] for row in rows(database, CHILD)[60:]] == [60, *[-1] * 9]
    assert steps(database, PARENT) == list(range(100))


def test_a_branch_has_its_parents_settings_below_its_own(database: Database, send: Send) -> None:
    branch(database, 5, lr={"value": 2})
    branch(database, 5, lr={"value": 4}, seed={"value": 7})
    settings = json.loads(load(database, CHILD).config or "")
    assert settings.pop("_wandb") == {"value": {"branch_point": {"run_id": "parent", "step": 5}}}
    assert settings == {"lr": {"value": 4}, "depth": {"value": 3}, "seed": {"value": 7}}


def test_saving_a_branch_again_takes_nothing_from_it(database: Database, send: Send) -> None:
    send(PARENT, 0, 10)
    branch(database, 4)
    send(CHILD, 5, 8)
    send(PARENT, 10, 20)
    saved = branch(database, 4)
    assert (saved.is_new, saved.first_line) == (False, 5)
    assert steps(database, CHILD) == list(range(8))


def test_branching_off_again_under_the_same_name_begins_at_the_branch_point(
    database: Database, send: Send
) -> None:
    send(PARENT, 0, 10)
    branch(database, 4)
    send(CHILD, 5, 20)
    saved = branch(database, 4)
    send(CHILD, 5, 7, at=saved.first_line, loss=-1)
    assert [(row["_step"], row["loss"]) for row in rows(database, CHILD)[4:]] == [
        (4, 4),
        (5, -1),
        (6, -1),
    ]
    assert (load(database, CHILD).history_lines, load(database, CHILD).last_step) == (7, 6)


def test_a_branch_at_a_step_that_its_parent_never_came_to_has_all_there_is(
    database: Database, send: Send
) -> None:
    assert branch(database, 4).first_line == 0
    assert steps(database, CHILD) == []
    send(PARENT, 0, 3)
    other = RunName("team", "demo", "other")
    point = {"value": {"branch_point": {"run_id": "parent", "step": 90}}}
    assert save(database, other, _wandb=point).first_line == 3
    assert steps(database, other) == [0, 1, 2]


def test_who_branches_off_a_run_that_is_not_there_makes_none(
    database: Database, send: Send
) -> None:
    with pytest.raises(NotFound, match="nobody"):
        branch(database, 4, parent="nobody")
    with pytest.raises(NotFound, match="child"):
        load(database, CHILD)


def test_nobody_branches_off_what_he_may_not_see(database: Database, send: Send) -> None:
    """A parent is looked for in the branch's own project only."""
    send(PARENT, 0, 3)
    own = RunName("sam", "mine", "branch")
    point = {"_wandb": {"value": {"branch_point": {"run_id": "parent", "step": 1}}}}
    with pytest.raises(NotFound):
        database.write(STRANGER, lambda tx: save_run(tx, own, SaveRun(config=json.dumps(point))))


@pytest.mark.parametrize(
    "point",
    [7, {}, {"run_id": 1, "step": 2}, {"run_id": "parent"}, {"run_id": "parent", "step": 1e300}],
)
def test_what_is_no_branch_point_is_a_setting_like_others(
    database: Database, send: Send, point: object
) -> None:
    send(PARENT, 0, 3)
    save(database, CHILD, _wandb={"value": {"branch_point": point}})
    assert steps(database, CHILD) == []
