"""Everything a `Registry` of the real client offers, and who sees which registry."""

from base64 import b64decode
from collections.abc import Callable
from datetime import datetime

import pytest
import wandb
from wandb.errors import CommError

from tests.client.whale import ENTITY, ORGANIZATION, TEAM, Whale, reason

Link = Callable[..., wandb.Artifact]


@pytest.fixture
def link(world: Whale, request: pytest.FixtureRequest) -> Link:
    """Logs a version into the team's project and links it as olga."""
    name = request.node.name.split("[")[0][-40:].strip("_")

    def make(registry: str, text: str = "", *aliases: str, kind: str = "model") -> wandb.Artifact:
        artifact = world.log("reef", f"{name}-{kind}", f"{name} {text}", artifactTypeName=kind)
        source = world.api("olga").artifact(artifact.qualified_name)
        return source.link(f"wandb-registry-{registry}/{name}-{kind}", aliases=aliases)

    return make


def test_every_property_of_a_registry(world: Whale) -> None:
    made = world.api("mia").create_registry(
        "props", "organization", description="Said.", artifact_types=["model", "data set-1.0"]
    )
    found = world.api("max").registry("props")
    for registry in (made, found):
        assert registry.name == "props"
        assert registry.full_name == "wandb-registry-props"
        assert registry.entity == ENTITY
        assert registry.organization == ORGANIZATION
        assert registry.path == [ENTITY, "wandb-registry-props"]
        assert registry.description == "Said."
        assert registry.visibility == "organization"
        assert registry.allow_all_artifact_types is False
        assert sorted(registry.artifact_types) == ["data set-1.0", "model"]
        assert b64decode(registry.id).startswith(b"Project:")
        assert b64decode(registry.internal_id or "").split(b":")[1].isdigit()
        age = datetime.now().astimezone() - datetime.fromisoformat(registry.created_at)
        assert abs(age.total_seconds()) < 600
    assert found.id == made.id
    made.description = "Said anew."
    made.save()
    found.load()
    assert found.description == "Said anew."
    assert found.updated_at is not None
    assert found.updated_at >= found.created_at
    assert [(m.user.username, m.role) for m in found.user_members()] == [("bw-mia", "admin")]
    assert found.team_members() == []


@pytest.mark.parametrize(
    ("given", "kept"), [(None, None), ("", ""), ("Wörter\n*md*", "Wörter\n*md*")]
)
def test_no_description_is_not_an_empty_one(
    world: Whale, given: str | None, kept: str | None
) -> None:
    name = f"said-{len(given) if given is not None else 'none'}"
    api = world.api("mia")
    assert api.create_registry(name, "organization", description=given).description == kept
    registry = api.registry(name)
    assert registry.description == kept
    registry.save()
    assert api.registry(name).description == kept
    assert [r.description for r in api.registries(filter={"name": name})] == [kept]


def test_a_registry_name_is_taken_once_in_an_organization(world: Whale) -> None:
    mia, olga = world.api("mia"), world.api("olga")
    mia.create_registry("taken", "restricted")
    assert "Registry 'taken' already exists" in reason(
        lambda: mia.create_registry("taken", "organization"), ValueError
    )
    # Who doesn't see it is told the same by the server, and only that it can't be made.
    words = reason(lambda: world.api("max").create_registry("taken", "organization"), ValueError)
    assert "Failed to create registry 'taken' in organization 'Blue Whale'." in words
    assert "restricted" not in words
    assert olga.registry("taken").visibility == "restricted"
    other = world.new_api("olga").create_registry("taken-2", "organization")
    other.name = "taken"
    assert "taken" in reason(other.save)
    assert world.api("max").registry("taken-2").id == other.id


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a#b", "x" * 114])
def test_a_name_that_cannot_be_is_refused(world: Whale, name: str) -> None:
    with pytest.raises((ValueError, CommError)):
        world.api("mia").create_registry(name, "organization")
    assert not [r for r in world.api("mia").registries() if r.name in ("", "a/b", "x" * 114)]


def test_the_longest_name_and_one_in_other_letters(world: Whale) -> None:
    for name in ("x" * 113, "Große Fische 大"):
        made = world.api("mia").create_registry(name, "organization")
        assert world.api("max").registry(name).id == made.id
        assert [r.name for r in world.api("max").registries(filter={"name": name})] == [name]
        made.delete()


def test_a_visibility_that_is_none_is_refused(world: Whale) -> None:
    with pytest.raises(ValueError, match="Invalid visibility 'public'"):
        world.api("mia").create_registry("odd", "public")  # type: ignore[arg-type]


def test_renaming_keeps_the_registry_and_frees_the_old_name(world: Whale, link: Link) -> None:
    api = world.api("olga")
    registry = api.create_registry("before", "organization")
    linked = link("before", "one", "prod")
    registry.name, registry.description = "after", "Renamed."
    registry.save()
    assert (registry.name, registry.full_name) == ("after", "wandb-registry-after")
    found = api.registry("after")
    assert (found.id, found.description) == (registry.id, "Renamed.")
    assert "Failed to load registry 'before'" in reason(lambda: api.registry("before"), ValueError)
    collection = linked.name.split(":")[0]
    moved = api.artifact(f"{ENTITY}/wandb-registry-after/{collection}:prod")
    assert (moved.id, moved.project) == (linked.id, "wandb-registry-after")
    assert api.artifact_exists(f"{ENTITY}/wandb-registry-before/{collection}:prod") is False
    again = api.create_registry("before", "organization")
    assert list(again.collections()) == []


def test_deleting_ends_links_and_leaves_sources(world: Whale, link: Link) -> None:
    api = world.api("olga")
    registry = api.create_registry("doomed", "organization")
    linked = link("doomed", "one", "prod")
    source = linked.source_artifact
    assert [a.qualified_name for a in source.linked_artifacts] == [linked.qualified_name]
    registry.delete()
    assert "Failed to delete registry 'doomed'" in reason(registry.delete, ValueError)
    assert "Failed to load registry" in reason(lambda: api.registry("doomed"), ValueError)
    assert [r.name for r in api.registries(filter={"name": "doomed"})] == []
    assert api.artifact_exists(linked.qualified_name) is False
    kept = api.artifact(source.qualified_name)
    assert (kept.id, kept.state, kept.linked_artifacts) == (source.id, "COMMITTED", [])
    new = api.create_registry("doomed", "organization")
    assert (new.id == registry.id, list(new.versions())) == (False, [])


def test_types_are_added_and_never_taken_back(world: Whale, link: Link) -> None:
    api = world.api("olga")
    registry = api.create_registry("typed", "organization", artifact_types=["model"])
    words = reason(lambda: link("typed", "data", kind="dataset"), CommError)
    assert "does not accept artifacts of type 'dataset'" in words
    assert "its accepted types are: 'model'" in words
    registry.artifact_types.append("dataset")
    registry.artifact_types.append("model")
    registry.save()
    assert sorted(api.registry("typed").artifact_types) == ["dataset", "model"]
    assert link("typed", "data", kind="dataset").version == "v0"
    with pytest.raises(ValueError, match="Cannot remove artifact type: 'model'"):
        registry.artifact_types.remove("model")
    registry.allow_all_artifact_types = True
    registry.save()
    found = api.registry("typed")
    assert found.allow_all_artifact_types is True
    assert sorted(found.artifact_types) == ["dataset", "model"]
    found.artifact_types.append("more")
    with pytest.raises(ValueError, match="Cannot update artifact types"):
        found.save()


def test_all_types_at_first_and_then_a_list(world: Whale, link: Link) -> None:
    api = world.api("olga")
    registry = api.create_registry("open", "organization")
    assert (registry.allow_all_artifact_types, list(registry.artifact_types)) == (True, [])
    link("open", "code", kind="notes")
    assert list(api.registry("open").artifact_types) == ["notes"]
    registry = api.registry("open")
    registry.allow_all_artifact_types = False
    registry.artifact_types.append("model")
    registry.save()
    found = api.registry("open")
    assert (found.allow_all_artifact_types, sorted(found.artifact_types)) == (
        False,
        ["model", "notes"],
    )
    words = reason(lambda: link("open", "data", kind="dataset"), CommError)
    assert "its accepted types are: 'model', 'notes'" in words
    assert link("open", "more", kind="notes").version == "v1"


@pytest.mark.parametrize("kind", ["a/b", "a:b", "x" * 129, ""])
def test_a_type_that_cannot_be_is_refused(world: Whale, kind: str) -> None:
    with pytest.raises(ValueError):
        world.api("mia").create_registry("bad-type", "organization", artifact_types=[kind])


def test_the_core_registries_keep_their_name_and_their_visibility(world: Whale) -> None:
    api = world.api("olga")
    model = api.registry("model")
    assert (model.visibility, list(model.artifact_types)) == ("organization", ["model"])
    assert list(api.registry("dataset").artifact_types) == ["dataset"]
    words = reason(model.delete, ValueError)
    assert "core registry" in words
    model.name = "models"
    assert "core registry" in reason(model.save)
    model = api.registry("model")
    model.visibility = "restricted"
    assert "core registry" in reason(model.save)
    assert api.registry("model").visibility == "organization"
    model = api.registry("model")
    model.description = "Ours."
    model.artifact_types.append("checkpoint")
    model.save()
    found = world.api("vic").registry("model")
    assert (found.description, sorted(found.artifact_types)) == ("Ours.", ["checkpoint", "model"])


def test_a_restricted_registry_is_there_for_members_only(world: Whale) -> None:
    seen = {
        name: {registry.name for registry in world.api(name).registries(ORGANIZATION)}
        for name in ("olga", "mia", "max", "vic", "nora", "ada", "vera", "rae")
    }
    for name in ("olga", "ada", "nora", "vera", "rae"):
        assert "deep" in seen[name], name
        assert world.api(name).registry("deep", ORGANIZATION).visibility == "restricted"
    for name in ("mia", "max", "vic"):
        assert "deep" not in seen[name], name
        assert "model" in seen[name], name
        assert "Failed to load registry 'deep'" in reason(
            lambda name=name: world.api(name).registry("deep"), ValueError
        )
    for name in ("ada", "vera", "rae"):
        assert seen[name] == {"deep"}


def test_a_stranger_sees_no_organization(world: Whale) -> None:
    api = world.api("gus")
    words = reason(lambda: list(api.registries(ORGANIZATION)), ValueError)
    assert "Organization 'Blue Whale' not found" in words
    assert "not found" in reason(lambda: api.registry("model", ORGANIZATION))
    assert reason(lambda: list(api.registries("No Such Place")), ValueError).startswith(
        "Organization 'No Such Place' not found"
    )


def test_a_registry_becomes_restricted_and_open_again(world: Whale, link: Link) -> None:
    registry = world.api("olga").create_registry("tide", "organization")
    linked = link("tide", "one")
    path, vic = linked.qualified_name, world.api("vic")
    assert vic.artifact(path).id == linked.id
    registry.visibility = "restricted"
    registry.save()
    assert vic.artifact_exists(path) is False
    assert list(vic.registries(filter={"name": "tide"})) == []
    assert list(vic.registries().collections({"name": linked.name.split(":")[0]})) == []
    registry.visibility = "organization"
    registry.save()
    assert vic.artifact_exists(path) is True


REFUSED = [
    ("vic", lambda api: api.create_registry("vics", "organization"), "create"),
    ("rae", lambda api: _save(api, description="x"), "restricted viewer"),
    ("vera", lambda api: _save(api, description="x"), "viewer"),
    ("nora", lambda api: _save(api, visibility="organization"), "member"),
    ("nora", lambda api: _save(api, allow_all_artifact_types=False), "member"),
    ("nora", lambda api: api.registry("deep", ORGANIZATION).delete(), "member"),
    ("vera", lambda api: _members(api, "remove"), "viewer"),
    ("nora", lambda api: _members(api, "add"), "member"),
    ("nora", lambda api: _members(api, "update"), "member"),
]


def _save(api: wandb.Api, **change: object) -> None:
    registry = api.registry("deep", ORGANIZATION)
    for name, value in change.items():
        setattr(registry, name, value)
    registry.save()


def _members(api: wandb.Api, act: str) -> None:
    registry = api.registry("deep", ORGANIZATION)
    someone = registry.user_members()[-1]
    if act == "update":
        registry.update_member(someone, "admin")
    else:
        getattr(registry, f"{act}_members")(someone)


@pytest.mark.parametrize(("name", "act", "held"), REFUSED)
def test_a_refusal_names_the_role_held_and_the_role_needed(
    world: Whale, name: str, act: Callable[[wandb.Api], None], held: str
) -> None:
    words = reason(lambda: act(world.api(name)))
    assert held in words
    assert "You may not" in words
    assert "it takes" in words
    deep = world.api("olga").registry("deep")
    assert (deep.visibility, deep.allow_all_artifact_types) == ("restricted", True)
    assert len(deep.user_members()) == 5


def test_a_member_edits_the_description_and_an_admin_everything(world: Whale) -> None:
    nora, ada = world.api("nora"), world.api("ada")
    registry = nora.registry("deep")
    registry.description = "By nora."
    registry.save()
    registry = ada.registry("deep", ORGANIZATION)
    assert registry.description == "By nora."
    registry.allow_all_artifact_types = False
    registry.artifact_types.append("model")
    registry.save()
    assert list(world.api("rae").registry("deep", ORGANIZATION).artifact_types) == ["model"]
    registry.allow_all_artifact_types = True
    registry.save()


def test_members_by_object_and_by_id_people_and_teams_mixed(world: Whale) -> None:
    api = world.api("olga")
    registry = api.create_registry("crew", "restricted")
    nora, vic, gus, whales = (
        api.user("bw-nora"),
        api.user("bw-vic"),
        api.user("bw-gus@example.org"),
        api.team(TEAM),
    )
    assert nora
    assert vic
    assert gus
    assert registry.add_members(nora, vic.id, whales) is registry
    registry.add_members(gus, whales.id, nora)
    roles = {m.user.username: m.role for m in registry.user_members()}
    assert roles == {
        "bw-olga": "admin",
        **dict.fromkeys(("bw-nora", "bw-vic", "bw-gus"), "restricted_viewer"),
    }
    people = {m.user.username: m.user for m in registry.user_members()}
    assert (people["bw-nora"].id, people["bw-nora"].email) == (nora.id, nora.email)
    (team,) = registry.team_members()
    assert (team.team.name, team.team.id, team.role) == (TEAM, whales.id, "restricted_viewer")
    assert [type(m).__name__ for m in registry.members()] == ["UserMember"] * 4 + ["TeamMember"]
    for member in registry.members():
        registry.update_member(member, "viewer")
        if isinstance(member, type(team)) is False and member.user.username == "bw-olga":
            registry.update_member(member.user.id, "admin")
    registry.update_member(whales.id, "member")
    assert {m.role for m in registry.user_members()} == {"admin", "viewer"}
    assert [m.role for m in registry.team_members()] == ["member"]
    # mia is in the team, so she has its role; the members say what is in effect.
    mia = world.api("mia").registry("crew")
    mia.description = "By a member of the team."
    mia.save()
    registry.remove_members(gus, vic, whales)
    registry.remove_members(gus.id, whales.id)
    assert [m.user.username for m in registry.user_members()] == ["bw-olga", "bw-nora"]
    assert registry.team_members() == []
    assert "Failed to load registry" in reason(lambda: world.api("mia").registry("crew"))
    with pytest.raises(TypeError, match="at least one member"):
        registry.add_members()
    with pytest.raises(TypeError, match="Member arg must be"):
        registry.add_members(3)  # type: ignore[arg-type]


EFFECTIVE = """query($e: String!, $p: String!) { project(entityName: $e, name: $p) {
  members { username role { name } effectiveRole { name } } } }"""


def test_members_say_the_role_in_effect_beside_the_given_one(world: Whale) -> None:
    api = world.api("olga")
    registry = api.create_registry("beside", "organization")
    nora = api.user("bw-nora")
    assert nora
    registry.add_members(nora)
    found = world.ask("olga", EFFECTIVE, e=ENTITY, p=registry.full_name)["project"]["members"]
    assert {m["username"]: (m["role"]["name"], m["effectiveRole"]["name"]) for m in found} == {
        "bw-olga": ("admin", "admin"),
        "bw-nora": ("restricted_viewer", "viewer"),
    }


def test_there_are_no_automations_and_none_can_be_made(world: Whale, link: Link) -> None:
    api = world.api("mia")
    assert list(api.automations()) == []
    assert list(api.automations(entity=TEAM)) == []
    assert list(api.integrations(TEAM)) == []
    assert list(api.slack_integrations(entity=TEAM)) == []
    assert list(api.webhook_integrations(entity=TEAM)) == []
    with pytest.raises(ValueError, match="No automations found"):
        api.automation("none", entity=TEAM)
    from wandb.automations import DoNothing, OnLinkArtifact

    collection = world.api("olga").artifact(link("model", "one").qualified_name).collection
    rule = OnLinkArtifact(scope=collection) >> DoNothing()
    words = reason(lambda: world.api("olga").create_automation(rule, name="rule"))
    assert "Automations are not supported by this server." in words
