"""Making, editing, finding, stopping and deleting runs, on both databases."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from registrum.core.actors import Actor
from registrum.core.errors import (
    Forbidden,
    Invalid,
    InvalidFilter,
    InvalidName,
    NotFound,
    Unprocessable,
)
from registrum.core.pages import page_ask
from registrum.core.policy import Action, Role
from registrum.core.projects import ProjectName
from registrum.core.run_reports import Report
from registrum.core.runs import Run, RunName, RunState, SaveRun
from registrum.server.db import Database, projects, runs
from registrum.server.db.database import utc_now
from registrum.server.db.run_search import RunsAsk, count_of_runs, page_of_runs
from registrum.server.db.tables import entities, events, organizations, team_members, users
from registrum.server.db.tables import runs as run_table
from registrum.server.db.tx import Tx
from registrum.server.services import history as history_service
from registrum.server.services import runs as service
from tests.rows import put

ANN, VIEWER, STRANGER = Actor(1, "ann"), Actor(2, "vic"), Actor(3, "sam")
FIRST = RunName("team", "demo", "first")


def people(tx: Tx) -> None:
    """A team with a member and a viewer, an organization's own entity, and somebody else."""
    for number, name in ((1, "ann"), (2, "vic"), (3, "sam")):
        row = {"username": name, "username_key": name, "name": name.title(), "created_at": tx.now}
        put(tx, users, id=number, **row)
    for number, kind, name, user in (
        (1, "organization", "acme-org", None),
        (2, "team", "team", None),
        (3, "user", "ann", 1),
        (4, "user", "sam", 3),
    ):
        row = {"kind": kind, "name": name, "name_key": name, "user_id": user}
        organization = None if kind == "user" else 1
        values = row | {"id": number, "organization_id": organization, "created_at": tx.now}
        put(tx, entities, **values)
    put(tx, organizations, id=1, name="Acme", name_key="acme", entity_id=1, created_at=tx.now)
    for user, role in ((1, Role.MEMBER), (2, Role.VIEWER)):
        row = {"team_id": 2, "user_id": user, "role": role, "created_at": tx.now}
        put(tx, team_members, **row)
    tx.run(update(users).where(users.c.id == 1).values(default_entity_id=2))


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    database.write(Actor(None, is_admin=True), people)


def save(database: Database, actor: Actor = ANN, name: RunName = FIRST, **ask: object) -> int:
    return database.write(
        actor,
        lambda tx: service.save_run(tx, name, SaveRun(**ask)),  # type: ignore[arg-type]
    ).id


def load(database: Database, run_id: int, actor: Actor = ANN) -> Run:
    with database.read(actor) as tx:
        return runs.get_for_id(tx, Action.READ, run_id).thing


def test_the_first_run_makes_its_project_and_gets_a_name(database: Database) -> None:
    saved = database.write(
        ANN, lambda tx: service.save_run(tx, RunName(None, "demo", "abc"), SaveRun())
    )
    run = load(database, saved.id)
    assert saved.is_new
    assert (run.project.entity.name, run.project.name, run.name) == ("team", "demo", "abc")
    assert run.display_name
    assert run.display_name.endswith("-1")
    assert run.state is RunState.RUNNING
    assert run.user
    assert run.user.username == "ann"


def test_saving_again_changes_what_is_given_and_keeps_the_rest(database: Database) -> None:
    run_id = save(database, config='{"lr":{"value":1}}', notes="n", tags=("b", "a", "b"))
    again = database.write(
        ANN, lambda tx: service.save_run(tx, FIRST, SaveRun(summary='{"loss":2}', group="g"))
    )
    run = load(database, run_id)
    assert (again.id, again.is_new) == (run_id, False)
    assert (run.config, run.summary, run.notes) == ('{"lr":{"value":1}}', '{"loss":2}', "n")
    assert (run.tags, run.group) == (("a", "b"), "g")
    save(database, tags=())
    assert load(database, run_id).tags == ()


def test_runs_of_a_project_are_counted_in_their_names(database: Database) -> None:
    numbers = [
        load(database, save(database, name=RunName("team", "demo", name))).number for name in "xyz"
    ]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(("actor", "error"), [(VIEWER, Forbidden), (STRANGER, NotFound)])
def test_only_who_may_write_there_makes_and_edits_runs(
    database: Database, actor: Actor, error: type[Exception]
) -> None:
    run_id = save(database)
    acts = [
        lambda tx: service.save_run(tx, FIRST, SaveRun()),
        lambda tx: service.edit_run(tx, run_id, SaveRun()),
        lambda tx: service.stop_run(tx, run_id),
        lambda tx: service.delete_run(tx, run_id),
        lambda tx: service.update_run_state(tx, run_id, "failed"),
        lambda tx: history_service.write_report(tx, FIRST, Report()),
    ]
    for act in acts:
        with pytest.raises(error):
            database.write(actor, act)
    assert load(database, run_id).state is RunState.RUNNING


def test_what_one_may_not_read_does_not_exist(database: Database) -> None:
    run_id = save(database)
    with pytest.raises(NotFound):
        load(database, run_id, STRANGER)
    assert load(database, run_id, VIEWER).name == "first"
    with database.read(STRANGER) as tx:
        assert runs.by_ids(tx, Action.READ, [run_id]) == {}


def test_registries_take_no_runs(database: Database) -> None:
    with pytest.raises(Invalid):
        save(database, name=RunName("acme-org", "wandb-registry-model", "first"))


def test_a_resumed_run_is_running_again(database: Database) -> None:
    run_id = save(database)
    over = Report(is_complete=True, exit_code=1)
    database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, over))
    failed = load(database, run_id)
    assert (failed.state, failed.exit_code) == (RunState.FAILED, 1)
    assert failed.finished_at is not None
    save(database)
    assert load(database, run_id).state is RunState.RUNNING


def test_editing_an_ended_run_leaves_it_ended(database: Database) -> None:
    run_id = save(database)
    over = Report(is_complete=True, exit_code=0)
    database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, over))
    database.write(ANN, lambda tx: service.edit_run(tx, run_id, SaveRun(notes="done")))
    run = load(database, run_id)
    assert (run.state, run.notes) == (RunState.FINISHED, "done")


def test_a_silent_run_has_crashed_and_is_alive_when_it_reports(database: Database) -> None:
    run_id = save(database)
    long_ago = utc_now() - timedelta(minutes=10)
    database.write(ANN, lambda tx: tx.run(update(run_table).values(heartbeat_at=long_ago)))
    assert load(database, run_id).state is RunState.CRASHED
    database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, Report()))
    assert load(database, run_id).state is RunState.RUNNING


def test_a_run_hears_that_it_is_to_stop(database: Database) -> None:
    run_id = save(database)
    report = lambda tx: history_service.write_report(tx, FIRST, Report())  # noqa: E731
    assert database.write(ANN, report) is False
    database.write(ANN, lambda tx: service.stop_run(tx, run_id))
    assert database.write(ANN, report) is True
    over = Report(is_complete=True, exit_code=255)
    database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, over))
    assert load(database, run_id).state is RunState.KILLED


def test_a_run_can_be_requeued_but_not_declared_finished(database: Database) -> None:
    run_id = save(database)
    database.write(ANN, lambda tx: service.update_run_state(tx, run_id, "failed"))
    database.write(ANN, lambda tx: service.update_run_state(tx, run_id, "pending"))
    assert load(database, run_id).state is RunState.PENDING
    with pytest.raises(Unprocessable):
        database.write(ANN, lambda tx: service.update_run_state(tx, run_id, "pending"))
    with pytest.raises(Invalid):
        database.write(ANN, lambda tx: service.update_run_state(tx, run_id, "finished"))


def test_a_deleted_run_is_gone_and_its_id_is_free(database: Database) -> None:
    run_id = save(database)
    database.write(ANN, lambda tx: service.delete_run(tx, run_id))
    with pytest.raises(NotFound):
        load(database, run_id)
    with pytest.raises(NotFound):
        database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, Report()))
    anew = save(database)
    assert anew != run_id
    assert load(database, anew).number == 2
    with database.read(ANN) as tx:
        left = tx.value(select(run_table.c.deleted_at).where(run_table.c.id == run_id))
        told = tx.rows(select(events).where(events.c.kind == "run.deleted"))
        where = projects.get_for(tx, Action.READ, ProjectName(FIRST.entity, FIRST.project)).thing
    assert left is not None
    assert [(each.organization_id, each.project_id, each.subject_id) for each in told] == [
        (where.entity.organization_id, where.id, run_id)
    ]
    assert where.entity.organization_id is not None


def test_alerts_are_taken_from_ones_own_runs_only(database: Database) -> None:
    save(database)
    database.write(ANN, lambda tx: service.check_alert(tx, FIRST, "loss is up"))
    with pytest.raises(NotFound):
        database.write(STRANGER, lambda tx: service.check_alert(tx, FIRST, "loss is up"))


def test_system_documents_are_kept_as_reported(database: Database) -> None:
    run_id = save(database)
    report = Report(summary='{"loss":1}', system_metrics=json.dumps({"system.cpu": 3}))
    database.write(ANN, lambda tx: history_service.write_report(tx, FIRST, report))
    run = load(database, run_id)
    assert (run.summary, run.system_metrics) == ('{"loss":1}', '{"system.cpu": 3}')


def find(database: Database, filters: object = None, order: str | None = None, size: int = 50):  # type: ignore[no-untyped-def]
    """All names that fit, page by page."""
    names, after, text = [], None, json.dumps(filters) if filters is not None else None
    with database.read(ANN) as tx:
        project = projects.get_for(tx, Action.READ, ProjectName("team", "demo")).thing
        while True:
            ask = RunsAsk(page_ask(size, after, with_total=True), text, order)
            page = page_of_runs(tx, Action.READ, project, ask)
            names += [run.name for run in page.nodes]
            after = page.end_cursor
            if not page.has_next_page:
                break
        assert page.total_count == len(names) == count_of_runs(tx, Action.READ, project, text)
    return names


@pytest.fixture
def three(database: Database) -> Database:
    for name, lr, loss, tags in (
        ("a", 0.1, 3, ("x",)),
        ("b", 0.01, 1, ("x", "y")),
        ("c", "auto", None, ()),
    ):
        save(
            database,
            name=RunName("team", "demo", name),
            config=json.dumps({"lr": {"value": lr}, "net": {"value": {"deep": name == "a"}}}),
            summary=json.dumps({"train/loss": loss, "best": {"step": loss}}),
            tags=tags,
            display_name=f"run {name}",
        )
    database.write(ANN, lambda tx: service.update_run_state(tx, 2, "failed"))
    return database  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (None, ["c", "b", "a"]),
        ({}, ["c", "b", "a"]),
        ({"state": "failed"}, ["b"]),
        ({"state": {"$ne": "Running"}}, ["b"]),
        ({"state": {"$in": ["running", "failed"]}}, ["c", "b", "a"]),
        ({"tags": "y"}, ["b"]),
        ({"tags": {"$in": ["x", "z"]}}, ["b", "a"]),
        ({"tags": {"$nin": ["x"]}}, ["c"]),
        ({"tags": None}, ["c"]),
        ({"tags": ["y", "x"]}, ["b"]),
        ({"tags": {"$size": 1}}, ["a"]),
        ({"config.lr": {"$exists": True}}, ["c", "b", "a"]),
        ({"config.other": {"$exists": False}, "name": {"$in": ["a"]}}, ["a"]),
        ({"display_name": {"$contains": "n b"}}, ["b"]),
        ({"name": ["a"]}, ["a"]),
        ({"display_name": {"$regex": "^run [ab]$"}}, ["b", "a"]),
        ({"config.lr": {"$regex": "^a"}, "tags": {"$not": {"$regex": "."}}}, ["c"]),
        ({"display_name": "run c"}, ["c"]),
        ({"config.lr.value": 0.1}, ["a"]),
        ({"config.lr": 0.01}, ["b"]),
        ({"config.lr": {"$gt": 0.05}}, ["a"]),
        ({"config.lr": "auto"}, ["c"]),
        ({"config.lr": {"$ne": 0.1}}, ["c", "b"]),
        ({"config.net.deep": True}, ["a"]),
        ({"summary_metrics.train/loss": {"$lte": 1}}, ["b"]),
        ({"summary_metrics.train/loss": None}, ["c"]),
        ({"summary_metrics.best.step": 3}, ["a"]),
        ({"$or": [{"name": "a"}, {"name": "c"}]}, ["c", "a"]),
        ({"$and": [{"tags": "x"}, {"$not": {"name": "a"}}]}, ["b"]),
        ({"created_at": {"$gt": "2020-01-01"}}, ["c", "b", "a"]),
        ({"created_at": {"$lt": "2020-01-01T00:00:00Z"}}, []),
        ({"username": "ann", "group": None}, ["c", "b", "a"]),
    ],
)
def test_runs_are_found_by_what_they_are(
    three: Database, filters: object, names: list[str]
) -> None:
    assert find(three, filters) == names
    assert find(three, filters, size=1) == names


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("+created_at", ["a", "b", "c"]),
        ("-created_at", ["c", "b", "a"]),
        ("created_at", ["a", "b", "c"]),
        ("+config.lr.value", ["b", "a", "c"]),
        ("-config.lr", ["a", "b", "c"]),
        ("+summary_metrics.train/loss", ["b", "a", "c"]),
        ("-summary_metrics.train/loss", ["a", "b", "c"]),
        ("-display_name", ["c", "b", "a"]),
        ("+heartbeat_at", ["a", "c", "b"]),
    ],
)
def test_runs_are_sorted_and_pages_follow(three: Database, order: str, names: list[str]) -> None:
    assert find(three, order=order) == names
    assert find(three, order=order, size=1) == names


@pytest.mark.parametrize(
    ("filters", "order"),
    [
        ({"nonsense": 1}, None),
        ({"state": 3}, None),
        ({'config.a"b': 1}, None),
        ({"created_at": "soon"}, None),
        (None, "+nonsense"),
        (None, "+config"),
    ],
)
def test_wrong_filters_and_orders_are_refused(
    three: Database, filters: object, order: str | None
) -> None:
    with pytest.raises(InvalidFilter):
        find(three, filters, order)


def test_strangers_find_no_runs(three: Database) -> None:
    with three.read(ANN) as tx:
        project = projects.get_for(tx, Action.READ, ProjectName("team", "demo")).thing
    with three.read(STRANGER) as tx:
        ask = RunsAsk(page_ask(10, None, with_total=True))
        page = page_of_runs(tx, Action.READ, project, ask)
        assert (page.nodes, page.total_count) == ((), 0)


def test_no_project_of_a_team_is_named_like_a_registry(database: Database) -> None:
    with pytest.raises(InvalidName, match="link into the registry"):
        save(database, name=RunName("team", "wandb-registry-model", "first"))
