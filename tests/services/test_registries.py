"""Registries: making, editing by the fields whose value changes, renaming, deleting, listing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from registrum.core.actors import Actor
from registrum.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidFilter,
    InvalidName,
    NameTaken,
    NotFound,
    RegistrumError,
)
from registrum.core.filters import parse_filter
from registrum.core.pages import PageAsk, decode_cursor
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.server.db import Database, artifact_types, entities, members, projects, registries
from registrum.server.db.registries import ProjectsAsk
from registrum.server.services import projects as service
from registrum.server.services.members import add_members
from registrum.server.services.projects import UpsertProject
from tests.services import acme


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    return acme.found(database)


def edit(database: Database, actor: Actor, **fields: object) -> bool:
    ask = UpsertProject(entity=acme.OWNER, name=REGISTRY_PREFIX + "ranker", **fields)  # type: ignore[arg-type]
    return database.write(actor, lambda tx: service.upsert_project(tx, ask)).inserted


def listed(database: Database, actor: Actor, **ask: object) -> list[str]:
    with database.read(actor) as tx:
        owner = entities.get_for(tx, Action.READ_ENTITY, acme.OWNER).thing
        given = {"page": PageAsk(), **ask}
        page = registries.page_of_registries(tx, Action.READ, owner, ProjectsAsk(**given))  # type: ignore[arg-type]
        return [node.name.removeprefix(REGISTRY_PREFIX) for node in page.nodes]


def test_its_creator_is_its_first_member_and_admin(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "ranker", types=(("model", None),))
    found = acme.read(database, people["vic"], "ranker")
    with database.read(people["max"]) as tx:
        assert [(m.user.username, m.role.label) for m in members.users_of(tx, found)] == [
            ("max", "admin")
        ]
        assert artifact_types.accepted_in(tx, found) == {"model"}
    assert (found.visibility, found.accepts_any_type) == ("organization", False)


@pytest.mark.parametrize(("who", "error"), [("vic", Forbidden), ("sam", NotFound)])
def test_viewers_and_strangers_cannot_create(
    database: Database, people: dict[str, Actor], who: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        acme.registry(database, people[who], "ranker")


def test_the_refusal_names_the_role_held_and_needed(
    database: Database, people: dict[str, Actor]
) -> None:
    with pytest.raises(Forbidden, match=r"create registries.*viewer.*takes member"):
        acme.registry(database, people["vic"], "ranker")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("ranker", Invalid),
        (REGISTRY_PREFIX, Invalid),
        (REGISTRY_PREFIX + "a/b", InvalidName),
        (REGISTRY_PREFIX + "x" * 114, InvalidName),
    ],
)
def test_names_without_prefix_or_against_the_rules_are_refused(
    database: Database, people: dict[str, Actor], name: str, error: type[Exception]
) -> None:
    ask = UpsertProject(entity=acme.OWNER, name=name)
    with pytest.raises(error):
        database.write(people["ada"], lambda tx: service.upsert_project(tx, ask))


def test_an_existing_name_is_an_edit(database: Database, people: dict[str, Actor]) -> None:
    assert edit(database, people["max"])
    assert not edit(database, people["max"], description="for ranking")
    assert acme.read(database, people["vic"], "ranker").description == "for ranking"


def test_of_many_at_once_one_makes_it(database: Database, people: dict[str, Actor]) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: edit(database, people["max"]), range(8)))
    assert sum(made) == 1


def test_sending_the_same_values_takes_no_right(
    database: Database, people: dict[str, Actor]
) -> None:
    fields = {"description": "a", "access": "PRIVATE", "accepts_any_type": True}
    edit(database, people["ada"], **fields)
    assert not edit(database, people["vic"], **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "mine"},
        {"access": "RESTRICTED"},
        {"accepts_any_type": False},
        {"types": (("model", None),)},
    ],
)
def test_a_viewer_changes_nothing(
    database: Database, people: dict[str, Actor], fields: dict[str, object]
) -> None:
    edit(database, people["ada"])
    with pytest.raises(Forbidden):
        edit(database, people["vic"], **fields)


def test_a_member_edits_the_description_but_not_types_or_visibility(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["ada"], "ranker")
    database.write(
        people["ada"],
        lambda tx: add_members(tx, number, [people["vic"].user_id or 0], [], "member"),
    )
    edit(database, people["vic"], description="by a member")
    for fields in ({"access": "RESTRICTED"}, {"types": (("model", None),)}):
        with pytest.raises(Forbidden, match="role there is member, and it takes admin"):
            edit(database, people["vic"], **fields)


def test_a_refused_field_leaves_the_others_as_they_were(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["ada"], "ranker", description="old")
    database.write(
        people["ada"],
        lambda tx: add_members(tx, number, [people["vic"].user_id or 0], [], "member"),
    )
    with pytest.raises(Forbidden):
        edit(database, people["vic"], description="new", access="RESTRICTED")
    assert acme.read(database, people["ada"], "ranker").description == "old"


def test_an_empty_description_is_kept_and_none_is_no_change(
    database: Database, people: dict[str, Actor]
) -> None:
    edit(database, people["ada"], description="something")
    edit(database, people["ada"], description="")
    assert acme.read(database, people["ada"], "ranker").description == ""
    edit(database, people["ada"])
    assert acme.read(database, people["ada"], "ranker").description == ""


def test_types_are_add_only(database: Database, people: dict[str, Actor]) -> None:
    edit(database, people["ada"], types=(("model", None),))
    edit(database, people["ada"], types=(("dataset", "tables"),), accepts_any_type=False)
    found = acme.read(database, people["ada"], "ranker")
    with database.read(people["ada"]) as tx:
        assert artifact_types.accepted_in(tx, found) == {"model", "dataset"}


def test_from_all_types_to_a_list(database: Database, people: dict[str, Actor]) -> None:
    edit(database, people["ada"])
    assert acme.read(database, people["ada"], "ranker").accepts_any_type
    edit(database, people["ada"], types=(("model", None),), accepts_any_type=False)
    found = acme.read(database, people["ada"], "ranker")
    with database.read(people["ada"]) as tx:
        assert artifact_types.accepted_in(tx, found) == {"model"}
    assert not found.accepts_any_type


@pytest.mark.parametrize("access", ["USER_READ", "private"])
def test_there_are_two_kinds_of_access(
    database: Database, people: dict[str, Actor], access: str
) -> None:
    with pytest.raises(Invalid):
        edit(database, people["ada"], access=access)


def test_restricted_registries_do_not_exist_for_others(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "secret", access="RESTRICTED")
    with pytest.raises(NotFound):
        acme.read(database, people["vic"], "secret")
    assert "secret" not in listed(database, people["vic"])
    assert "secret" in listed(database, people["ada"])
    assert "secret" in listed(database, people["max"])


def test_a_name_that_a_hidden_registry_has_is_not_available(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["ada"], "secret", access="RESTRICTED")
    with pytest.raises(NameTaken, match="name 'secret' is not available"):
        acme.registry(database, people["max"], "secret")


def test_renaming_frees_the_old_name(database: Database, people: dict[str, Actor]) -> None:
    number = acme.registry(database, people["max"], "old")
    name = ProjectName(acme.OWNER, REGISTRY_PREFIX + "old")
    database.write(
        people["max"], lambda tx: service.rename_project(tx, name, REGISTRY_PREFIX + "new")
    )
    assert acme.read(database, people["max"], "new").id == number
    with pytest.raises(NotFound):
        acme.read(database, people["max"], "old")
    assert acme.registry(database, people["max"], "old") != number


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (REGISTRY_PREFIX + "dataset", NameTaken),
        ("plain", InvalidName),
        (REGISTRY_PREFIX + "a:b", InvalidName),
    ],
)
def test_some_new_names_are_refused(
    database: Database, people: dict[str, Actor], new: str, error: type[RegistrumError]
) -> None:
    acme.registry(database, people["max"], "old")
    name = ProjectName(acme.OWNER, REGISTRY_PREFIX + "old")
    with pytest.raises(error) as refused:
        database.write(people["max"], lambda tx: service.rename_project(tx, name, new))
    if error is NameTaken:
        assert refused.value.message == f"There is a registry 'dataset' of {acme.OWNER!r} already."


def test_core_registries_stay(database: Database, people: dict[str, Actor]) -> None:
    core = acme.read(database, people["ada"], "model")
    name = ProjectName(acme.OWNER, core.name)
    with pytest.raises(Conflict):
        database.write(
            people["ada"], lambda tx: service.rename_project(tx, name, REGISTRY_PREFIX + "x")
        )
    with pytest.raises(Conflict):
        database.write(people["ada"], lambda tx: service.delete_project(tx, core.id, force=True))
    ask = UpsertProject(entity=acme.OWNER, name=core.name, access="RESTRICTED")
    with pytest.raises(Conflict):
        database.write(people["ada"], lambda tx: service.upsert_project(tx, ask))


def test_deleting_works_once_and_only_for_admins(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["ada"], "gone")
    with pytest.raises(Forbidden):
        database.write(people["max"], lambda tx: service.delete_project(tx, number, force=False))
    database.write(people["ada"], lambda tx: service.delete_project(tx, number, force=False))
    with pytest.raises(NotFound):
        acme.read(database, people["root"], "gone")
    with pytest.raises(NotFound):
        database.write(people["ada"], lambda tx: service.delete_project(tx, number, force=False))


def test_the_organization_role_is_what_everybody_gets(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["ada"], "open")
    with pytest.raises(Forbidden):
        database.write(
            people["max"], lambda tx: service.set_organization_role(tx, number, "member")
        )
    database.write(people["ada"], lambda tx: service.set_organization_role(tx, number, "member"))
    ask = UpsertProject(project_id=number, description="by a colleague")
    database.write(people["max"], lambda tx: service.upsert_project(tx, ask))
    ask = UpsertProject(project_id=number, description="by a viewer")
    with pytest.raises(Forbidden):
        database.write(people["vic"], lambda tx: service.upsert_project(tx, ask))
    with pytest.raises(Invalid):
        database.write(people["ada"], lambda tx: service.set_organization_role(tx, number, "admin"))


def test_lists_are_filtered_sorted_and_paged(database: Database, people: dict[str, Actor]) -> None:
    numbers = {name: acme.registry(database, people["ada"], name) for name in ("b", "a", "c")}
    assert listed(database, people["vic"]) == ["c", "a", "b", "dataset", "model"]
    assert listed(database, people["vic"], order="+name")[:3] == ["a", "b", "c"]
    by_name = parse_filter(f'{{"name": "{REGISTRY_PREFIX}a"}}')
    assert listed(database, people["vic"], filter=by_name) == ["a"]
    by_id = parse_filter(f'{{"id": {numbers["c"]}}}')
    assert listed(database, people["vic"], filter=by_id) == ["c"]
    with database.read(people["vic"]) as tx:
        owner = entities.get_for(tx, Action.READ_ENTITY, acme.OWNER).thing
        seen, after, total = [], None, None
        while True:
            ask = ProjectsAsk(PageAsk(2, after, with_total=True), order="-name")
            page = registries.page_of_registries(tx, Action.READ, owner, ask)
            seen += [node.name.removeprefix(REGISTRY_PREFIX) for node in page.nodes]
            total = page.total_count
            if not page.has_next_page:
                break
            after = decode_cursor(page.end_cursor or "")
    assert seen == ["model", "dataset", "c", "b", "a"]
    assert total == 5
    with pytest.raises(InvalidFilter):
        listed(database, people["vic"], order="-views")


def test_a_list_of_types_has_an_end(database: Database, people: dict[str, Actor]) -> None:
    with pytest.raises(Invalid, match="500 artifact types"):
        edit(database, people["max"], types=tuple((f"type-{n}", None) for n in range(501)))


def test_who_wants_only_a_new_one_edits_no_other(
    database: Database, people: dict[str, Actor]
) -> None:
    assert edit(database, people["ada"], description="First.", only_new=True)
    with pytest.raises(NameTaken, match="There is a registry 'ranker' of"):
        edit(database, people["ada"], description="Second.", only_new=True)
    with database.read(people["ada"]) as tx:
        name = ProjectName(acme.OWNER, REGISTRY_PREFIX + "ranker")
        kept = projects.get_for(tx, Action.READ, name).thing.description
    assert kept == "First."
