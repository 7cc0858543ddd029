"""Lists, counts, searches and lineage know only what may be seen; see `denial_world.py` for who is who."""

from typing import Any

import pytest

from registrum.core.policy import Action
from tests.contract.denial_examples import Example
from tests.contract.denial_queries import COLLECTIONS
from tests.contract.denial_stage import EVERYBODY, Stage
from tests.contract.denial_world import (
    FACTS,
    PLACES,
    PROJECTS,
    ROLES,
    name_of,
)

LISTS = """
query($first: Int, $after: String, $filter: JSONString) {
  entity(name: "qacme-org") {
    projects(first: 50) { edges { node { name } } }
    artifactCollections(first: 50) { totalCount edges { node { name } } }
    artifactMemberships(first: 50) { totalCount edges { node { artifactCollection { name } } } }
    page: artifactMemberships(first: $first, after: $after, projectFilters: $filter) {
      totalCount pageInfo { endCursor hasNextPage } edges { node { artifactCollection { name } } }
    }
    search: artifactCollections(first: 50, filters: "{\\"name\\": {\\"$contains\\": \\"q\\"}}") {
      totalCount edges { node { name } }
    }
  }
}
"""
REGISTRY_COLLECTIONS = {
    name: project for name, project in COLLECTIONS.items() if PROJECTS[project].owner == "qacme"
}


def names_in(page: dict[str, Any]) -> list[str]:
    """The collections or projects of a page."""
    nodes = [edge["node"] for edge in page["edges"]]
    return sorted((node.get("artifactCollection") or node)["name"] for node in nodes)


@pytest.mark.parametrize("who", EVERYBODY[1:], ids=list(ROLES.values())[1:])
def test_lists_counts_and_searches_know_only_what_may_be_seen(stage: Stage, who: str) -> None:
    if not FACTS.may_in_organization(who, Action.READ_ORGANIZATION, "qacme"):
        return
    found = stage.ask(who, Example("entity", "lists", {}, (), LISTS), {"first": 50}).data
    registries = {name for name, place in PROJECTS.items() if place.owner == "qacme"}
    seen = {name for name in registries if FACTS.may(who, Action.READ, name)}
    assert names_in(found["projects"]) == sorted(map(name_of, seen))
    expected_names = sorted(n for n, project in REGISTRY_COLLECTIONS.items() if project in seen)
    for part in ("artifactCollections", "artifactMemberships", "page", "search"):
        assert names_in(found[part]) == expected_names, part
        assert found[part]["totalCount"] == len(expected_names), part
    # Page by page there is nothing else, and no page is short.
    cursor, paged = None, []
    for _ in expected_names:
        variables = {"first": 1, "after": cursor, "filter": '{"name": {"$contains": "q"}}'}
        page = stage.ask(who, Example("entity", "page", {}, (), LISTS), variables).data["page"]
        assert page["totalCount"] == len(expected_names)
        paged += names_in(page)
        cursor = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (len(paged) < len(expected_names))
    assert sorted(paged) == expected_names


WHERE = """
query($id: ID!) { artifact(id: $id) {
  artifactSequence { project { name } } createdBy { __typename }
  artifactMemberships(first: 9) { totalCount edges { node { artifactCollection { project { name } } } } }
} }
"""


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_an_artifact_shows_the_places_that_may_be_seen(stage: Stage, who: str | None) -> None:
    for name, places in PLACES.items():
        if name == "pending":
            continue
        seen = sorted(name_of(place) for place in places if FACTS.may(who, Action.READ, place))
        example = Example("artifact", name, {}, (), WHERE)
        found = stage.ask(who, example, {"id": stage.world.id("Artifact", name)}).data
        if not seen:
            assert found is None
            continue
        edges = found["artifactMemberships"]["edges"]
        assert [e["node"]["artifactCollection"]["project"]["name"] for e in edges] == sorted(
            seen, key=[name_of(place) for place in places].index
        )
        assert found["artifactMemberships"]["totalCount"] == len(seen)
        source = found["artifactSequence"]["project"]
        assert (source is not None) is FACTS.may(who, Action.READ, places[0]), name
        assert source is None or source["name"] == name_of(places[0])
        run = (found["createdBy"] or {}).get("__typename") == "Run"
        assert run is (source is not None and places[0] == "qdemo")


@pytest.mark.parametrize("who", ["gus", "olaf"], ids=ROLES.get)
def test_postgres_lists_the_same(stage_on_postgres: Stage, who: str) -> None:
    test_lists_counts_and_searches_know_only_what_may_be_seen(stage_on_postgres, who)
    test_an_artifact_shows_the_places_that_may_be_seen(stage_on_postgres, who)


PEOPLE = """
query { organization(name: "qacme") {
  members(first: 50) { edges { node { user { username } } } } teams(first: 50) { edges { node { name } } }
} }
"""


@pytest.mark.parametrize("who", EVERYBODY[1:], ids=list(ROLES.values())[1:])
def test_guests_know_nobody_of_the_organization(stage: Stage, who: str) -> None:
    found = stage.ask(who, Example("organization", "people", {}, (), PEOPLE), {}).data
    if not FACTS.may_in_organization(who, Action.READ_ORGANIZATION, "qacme"):
        assert found is None
        return
    people = {edge["node"]["user"]["username"] for edge in found["members"]["edges"]}
    teams = {edge["node"]["name"] for edge in found["teams"]["edges"]}
    belongs = who in FACTS.organizations["qacme"] or who in FACTS.admins
    assert people == (set(FACTS.organizations["qacme"]) if belongs else set())
    assert teams == ({"qresearch"} if belongs else set())


TEAMS_OF_REGISTRIES = """
query { entity(name: "qacme-org") { projects(first: 50) { edges { node {
  name teamMembers { team { name storageBytes members { username email } } }
} } } } }
"""


@pytest.mark.parametrize("who", EVERYBODY[1:], ids=list(ROLES.values())[1:])
def test_a_team_met_in_a_registry_tells_its_people_to_who_sees_the_team(
    stage: Stage, who: str
) -> None:
    if not FACTS.may_in_organization(who, Action.READ_ORGANIZATION, "qacme"):
        return
    asked = Example("entity", "teams", {}, (), TEAMS_OF_REGISTRIES)
    registries = stage.ask(who, asked, {}).data["projects"]["edges"]
    for node in [edge["node"] for edge in registries]:
        given = PROJECTS[node["name"].removeprefix("wandb-registry-")].teams
        assert {each["team"]["name"] for each in node["teamMembers"]} == set(given)
        for team in [each["team"] for each in node["teamMembers"]]:
            is_seen = FACTS.may_in_team(who, Action.READ_ENTITY, team["name"])
            people = {each["username"] for each in team["members"]} - {"svc"}
            assert len(people) == (
                len(set(FACTS.teams[team["name"]].people) - {"svc"}) if is_seen else 0
            )
            assert (team["storageBytes"] > 0) is is_seen
