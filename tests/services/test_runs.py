"""Making, editing, finding, stopping and deleting runs, on both databases."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from registrum.core.actors import Actor
from registrum.core.errors import Forbidden, Invalid, NotFound, Unprocessable
from registrum.core.history import Report
from registrum.core.policy import Action, Role
from registrum.core.runs import Run, RunName, RunState, SaveRun
from registrum.server.db import Database, runs
from registrum.server.db.database import utc_now
from registrum.server.db.tables import entities, organizations, team_members, users
from registrum.server.db.tables import runs as run_table
from registrum.server.db.tx import Tx
from registrum.server.services import history as history_service
from registrum.server.services import runs as service

ANN, VIEWER, STRANGER = Actor(1, "ann"), Actor(2, "vic"), Actor(3, "sam")
FIRST = RunName("team", "demo", "first")


def people(tx: Tx) -> None:
    """A team with a member and a viewer, an organization's own entity, and somebody else."""
    for number, name in ((1, "ann"), (2, "vic"), (3, "sam")):
        row = {"username": name, "username_key": name, "name": name.title(), "created_at": tx.now}
        tx.run(insert(users).values(id=number, **row))
    for number, kind, name, user in (
        (1, "organization", "acme-org", None),
        (2, "team", "team", None),
        (3, "user", "ann", 1),
        (4, "user", "sam", 3),
    ):
        row = {"kind": kind, "name": name, "name_key": name, "user_id": user}
        organization = None if kind == "user" else 1
        values = row | {"id": number, "organization_id": organization, "created_at": tx.now}
        tx.run(insert(entities).values(**values))
    tx.run(
        insert(organizations).values(
            id=1, name="Acme", name_key="acme", entity_id=1, created_at=tx.now
        )
    )
    for user, role in ((1, Role.MEMBER), (2, Role.VIEWER)):
        row = {"team_id": 2, "user_id": user, "role": role, "created_at": tx.now}
        tx.run(insert(team_members).values(**row))
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
    assert left is not None


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
