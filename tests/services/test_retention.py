"""TTL: own, inherited, and what expires: nothing that a link or an alias holds."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from registrum.core.actors import Actor
from registrum.core.artifacts import NO_TTL, Artifact
from registrum.core.errors import Forbidden
from registrum.core.linking import LinkArtifact
from registrum.core.projects import ProjectName
from registrum.server.blobs.disk import DiskStore
from registrum.server.db import Database
from registrum.server.db.database import utc_now
from registrum.server.db.tables import artifacts, events
from registrum.server.db.tx import Tx
from registrum.server.jobs import expiry
from registrum.server.jobs.runner import SYSTEM, Runner
from registrum.server.jobs.runner import Desk as JobDesk
from registrum.server.services.artifacts import UpdateArtifact, update_artifact
from registrum.server.services.linking import link_artifact
from registrum.server.services.retention import update_default_ttl
from registrum.server.services.users import delete_user
from tests import make
from tests.services.desk import ANN, Desk, open_desk

HOUR = 3600


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Iterator[Desk]:
    found = open_desk(database, tmp_path / "blobs")
    yield found
    found.close()
    found.store.close()


def run_jobs(desk: Desk) -> None:
    runner = Runner(JobDesk(desk.database, desk.store), expiry.KINDS)
    while runner.run_next():
        pass


def expire(desk: Desk) -> None:
    argument: dict[str, object] | None = {}
    while argument is not None:
        argument = expiry.expire(JobDesk(desk.database, desk.store), argument)


def let_time_pass(desk: Desk) -> None:
    past = utc_now() - timedelta(seconds=1)
    ends = artifacts.c.expires_at
    desk.database.write(
        SYSTEM,
        lambda tx: tx.run(update(artifacts).where(ends.is_not(None)).values(expires_at=past)),
    )


def living(desk: Desk) -> list[int]:
    with desk.database.read(SYSTEM) as tx:
        alive = select(artifacts.c.id).where(artifacts.c.deleted_at.is_(None))
        return tx.column(alive.order_by(artifacts.c.id))


def ends_of(desk: Desk, artifact: Artifact) -> object:
    with desk.database.read(SYSTEM) as tx:
        return tx.value(select(artifacts.c.expires_at).where(artifacts.c.id == artifact.id))


def test_a_version_whose_time_has_come_goes_unless_an_alias_holds_it(desk: Desk) -> None:
    old = desk.log({"a": b"1"}, ttl_seconds=HOUR)
    newest = desk.log({"a": b"2"}, ttl_seconds=HOUR)
    expire(desk)
    assert living(desk) == [old.id, newest.id]
    let_time_pass(desk)
    expire(desk)
    assert living(desk) == [newest.id]  # `latest` stands on it
    with desk.database.read(SYSTEM) as tx:
        expired = select(events).where(events.c.kind == "version.expired")
        (event,) = tx.rows(expired)
    assert (event.subject_id, event.organization_id) == (old.id, 1)
    assert event.changes == {"collection": "net", "version": 0, "ttl_seconds": HOUR}


def test_a_linked_version_does_not_expire(desk: Desk) -> None:
    linked = desk.log({"a": b"1"}, ttl_seconds=HOUR)
    desk.log({"a": b"2"})
    ask = LinkArtifact(linked.id, None, ProjectName("team", "demo"), "shelf", None)
    desk.write(lambda tx: link_artifact(tx, ask))
    let_time_pass(desk)
    expire(desk)
    assert linked.id in living(desk)


def test_a_version_without_a_ttl_of_its_own_follows_its_project_and_then_its_entity(
    desk: Desk,
) -> None:
    version = desk.log({"a": b"1"})
    assert (version.ttl_seconds, version.ttl_is_inherited) == (NO_TTL, True)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", None, 2 * HOUR))
    run_jobs(desk)
    assert desk.get(version.id).ttl_seconds == 2 * HOUR
    assert ends_of(desk, version) == version.created_at + timedelta(hours=2)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", HOUR))
    run_jobs(desk)
    assert ends_of(desk, version) == version.created_at + timedelta(hours=1)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", NO_TTL))
    run_jobs(desk)
    assert desk.get(version.id).ttl_seconds == NO_TTL
    assert ends_of(desk, version) is None
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", -1))
    run_jobs(desk)
    assert ends_of(desk, version) == version.created_at + timedelta(hours=2)


def test_an_own_ttl_beats_the_default_and_can_be_given_up(desk: Desk) -> None:
    version = desk.log({"a": b"1"}, ttl_seconds=HOUR)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", 5 * HOUR))
    run_jobs(desk)
    assert desk.get(version.id).ttl_seconds == HOUR
    desk.write(lambda tx: update_artifact(tx, UpdateArtifact(version.id, ttl_seconds=-2)))
    assert ends_of(desk, version) is None
    desk.write(lambda tx: update_artifact(tx, UpdateArtifact(version.id, ttl_seconds=-1)))
    found = desk.get(version.id)
    assert (found.ttl_seconds, found.ttl_is_inherited) == (5 * HOUR, True)


def test_only_who_administers_the_project_sets_its_default(desk: Desk) -> None:
    desk.log({"a": b"1"})
    with pytest.raises(Forbidden):
        desk.database.write(ANN, lambda tx: update_default_ttl(tx, "team", "demo", HOUR))


def log_long_ago(desk: Desk, **given: object) -> Artifact:
    """A version that inherits its TTL and was logged two hours ago, with no alias left on it."""
    version = desk.log({"a": b"1"}, **given)
    desk.log({"a": b"2"}, **given)
    of_it = update(artifacts).where(artifacts.c.id == version.id)
    two_hours_ago = utc_now() - timedelta(hours=2)
    desk.database.write(SYSTEM, lambda tx: tx.run(of_it.values(created_at=two_hours_ago)))
    return version


def test_a_version_that_inherits_expires_by_the_default(desk: Desk) -> None:
    version = log_long_ago(desk)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", HOUR))
    run_jobs(desk)
    expire(desk)
    assert version.id not in living(desk)


@pytest.mark.parametrize("default", [5 * HOUR, NO_TTL, -1])
def test_a_longer_default_counts_at_once_though_the_job_behind_it_has_not_come(
    desk: Desk, default: int
) -> None:
    version = log_long_ago(desk)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", HOUR))
    run_jobs(desk)
    desk.database.write(SYSTEM, lambda tx: update_default_ttl(tx, "team", "demo", default))
    expire(desk)
    assert version.id in living(desk)


def test_what_somebody_takes_over_is_kept_as_long_as_the_new_owner_says(
    database: Database, tmp_path: Path
) -> None:
    def build(tx: Tx) -> tuple[Actor, Actor, int]:
        una, heir = make.user(tx, "una"), make.user(tx, "heir")
        own = make.project(tx, "personal", make.entity_of(tx, "una"), "own", owner=una)
        return una, heir, make.version(tx, own, "net", named=())

    una, heir, number = database.write(SYSTEM, build)
    store = DiskStore(tmp_path / "blobs")
    runner = Runner(JobDesk(database, store), expiry.KINDS)

    def kept_s() -> float:
        while runner.run_next():
            pass
        with database.read(SYSTEM) as tx:
            found = tx.one(select(artifacts).where(artifacts.c.id == number))
        assert found
        return (found.expires_at - found.created_at).total_seconds()  # type: ignore[no-any-return]

    database.write(una, lambda tx: update_default_ttl(tx, "una", None, HOUR))
    database.write(heir, lambda tx: update_default_ttl(tx, "heir", None, 5 * HOUR))
    assert kept_s() == HOUR
    database.write(SYSTEM, lambda tx: delete_user(tx, "una", "heir"))
    assert kept_s() == 5 * HOUR
    store.close()
