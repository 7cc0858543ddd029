"""Teams and organizations: who may make them, who joins how, who leaves with what."""

import pytest

from registrum.core import ids
from registrum.core.actors import Actor
from registrum.core.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    InvalidName,
    NameTaken,
    NotFound,
)
from registrum.core.events import SubjectKind
from registrum.core.pages import PageAsk
from registrum.core.policy import Action, Role
from registrum.server.db import Database, entities, organizations, projects, teams, users
from registrum.server.db import members as member_rows
from registrum.server.db.tx import Tx
from registrum.server.services import organizations as organization_service
from registrum.server.services import teams as service
from registrum.server.services.credentials import Secrets
from registrum.server.services.organizations import CreateOrganization
from registrum.server.services.sessions import SignIns
from registrum.server.services.setup import SYSTEM
from registrum.server.services.teams import CreateTeam, InviteToTeam
from tests.services import acme

SECRETS = Secrets([b"k" * 40])


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    return acme.found(database)


def invite(
    database: Database, actor: Actor, whom: str, role: str = "member"
) -> tuple[service.Invited, str]:
    link = SECRETS.new_token()
    email, name = (whom, None) if "@" in whom else (None, whom)
    ask = InviteToTeam(acme.TEAM, email, name, role, link)
    return database.write(actor, lambda tx: service.create_invite(tx, ask)), link.secret


def team_members(database: Database) -> dict[str, tuple[str, bool]]:
    with database.read(SYSTEM) as tx:
        team = entities.get_for(tx, Action.READ_ENTITY, acme.TEAM).thing
        found = teams.members_by_team(tx, [team])[team.id]
    return {m.user.username: (m.role.label, m.is_pending) for m in found}


def in_organization(database: Database) -> dict[str, str]:
    with database.read(SYSTEM) as tx:
        found = organizations.get_for(tx, Action.READ_ORGANIZATION, acme.ORGANIZATION).thing
        page = organizations.page_of_members(tx, Action.READ_ORGANIZATION, found, PageAsk())
    return {m.user.username: m.role.label for m in page.nodes}


def test_organization_admins_make_teams(database: Database, people: dict[str, Actor]) -> None:
    ask = CreateTeam("vision", admin="vic")
    with pytest.raises(Forbidden, match="takes admin"):
        database.write(people["max"], lambda tx: service.create_team(tx, ask))
    number = database.write(people["ada"], lambda tx: service.create_team(tx, ask))
    with database.read(people["vic"]) as tx:
        assert entities.get_for(tx, Action.ADMINISTER_TEAM, "VISION").thing.id == number
        assert entities.default_name(tx) == "vision"


def test_the_first_organization_by_age_is_taken_where_there_are_several(
    database: Database, people: dict[str, Actor]
) -> None:
    second = CreateOrganization("Second", admin="max")
    database.write(people["root"], lambda tx: organization_service.create_organization(tx, second))
    number = database.write(
        people["root"], lambda tx: service.create_team(tx, CreateTeam("both", admin="max"))
    )
    with database.read(SYSTEM) as tx:
        assert entities.by_ids(tx, [number])[number].organization_name == acme.ORGANIZATION


@pytest.mark.parametrize("name", ["graphql", "a b", "", "-x", "x" * 129, "a/b"])
def test_some_team_names_are_refused(
    database: Database, people: dict[str, Actor], name: str
) -> None:
    with pytest.raises(InvalidName):
        database.write(
            people["ada"], lambda tx: service.create_team(tx, CreateTeam(name, admin="ada"))
        )


@pytest.mark.parametrize("name", ["Research", "MAX", "acme-inc-ORG"])
def test_entity_names_are_unique_without_regard_to_case(
    database: Database, people: dict[str, Actor], name: str
) -> None:
    with pytest.raises(NameTaken):
        database.write(
            people["ada"], lambda tx: service.create_team(tx, CreateTeam(name, admin="ada"))
        )


def test_inviting_a_user_joins_him_at_once(database: Database, people: dict[str, Actor]) -> None:
    invited, _ = invite(database, people["max"], "vic", "viewer")
    assert not invited.is_new
    assert team_members(database)["vic"] == ("viewer", False)
    with database.read(people["vic"]) as tx:
        assert entities.default_name(tx) == acme.TEAM
    with pytest.raises(Conflict):
        invite(database, people["max"], "vic")


@pytest.mark.usefixtures("quick_passwords")
def test_inviting_an_unknown_address_makes_an_account_whose_password_the_link_sets(
    database: Database, people: dict[str, Actor]
) -> None:
    invited, link = invite(database, people["ada"], "new.one@example.org")
    assert invited.is_new
    assert team_members(database)["new.one"] == ("member", True)
    assert in_organization(database)["new.one"] == "member"
    sign_ins = SignIns(database, SECRETS)
    signed = sign_ins.sign_in_by_link(link, "a good password")
    assert signed.actor.username == "new.one"
    assert team_members(database)["new.one"] == ("member", False)
    with pytest.raises(NotFound):
        sign_ins.sign_in_by_link(link, "another password")


def test_a_mere_team_admin_brings_guests(database: Database, people: dict[str, Actor]) -> None:
    invite(database, people["max"], "sam")
    assert "sam" not in in_organization(database)
    with database.read(people["sam"]) as tx:
        assert entities.get_for(tx, Action.CREATE_PROJECT, acme.TEAM)
    invite(database, people["ada"], "root")
    assert in_organization(database)["root"] == "member"


def test_who_is_viewer_of_the_organization_reads_only_in_teams(
    database: Database, people: dict[str, Actor]
) -> None:
    invite(database, people["max"], "vic", "member")
    with pytest.raises(Forbidden, match="viewer of its organization"):
        database.write(people["vic"], lambda tx: projects.create_on_demand(tx, acme.TEAM, "mine"))


def test_members_leave_by_themselves_or_are_removed_by_admins(
    database: Database, people: dict[str, Actor]
) -> None:
    invite(database, people["max"], "vic")
    vic = ids.encode("User", people["vic"].user_id or 0)
    mine = ids.encode("User", people["max"].user_id or 0)
    with pytest.raises(Forbidden):
        database.write(people["vic"], lambda tx: service.delete_invite(tx, acme.TEAM, mine))
    database.write(people["vic"], lambda tx: service.delete_invite(tx, acme.TEAM, vic))
    assert "vic" not in team_members(database)
    with pytest.raises(InUse):
        database.write(people["max"], lambda tx: service.delete_invite(tx, acme.TEAM, mine))


def test_an_invitation_is_withdrawn_by_its_own_id(
    database: Database, people: dict[str, Actor]
) -> None:
    invited, _ = invite(database, people["ada"], "late@example.org")
    text = ids.encode("Invite", invited.invite_id)
    database.write(people["max"], lambda tx: service.delete_invite(tx, acme.TEAM, text))
    assert "late" not in team_members(database)


def test_team_roles_change_but_the_last_admin_stays(
    database: Database, people: dict[str, Actor]
) -> None:
    invite(database, people["max"], "vic")
    with pytest.raises(InUse):
        database.write(
            people["max"], lambda tx: service.update_team_member(tx, acme.TEAM, "max", "viewer")
        )
    database.write(
        people["max"], lambda tx: service.update_team_member(tx, acme.TEAM, "vic", "admin")
    )
    database.write(
        people["max"], lambda tx: service.update_team_member(tx, acme.TEAM, "max", "member")
    )
    assert team_members(database) == {"max": ("member", False), "vic": ("admin", False)}
    with pytest.raises(Invalid):
        database.write(
            people["ada"],
            lambda tx: service.update_team_member(tx, acme.TEAM, "vic", "restricted_viewer"),
        )


def test_deleting_a_team_takes_its_projects_and_never_frees_its_name(
    database: Database, people: dict[str, Actor]
) -> None:
    number = database.write(
        people["max"], lambda tx: projects.create_on_demand(tx, acme.TEAM, "runs").thing.id
    )
    with pytest.raises(Forbidden):
        database.write(people["max"], lambda tx: service.delete_team(tx, acme.TEAM))
    database.write(people["ada"], lambda tx: service.delete_team(tx, acme.TEAM))
    with database.read(SYSTEM) as tx:
        assert projects.by_ids(tx, Action.READ, [number]) == {}
    with pytest.raises(NameTaken):
        database.write(
            people["ada"], lambda tx: service.create_team(tx, CreateTeam(acme.TEAM, admin="ada"))
        )


def test_an_organization_is_found_by_its_name_and_its_entitys(
    database: Database, people: dict[str, Actor]
) -> None:
    with database.read(people["vic"]) as tx:
        for name in ("Acme Inc", "acme INC", "acme-inc-org"):
            found = organizations.get_for(tx, Action.READ_ORGANIZATION, name).thing
            assert (found.name, found.entity.name) == (acme.ORGANIZATION, acme.OWNER)
    with database.read(people["sam"]) as tx, pytest.raises(NotFound):
        organizations.get_for(tx, Action.READ_ORGANIZATION, acme.ORGANIZATION)


def test_the_entity_gets_a_number_where_its_name_was_taken(
    database: Database, people: dict[str, Actor]
) -> None:
    ask = CreateOrganization("ACME, Inc.", admin="sam", core_registries=False)
    number = database.write(
        people["root"], lambda tx: organization_service.create_organization(tx, ask)
    )
    with database.read(SYSTEM) as tx:
        found = organizations.by_ids(tx, Action.READ_ORGANIZATION, [number])[number]
    assert found.entity.name == "acme-inc-org-2"


def test_only_instance_administrators_found_organizations(
    database: Database, people: dict[str, Actor]
) -> None:
    with pytest.raises(Forbidden):
        database.write(
            people["ada"],
            lambda tx: organization_service.create_organization(tx, CreateOrganization("Mine")),
        )
    again = CreateOrganization("acme inc")
    with pytest.raises(NameTaken):
        database.write(
            people["root"], lambda tx: organization_service.create_organization(tx, again)
        )


def test_who_leaves_an_organization_leaves_its_teams_and_registries(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["max"], "secret", access="RESTRICTED")
    database.write(
        people["ada"],
        lambda tx: organization_service.remove_member(tx, acme.ORGANIZATION, "max"),
    )
    with database.read(people["max"]) as tx:
        assert projects.by_ids(tx, Action.READ, [number]) == {}
        with pytest.raises(NotFound):
            entities.get_for(tx, Action.READ_ENTITY, acme.TEAM)
    assert "max" not in in_organization(database)


def test_a_guest_is_no_member_of_the_organization_and_keeps_what_single_registries_gave(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["max"], "secret", access="RESTRICTED")

    def build(tx: Tx) -> None:
        sam = users.get_named(tx, "sam").id
        granted = projects.get_for_id(tx, Action.ADMINISTER, number)
        member_rows.add(tx, granted, SubjectKind.USER, sam, Role.VIEWER)
        team = entities.get_for(tx, Action.ADMINISTER_TEAM, acme.TEAM)
        teams.add_member(tx, team, sam, Role.MEMBER)

    database.write(people["root"], build)
    database.write(
        people["ada"],
        lambda tx: organization_service.remove_member(tx, acme.ORGANIZATION, "sam"),
    )
    with database.read(people["sam"]) as tx:
        assert list(projects.by_ids(tx, Action.READ, [number])) == [number]
        assert entities.get_for(tx, Action.READ_ENTITY, acme.TEAM)


def test_the_last_admin_of_an_organization_stays(
    database: Database, people: dict[str, Actor]
) -> None:
    with pytest.raises(InUse):
        database.write(
            people["ada"],
            lambda tx: organization_service.remove_member(tx, acme.ORGANIZATION, "ada"),
        )
    database.write(
        people["ada"],
        lambda tx: organization_service.update_member(tx, acme.ORGANIZATION, "max", "admin"),
    )
    database.write(
        people["max"],
        lambda tx: organization_service.update_member(tx, acme.ORGANIZATION, "ada", "viewer"),
    )
    assert in_organization(database) == {"ada": "viewer", "max": "admin", "vic": "viewer"}


def test_deleting_an_organization_takes_everything_in_it(
    database: Database, people: dict[str, Actor]
) -> None:
    acme.registry(database, people["max"], "ranker")
    with pytest.raises(Forbidden):
        database.write(
            people["max"],
            lambda tx: organization_service.delete_organization(tx, acme.ORGANIZATION, force=False),
        )
    database.write(
        people["ada"],
        lambda tx: organization_service.delete_organization(tx, acme.ORGANIZATION, force=False),
    )
    with database.read(SYSTEM) as tx:
        for name in (acme.TEAM, acme.OWNER):
            with pytest.raises(NotFound):
                entities.get_for(tx, Action.READ_ENTITY, name)
        assert users.get_named(tx, "max").default_entity is None
    again = CreateOrganization(acme.ORGANIZATION, admin="max")
    assert database.write(
        people["root"], lambda tx: organization_service.create_organization(tx, again)
    )


def test_a_service_account_has_no_more_in_the_organization_than_who_made_it(
    database: Database, people: dict[str, Actor]
) -> None:
    def make(actor: Actor, description: str) -> str:
        key = SECRETS.new_key_with_seed()

        def work(tx: Tx) -> str:
            number = service.create_service_account(tx, acme.TEAM, description, key)
            return users.by_ids(tx, [number])[number].username

        return database.write(actor, work)

    for name in ("vic", "sam"):  # a viewer of the organization, and a guest
        invite(database, people["max"], name, "admin")
    made = {name: make(people[name], f"bot of {name}") for name in ("ada", "max", "vic", "sam")}
    held = in_organization(database)
    assert {name: held.get(bot) for name, bot in made.items()} == {
        "ada": "member",
        "max": "member",
        "vic": "viewer",
        "sam": None,
    }


def test_the_team_one_has_left_is_no_default_entity(
    database: Database, people: dict[str, Actor]
) -> None:
    invite(database, people["max"], "vic")
    with database.read(people["vic"]) as tx:
        assert entities.default_name(tx) == acme.TEAM
    vic = ids.encode("User", acme.number_of(database, "vic"))
    database.write(people["max"], lambda tx: service.delete_invite(tx, acme.TEAM, vic))
    with database.read(people["vic"]) as tx:
        assert entities.default_name(tx) == "vic"
