"""Members of registries by the real client: who becomes what, what each role may do, and what is gone for whom."""

from base64 import b64encode
from collections.abc import Callable, Iterator

import pytest
import wandb
from wandb.apis.public import User
from wandb.apis.public.registries.registry import Registry

from registrum.core.policy import Role
from tests.client.live import Person
from tests.client.test_registry import reason
from tests.client.whale import ENTITY, ORGANIZATION, TEAM, USER, Whale

SERVICE = """mutation($t: String!, $d: String!) { createServiceAccount(input:
  {entityName: $t, description: $d}) { user { id username } } }"""
REMOVE_SERVICE = """mutation($t: String!, $i: String!) { deleteInvite(input:
  {entityName: $t, id: $i}) { success } }"""
MEMBERS = """query($e: String!, $p: String!) { project(entityName: $e, name: $p) {
  members { username role { name } effectiveRole { name } }
  teamMembers { team { name } role { name } } } }"""
PERSON = "query($u: String) { users(query: $u) { edges { node { id } } } }"
REGISTRIES = (
    "query($e: String) { entity(name: $e) { projects(first: 200) { edges { node { id } } } } }"
)
DELETE = "mutation($i: String!) { deleteModel(input: {id: $i, force: true}) { success } }"
ORGANIZATION_ROLE = """mutation($p: ID!, $r: String!) { updateRegistryOrganizationRole(input:
  {projectId: $p, role: $r}) { project { organizationRole { name } } } }"""


@pytest.fixture(autouse=True, scope="session")
def gil(world: Whale) -> None:
    """A stranger who may become a guest here."""
    person = Person("bw-gil", "local-gil" + "w" * 40, world.home / "gil")
    email = f"{person.username}@example.org"
    world.server.graphql(world.server.admin, USER, e=email, u=person.username, k=person.api_key)
    world.people["gil"] = person


@pytest.fixture(autouse=True)
def left_as_found(world: Whale) -> Iterator[None]:
    """Registries that a test makes go with it, since all tests share the organization."""
    before = registry_ids(world)
    yield
    for number in registry_ids(world) - before:
        world.server.graphql(world.server.admin, DELETE, i=number)


def registry_ids(world: Whale) -> set[str]:
    """All registries of the organization."""
    found = world.server.graphql(world.server.admin, REGISTRIES, e=ENTITY)["entity"]["projects"]
    return {edge["node"]["id"] for edge in found["edges"]}


def user(api: wandb.Api, name: str) -> User:
    """Somebody by name, who is there."""
    found = api.user(f"bw-{name}")
    assert found
    return found


def roles(registry: Registry) -> dict[str, str]:
    """The roles given to people, without whoever made the registry."""
    given = {m.user.username: m.role for m in registry.user_members()}
    return {name.removeprefix("bw-"): role for name, role in given.items() if name != "bw-olga"}


def effective(world: Whale, registry: Registry) -> dict[str, str]:
    """The roles that count, by name."""
    found = world.ask("olga", MEMBERS, e=ENTITY, p=registry.full_name)["project"]["members"]
    return {m["username"].removeprefix("bw-"): m["effectiveRole"]["name"] for m in found}


def linked(world: Whale, registry: str, kind: str = "model") -> wandb.Artifact:
    """A version of mia's, linked by olga."""
    source = world.log("shoal", f"{registry}-net", f"of {registry}", artifactTypeName=kind)
    mine = world.api("olga").artifact(source.qualified_name)
    return mine.link(f"wandb-registry-{registry}/{registry}-col", aliases=["best"])


def test_a_stranger_is_added_by_name_and_not_by_number(world: Whale) -> None:
    olga = world.api("olga")
    registry = olga.create_registry("lobby", "restricted")
    people = world.server.graphql(world.server.admin, PERSON, u="bw-gus")["users"]["edges"]
    named, number = user(olga, "gus").id, people[0]["node"]["id"]
    nobody = b64encode(b"User:987654321").decode()
    of_another = user(world.api("gil"), "gus").id
    refusals = {
        reason(lambda text=text: registry.add_members(text))
        for text in (number, nobody, of_another)
    }
    assert len(refusals) == 1
    assert roles(registry) == {}
    assert len({named, number, of_another}) == 3
    registry.add_members(named)
    assert roles(registry) == {"gus": "restricted_viewer"}
    registry.update_member(user(olga, "gus"), "viewer")
    assert roles(registry) == {"gus": "viewer"}
    registry.remove_members(user(olga, "gus"))
    assert roles(registry) == {}


def test_what_each_of_the_four_roles_may_do(world: Whale) -> None:
    registry = world.api("olga").create_registry("ladder", "restricted")
    path = linked(world, "ladder").qualified_name
    gil = world.new_api("gil", entity="bw-gil")
    acts: list[tuple[Role, Callable[[], object]]] = [
        (Role.RESTRICTED_VIEWER, lambda: gil.artifact(path).manifest),
        (Role.VIEWER, lambda: gil.artifact(path).download(str(world.home / "ladder"))),
        (Role.MEMBER, lambda: retag(gil.artifact(path))),
        (Role.ADMIN, lambda: gil.registry("ladder", ORGANIZATION).update_member(user(gil, "olga"), "admin")),
    ]  # fmt: skip
    registry.add_members(user(world.api("olga"), "gil"))
    assert roles(registry) == {"gil": "restricted_viewer"}
    for role in Role:
        registry.update_member(user(world.api("olga"), "gil"), role.label)
        for least, act in acts:
            if role >= least:
                act()
            else:
                words = reason(act)
                assert "You may not" in words, (role, least, words)
                assert f"your role there is {role.words}" in words
                assert f"it takes {least.words}" in words


def retag(artifact: wandb.Artifact) -> None:
    """Gives an alias."""
    artifact.aliases.append("tagged")
    artifact.save()


def test_a_guest_is_that_and_nothing_else(world: Whale) -> None:
    olga, gil = world.api("olga"), world.new_api("gil", entity="bw-gil")
    registry = olga.create_registry("harbour", "restricted").add_members(user(olga, "gil"))
    assert [r.name for r in gil.registries(ORGANIZATION)] == ["harbour"]
    # Without an organization in its settings the client finds the one that gus is a guest of.
    path = linked(world, "harbour").qualified_name
    found = gil.artifact(path)
    assert found.source_project == ""
    assert "Unable to fetch source artifact" in reason(lambda: found.source_artifact, ValueError)
    assert roles(gil.registry("harbour", ORGANIZATION)) == {"gil": "restricted_viewer"}
    assert "Failed to load registry" in reason(lambda: gil.registry("model", ORGANIZATION))
    assert "You may not create registries" in reason(
        lambda: gil.create_registry("own", "restricted", ORGANIZATION)
    )
    registry.remove_members(user(olga, "gil"))
    assert reason(lambda: list(world.new_api("gil").registries(ORGANIZATION)), ValueError)


def test_a_guest_learns_the_names_of_teams_and_not_who_is_in_them(world: Whale) -> None:
    olga, gil = world.api("olga"), world.new_api("gil", entity="bw-gil")
    registry = olga.create_registry("quay", "restricted").add_members(user(olga, "gil"))
    registry.add_members(olga.team(TEAM))
    for api, sees in ((olga, True), (gil, False)):
        (member,) = api.registry("quay", ORGANIZATION).team_members()
        assert (member.team.name, member.role) == (TEAM, "restricted_viewer")
        assert ("bw-mia" in {each["username"] for each in member.team.members}) is sees
        assert bool(member.team.members) is sees


def test_a_service_account_is_member_and_never_less(world: Whale) -> None:
    olga = world.api("olga")
    registry = olga.create_registry("machines", "restricted")
    made = world.ask("olga", SERVICE, t=TEAM, d="bosun")["createServiceAccount"]["user"]
    registry.add_members(made["id"], user(olga, "nora"))
    assert roles(registry) == {made["username"]: "member", "nora": "restricted_viewer"}
    for role in ("viewer", "restricted_viewer"):
        words = reason(lambda role=role: registry.update_member(made["id"], role))
        assert f"A service account cannot be {role.replace('_', ' ')}" in words
    registry.update_member(made["id"], "admin")
    assert roles(registry)[made["username"]] == "admin"
    world.ask("olga", REMOVE_SERVICE, t=TEAM, i=made["id"])


def test_the_last_admin_stays(world: Whale) -> None:
    nora = world.api("nora")
    registry = nora.create_registry("lonely", "restricted")
    me = user(nora, "nora")
    for change in (
        lambda: registry.remove_members(me),
        lambda: registry.update_member(me, "member"),
    ):
        assert "admin" in reason(change)
        assert {m.user.username: m.role for m in registry.user_members()} == {"bw-nora": "admin"}
    # An admin of the organization may, and is admin there without being a member.
    seen = world.api("olga").registry("lonely")
    seen.update_member(me.id, "viewer")
    assert {m.role for m in seen.user_members()} == {"viewer"}
    assert "You may not" in reason(lambda: registry.update_member(me, "admin"))


def test_unknown_roles_and_people_who_are_no_members(world: Whale) -> None:
    olga = world.api("olga")
    registry = olga.create_registry("strict", "restricted").add_members(user(olga, "nora"))
    nora, vic, team = user(olga, "nora"), user(olga, "vic"), olga.team(TEAM)
    words = reason(lambda: registry.update_member(nora, "captain"))
    assert "There is no role 'captain'" in words
    assert "restricted_viewer, viewer, member, admin" in words
    for stranger in (vic, vic.id, team, team.id):
        words = reason(lambda stranger=stranger: registry.update_member(stranger, "viewer"))
        assert "There is no such member of registry 'strict'" in words
    nobody = olga.user("nobody-of-that-name")
    assert nobody is None
    assert roles(registry) == {"nora": "restricted_viewer"}


def test_the_role_in_effect_follows_teams_visibility_and_the_organizations_role(
    world: Whale,
) -> None:
    olga = world.api("olga")
    registry = olga.create_registry("tides", "restricted")
    for name in ("mia", "nora", "vic", "gil"):
        registry.add_members(user(olga, name))
    lowest = dict.fromkeys(("mia", "nora", "vic", "gil"), "restricted_viewer")
    assert effective(world, registry) == {"olga": "admin", **lowest}
    registry.add_members(olga.team(TEAM)).update_member(olga.team(TEAM), "member")
    assert effective(world, registry) == {"olga": "admin", **lowest, "mia": "member"}
    registry.remove_members(olga.team(TEAM))
    registry.visibility = "organization"
    registry.save()
    seen = {**lowest, **dict.fromkeys(("mia", "nora", "vic"), "viewer")}
    assert effective(world, registry) == {"olga": "admin", **seen}
    done = world.ask("olga", ORGANIZATION_ROLE, p=registry.id, r="member")
    assert done["updateRegistryOrganizationRole"]["project"]["organizationRole"]["name"] == "member"
    # The role is for members of the organization; its viewers only look, and guests stay what they are.
    assert effective(world, registry) == {
        "olga": "admin",
        **seen,
        "mia": "member",
        "nora": "member",
    }
    for name in ("mia", "nora"):
        theirs = world.api(name).registry("tides")
        theirs.description = f"By {name}."
        theirs.save()
    theirs = world.api("vic").registry("tides")
    theirs.description = "By vic."
    assert "your role there is viewer, and it takes member" in reason(theirs.save)
    status, answer = world.server.ask(
        world.people["olga"], ORGANIZATION_ROLE, p=registry.id, r="admin"
    )
    assert status == 400, answer


def test_a_registry_that_becomes_restricted_vanishes_for_others(world: Whale) -> None:
    registry = world.api("olga").create_registry("mist", "organization")
    path = linked(world, "mist").qualified_name

    def seen(name: str) -> list[list[str]]:
        api, own = world.new_api(name), {"name": "wandb-registry-mist"}
        return [
            [r.name for r in api.registries(ORGANIZATION, filter=own)],
            [c.name for c in api.registries(ORGANIZATION, filter=own).collections()],
            [v.name for v in api.registries(ORGANIZATION).collections({"name": "mist-col"}).versions()],
            [v.name for v in api.registries(ORGANIZATION).versions({"alias": "best"}) if "mist" in v.name],
        ]  # fmt: skip

    everything = [["mist"], ["mist-col"], ["mist-col:v0"], ["mist-col:v0"]]
    assert seen("vic") == seen("nora") == everything
    registry.visibility = "restricted"
    registry.save()
    for name in ("vic", "nora", "rae"):
        assert seen(name) == [[], [], [], []], name
        assert world.new_api(name).artifact_exists(path) is False
    registry.add_members(user(world.api("olga"), "vic"))
    assert seen("vic") == everything
    assert seen("nora") == [[], [], [], []]


@pytest.mark.parametrize("name", ["model", "dataset"])
def test_core_registries_cannot_be_deleted_renamed_or_restricted(world: Whale, name: str) -> None:
    def core() -> Registry:
        return world.new_api("olga").registry(name)

    def renamed() -> None:
        registry = core()
        registry.name = "other"
        registry.save()

    def restricted() -> None:
        registry = core()
        registry.visibility = "restricted"
        registry.save()

    for act in (lambda: core().delete(), renamed, restricted):
        reason(act)
        assert (core().name, core().visibility) == (name, "organization")


def test_a_type_that_is_not_taken_is_refused_with_those_that_are(world: Whale) -> None:
    registry = world.api("olga").create_registry("picky", "organization", artifact_types=["model"])
    words = reason(lambda: linked(world, "picky", "dataset"))
    assert "dataset" in words
    assert "model" in words
    registry.artifact_types.append("dataset")
    registry.save()
    linked(world, "picky", "dataset")
    again = world.new_api("olga").registry("picky")
    with pytest.raises(ValueError, match="Cannot remove"):
        again.artifact_types.remove("dataset")
    assert sorted(again.artifact_types) == ["dataset", "model"]
