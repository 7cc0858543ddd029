"""Ending what is large: hidden in one short transaction, emptied by a job that a crash does not stop."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from registrum.core.actors import Actor
from registrum.core.aliases import reference
from registrum.core.errors import NotFound
from registrum.core.linking import LinkArtifact
from registrum.core.memberships import Wants
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.core.runs import RunName, SaveRun
from registrum.server.blobs.disk import DiskStore
from registrum.server.db import Database, artifacts, collections, jobs, membership_pages, projects
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.tables import alias_spans, memberships, runs
from registrum.server.db.tables import artifacts as artifact_rows
from registrum.server.db.tables import collections as collection_rows
from registrum.server.db.tables import projects as project_rows
from registrum.server.db.tx import Tx
from registrum.server.jobs import deletion
from registrum.server.jobs.runner import SYSTEM, Desk, Runner
from registrum.server.services import removal
from registrum.server.services.linking import link_artifact
from registrum.server.services.organizations import delete_organization
from registrum.server.services.projects import delete_project
from registrum.server.services.runs import save_run
from registrum.server.services.teams import delete_team
from tests import make
from tests.services import acme
from tests.services.test_removal import link, links_of, sees

TARGET = ProjectName(acme.OWNER, REGISTRY_PREFIX + "ranker")


@dataclass(frozen=True)
class Stage:
    """Five versions of a team's `training`, and one of `other`, linked into a registry; `training` has a run."""

    people: dict[str, Actor]
    project: int
    registry: int
    versions: list[int]
    other: int

    @property
    def all(self) -> list[int]:
        """Every version there is."""
        return [*self.versions, self.other]


@pytest.fixture
def stage(database: Database, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(removal, "EMPTIED_AT_ONCE", 2)
    people = acme.found(database)
    registry = acme.registry(database, people["max"], "ranker")

    def work(tx: Tx) -> tuple[int, list[int], int]:
        other = projects.create_on_demand(tx, acme.TEAM, "other").thing
        source = projects.create_on_demand(tx, acme.TEAM, "training").thing
        kept = link(tx, make.version(tx, other, "old"))
        logged = [link(tx, make.version(tx, source, f"net-{n % 2}")) for n in range(5)]
        save_run(tx, RunName(acme.TEAM, source.name, "r1"), SaveRun())
        return source.id, logged, kept

    project, versions, other = database.write(people["max"], work)
    return Stage(people, project, registry, versions, other)


def run_jobs(database: Database, folder: Path) -> int:
    """Does all jobs that are due, as a server does that has just started; how many steps it took."""
    store = DiskStore(folder / "blobs")
    runner = Runner(Desk(database, store), deletion.KINDS)
    steps = 0
    while runner.run_next():
        steps += 1
    store.close()
    return steps


def living(database: Database) -> dict[str, int]:
    """How many rows are left in each table."""
    found = {}
    with database.read(SYSTEM) as tx:
        for table in (artifact_rows, collection_rows, memberships, runs):
            statement = select(func.count()).select_from(table).where(table.c.deleted_at.is_(None))
            found[table.name] = tx.value(statement)
        statement = select(func.count()).select_from(alias_spans)
        found["aliases"] = tx.value(statement.where(alias_spans.c.until.is_(None)))
    return found


def linked_versions(database: Database, actor: Actor) -> list[int]:
    """The artifacts that somebody finds in the registry's collection."""
    with database.read(actor) as tx:
        registry = projects.get_for(tx, Action.READ, TARGET).thing
        best = collections.get_for_name(tx, Action.READ, registry, "best").thing
        page = membership_pages.page_of_collection(tx, Action.READ, best, VersionsAsk(PageAsk(10)))
        return [place.artifact.id for place in page.nodes]


def test_what_was_in_a_large_project_is_hidden_at_once_wherever_it_is_linked(
    database: Database, stage: Stage
) -> None:
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.project, force=False))
    assert living(database)["artifacts"] > 1, "most of it is still there"
    for actor in (stage.people["max"], stage.people["ada"], stage.people["root"]):
        assert not any(sees(database, actor, number) for number in stage.versions)
        assert linked_versions(database, actor) == [stage.other]
    with database.read(stage.people["root"]) as tx, pytest.raises(NotFound):
        projects.get_for(tx, Action.READ, ProjectName(acme.TEAM, "training"))


def test_the_name_of_a_project_is_free_while_it_is_emptied(
    database: Database, stage: Stage, tmp_path: Path
) -> None:
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.project, force=False))

    def again(tx: Tx) -> int:
        return make.version(tx, projects.create_on_demand(tx, acme.TEAM, "training").thing, "net-0")

    number = database.write(stage.people["max"], again)
    run_jobs(database, tmp_path)
    assert sees(database, stage.people["max"], number)
    assert links_of(database, number) == 1


def test_a_job_empties_it_in_steps_that_a_crash_does_not_stop(
    database: Database, stage: Stage, tmp_path: Path
) -> None:
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.project, force=False))
    # Two servers die, each in the middle of a step: one before, one after what it did was committed.
    job = database.write(SYSTEM, lambda tx: jobs.take(tx, timedelta(0)))
    assert job is not None
    job = database.write(SYSTEM, lambda tx: jobs.take(tx, timedelta(0)))
    assert job is not None
    deletion.empty(Desk(database, DiskStore(tmp_path / "blobs")), job.argument)
    assert run_jobs(database, tmp_path) > 2
    assert living(database) == {
        "artifacts": 1,
        "collections": 2,  # where `other` logged, and where it is linked
        "memberships": 2,
        "runs": 0,
        "aliases": 2,  # `latest` of both
    }
    with database.read(stage.people["max"]) as tx:
        registry = projects.get_for(tx, Action.READ, TARGET).thing
        latest = reference("best:latest")
        found = membership_pages.get_for(tx, Action.READ, registry, latest, Wants()).thing
        assert found.artifact.id == stage.other


def test_a_large_registry_goes_without_the_sources(
    database: Database, stage: Stage, tmp_path: Path
) -> None:
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.registry, force=False))
    with database.read(stage.people["max"]) as tx, pytest.raises(NotFound):
        projects.get_for(tx, Action.READ, TARGET)
    run_jobs(database, tmp_path)
    assert all(sees(database, stage.people["max"], number) for number in stage.all)
    assert [links_of(database, number) for number in stage.all] == [1] * 6
    assert living(database)["aliases"] == 3, "`latest` of each sequence"


def test_teams_and_organizations_are_emptied_in_steps_too(
    database: Database, stage: Stage, tmp_path: Path
) -> None:
    database.write(stage.people["ada"], lambda tx: delete_team(tx, acme.TEAM))
    assert not any(sees(database, stage.people["root"], number) for number in stage.all)
    assert living(database)["memberships"] > 0
    run_jobs(database, tmp_path)
    assert (living(database)["artifacts"], living(database)["memberships"]) == (0, 0)
    database.write(
        stage.people["ada"], lambda tx: delete_organization(tx, acme.ORGANIZATION, force=False)
    )
    run_jobs(database, tmp_path)
    assert living(database)["collections"] == 0
    with database.read(SYSTEM) as tx:
        left = select(project_rows.c.id).where(project_rows.c.deleted_at.is_(None))
        assert not tx.column(left.where(project_rows.c.kind != "personal"))


def test_a_version_of_a_project_that_is_being_emptied_cannot_be_linked(
    database: Database, stage: Stage
) -> None:
    database.write(stage.people["max"], lambda tx: delete_project(tx, stage.project, force=False))
    number = next(n for n in stage.versions if links_of(database, n))
    ask = LinkArtifact(number, None, TARGET, "again", None, ())
    with pytest.raises(NotFound):
        database.write(stage.people["max"], lambda tx: link_artifact(tx, ask))
    with database.read(SYSTEM) as tx:
        assert number not in artifacts.by_ids(tx, Action.READ, [number])
