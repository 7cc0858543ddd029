"""Linking into registries and projects: numbers, aliases, rights, and taking links back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest
from sqlalchemy import select

from registrum.core.actors import Actor
from registrum.core.aliases import reference
from registrum.core.artifacts import Membership
from registrum.core.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    InvalidName,
    NotFound,
    RegistrumError,
    TypeNotAccepted,
)
from registrum.core.linking import LinkArtifact
from registrum.core.memberships import Place, Wants
from registrum.core.pages import PageAsk
from registrum.core.policy import Action, Role
from registrum.core.projects import Project, ProjectName
from registrum.server.db import Database, artifacts, collections, membership_pages
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.tables import artifacts as artifact_rows
from registrum.server.db.tables import events
from registrum.server.db.tx import Tx
from registrum.server.services import aliases as alias_service
from registrum.server.services import collections as collection_service
from registrum.server.services import linking as service
from registrum.server.services.aliases import AliasIn
from tests import make

ALL = Wants(aliases=True, tags=True, all_aliases=True, collection_tags=True)


@dataclass
class World:
    """Acme with a team project and registries, Other beside it, and people of every role.

    Attributes:
        admin, member, viewer, restricted: by their role in registry `models`; all but the restricted one are in the team.
        owner: of a personal project; in the organization, not in the team.
        stranger: of another organization.
    """

    database: Database
    admin: Actor
    member: Actor
    viewer: Actor
    restricted: Actor
    owner: Actor
    stranger: Actor
    demo: Project
    models: Project
    secret: Project
    datasets: Project
    personal: Project
    foreign: Project

    def log(self, collection: str = "net", where: Project | None = None, **rest: object) -> int:
        """Logs a version."""
        return self.database.write(
            make.ROOT,
            lambda tx: make.version(tx, where or self.demo, collection, **rest),  # type: ignore[arg-type]
        )

    def link(
        self,
        artifact_id: int,
        *aliases: str,
        to: Project | None = None,
        collection: str = "ranker",
        actor: Actor | None = None,
    ) -> Place:
        """Links, by default as a member into models/ranker."""
        target = to or self.models
        ask = LinkArtifact(
            artifact_id,
            None,
            ProjectName(target.entity.name, target.name),
            collection,
            None,
            aliases,
        )
        return self.database.write(actor or self.member, lambda tx: service.link_artifact(tx, ask))

    def unlink(
        self, artifact_id: int, collection: str = "ranker", actor: Actor | None = None
    ) -> None:
        """Unlinks from models."""
        number = self.collection(collection)
        self.database.write(
            actor or self.member, lambda tx: service.unlink_artifact(tx, artifact_id, number)
        )

    def collection(self, name: str, where: Project | None = None) -> int:
        """A collection's number."""
        with self.database.read(make.ROOT) as tx:
            return collections.get_for_name(tx, Action.READ, where or self.models, name).thing.id

    def find(
        self, name: str, actor: Actor | None = None, where: Project | None = None
    ) -> Membership:
        """A version by its name, with everything that belongs to it."""
        with self.database.read(actor or self.member) as tx:
            return membership_pages.get_for(
                tx, Action.READ, where or self.models, reference(name), ALL
            ).thing

    def aliases(self, name: str, where: Project | None = None) -> list[str]:
        """Names of a version's aliases."""
        return [alias.name for alias in self.find(name, make.ROOT, where).aliases]

    def kinds(self) -> list[str]:
        """What the ledger has, in order."""
        with self.database.read(make.ROOT) as tx:
            return tx.column(select(events.c.kind).order_by(events.c.id))


@pytest.fixture
def world(database: Database) -> World:
    def build(tx: Tx) -> World:
        acme, other = make.organization(tx, "acme"), make.organization(tx, "other")
        team, others = make.team(tx, acme, "team"), make.team(tx, other, "others")
        people = {
            name: make.user(tx, name)
            for name in ("admin", "member", "viewer", "restricted", "owner", "stranger")
        }
        for name in ("admin", "member", "viewer"):
            make.joins_team(tx, people[name], team, Role.MEMBER)
            make.joins_organization(tx, people[name], acme, Role.MEMBER)
        make.joins_organization(tx, people["owner"], acme, Role.MEMBER)
        make.joins_organization(tx, people["stranger"], other, Role.MEMBER)
        make.joins_team(tx, people["stranger"], others, Role.MEMBER)
        models = make.registry(tx, "acme", acme, "models")
        for name, role in (
            ("admin", Role.ADMIN),
            ("member", Role.MEMBER),
            ("restricted", Role.RESTRICTED_VIEWER),
            ("owner", Role.MEMBER),
        ):
            make.joins_project(tx, people[name], models, role)
        secret = make.registry(tx, "acme", acme, "secret", visibility="restricted")
        make.joins_project(tx, people["admin"], secret, Role.ADMIN)
        datasets = make.registry(tx, "acme", acme, "datasets", accepts=("dataset",))
        make.joins_project(tx, people["member"], datasets, Role.MEMBER)
        owner_entity = make.entity_of(tx, "owner")
        return World(
            database,
            **people,
            demo=make.project(tx, "team", team, "demo", organization_id=acme),
            models=models,
            secret=secret,
            datasets=datasets,
            personal=make.project(tx, "personal", owner_entity, "own", owner=people["owner"]),
            foreign=make.project(tx, "team", others, "foreign", organization_id=other),
        )

    return database.write(make.ROOT, build)


def test_each_collection_counts_its_versions_from_zero(world: World) -> None:
    first, second = world.log(), world.log()
    assert [world.link(n).version for n in (second, first)] == [0, 1]
    assert world.link(first, collection="another").version == 0


def test_latest_and_the_given_aliases_move_to_the_new_link(world: World) -> None:
    first, second = world.log(), world.log()
    world.link(first, "best")
    assert world.aliases("ranker:v0") == ["best", "latest"]
    world.link(second, "best")
    assert world.aliases("ranker:v0") == []
    assert world.aliases("ranker:v1") == ["best", "latest"]
    assert world.find("ranker").version == 1


def test_linking_again_keeps_the_number_and_adds_aliases(world: World) -> None:
    first, second = world.log(), world.log()
    place = world.link(first)
    world.link(second)
    again = world.link(first, "stable")
    assert (again.id, again.version, again.is_new) == (place.id, 0, False)
    assert world.aliases("ranker:v0") == ["stable"]
    assert world.aliases("ranker:v1") == ["latest"]
    assert world.link(world.log()).version == 2


def test_a_version_is_found_by_alias_number_and_collection_alone(world: World) -> None:
    number = world.log()
    world.link(number, "prod")
    for name in ("ranker", "ranker:latest", "ranker:prod", "ranker:v0"):
        found = world.find(name)
        assert (found.artifact.id, found.version, found.collection.name) == (number, 0, "ranker")
        assert found.artifact.source.name == "net"
    for name in ("ranker:v1", "ranker:nope", "nope", "ranker:v00", "ranker:v99999999999999"):
        with pytest.raises(NotFound):
            world.find(name)


def test_aliases_of_the_artifact_span_all_collections_that_one_may_see(world: World) -> None:
    number = world.log()
    world.link(number, "prod")
    world.link(number, "hidden", to=world.secret, actor=world.admin)
    of_admin = {
        (a.collection.name, a.name)
        for a in world.find("ranker", world.admin).artifact.aliases
        if a.collection
    }
    of_viewer = {
        (a.collection.name, a.name)
        for a in world.find("ranker", world.viewer).artifact.aliases
        if a.collection
    }
    assert of_viewer == {("net", "latest"), ("ranker", "latest"), ("ranker", "prod")}
    assert of_admin == of_viewer | {("ranker", "hidden")}


def test_v_and_a_number_is_no_alias(world: World) -> None:
    with pytest.raises(InvalidName):
        world.link(world.log(), "v7")


def test_writers_at_the_same_time_get_numbers_without_gaps_and_one_latest(world: World) -> None:
    logged = [world.log() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda n: world.link(n, "best"), logged))
    assert sorted(place.version for place in places) == list(range(8))
    found = {name: world.find(f"ranker:{name}").version for name in ("latest", "best")}
    assert found["latest"] == found["best"]


def test_the_target_project_is_made_on_demand_but_a_registry_is_not(world: World) -> None:
    number = world.log()
    made = ProjectName("team", "model-registry")
    ask = LinkArtifact(number, None, made, "ranker", None)
    assert (
        world.database.write(world.member, lambda tx: service.link_artifact(tx, ask)).version == 0
    )
    for name in ("acme-org", "team"):
        missing = ProjectName(name, "wandb-registry-nope")
        ask = LinkArtifact(number, None, missing, "ranker", None)
        with pytest.raises(NotFound, match="no registry 'nope'"):
            world.database.write(world.member, partial(service.link_artifact, ask=ask))


@pytest.mark.parametrize(
    ("who", "error"),
    [("viewer", Forbidden), ("restricted", Forbidden), ("stranger", NotFound)],
)
def test_linking_takes_a_member_and_hides_from_strangers(
    world: World, who: str, error: type[RegistrumError]
) -> None:
    number = world.log()
    if who == "restricted":
        world.link(number, collection="open")
    with pytest.raises(error):
        world.link(number, actor=getattr(world, who))


def test_who_only_sees_an_artifact_cannot_link_it_elsewhere(world: World) -> None:
    number = world.log()
    world.link(number)

    def join(tx: Tx) -> None:
        make.joins_project(tx, world.restricted, world.secret, Role.MEMBER)

    world.database.write(make.ROOT, join)
    with pytest.raises(Forbidden, match="restricted viewer"):
        world.link(number, to=world.secret, actor=world.restricted)


def test_a_registry_takes_its_types_and_a_collection_one(world: World) -> None:
    model, dataset = world.log(), world.log("data", type_name="dataset")
    with pytest.raises(TypeNotAccepted, match="does not accept artifacts of type 'model'"):
        world.link(model, to=world.datasets)
    assert world.link(dataset, to=world.datasets).version == 0
    world.link(model)
    with pytest.raises(TypeNotAccepted, match="of type 'model', not 'dataset'"):
        world.link(dataset)


def test_no_link_crosses_organizations(world: World) -> None:
    number = world.log()

    def join(tx: Tx) -> None:
        make.joins_team(tx, world.member, world.foreign.entity.id, Role.MEMBER)

    world.database.write(make.ROOT, join)
    with pytest.raises(Forbidden, match="across organizations"):
        world.link(number, to=world.foreign)


def test_a_personal_artifact_goes_where_its_owner_belongs(world: World) -> None:
    number = world.log(where=world.personal)
    assert world.link(number, actor=world.owner).version == 0
    hidden = world.find("ranker", world.viewer)
    assert hidden.artifact.source.project is None
    assert hidden.collection.project is not None

    def join(tx: Tx) -> None:
        make.joins_team(tx, world.owner, world.foreign.entity.id, Role.MEMBER)

    world.database.write(make.ROOT, join)
    with pytest.raises(Forbidden, match="across organizations"):
        world.link(number, to=world.foreign, actor=world.owner)


def test_a_pending_artifact_and_a_sequence_as_target_are_refused(world: World) -> None:
    pending = world.log(state="pending")
    with pytest.raises(Conflict, match="still being uploaded"):
        world.link(pending)
    number = world.log()
    with pytest.raises(Conflict, match="holds logged versions"):
        world.link(number, to=world.demo, collection="net")


def test_linking_into_a_registry_ends_the_time_to_live(world: World) -> None:
    number = world.log()

    def live_shortly(tx: Tx) -> None:
        tx.run(artifact_rows.update().where(artifact_rows.c.id == number).values(ttl_seconds=60))

    world.database.write(make.ROOT, live_shortly)
    world.link(number)
    with world.database.read(make.ROOT) as tx:
        assert artifacts.get_for(tx, Action.READ, number).thing.ttl_seconds == -2


def test_linking_is_in_the_ledger(world: World) -> None:
    number = world.log()
    world.link(number, "prod")
    world.unlink(number)
    assert world.kinds()[-4:] == [
        "collection.created",
        "version.linked",
        "alias.set",
        "version.unlinked",
    ]


def test_after_unlinking_latest_moves_to_the_newest_that_remains(world: World) -> None:
    first, second, third = world.log(), world.log(), world.log()
    for number in (first, second, third):
        world.link(number, "prod")
    world.unlink(third)
    assert world.aliases("ranker:v1") == ["latest"]
    for name in ("ranker:prod", "ranker:v2"):
        with pytest.raises(NotFound):
            world.find(name)
    assert world.find("net:v2", where=world.demo).artifact.id == third


def test_a_number_is_not_used_again_after_unlinking(world: World) -> None:
    number = world.log()
    world.link(number)
    world.unlink(number)
    with pytest.raises(NotFound):
        world.find("ranker")
    assert world.link(number).version == 1


def test_unlinking_needs_a_link(world: World) -> None:
    linked, other = world.log(), world.log()
    world.link(linked)
    with pytest.raises(NotFound, match="no version of collection"):
        world.unlink(other)
    with pytest.raises(Forbidden):
        world.unlink(linked, actor=world.viewer)
    own = world.collection("net", world.demo)
    with pytest.raises(Invalid, match="delete the version"):
        world.database.write(world.member, lambda tx: service.unlink_artifact(tx, linked, own))


def protect(world: World, *names: str, actor: Actor | None = None) -> None:
    world.database.write(
        actor or world.admin,
        lambda tx: alias_service.protect_aliases(tx, world.models.id, names),
    )


def set_aliases(world: World, number: int, *names: str, actor: Actor | None = None) -> None:
    asked = [_in_ranker(world, name) for name in names]
    world.database.write(
        actor or world.member, lambda tx: alias_service.add_aliases(tx, number, asked)
    )


def take_aliases(world: World, number: int, *names: str, actor: Actor | None = None) -> None:
    asked = [_in_ranker(world, name) for name in names]
    world.database.write(
        actor or world.member, lambda tx: alias_service.delete_aliases(tx, number, asked)
    )


def _in_ranker(world: World, name: str) -> AliasIn:
    return AliasIn(ProjectName("acme-org", world.models.name), "ranker", name)


def test_only_an_admin_gives_and_takes_a_protected_alias(world: World) -> None:
    number = world.log()
    world.link(number)
    with pytest.raises(Forbidden, match="takes admin"):
        protect(world, "prod", actor=world.member)
    protect(world, "prod")
    for act in (set_aliases, take_aliases):
        with pytest.raises(Forbidden, match="takes admin"):
            act(world, number, "prod")
    with pytest.raises(Forbidden):
        world.link(number, "prod")
    set_aliases(world, number, "prod", actor=world.admin)
    assert world.aliases("ranker:prod") == ["latest", "prod"]
    take_aliases(world, number, "prod", actor=world.admin)
    assert world.aliases("ranker:v0") == ["latest"]


def test_nothing_under_a_protected_alias_is_unlinked_or_deleted(world: World) -> None:
    number = world.log()
    world.link(number)
    protect(world, "prod")
    set_aliases(world, number, "prod", actor=world.admin)
    portfolio, sequence = world.collection("ranker"), world.collection("net", world.demo)
    with pytest.raises(InUse, match="'prod'"):
        world.unlink(number, actor=world.admin)
    for kind, collection in (("portfolio", portfolio), ("sequence", sequence)):
        with pytest.raises(InUse, match="'prod'"):
            world.database.write(
                world.admin,
                lambda tx, k=kind, c=collection: collection_service.delete_collection(tx, k, c),  # type: ignore[misc]
            )
    world.database.write(
        world.admin,
        lambda tx: alias_service.unprotect_aliases(tx, world.models.id, ["prod"]),
    )
    world.unlink(number)


@pytest.mark.parametrize("name", ["latest", "v3", "a/b", ""])
def test_some_names_cannot_be_protected(world: World, name: str) -> None:
    with pytest.raises(InvalidName):
        protect(world, name)


def test_an_alias_points_at_one_version_of_its_collection(world: World) -> None:
    first, second = world.log(), world.log()
    world.link(first, "prod")
    world.link(second)
    set_aliases(world, second, "prod", "extra")
    assert world.aliases("ranker:v0") == []
    assert world.aliases("ranker:v1") == ["extra", "latest", "prod"]
    assert world.aliases("net:v1", world.demo) == ["latest"]


def test_taking_aliases_leaves_those_of_other_versions(world: World) -> None:
    first, second = world.log(), world.log()
    world.link(first, "prod")
    world.link(second, "best")
    take_aliases(world, second, "prod", "best", "never-there")
    assert world.aliases("ranker:v0") == ["prod"]
    assert world.aliases("ranker:v1") == ["latest"]


def test_version_names_are_neither_given_nor_taken(world: World) -> None:
    number = world.log()
    world.link(number)
    for act in (set_aliases, take_aliases):
        with pytest.raises(InvalidName):
            act(world, number, "v0")


def test_a_member_of_the_registry_needs_no_right_in_the_source(world: World) -> None:
    number = world.log()
    world.link(number)
    set_aliases(world, number, "prod", actor=world.owner)
    assert world.find("ranker:prod", world.owner).artifact.source.project is None
    with pytest.raises(Forbidden):
        set_aliases(world, number, "prod", actor=world.viewer)


def test_places_of_an_artifact_are_those_one_may_see(world: World) -> None:
    number = world.log()
    world.link(number)
    world.link(number, to=world.secret, actor=world.admin)

    def places(actor: Actor) -> list[str]:
        ask = VersionsAsk(PageAsk(10, with_total=True), ALL)
        with world.database.read(actor) as tx:
            artifact = artifacts.get_for(tx, Action.READ, number).thing
            page = membership_pages.page_of_artifact(tx, Action.READ, artifact, ask)
        assert page.total_count == len(page.edges)
        return [
            f"{m.collection.kind}:{m.collection.project.name}"
            for m in page.nodes
            if m.collection.project
        ]

    seen = ["sequence:demo", "portfolio:wandb-registry-models"]
    assert places(world.viewer) == seen
    assert places(world.admin) == [*seen, "portfolio:wandb-registry-secret"]
    assert places(world.owner) == seen[1:]
