"""Which types a registry takes: its list, what is put on it by itself, the words of a refusal, and core registries."""

import pytest

from registrum.core.actors import Actor
from registrum.core.errors import Conflict, Forbidden, TypeNotAccepted
from registrum.core.linking import LinkArtifact
from registrum.core.policy import Action, Role
from registrum.core.projects import REGISTRY_PREFIX, Project, ProjectName
from registrum.server.db import Database, artifact_types, collections, projects
from registrum.server.db.tx import Tx
from registrum.server.services.collections import delete_collection
from registrum.server.services.linking import link_artifact
from registrum.server.services.organizations import CreateOrganization, create_organization
from registrum.server.services.projects import UpsertProject, upsert_project
from tests import make
from tests.services import acme


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    return acme.found(database)


def link(database: Database, actor: Actor, registry: str, type_name: str) -> None:
    """Logs a version of that type into the team's project, and links it."""

    def log(tx: Tx) -> int:
        found = projects.create_on_demand(tx, acme.TEAM, "training").thing
        return make.version(tx, found, f"of-{registry}-{type_name}", type_name=type_name)

    number = database.write(make.ROOT, log)
    target = ProjectName(acme.OWNER, REGISTRY_PREFIX + registry)
    ask = LinkArtifact(number, None, target, f"{type_name}s", None, ())
    database.write(actor, lambda tx: link_artifact(tx, ask))


def edit(database: Database, actor: Actor, registry: str, **fields: object) -> None:
    ask = UpsertProject(entity=acme.OWNER, name=REGISTRY_PREFIX + registry, **fields)  # type: ignore[arg-type]
    database.write(actor, lambda tx: upsert_project(tx, ask))


def accepted(database: Database, actor: Actor, registry: str) -> tuple[bool, set[str]]:
    found: Project = acme.read(database, actor, registry)
    with database.read(actor) as tx:
        return found.accepts_any_type, set(artifact_types.accepted_in(tx, found))


def test_a_refusal_says_which_types_are_accepted(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "picky", types=(("tokenizer", None), ("model", None)))
    with pytest.raises(TypeNotAccepted) as refused:
        link(database, people["max"], "picky", "dataset")
    assert str(refused.value) == (
        "Registry 'picky' does not accept artifacts of type 'dataset'; its accepted types are: 'model', 'tokenizer'."
    )
    acme.registry(database, people["max"], "closed", accepts_any_type=False)
    with pytest.raises(TypeNotAccepted, match="its accepted types are: none yet"):
        link(database, people["max"], "closed", "dataset")


def test_what_is_linked_already_is_on_the_list_by_itself(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "open")
    for type_name in ("model", "dataset", "gone"):
        link(database, people["max"], "open", type_name)
    found = acme.read(database, people["max"], "open")
    with database.read(people["max"]) as tx:
        gone = collections.get_for_name(tx, Action.READ, found, "gones").thing.id
    database.write(
        people["max"], lambda tx: delete_collection(tx, kind="portfolio", collection_id=gone)
    )
    edit(database, people["max"], "open", accepts_any_type=False, types=(("tokenizer", None),))
    assert accepted(database, people["max"], "open") == (False, {"model", "dataset", "tokenizer"})
    link(database, people["max"], "open", "model")
    with pytest.raises(TypeNotAccepted):
        link(database, people["max"], "open", "gone")


def test_a_list_survives_the_time_when_all_types_are_taken(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "ranker", types=(("model", None),))
    edit(database, people["max"], "ranker", accepts_any_type=True)
    link(database, people["max"], "ranker", "dataset")
    edit(database, people["max"], "ranker", accepts_any_type=False)
    assert accepted(database, people["max"], "ranker") == (False, {"model", "dataset"})


def test_an_empty_list_of_types_takes_none_back(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "ranker", types=(("model", None),))
    for types in ((), (("dataset", None),)):
        edit(database, people["max"], "ranker", types=types, accepts_any_type=False)
    assert accepted(database, people["max"], "ranker") == (False, {"model", "dataset"})


@pytest.mark.parametrize(("core", "other"), [("model", "dataset"), ("dataset", "model")])
def test_colleagues_publish_their_kind_in_a_core_registry(
    database: Database, people: dict[str, Actor], core: str, other: str
) -> None:
    found = acme.read(database, people["vic"], core)
    assert (found.is_core, found.visibility) == (True, "organization")
    assert accepted(database, people["vic"], core) == (False, {core})
    link(database, people["max"], core, core)
    with pytest.raises(TypeNotAccepted):
        link(database, people["max"], core, other)

    def join(tx: Tx) -> None:
        make.joins_team(tx, people["vic"], make.entity_of(tx, acme.TEAM), Role.VIEWER)

    database.write(make.ROOT, join)
    with pytest.raises(Forbidden, match="role there is viewer, and it takes member"):
        link(database, people["vic"], core, core)
    with pytest.raises(Forbidden, match="role there is member, and it takes admin"):
        edit(database, people["max"], core, types=((other, None),))
    edit(database, people["ada"], core, types=((other, None),))
    link(database, people["max"], core, other)


def test_an_organization_can_be_without_core_registries_and_make_plain_ones_of_their_names(
    database: Database, people: dict[str, Actor]
) -> None:
    bare = CreateOrganization("Bare", admin="sam", core_registries=False)
    database.write(people["root"], lambda tx: create_organization(tx, bare))
    ask = UpsertProject(entity="bare-org", name=REGISTRY_PREFIX + "model", access="RESTRICTED")
    assert database.write(people["sam"], lambda tx: upsert_project(tx, ask)).inserted
    found = acme.read(database, people["sam"], REGISTRY_PREFIX + "model", "bare-org")
    assert (found.is_core, found.visibility) == (False, "restricted")


def test_no_core_registry_is_made_anew_or_in_its_place(
    database: Database, people: dict[str, Actor]
) -> None:
    ask = UpsertProject(
        entity=acme.OWNER, name=REGISTRY_PREFIX + "model", access="RESTRICTED", only_new=True
    )
    with pytest.raises(Conflict):
        database.write(people["ada"], lambda tx: upsert_project(tx, ask))
    with pytest.raises(Conflict, match="core registry"):
        edit(database, people["ada"], "model", access="RESTRICTED")
