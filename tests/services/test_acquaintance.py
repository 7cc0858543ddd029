"""What people learn of one another's teams: those they see, and of a team they only meet in a registry its name alone."""

import pytest

from registrum.core.actors import Actor
from registrum.core.policy import Action
from registrum.server.db import Database, entities, members, teams, users
from registrum.server.db.tx import Tx
from registrum.server.services.members import add_members
from registrum.server.services.organizations import CreateOrganization, create_organization
from registrum.server.services.setup import SYSTEM
from registrum.server.services.teams import CreateTeam, create_team
from registrum.server.services.users import UpdateUser, update_user
from tests import make
from tests.services import acme

ELSEWHERE = "gang"


@pytest.fixture
def people(database: Database) -> dict[str, Actor]:
    """Acme, and max in a team of another organization as well, which sam has founded."""
    found = acme.found(database)

    def work(tx: Tx) -> None:
        create_organization(tx, CreateOrganization("Globex", admin="sam"))
        create_team(tx, CreateTeam(ELSEWHERE, admin="max", organization="Globex"))

    database.write(SYSTEM, work)
    return found


def seen_of_max(database: Database, people: dict[str, Actor], who: str) -> list[str]:
    """What the teams of max are for somebody."""
    number = people["max"].user_id or 0
    with database.read(people[who]) as tx:
        return [team.name for team in users.teams_of(tx, [number]).get(number, [])]


def test_teams_of_another_organization_are_not_told_to_colleagues(
    database: Database, people: dict[str, Actor]
) -> None:
    assert {who: seen_of_max(database, people, who) for who in people} == {
        "root": [acme.TEAM, ELSEWHERE, "max"],
        "max": [acme.TEAM, ELSEWHERE, "max"],
        "ada": [acme.TEAM, "max"],
        "vic": [acme.TEAM, "max"],
        "sam": [ELSEWHERE, "max"],
    }


@pytest.mark.parametrize(
    ("default", "by"),
    [
        (acme.TEAM, {"root", "ada", "max", "vic"}),
        (ELSEWHERE, {"root", "max", "sam"}),
        ("max", {"root", "ada", "max", "vic", "sam"}),
    ],
)
def test_a_default_entity_is_told_to_who_sees_it(
    database: Database, people: dict[str, Actor], default: str, by: set[str]
) -> None:
    database.write(people["max"], lambda tx: update_user(tx, UpdateUser(default_entity=default)))
    for who, actor in people.items():
        with database.read(actor) as tx:
            told = users.get_named(tx, "max").default_entity
        assert told == (default if who in by else None), who


def test_a_team_met_in_a_registry_is_a_name_without_people_and_sizes(
    database: Database, people: dict[str, Actor]
) -> None:
    def build(tx: Tx) -> int:
        team = entities.get_for(tx, Action.READ_ENTITY, acme.TEAM).thing
        organization_id = team.organization_id
        demo = make.project(tx, "team", team.id, "demo", organization_id=organization_id)
        make.version(tx, demo, "net")
        return team.id

    team_id = database.write(SYSTEM, build)
    guest, number = people["sam"].user_id or 0, acme.registry(database, people["ada"], "open")
    database.write(
        people["ada"], lambda tx: add_members(tx, number, [guest], [team_id], named=[guest])
    )
    registry = acme.read(database, people["sam"], "open")
    for who, is_seen in (("sam", False), ("vic", True), ("root", True)):
        with database.read(people[who]) as tx:
            (met,) = members.teams_of(tx, registry)
            assert met.team.name == acme.TEAM
            found = teams.members_by_team(tx, [met.team])[team_id]
            assert [m.user.username for m in found] == (["max"] if is_seen else []), who
            assert entities.size_bytes(tx, [team_id]) == ({team_id: 10} if is_seen else {}), who
