"""Two writers at once on PostgreSQL: one waits for the other, and what they leave behind fits together."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event

import pytest
from sqlalchemy import func, insert, select, text

from registrum.core.actors import Actor
from registrum.core.digests import ArtifactAlgorithm
from registrum.core.errors import (
    Conflict,
    Forbidden,
    InUse,
    NotFound,
    RegistrumError,
    TypeNotAccepted,
)
from registrum.core.linking import LinkArtifact
from registrum.core.policy import Action, Role
from registrum.core.projects import Project, ProjectName
from registrum.server.db import (
    Database,
    artifact_types,
    collections,
    open_database,
    organizations,
    teams,
    users,
    versions,
)
from registrum.server.db import artifacts as artifacts_of
from registrum.server.db import projects as projects_of
from registrum.server.db.migrations import upgrade
from registrum.server.db.tables import (
    alias_spans,
    api_keys,
    artifacts,
    memberships,
    projects,
)
from registrum.server.db.tables import users as people
from registrum.server.db.tx import Tx
from registrum.server.services import aliases as alias_service
from registrum.server.services import collections as collection_service
from registrum.server.services import linking
from registrum.server.services import organizations as organization_service
from registrum.server.services import teams as team_service
from registrum.server.services.aliases import AliasIn
from registrum.server.services.artifacts import CreateArtifact, create_artifact, delete_artifact
from registrum.server.services.members import add_members, remove_members
from registrum.server.services.members import update_user as update_member
from registrum.server.services.projects import UpsertProject, delete_project, upsert_project
from registrum.server.services.users import UpdateUser, update_user
from tests import make
from tests.postgres import Cluster


@pytest.fixture
def database(postgres: Cluster) -> Iterator[Database]:
    """SQLite has one writer; this is about the other one."""
    with postgres.lend("migrated", upgrade) as url:
        opened = open_database(url)
        yield opened
        opened.close()


class Scene:
    """A team's project with `net:v0`, and a registry into which `other` is linked as `ranker:v0`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        database.write(make.ROOT, self._build)

    def _build(self, tx: Tx) -> None:
        acme = make.organization(tx, "acme")
        team = make.team(tx, acme, "team")
        self.demo = make.project(tx, "team", team, "demo", organization_id=acme)
        self.models = make.registry(tx, "acme", acme, "models")
        self.net = make.version(tx, self.demo, "net")
        self.other = make.version(tx, self.demo, "other")
        linking.link_artifact(tx, self.ask(self.other))
        self.ranker = collections.get_for_name(tx, Action.READ, self.models, "ranker").thing.id

    def ask(self, artifact_id: int) -> LinkArtifact:
        target = ProjectName(self.models.entity.name, self.models.name)
        return LinkArtifact(artifact_id, None, target, "ranker", None, ())

    def alias(self, name: str) -> AliasIn:
        return AliasIn(ProjectName(self.models.entity.name, self.models.name), "ranker", name)

    def lives(self, project: Project) -> bool:
        with self.database.read(make.ROOT) as tx:
            found = tx.one(select(projects).where(projects.c.id == project.id))
        return found is not None and found.deleted_at is None


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


@contextmanager
def held(database: Database, lock: Callable[[Tx], object]) -> Iterator[Callable[[], None]]:
    """A transaction that keeps what `lock` locks until the function given is called."""
    has_begun, may_end = Event(), Event()

    def work(tx: Tx) -> None:
        lock(tx)
        has_begun.set()
        may_end.wait(20)

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(database.write, make.ROOT, work)
        assert has_begun.wait(20)
        try:
            yield may_end.set
        finally:
            may_end.set()
            holding.result()


_WAITING = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))


def until_waiting(database: Database, *writers: "Future[object]") -> None:
    """Returns once each of these writers waits for a lock or has ended."""
    while True:
        with database.read(make.ROOT) as tx:
            waiting = tx.value(_WAITING)
        if waiting >= sum(not writer.done() for writer in writers):
            return


def both(
    database: Database,
    lock: Callable[[Tx], None],
    first: Callable[[Tx], object],
    second: Callable[[Tx], object],
) -> tuple[BaseException | None, BaseException | None]:
    """Runs two units of work, the first of which has come as far as the lock before the second begins."""
    with ThreadPoolExecutor(2) as pool, held(database, lock) as let_go:
        one: Future[object] = pool.submit(database.write, make.ROOT, first)
        until_waiting(database, one)
        two: Future[object] = pool.submit(database.write, make.ROOT, second)
        until_waiting(database, one, two)
        let_go()
        return one.exception(20), two.exception(20)


def orphans(database: Database) -> list[int]:
    """Living memberships of artifacts that are gone."""
    statement = (
        select(memberships.c.id)
        .join(artifacts, artifacts.c.id == memberships.c.artifact_id)
        .where(memberships.c.deleted_at.is_(None), artifacts.c.deleted_at.is_not(None))
    )
    with database.read(make.ROOT) as tx:
        return tx.column(statement)


def stray_aliases(database: Database) -> list[str]:
    """Aliases that point at memberships which are gone."""
    statement = (
        select(alias_spans.c.alias)
        .join(memberships, memberships.c.id == alias_spans.c.membership_id)
        .where(alias_spans.c.until.is_(None), memberships.c.deleted_at.is_not(None))
    )
    with database.read(make.ROOT) as tx:
        return tx.column(statement)


def test_a_version_that_is_deleted_while_it_is_linked_leaves_no_link(scene: Scene) -> None:
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    delete = partial(delete_artifact, artifact_id=scene.net, with_aliases=True)
    errors = both(scene.database, lambda tx: collections.lock(tx, scene.ranker), link, delete)
    assert errors == (None, None)
    assert orphans(scene.database) == stray_aliases(scene.database) == []


def test_a_sequence_that_is_deleted_while_a_version_is_linked_leaves_no_link(scene: Scene) -> None:
    with scene.database.read(make.ROOT) as tx:
        net = collections.get_for_name(tx, Action.READ, scene.demo, "net").thing.id
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    delete = partial(collection_service.delete_collection, kind="sequence", collection_id=net)
    errors = both(scene.database, lambda tx: collections.lock(tx, scene.ranker), link, delete)
    assert errors == (None, None)
    assert orphans(scene.database) == stray_aliases(scene.database) == []


def test_a_project_that_is_deleted_while_a_version_is_linked_leaves_no_link(scene: Scene) -> None:
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    delete = partial(delete_project, project_id=scene.demo.id, force=False)
    errors = both(scene.database, lambda tx: collections.lock(tx, scene.ranker), link, delete)
    assert errors == (None, None)
    assert not scene.lives(scene.demo)
    assert orphans(scene.database) == stray_aliases(scene.database) == []


def test_an_alias_given_while_its_version_is_unlinked_stands_on_nothing(scene: Scene) -> None:
    unlink = partial(linking.unlink_artifact, artifact_id=scene.other, collection_id=scene.ranker)
    give = partial(alias_service.add_aliases, artifact_id=scene.other, asked=[scene.alias("best")])
    lock = partial(collections.lock, collection_id=scene.ranker)
    gone, refused = both(scene.database, lock, unlink, give)
    assert gone is None
    assert isinstance(refused, NotFound)
    assert stray_aliases(scene.database) == []


def test_a_protected_alias_given_while_its_version_is_deleted_stands_or_was_refused(
    scene: Scene,
) -> None:
    scene.database.write(
        make.ROOT,
        lambda tx: alias_service.protect_aliases(tx, scene.models.id, ["production"]),
    )
    give = partial(
        alias_service.add_aliases, artifact_id=scene.other, asked=[scene.alias("production")]
    )
    delete = partial(delete_artifact, artifact_id=scene.other, with_aliases=True)
    lock = partial(collections.lock, collection_id=scene.ranker)
    given, deleted = both(scene.database, lock, give, delete)
    assert given is None
    assert isinstance(deleted, InUse)


@pytest.mark.parametrize("kind", ["portfolio", "sequence"])
def test_a_protected_alias_given_while_its_collection_is_deleted_stands(
    scene: Scene, kind: str
) -> None:
    def ready(tx: Tx) -> int:
        alias_service.protect_aliases(tx, scene.models.id, ["production"])
        return collections.get_for_name(tx, Action.READ, scene.demo, "other").thing.id

    sequence = scene.database.write(make.ROOT, ready)
    give = partial(
        alias_service.add_aliases, artifact_id=scene.other, asked=[scene.alias("production")]
    )
    number = scene.ranker if kind == "portfolio" else sequence
    delete = partial(collection_service.delete_collection, kind=kind, collection_id=number)
    lock = partial(collections.lock, collection_id=scene.ranker)
    given, deleted = both(scene.database, lock, give, delete)
    assert given is None
    assert isinstance(deleted, InUse)
    assert stray_aliases(scene.database) == []


def test_a_collection_that_is_deleted_while_a_version_is_linked_makes_way_for_a_new_one(
    scene: Scene,
) -> None:
    delete = partial(
        collection_service.delete_collection, kind="portfolio", collection_id=scene.ranker
    )
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    lock = partial(collections.lock, collection_id=scene.ranker)
    assert both(scene.database, lock, delete, link) == (None, None)
    with scene.database.read(make.ROOT) as tx:
        made = collections.get_for_name(tx, Action.READ, scene.models, "ranker").thing
    assert made.id != scene.ranker


def test_a_link_by_the_old_name_of_a_collection_that_is_renamed_makes_a_new_one(
    scene: Scene,
) -> None:
    rename = partial(
        collection_service.update_collection,
        kind="portfolio",
        collection_id=scene.ranker,
        name="renamed",
        description=None,
    )
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    lock = partial(collections.lock, collection_id=scene.ranker)
    assert both(scene.database, lock, rename, link) == (None, None)
    with scene.database.read(make.ROOT) as tx:
        kept = collections.get_for_name(tx, Action.READ, scene.models, "renamed").thing
        made = collections.get_for_name(tx, Action.READ, scene.models, "ranker").thing
    assert kept.id == scene.ranker != made.id


def test_a_collection_that_gets_its_first_link_keeps_its_type(scene: Scene) -> None:
    def build(tx: Tx) -> int:
        registry = projects_of.get_for_id(tx, Action.LINK, scene.models.id)
        return collections.portfolio_for(tx, registry, "model", "empty").thing.id

    number = scene.database.write(make.ROOT, build)
    link = partial(linking.link_artifact, ask=replace(scene.ask(scene.net), collection="empty"))
    move = partial(collection_service.move_collection, collection_id=number, type_name="table")
    lock = partial(collections.lock, collection_id=number)
    linked, refused = both(scene.database, lock, link, move)
    assert linked is None
    assert isinstance(refused, Conflict)


def test_a_link_waits_for_the_type_that_its_collection_is_given(scene: Scene) -> None:
    def build(tx: Tx) -> int:
        registry = projects_of.get_for_id(tx, Action.LINK, scene.models.id)
        return collections.portfolio_for(tx, registry, "model", "empty").thing.id

    number = scene.database.write(make.ROOT, build)
    link = partial(linking.link_artifact, ask=replace(scene.ask(scene.net), collection="empty"))
    move = partial(collection_service.move_collection, collection_id=number, type_name="table")
    lock = partial(collections.lock, collection_id=number)
    moved, refused = both(scene.database, lock, move, link)
    assert moved is None
    assert isinstance(refused, TypeNotAccepted)
    assert "type 'table', not 'model'" in str(refused)


def narrowed(scene: Scene) -> Callable[[Tx], object]:
    """The registry, which took all types, takes tables from now on, and what it holds."""
    types = (("table", None),)
    ask = UpsertProject(project_id=scene.models.id, accepts_any_type=False, types=types)
    return lambda tx: upsert_project(tx, ask)


def first_of_its_type(scene: Scene) -> Callable[[Tx], object]:
    """Links the first version of a type into the registry."""

    def build(tx: Tx) -> int:
        return make.version(tx, scene.demo, "text", type_name="tokenizer")

    number = scene.database.write(make.ROOT, build)
    return partial(linking.link_artifact, ask=replace(scene.ask(number), collection="texts"))


def accepted(scene: Scene) -> frozenset[str]:
    with scene.database.read(make.ROOT) as tx:
        return artifact_types.accepted_in(tx, scene.models)


def test_a_type_that_is_linked_while_the_registry_gets_a_list_is_on_it(scene: Scene) -> None:
    lock = partial(projects_of.lock, project_id=scene.models.id)
    link, narrow = first_of_its_type(scene), narrowed(scene)
    assert both(scene.database, lock, link, narrow) == (None, None)
    assert accepted(scene) == {"model", "table", "tokenizer"}


def test_a_link_takes_the_list_that_the_registry_was_just_given(scene: Scene) -> None:
    lock = partial(projects_of.lock, project_id=scene.models.id)
    link, narrow = first_of_its_type(scene), narrowed(scene)
    done, refused = both(scene.database, lock, narrow, link)
    assert done is None
    assert isinstance(refused, TypeNotAccepted)
    assert "its accepted types are: 'model', 'table'" in str(refused)
    assert accepted(scene) == {"model", "table"}


def test_a_sequence_keeps_its_type_while_a_version_of_it_is_linked(scene: Scene) -> None:
    with scene.database.read(make.ROOT) as tx:
        net = collections.get_for_name(tx, Action.READ, scene.demo, "net").thing.id
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    move = partial(collection_service.move_collection, collection_id=net, type_name="table")
    lock = partial(collections.lock, collection_id=scene.ranker)
    linked, refused = both(scene.database, lock, link, move)
    assert linked is None
    assert isinstance(refused, InUse)


def test_a_link_takes_the_type_that_its_sequence_was_just_given(scene: Scene) -> None:
    with scene.database.read(make.ROOT) as tx:
        net = collections.get_for_name(tx, Action.READ, scene.demo, "net").thing.id
    link = partial(linking.link_artifact, ask=scene.ask(scene.net))
    move = partial(collection_service.move_collection, collection_id=net, type_name="table")
    moved, refused = both(scene.database, partial(collections.lock, collection_id=net), move, link)
    assert moved is None
    assert isinstance(refused, TypeNotAccepted)


def test_content_that_is_logged_again_while_it_is_deleted_makes_a_new_version(
    scene: Scene,
) -> None:
    with scene.database.read(make.ROOT) as tx:
        known = artifacts_of.get_for(tx, Action.READ, scene.net).thing
    ask = CreateArtifact(
        entity=scene.demo.entity.name,
        project=scene.demo.name,
        type_name="model",
        collection="net",
        digest=known.digest,
        algorithm=ArtifactAlgorithm(known.digest_algorithm),
        finds_same_content=True,
    )
    made: list[int] = []
    delete = partial(delete_artifact, artifact_id=scene.net, with_aliases=True)
    lock = partial(versions.lock, artifact_id=scene.net)
    errors = both(scene.database, lock, delete, lambda tx: made.append(create_artifact(tx, ask)))
    assert errors == (None, None)
    with scene.database.read(make.ROOT) as tx:
        new = artifacts_of.get_for(tx, Action.READ, made[-1]).thing
    assert (new.id == scene.net, new.state) == (False, "pending")


def test_who_refers_to_what_was_just_deleted_does_it_again(scene: Scene) -> None:
    tried: list[int] = []

    def refer(tx: Tx) -> None:
        tried.append(len(tried))
        number = 404 if len(tried) == 1 else make.user(tx, "una").user_id
        row = {"user_id": number, "secret_hash": b"x", "mask": "m", "created_at": tx.now}
        tx.run(insert(api_keys).values(**row))

    scene.database.write(make.ROOT, refer)
    assert tried == [0, 1]


def test_two_admins_of_the_instance_cannot_unmake_each_other(scene: Scene) -> None:
    def build(tx: Tx) -> None:
        for name in ("una", "duo"):
            make.user(tx, name)
            number = users.get_named(tx, name).id
            users.change(tx, number, "is_admin", True)

    scene.database.write(make.ROOT, build)

    def unmake(name: str) -> Callable[[Tx], object]:
        return lambda tx: update_user(tx, UpdateUser(username=name, is_admin=False))

    def lock(tx: Tx) -> None:
        tx.column(select(people.c.id).with_for_update())

    errors = both(scene.database, lock, unmake("una"), unmake("duo"))
    assert [type(error) for error in errors] == [type(None), InUse]


def admins_of(scene: Scene, *names: str) -> list[Actor]:
    """People who administer the registry."""

    def build(tx: Tx) -> list[Actor]:
        found = [make.user(tx, name) for name in names]
        for actor in found:
            make.joins_project(tx, actor, scene.models, Role.ADMIN)
        return found

    return scene.database.write(make.ROOT, build)


Change = Callable[[Tx], object]


def at_once(
    scene: Scene, *acts: tuple[Actor, Change], lock: Callable[[Tx], object] | None = None
) -> list[type[BaseException] | None]:
    """How the acts of several people end, each of whom had the right when they began and came as far as the lock."""

    def act(by: Actor, change: Change) -> type[BaseException] | None:
        try:
            scene.database.write(by, change)
        except RegistrumError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        of_registry = partial(projects_of.lock, project_id=scene.models.id)
        with held(scene.database, lock or of_registry) as let_go:
            ends: list[Future[object]] = []
            for by, change in acts:
                ends.append(pool.submit(act, by, change))
                until_waiting(scene.database, *ends)
            let_go()
        return [end.result(20) for end in ends]  # type: ignore[misc]


def test_two_admins_of_a_registry_cannot_remove_each_other(scene: Scene) -> None:
    una, duo = admins_of(scene, "una", "duo")

    def remove(whom: Actor) -> Change:
        number = whom.user_id or 0
        return lambda tx: remove_members(tx, scene.models.id, [number], [])

    ends = at_once(scene, (una, remove(duo)), (duo, remove(una)))
    assert ends == [None, NotFound]


@pytest.mark.parametrize("act", ["remove", "demote", "add"])
def test_who_waited_for_the_one_who_took_the_right_away_has_it_no_more(
    scene: Scene, act: str
) -> None:
    una, duo, _ = admins_of(scene, "una", "duo", "tre")
    first, second = una.user_id or 0, duo.user_id or 0
    change: Change = {
        "remove": lambda tx: remove_members(tx, scene.models.id, [first], []),
        "demote": lambda tx: update_member(tx, scene.models.id, first, "viewer"),
        "add": lambda tx: add_members(tx, scene.models.id, [first], [], "viewer"),
    }[act]
    ends = at_once(
        scene,
        (una, lambda tx: update_member(tx, scene.models.id, second, "viewer")),
        (duo, change),
    )
    assert ends == [None, Forbidden]


@pytest.mark.parametrize("where", ["team", "organization"])
def test_two_admins_of_a_team_or_an_organization_cannot_unmake_each_other(
    scene: Scene, where: str
) -> None:
    def build(tx: Tx) -> list[Actor]:
        found = [make.user(tx, name) for name in ("una", "duo")]
        for actor in found:
            if where == "team":
                make.joins_team(tx, actor, team_id, Role.ADMIN)
            else:
                make.joins_organization(tx, actor, organization_id, Role.ADMIN)
        return found

    team_id, organization_id = scene.demo.entity.id, scene.demo.entity.organization_id
    assert organization_id is not None
    una, duo = scene.database.write(make.ROOT, build)

    def demote(name: str) -> Change:
        if where == "team":
            return lambda tx: team_service.update_team_member(tx, "team", name, "viewer")
        return lambda tx: organization_service.update_member(tx, "acme", name, "viewer")

    locks: dict[str, Change] = {
        "team": lambda tx: teams.count_admins(tx, team_id),
        "organization": lambda tx: organizations.count_admins(tx, organization_id),
    }
    ends = at_once(scene, (una, demote("duo")), (duo, demote("una")), lock=locks[where])
    assert ends == [None, InUse]
