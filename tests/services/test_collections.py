"""Collections, their types and tags: listing, editing, deleting."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registrum.core.actors import Actor
from registrum.core.collections import Collection
from registrum.core.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    InvalidFilter,
    InvalidName,
    NameTaken,
    NotFound,
    TypeNotAccepted,
)
from registrum.core.filters import parse_filter
from registrum.core.linking import LinkArtifact
from registrum.core.memberships import Wants
from registrum.core.pages import Page, PageAsk, page_ask
from registrum.core.policy import Action, Role
from registrum.core.projects import Project, ProjectName
from registrum.server.blobs.disk import DiskStore
from registrum.server.db import (
    Database,
    aliases,
    artifact_types,
    artifacts,
    collection_pages,
    collections,
    membership_pages,
    projects,
    registries,
)
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.db.registries import ProjectsAsk
from registrum.server.db.tables import events
from registrum.server.db.tx import Tx
from registrum.server.jobs import deletion
from registrum.server.jobs.runner import Desk, Runner
from registrum.server.services import collections as service
from registrum.server.services import tags as tag_service
from registrum.server.services.linking import link_artifact
from tests import make

ORDERS = ["name", "-name", "+created_at", "-created_at", "updated_at", None]


@dataclass
class World:
    """A team's project and two registries of its organization, one of which only Ann sees."""

    database: Database
    ann: Actor
    bob: Actor
    organization: int
    demo: Project
    models: Project
    secret: Project

    def log(self, collection: str, type_name: str = "model", **rest: object) -> int:
        """Logs a version into the project."""
        return self.database.write(
            make.ROOT,
            lambda tx: make.version(tx, self.demo, collection, type_name=type_name, **rest),  # type: ignore[arg-type]
        )

    def link(self, artifact_id: int, to: Project, collection: str, *aliases: str) -> None:
        """Links as Ann."""
        name = ProjectName(to.entity.name, to.name)
        ask = LinkArtifact(artifact_id, None, name, collection, None, aliases)
        self.database.write(self.ann, lambda tx: link_artifact(tx, ask))

    def collection(self, name: str, where: Project | None = None) -> Collection:
        """A collection by name."""
        with self.database.read(self.ann) as tx:
            found = collections.get_for_name(tx, Action.READ, where or self.demo, name).thing
            return collections.with_tags(tx, [found])[0]

    def listed(self, actor: Actor, ask: CollectionsAsk) -> Page[Collection]:
        """A page of the organization's registries."""
        with self.database.read(actor) as tx:
            return collection_pages.page_of_organization(tx, Action.READ, self.organization, ask)


@pytest.fixture
def world(database: Database) -> World:
    def build(tx: Tx) -> World:
        acme = make.organization(tx, "acme")
        team = make.team(tx, acme, "team")
        ann, bob = make.user(tx, "ann"), make.user(tx, "bob")
        for person in (ann, bob):
            make.joins_organization(tx, person, acme, Role.MEMBER)
            make.joins_team(tx, person, team, Role.MEMBER)
        models = make.registry(tx, "acme", acme, "models")
        secret = make.registry(tx, "acme", acme, "secret", visibility="restricted")
        for registry in (models, secret):
            make.joins_project(tx, ann, registry, Role.MEMBER)
        demo = make.project(tx, "team", team, "demo", organization_id=acme)
        return World(database, ann, bob, acme, demo, models, secret)

    return database.write(make.ROOT, build)


def update(world: World, found: Collection, **change: str) -> None:
    name, text = change.get("name"), change.get("description")
    world.database.write(
        world.ann, lambda tx: service.update_collection(tx, found.kind, found.id, name, text)
    )


def delete(world: World, found: Collection, actor: Actor | None = None) -> None:
    world.database.write(
        actor or world.ann, lambda tx: service.delete_collection(tx, found.kind, found.id)
    )


def tag(world: World, name: str, *names: str, actor: Actor | None = None) -> list[str]:
    where = ProjectName("acme-org", world.models.name)
    given = world.database.write(
        actor or world.ann,
        lambda tx: tag_service.add_collection_tags(tx, where, name, names),
    )
    return [one.name for one in given]


@pytest.mark.parametrize("order", ORDERS)
def test_pages_put_together_are_the_whole_list_in_order(world: World, order: str | None) -> None:
    number = world.log("net")
    for name in ("delta", "alpha", "Echo", "bravo", "charlie"):
        world.link(number, world.models, name)
    world.link(number, world.secret, "hidden")
    whole = world.listed(world.bob, CollectionsAsk(PageAsk(50, with_total=True), order=order))
    assert whole.total_count == 5
    paged: list[Collection] = []
    after = None
    while True:
        ask = CollectionsAsk(page_ask(2, after, with_total=True), order=order)
        page = world.listed(world.bob, ask)
        assert page.total_count == 5
        paged += page.nodes
        if not page.has_next_page:
            break
        after = page.end_cursor
    assert [c.id for c in paged] == [c.id for c in whole.nodes]
    names = [c.name for c in paged]
    if order in ("name", "-name"):
        assert names == sorted(names, reverse=order == "-name")


def test_what_one_may_not_see_is_neither_listed_nor_counted(world: World) -> None:
    number = world.log("net")
    world.link(number, world.models, "open")
    world.link(number, world.secret, "hidden")
    ask = CollectionsAsk(PageAsk(10, with_total=True))
    assert [c.name for c in world.listed(world.bob, ask).nodes] == ["open"]
    assert world.listed(world.bob, ask).total_count == 1
    assert world.listed(world.ann, ask).total_count == 2
    empty = CollectionsAsk(PageAsk(0, with_total=True))
    assert world.listed(world.ann, empty).total_count == 2


def test_lists_are_filtered_by_registry_name_and_tag(world: World) -> None:
    number = world.log("net")
    for registry, name in ((world.models, "a"), (world.models, "b"), (world.secret, "c")):
        world.link(number, registry, name)
    tag(world, "b", "good one")

    def names(
        collection_filter: str | None = None, registry_filter: str | None = None
    ) -> list[str]:
        ask = CollectionsAsk(
            PageAsk(10, with_total=True),
            parse_filter(collection_filter),
            parse_filter(registry_filter),
            order="name",
        )
        page = world.listed(world.ann, ask)
        assert page.total_count == len(page.edges)
        return [c.name for c in page.nodes]

    assert names('{"name": "b"}') == ["b"]
    assert names('{"tag": "good one"}') == ["b"]
    assert names('{"tag": {"$ne": "good one"}}') == ["a", "c"]
    assert names('{"$or": [{"name": "a"}, {"name": {"$in": ["c", "d"]}}]}') == ["a", "c"]
    assert names(None, f'{{"id": {world.models.id}}}') == ["a", "b"]
    assert names(None, '{"name": "wandb-registry-secret"}') == ["c"]
    assert names('{"description": null}') == ["a", "b", "c"]
    for wrong, told in (
        ('{"nope": 1}', "nope"),
        ('{"name": {"$near": 1}}', r"no operator '\$near'"),
        ("[", "JSON"),
        ('{"id": "x"}', "'id' is an id .* or its number; 'x' is not"),
        ('{"name": 5}', "'name' is a text; 5 is not"),
        ('{"name": {"$lt": true}}', "'name' is a text; true is not"),
        ('{"created_at": 5}', "'created_at' is an ISO 8601 time like .*; 5 is not"),
        (
            '{"created_at": {"$gt": "soon"}}',
            "'created_at' is an ISO 8601 time like .*; 'soon' is not",
        ),
    ):
        with pytest.raises(InvalidFilter, match=told):
            names(wrong)


def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    number = world.log("net")
    for name in ("a", "b"):
        world.link(number, world.models, name)
    orders = [f"{sign}{field}" for field in collection_pages.SORTABLE for sign in "+-"]
    for order in orders:
        first = world.listed(world.ann, CollectionsAsk(page_ask(1, None), order=order))
        for other in orders:
            ask = CollectionsAsk(page_ask(1, first.end_cursor), order=other)
            if other == order:
                assert len(world.listed(world.ann, ask).nodes) == 1
                continue
            with pytest.raises(InvalidFilter, match="another list or order"):
                world.listed(world.ann, ask)
    with pytest.raises(InvalidFilter):
        world.listed(world.ann, CollectionsAsk(page_ask(1, None), order="nope"))


def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    world.link(world.log("net"), world.models, "a")
    with world.database.read(world.ann) as tx:
        owner = world.models.entity

        def collections_page(after: str | None) -> Page[Any]:
            ask = CollectionsAsk(page_ask(1, after), order="+created_at")
            return collection_pages.page_of_project(tx, Action.READ, world.models, ask)

        def registries_page(after: str | None) -> Page[Any]:
            ask = ProjectsAsk(page_ask(1, after), order="+created_at")
            return registries.page_of_registries(tx, Action.READ, owner, ask)

        def versions_page(after: str | None) -> Page[Any]:
            ask = VersionsAsk(page_ask(1, after), order="+created_at")
            return membership_pages.page_of_organization(
                tx, Action.READ, owner.organization_id or 0, ask
            )

        lists = [collections_page, registries_page, versions_page]
        for one in lists:
            cursor = one(None).end_cursor
            for other in lists:
                if other is not one:
                    with pytest.raises(InvalidFilter, match="another list or order"):
                        other(cursor)


def test_versions_of_a_collection_are_newest_first_and_filtered(world: World) -> None:
    numbers = [world.log("net", named=("latest", f"a{i}")) for i in range(3)]
    net = world.collection("net")

    def versions(filter_text: str | None = None, order: str | None = None) -> list[int]:
        ask = VersionsAsk(
            PageAsk(10, with_total=True), filter=parse_filter(filter_text), order=order
        )
        with world.database.read(world.bob) as tx:
            page = membership_pages.page_of_collection(tx, Action.READ, net, ask)
        assert page.total_count == len(page.edges)
        return [m.version for m in page.nodes]

    assert versions('{"state":"COMMITTED"}') == [2, 1, 0]
    assert versions(None, "+version_index") == [0, 1, 2]
    assert versions('{"alias": "a1"}') == [1]
    assert versions('{"version": "v2"}') == versions('{"version": 2}') == [2]
    assert versions(f'{{"id": {numbers[0]}}}') == [0]


def test_linked_versions_of_an_organization(world: World) -> None:
    first, second = world.log("net"), world.log("other")
    world.link(first, world.models, "a", "prod")
    world.link(second, world.models, "b")
    world.link(first, world.secret, "c")

    def names(actor: Actor, **filters: str) -> list[str]:
        ask = VersionsAsk(
            PageAsk(10, with_total=True),
            Wants(aliases=True, tags=True),
            parse_filter(filters.get("versions")),
            parse_filter(filters.get("collections")),
            parse_filter(filters.get("registries")),
        )
        with world.database.read(actor) as tx:
            page = membership_pages.page_of_organization(tx, Action.READ, world.organization, ask)
        assert page.total_count == len(page.edges)
        return [m.collection.name for m in page.nodes]

    assert names(world.ann) == ["c", "b", "a"]
    assert names(world.bob) == ["b", "a"]
    assert names(world.bob, collections='{"name": "a"}') == ["a"]
    assert names(world.ann, registries='{"name": "wandb-registry-secret"}') == ["c"]
    assert names(world.ann, versions='{"alias": "prod"}') == ["a"]


def test_aliases_of_a_collection_come_in_pages(world: World) -> None:
    world.log("net", named=("latest", "b", "a", "c"))
    net, names, after = world.collection("net"), [], None
    while True:
        with world.database.read(world.bob) as tx:
            page = aliases.page_of_collection(tx, Action.READ, net, page_ask(3, after))
        names += [alias.name for alias in page.nodes]
        if not page.has_next_page:
            break
        after = page.end_cursor
    assert names == ["a", "b", "c", "latest"]


def test_types_come_with_use_in_projects_and_registries(world: World) -> None:
    number = world.log("net")
    world.log("data", "dataset")
    world.link(number, world.models, "ranker")

    with world.database.read(world.bob) as tx:
        page = artifact_types.page_of_project(tx, Action.READ, world.demo, PageAsk(10))
        assert [t.name for t in page.nodes] == ["dataset", "model"]
        ask = PageAsk(10)
        used = artifact_types.page_of_used(tx, Action.READ, world.models, ask)
        assert [t.name for t in used.nodes] == ["model"]
        model = artifact_types.get_for(tx, Action.READ, world.demo, "model")
        of_type = collection_pages.page_of_type(
            tx, Action.READ, world.demo, model.id, CollectionsAsk(PageAsk(10))
        )
        assert [c.name for c in of_type.nodes] == ["net"]
        with pytest.raises(NotFound):
            artifact_types.get_for(tx, Action.READ, world.demo, "nope")


def test_making_a_type_again_finds_it(world: World) -> None:
    where = ProjectName("team", "demo")

    def make_type(tx: Tx) -> int:
        return service.create_artifact_type(tx, where, "table", "Rows.")

    assert world.database.write(world.ann, make_type) == world.database.write(world.bob, make_type)


def test_a_type_made_in_a_registry_is_accepted_there_and_takes_an_admin(world: World) -> None:
    def build(tx: Tx) -> Project:
        owner = make.entity_of(tx, "acme-org")
        made = make.project(
            tx,
            "registry",
            owner,
            "wandb-registry-strict",
            organization_id=world.organization,
            accepts=("model",),
        )
        make.joins_project(tx, world.ann, made, Role.MEMBER)
        make.joins_project(tx, world.bob, made, Role.ADMIN)
        return made

    strict = world.database.write(make.ROOT, build)
    where = ProjectName("acme-org", strict.name)

    def make_type(tx: Tx) -> int:
        return service.create_artifact_type(tx, where, "table", "Rows.")

    with pytest.raises(Forbidden, match="takes admin"):
        world.database.write(world.ann, make_type)
    world.database.write(world.bob, make_type)
    world.database.write(world.bob, make_type)
    with world.database.read(world.ann) as tx:
        assert artifact_types.accepted_in(tx, strict) == {"model", "table"}
        statement = select(events.c.changes).where(events.c.kind == "registry.changed")
        assert tx.column(statement) == [{"types_added": ["table"]}]


def test_renaming_keeps_the_collection_and_frees_the_name(world: World) -> None:
    world.log("net")
    before = world.collection("net")
    update(world, before, name="renamed", description="")
    after = world.collection("renamed")
    assert (after.id, after.description) == (before.id, "")
    with pytest.raises(NotFound):
        world.collection("net")
    update(world, after, name="renamed")
    assert world.collection("renamed").description == ""
    world.log("net")
    with pytest.raises(NameTaken):
        update(world, after, name="net")
    with pytest.raises(InvalidName):
        update(world, after, name="a/b")


def test_moving_to_another_type(world: World) -> None:
    number = world.log("net")
    net = world.collection("net")

    def move(found: Collection, type_name: str) -> None:
        world.database.write(world.ann, lambda tx: service.move_collection(tx, found.id, type_name))

    move(net, "dataset")
    assert world.collection("net").type_name == "dataset"
    world.link(number, world.models, "ranker")
    with pytest.raises(InUse, match="linked"):
        move(net, "model")
    with pytest.raises(Conflict, match="holds linked versions"):
        move(world.collection("ranker", world.models), "model")
    with pytest.raises(InvalidName):
        move(net, "a/b")


def test_an_empty_collection_of_a_registry_takes_an_accepted_type_only(world: World) -> None:
    def build(tx: Tx) -> Project:
        owner = make.entity_of(tx, "acme-org")
        made = make.project(
            tx,
            "registry",
            owner,
            "wandb-registry-strict",
            organization_id=world.organization,
            accepts=("model", "dataset"),
        )
        make.joins_project(tx, world.ann, made, Role.MEMBER)
        granted = projects.get_for_id(tx, Action.LINK, made.id)
        collections.portfolio_for(tx, granted, "model", "empty")
        return made

    strict = world.database.write(make.ROOT, build)
    number = world.collection("empty", strict).id
    world.database.write(world.ann, lambda tx: service.move_collection(tx, number, "dataset"))
    assert world.collection("empty", strict).type_name == "dataset"
    with pytest.raises(TypeNotAccepted):
        world.database.write(world.ann, lambda tx: service.move_collection(tx, number, "table"))


def test_tags_are_given_once_and_taken(world: World) -> None:
    world.link(world.log("net"), world.models, "ranker")
    assert tag(world, "ranker", "Good One", "x") == ["Good One", "x"]
    assert tag(world, "ranker", "x") == ["x"]
    found = world.collection("ranker", world.models)
    assert [t.name for t in found.tags] == ["Good One", "x"]
    where = ProjectName("acme-org", world.models.name)
    world.database.write(
        world.ann,
        lambda tx: tag_service.delete_collection_tags(tx, where, "ranker", ["x", "never"]),
    )
    assert [t.name for t in world.collection("ranker", world.models).tags] == ["Good One"]
    with world.database.read(world.ann) as tx:
        of_tags = select(events.c.kind, events.c.changes).where(events.c.kind.like("%tagged"))
        named = tx.rows(of_tags.order_by(events.c.id))
    assert [(kind, changes["tags"]) for kind, changes in named] == [
        ("collection.tagged", ["Good One", "x"]),
        ("collection.untagged", ["x"]),
    ]
    with pytest.raises(InvalidName):
        tag(world, "ranker", "no/slash")
    with pytest.raises(Invalid, match="20"):
        tag(world, "ranker", *map(str, range(21)))
    with pytest.raises(Forbidden):
        tag(world, "ranker", "x", actor=world.bob)


def test_deleting_a_portfolio_leaves_the_sources(world: World) -> None:
    number = world.log("net")
    world.link(number, world.models, "ranker")
    found = world.collection("ranker", world.models)
    with pytest.raises(Forbidden):
        delete(world, found, world.bob)
    delete(world, found)
    with pytest.raises(NotFound):
        world.collection("ranker", world.models)
    with pytest.raises(NotFound):
        delete(world, found)
    with world.database.read(world.ann) as tx:
        assert artifacts.get_for(tx, Action.READ, number).thing.state == "committed"
    world.link(number, world.models, "ranker")
    assert world.collection("ranker", world.models).id != found.id


@pytest.mark.parametrize("order", [None, "+name", "-updated_at"])
def test_what_is_deleted_is_neither_listed_nor_counted(world: World, order: str | None) -> None:
    for name in ("net", "gone"):
        number = world.log(name)
        world.link(number, world.models, "ranker")
        world.link(number, world.models, f"only-{name}")
    delete(world, world.collection("only-net", world.models))
    delete(world, world.collection("gone"))
    in_models = {"only-gone", "ranker"}
    for text in (None, '{"name": {"$contains": ""}}', '{"tag": {"$exists": false}}'):
        ask = CollectionsAsk(PageAsk(10, with_total=True), parse_filter(text), order=order)
        with world.database.read(world.ann) as tx:
            models = artifact_types.get_for(tx, Action.READ, world.models, "model").id
            model = artifact_types.get_for(tx, Action.READ, world.demo, "model").id
            organization = collection_pages.page_of_organization(
                tx, Action.READ, world.organization, ask
            )
            of_models = collection_pages.page_of_project(tx, Action.READ, world.models, ask)
            of_type = collection_pages.page_of_type(tx, Action.READ, world.models, models, ask)
            of_demo = collection_pages.page_of_project(tx, Action.READ, world.demo, ask)
            of_demo_type = collection_pages.page_of_type(tx, Action.READ, world.demo, model, ask)
        for page, names in (
            *((page, in_models) for page in (organization, of_models, of_type)),
            *((page, {"net"}) for page in (of_demo, of_demo_type)),
        ):
            assert ({found.name for found in page.nodes}, page.total_count) == (names, len(names))
    with world.database.read(world.ann) as tx:
        versions = VersionsAsk(PageAsk(10, with_total=True), order=None)
        page = membership_pages.page_of_organization(tx, Action.READ, world.organization, versions)
    assert [place.collection.name for place in page.nodes] == ["ranker"]
    assert page.total_count == 1


def test_deleting_a_sequence_takes_its_versions_and_links(world: World) -> None:
    stays, goes = world.log("other"), [world.log("net") for _ in range(2)]
    world.link(stays, world.models, "ranker")
    for number in goes:
        world.link(number, world.models, "ranker")
    delete(world, world.collection("net"))
    ranker = world.collection("ranker", world.models)
    with world.database.read(world.ann) as tx:
        for number in goes:
            with pytest.raises(NotFound):
                artifacts.get_for(tx, Action.READ, number)
        ask = VersionsAsk(PageAsk(10), Wants(aliases=True))
        left = membership_pages.page_of_collection(tx, Action.READ, ranker, ask).nodes
    assert [(m.version, [a.name for a in m.aliases]) for m in left] == [(0, ["latest"])]


def test_a_large_sequence_is_deleted_in_steps(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service, "DELETED_AT_ONCE", 2)
    numbers = [world.log("net") for _ in range(5)]
    world.link(numbers[4], world.models, "ranker")
    net = world.collection("net")
    delete(world, net)
    ranker = world.collection("ranker", world.models)
    with world.database.read(world.ann) as tx:
        page = membership_pages.page_of_collection(
            tx, Action.READ, ranker, VersionsAsk(PageAsk(10))
        )
        assert not page.nodes, "versions of a deleted sequence are hidden at once"
    store = DiskStore(tmp_path / "blobs")
    runner = Runner(Desk(world.database, store), deletion.KINDS)
    steps = 0
    while runner.run_next():
        steps += 1
    store.close()
    assert steps == 2
    with world.database.read(make.ROOT) as tx:
        assert artifacts.by_ids(tx, Action.READ, numbers) == {}


def test_the_kind_must_be_right(world: World) -> None:
    world.log("net")
    net = world.collection("net")
    with pytest.raises(NotFound, match="no portfolio"):
        world.database.write(
            world.ann, lambda tx: service.delete_collection(tx, "portfolio", net.id)
        )
