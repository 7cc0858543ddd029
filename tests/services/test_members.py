"""Members of a registry: defaults, roles in effect, the last admin, service accounts, guests, teams."""

import pytest
from sqlalchemy import select

from registrum.core.actors import Actor
from registrum.core.errors import Forbidden, InUse, Invalid, NotFound
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, ProjectName
from registrum.server.db import Database, entities, members, organizations, projects, teams
from registrum.server.db.tables import events
from registrum.server.db.tx import Tx
from registrum.server.services import members as service
from registrum.server.services import organizations as organization_service
from registrum.server.services.credentials import Secrets
from registrum.server.services.organizations import CreateOrganization, create_organization
from registrum.server.services.projects import UpsertProject, delete_project, upsert_project
from registrum.server.services.teams import (
    CreateTeam,
    create_service_account,
    create_team,
    delete_team,
    reveal_first_keys,
)
from registrum.server.services.users import delete_user
from tests.services import acme

SECRETS = Secrets([b"k" * 40])


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    return acme.found(database)


@pytest.fixture
def registry(database: Database, people: dict[str, Actor]) -> int:
    return acme.registry(database, people["max"], "secret", access="RESTRICTED")


def add(
    database: Database, actor: Actor, registry: int, *whom: Actor, role: str | None = None
) -> None:
    """Adds people whom the actor has named."""
    numbers = [one.user_id or 0 for one in whom]
    database.write(actor, lambda tx: service.add_members(tx, registry, numbers, [], role, numbers))


def team_id(database: Database, actor: Actor) -> int:
    with database.read(actor) as tx:
        return entities.get_for(tx, Action.READ_ENTITY, acme.TEAM).thing.id


def roles(database: Database, actor: Actor, name: str = "secret") -> dict[str, tuple[str, str]]:
    found = acme.read(database, actor, name)
    with database.read(actor) as tx:
        return {
            m.user.username: (m.role.label, m.effective_role.label)
            for m in members.users_of(tx, found)
        }


def may(database: Database, actor: Actor, action: Action, number: int) -> bool:
    with database.read(actor) as tx:
        return number in projects.by_ids(tx, action, [number])


def test_users_become_restricted_viewers_and_keep_the_role_when_added_again(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"])
    assert roles(database, people["max"])["vic"] == ("restricted_viewer", "restricted_viewer")
    add(database, people["max"], registry, people["vic"], role="admin")
    assert roles(database, people["max"])["vic"][0] == "restricted_viewer"


def test_a_restricted_viewer_sees_but_does_not_download(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"])
    assert may(database, people["vic"], Action.READ, registry)
    assert not may(database, people["vic"], Action.DOWNLOAD, registry)


def test_a_guest_from_outside_has_exactly_that_role_and_sees_the_organization(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    other = acme.registry(database, people["max"], "other")
    add(database, people["max"], registry, people["sam"], role="member")
    assert may(database, people["sam"], Action.LINK, registry)
    assert not may(database, people["sam"], Action.READ, other)
    with database.read(people["sam"]) as tx:
        found = organizations.get_for(tx, Action.READ_ORGANIZATION, acme.ORGANIZATION).thing
        assert found.entity.name == acme.OWNER


def test_a_registry_member_writes_although_he_is_viewer_of_the_organization(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"], role="member")
    assert may(database, people["vic"], Action.EDIT_COLLECTION, registry)


def test_the_role_in_effect_counts_teams_and_the_organization(
    database: Database, people: dict[str, Actor]
) -> None:
    number = acme.registry(database, people["ada"], "open")
    add(database, people["ada"], number, people["max"], people["vic"], people["ada"])
    team = team_id(database, people["max"])
    database.write(people["ada"], lambda tx: service.add_members(tx, number, [], [team], "member"))
    assert roles(database, people["ada"], "open") == {
        "ada": ("admin", "admin"),
        "max": ("restricted_viewer", "member"),
        "vic": ("restricted_viewer", "viewer"),
    }
    assert may(database, people["max"], Action.LINK, number)


def test_removing_who_is_no_member_succeeds_and_changing_his_role_is_not_found(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    sam = people["sam"].user_id or 0
    database.write(people["max"], lambda tx: service.remove_members(tx, registry, [sam], []))
    with pytest.raises(NotFound):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, sam, "viewer"))


@pytest.mark.parametrize("role", ["owner", "Admin", ""])
def test_unknown_roles_are_refused(
    database: Database, people: dict[str, Actor], registry: int, role: str
) -> None:
    add(database, people["max"], registry, people["vic"])
    vic = people["vic"].user_id or 0
    with pytest.raises(Invalid, match="restricted_viewer, viewer, member, admin"):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, vic, role))


def test_only_admins_change_members(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"], role="member")
    with pytest.raises(Forbidden, match="role there is member, and it takes admin"):
        add(database, people["vic"], registry, people["sam"])
    with pytest.raises(NotFound):
        add(database, people["sam"], registry, people["sam"])


def test_the_last_admin_stays_unless_an_organization_admin_does_it(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    mine = people["max"].user_id or 0
    with pytest.raises(InUse):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, mine, "viewer"))
    with pytest.raises(InUse):
        database.write(people["max"], lambda tx: service.remove_members(tx, registry, [mine], []))
    assert roles(database, people["max"])["max"][0] == "admin"
    database.write(people["ada"], lambda tx: service.remove_members(tx, registry, [mine], []))
    assert roles(database, people["ada"]) == {}


def test_an_admin_can_go_when_another_one_stays(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"], role="admin")
    mine = people["max"].user_id or 0
    database.write(people["max"], lambda tx: service.remove_members(tx, registry, [mine], []))
    assert set(roles(database, people["vic"])) == {"vic"}


def test_teams_are_members_with_their_own_role(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    team = team_id(database, people["max"])
    database.write(people["max"], lambda tx: service.add_members(tx, registry, [], [team]))
    database.write(people["max"], lambda tx: service.update_team(tx, registry, team, "viewer"))
    found = acme.read(database, people["max"], "secret")
    with database.read(people["max"]) as tx:
        assert [(t.team.name, t.role.label) for t in members.teams_of(tx, found)] == [
            (acme.TEAM, "viewer")
        ]
    database.write(people["max"], lambda tx: service.remove_members(tx, registry, [], [team]))
    with pytest.raises(NotFound):
        database.write(people["max"], lambda tx: service.update_team(tx, registry, team, "admin"))


def test_nobody_is_added_if_one_does_not_exist(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    numbers = [people["vic"].user_id or 0, 10**9]
    with pytest.raises(NotFound):
        database.write(people["max"], lambda tx: service.add_members(tx, registry, numbers, []))
    assert set(roles(database, people["max"])) == {"max"}


def test_a_number_alone_tells_nobody_who_has_it(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    sam, nobody = people["sam"].user_id or 0, 10**9
    other = acme.registry(database, people["max"], "other")

    def add_number(registry: int, number: int) -> str | None:
        try:
            database.write(
                people["max"], lambda tx: service.add_members(tx, registry, [number], [])
            )
        except NotFound as error:
            return str(error)
        return None

    assert add_number(registry, sam) == add_number(registry, nobody) is not None
    add(database, people["max"], other, people["sam"])
    assert add_number(registry, sam) is None, "who is a member elsewhere is seen there"
    assert set(roles(database, people["max"])) == {"max", "sam"}


def test_a_service_account_is_member_or_admin(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    key = SECRETS.new_key_with_seed()
    robot = database.write(
        people["max"], lambda tx: create_service_account(tx, acme.TEAM, "CI", key)
    )
    database.write(people["max"], lambda tx: service.add_members(tx, registry, [robot], []))
    assert roles(database, people["max"])["CI"][0] == "member"
    with pytest.raises(Invalid, match="service account"):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, robot, "viewer"))
    with pytest.raises(Invalid, match="service account"):
        add(database, people["max"], registry, Actor(robot), role="restricted_viewer")


def test_members_are_of_registries_only(database: Database, people: dict[str, Actor]) -> None:
    number = database.write(
        people["max"], lambda tx: projects.create_on_demand(tx, acme.TEAM, "runs").thing.id
    )
    with pytest.raises(Invalid, match="not a registry"):
        add(database, people["max"], number, people["vic"])


def test_a_name_of_a_project_is_not_told_to_strangers(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    name = ProjectName(acme.OWNER, "wandb-registry-secret")
    with database.read(people["sam"]) as tx, pytest.raises(NotFound):
        projects.get_for(tx, Action.ADMINISTER, name)


def test_the_first_key_is_shown_to_its_creator_only(
    database: Database, people: dict[str, Actor]
) -> None:
    key = SECRETS.new_key_with_seed()
    database.write(people["max"], lambda tx: create_service_account(tx, acme.TEAM, "CI bot", key))
    for who, secret in (("ada", None), ("max", key.secret)):
        with database.read(people[who]) as tx:
            team = entities.get_for(tx, Action.READ_ENTITY, acme.TEAM).thing
            listed = teams.members_by_team(tx, [team])[team.id]
            shown, _ = reveal_first_keys(tx, SECRETS, listed)
            assert (shown[-1].user.name, shown[-1].api_key) == ("CI bot", secret)


def test_the_address_of_a_guest_is_no_ones_who_does_not_know_him(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["sam"], people["vic"])

    def addresses(actor: Actor) -> dict[str, str | None]:
        with database.read(actor) as tx:
            found = projects.get_for_id(tx, Action.READ, registry).thing
            return {m.user.username: m.user.email for m in members.users_of(tx, found)}

    assert addresses(people["max"]) == {
        "max": "max@example.org",
        "sam": None,
        "vic": "vic@example.org",
    }
    assert addresses(people["sam"]) == {"max": None, "sam": "sam@example.org", "vic": None}


def test_a_team_becomes_restricted_viewer_unless_more_is_given(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    team = team_id(database, people["max"])
    database.write(people["max"], lambda tx: service.add_members(tx, registry, [], [team]))
    database.write(people["max"], lambda tx: service.add_members(tx, registry, [], [team], "admin"))
    found = acme.read(database, people["max"], "secret")
    with database.read(people["max"]) as tx:
        assert [t.role.label for t in members.teams_of(tx, found)] == ["restricted_viewer"]


def test_only_teams_that_one_sees_can_be_added(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    def elsewhere(tx: Tx) -> list[int]:
        create_organization(tx, CreateOrganization("Globex", admin="sam"))
        hidden = create_team(tx, CreateTeam("gang", admin="sam", organization="Globex"))
        no_teams = [
            entities.get_for(tx, Action.READ_ENTITY, n).thing.id for n in ("max", acme.OWNER)
        ]
        return [hidden, *no_teams, 10**9]

    for number in database.write(people["root"], elsewhere):
        with pytest.raises(NotFound, match="or you may not see it"):
            database.write(
                people["max"], lambda tx, n=number: service.add_members(tx, registry, [], [n])
            )
    found = acme.read(database, people["max"], "secret")
    with database.read(people["root"]) as tx:
        assert members.teams_of(tx, found) == []


def test_who_was_deleted_becomes_nobodys_member_and_is_nobodys_admin(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    add(database, people["max"], registry, people["vic"], people["ada"], role="admin")
    database.write(people["root"], lambda tx: delete_user(tx, "vic", None))
    assert set(roles(database, people["max"])) == {"max", "ada"}
    vic, ada, mine = (people[name].user_id or 0 for name in ("vic", "ada", "max"))
    with pytest.raises(NotFound):
        add(database, people["max"], registry, people["vic"])
    with pytest.raises(NotFound):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, vic, "viewer"))
    database.write(people["max"], lambda tx: service.remove_members(tx, registry, [vic, ada], []))
    with pytest.raises(InUse):
        database.write(people["max"], lambda tx: service.remove_members(tx, registry, [mine], []))


def test_a_team_can_be_the_last_admin_and_ceases_to_be_with_its_end(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    team = team_id(database, people["max"])
    mine = people["max"].user_id or 0
    database.write(people["max"], lambda tx: service.add_members(tx, registry, [], [team], "admin"))
    database.write(people["max"], lambda tx: service.update_user(tx, registry, mine, "viewer"))
    for change in (
        lambda tx: service.update_team(tx, registry, team, "member"),
        lambda tx: service.remove_members(tx, registry, [], [team]),
        lambda tx: service.remove_members(tx, registry, [mine], [team]),
    ):
        with pytest.raises(InUse):
            database.write(people["max"], change)
    database.write(people["max"], lambda tx: service.update_user(tx, registry, mine, "admin"))
    database.write(people["ada"], lambda tx: delete_team(tx, acme.TEAM))
    with pytest.raises(InUse):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, mine, "viewer"))


def test_more_than_some_hundreds_at_once_are_refused(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    many = list(range(1, service.MOST_AT_ONCE + 2))
    for users, teams_given in ((many, []), ([], many)):
        for act in (service.add_members, service.remove_members):
            with pytest.raises(Invalid, match="At most 500"):
                database.write(
                    people["max"], lambda tx, a=act, u=users, t=teams_given: a(tx, registry, u, t)
                )


def test_the_ledger_says_who_became_what_and_nothing_of_what_did_not_change(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    team, vic = team_id(database, people["max"]), people["vic"].user_id or 0
    for _ in range(2):  # what is done is done: the second time there is nothing to tell
        database.write(
            people["max"], lambda tx: service.add_members(tx, registry, [vic], [team], "viewer")
        )
    for _ in range(2):
        database.write(people["max"], lambda tx: service.update_user(tx, registry, vic, "member"))
        database.write(people["max"], lambda tx: service.update_team(tx, registry, team, "admin"))
    for _ in range(2):
        database.write(
            people["ada"], lambda tx: service.remove_members(tx, registry, [vic], [team])
        )
    said = select(events).where(
        events.c.kind.like("registry.member%"), events.c.project_id == registry
    )
    with database.read(people["root"]) as tx:
        found = [
            (e.kind, e.subject_kind, e.subject_id, e.actor_id, *e.changes["role"])
            for e in tx.rows(said.order_by(events.c.id))
        ]
    by_max, by_ada = people["max"].user_id, people["ada"].user_id
    assert found == [
        ("registry.member_added", "user", vic, by_max, "", "viewer"),
        ("registry.member_added", "team", team, by_max, "", "viewer"),
        ("registry.member_changed", "user", vic, by_max, "viewer", "member"),
        ("registry.member_changed", "team", team, by_max, "viewer", "admin"),
        ("registry.member_removed", "user", vic, by_ada, "member", ""),
        ("registry.member_removed", "team", team, by_ada, "admin", ""),
    ]


def sees_acme(database: Database, actor: Actor) -> bool:
    with database.read(actor) as tx:
        try:
            organizations.get_for(tx, Action.READ_ORGANIZATION, acme.ORGANIZATION)
        except NotFound:
            return False
    return True


def test_a_guest_is_none_any_more_when_the_registry_is_gone(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    def of_sams_team(tx: Tx) -> None:
        create_organization(tx, CreateOrganization("Globex", admin="root"))
        gang = create_team(tx, CreateTeam("gang", admin="vic", organization="Globex"))
        organization_service.remove_member(tx, acme.ORGANIZATION, "vic")
        service.add_members(tx, registry, [], [gang])

    database.write(people["root"], of_sams_team)
    add(database, people["max"], registry, people["sam"])
    assert sees_acme(database, people["sam"])
    assert sees_acme(database, people["vic"]), "by a team"
    database.write(people["max"], lambda tx: delete_project(tx, registry, force=False))
    assert not sees_acme(database, people["sam"])
    assert not sees_acme(database, people["vic"])


def test_who_leaves_the_organization_leaves_its_registries_and_no_others(
    database: Database, people: dict[str, Actor], registry: int
) -> None:
    def globex(tx: Tx) -> int:
        create_organization(tx, CreateOrganization("Globex", admin="root"))
        name = REGISTRY_PREFIX + "theirs"
        ask = UpsertProject(entity="globex-org", name=name, access="RESTRICTED")
        return upsert_project(tx, ask).project_id

    theirs = database.write(people["root"], globex)
    for number in (registry, theirs):
        add(database, people["root"], number, people["vic"], role="member")
        assert may(database, people["vic"], Action.LINK, number)
    database.write(
        people["ada"],
        lambda tx: organization_service.remove_member(tx, acme.ORGANIZATION, "vic"),
    )
    assert not may(database, people["vic"], Action.READ, registry)
    assert may(database, people["vic"], Action.LINK, theirs)
    assert set(roles(database, people["max"])) == {"max"}
