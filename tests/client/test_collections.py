"""Everything that collections, types, versions and their files offer in the real client, with links seen by several people."""

import json
from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import wandb
from wandb.errors import CommError
from wandb.sdk.artifacts.artifact_ttl import ArtifactTTL
from wandb.sdk.lib.service.service_connection import WandbApiFailedError

from tests.client.live import run_script
from tests.client.whale import ENTITY, ORGANIZATION, TEAM, Whale, reason

LOG = """
import wandb
with wandb.init(entity="whales", project="pool") as run:
    for loss in (3, 2, 1):
        run.log({"loss": loss})
    artifact = wandb.Artifact("net", type="model", description="First.", metadata={"lr": 0.5, "deep": {"n": [1]}})
    for name, text in (("a.txt", "A"), ("dir/b.txt", "BB"), ("dir/ä c.txt", "CCC")):
        with artifact.new_file(name) as file:
            file.write(text)
    run.log_artifact(artifact, aliases=["first"], tags=["t1"]).wait()
    single = wandb.Artifact("single", type="dataset")
    with single.new_file("only.txt") as file:
        file.write("only")
    run.log_artifact(single).wait()
    producer = run.id
with wandb.init(entity="whales", project="pool") as run:
    run.use_artifact("whales/pool/net:first")
    result = [producer, run.id]
"""


@dataclass
class Pool:
    """What mia logged in whales/pool and linked, and by which runs."""

    producer: str
    user: str
    world: Whale

    @property
    def mia(self) -> wandb.Api:
        """Her client."""
        return self.world.api("mia")

    @property
    def source(self) -> wandb.Artifact:
        """whales/pool/net:v0, loaded anew."""
        return self.mia.artifact(f"{TEAM}/pool/net:v0")


@pytest.fixture(scope="session")
def pool(world: Whale) -> Pool:
    """Logged by a real run."""
    producer, user = run_script(world.server, world.people["mia"], LOG)
    return Pool(producer, user, world)


def test_every_property_of_a_version(world: Whale, pool: Pool) -> None:
    net = pool.source
    assert (net.name, net.version, net.type, net.state) == ("net:v0", "v0", "model", "COMMITTED")
    assert (net.entity, net.project, net.qualified_name) == (TEAM, "pool", f"{TEAM}/pool/net:v0")
    assert (net.description, net.metadata) == ("First.", {"lr": 0.5, "deep": {"n": [1]}})
    assert (sorted(net.aliases), net.tags) == (["first", "latest"], ["t1"])
    assert (net.size, net.file_count, net.history_step) == (6, 3, 2)
    assert b64decode(net.id or "").startswith(b"Artifact:")
    assert net.digest == net.manifest.digest()
    assert net.commit_hash == net.digest
    assert net.updated_at >= net.created_at
    assert (net.is_link, net.source_artifact is net, net.linked_at) == (False, True, None)
    assert net.source_qualified_name == net.qualified_name
    assert (net.source_name, net.source_version) == ("net:v0", "v0")
    assert net.collection.id == net.source_collection.id
    assert (net.ttl, net.is_draft(), net.incremental) == (None, False, False)
    run = net.logged_by()
    assert run
    assert (run.entity, run.project, run.id) == (TEAM, "pool", pool.producer)
    assert [run.id for run in net.used_by()] == [pool.user]
    assert net.url == f"{world.server.url}/{TEAM}/pool/artifacts/model/net/v0"
    assert net.json_encode()["id"] == net.id
    assert pool.mia._artifact_from_id(net.id or "").qualified_name == net.qualified_name
    assert [a.name for a in run.logged_artifacts()] == ["net:v0", "single:v0"]
    user = pool.mia.run(f"{TEAM}/pool/{pool.user}")
    assert [a.name for a in user.used_artifacts()] == ["net:v0"]


def test_files_of_a_version(pool: Pool, tmp_path: Path) -> None:
    net = pool.source
    names = ["a.txt", "dir/b.txt", "dir/ä c.txt"]
    files = net.files()
    assert (len(files), sorted(f.name for f in files)) == (3, names)
    assert files.path == [TEAM, "pool", "net:v0"]
    assert repr(files) == f"<ArtifactFiles {TEAM}/pool/net:v0 (3)>"
    assert sorted(f.name for f in net.files(per_page=1)) == names
    assert [f.name for f in net.files(names=["dir/b.txt", "no"])] == ["dir/b.txt"]
    (file,) = net.files(names=["dir/b.txt"])
    assert (file.size, file.md5, file.mimetype) == (
        2,
        net.get_entry("dir/b.txt").digest,
        "text/plain",
    )
    with file.download(root=str(tmp_path / "file")) as opened:
        assert opened.read() == "BB"
    begun = net.files(per_page=2)
    first = [begun[0].name, begun[1].name]
    rest = [f.name for f in net.files(per_page=2, start=begun.cursor)]
    assert sorted(first + rest) == names
    root = Path(net.download(root=str(tmp_path / "all")))
    assert (root / "dir/ä c.txt").read_text() == "CCC"
    net.verify(root=str(root))
    (root / "more.txt").write_text("x")
    with pytest.raises(ValueError, match="not a member of artifact"):
        net.verify(root=str(root))
    assert net.checkout(root=str(root)) == str(root)
    assert sorted(p.name for p in root.rglob("*.txt")) == ["a.txt", "b.txt", "ä c.txt"]
    (root / "a.txt").write_text("changed")
    with pytest.raises(ValueError, match="Digest mismatch"):
        net.verify(root=str(root))
    part = Path(net.download(root=str(tmp_path / "part"), path_prefix="dir/"))
    assert sorted(p.name for p in part.rglob("*.txt")) == ["b.txt", "ä c.txt"]
    assert Path(net.get_path("a.txt").download(root=str(tmp_path / "one"))).read_text() == "A"
    with pytest.raises(ValueError, match="more than one file"):
        net.file()
    only = pool.mia.artifact(f"{TEAM}/pool/single:latest", type="dataset")
    assert Path(only.file(root=str(tmp_path / "only"))).read_text() == "only"
    with pytest.raises(KeyError):
        net.get_entry("none")


def test_every_property_of_a_link(world: Whale, pool: Pool) -> None:
    link = pool.source.link("wandb-registry-model/Pool link", aliases=["prod", "eu"])
    path = f"{ENTITY}/wandb-registry-model/Pool link:v0"
    found = pool.mia.artifact(f"{ENTITY}/wandb-registry-model/Pool link:prod")
    (listed,) = pool.source.linked_artifacts
    assert found.name == "Pool link:prod"
    assert {link.qualified_name, listed.qualified_name} == {path}
    for each in (link, found, listed):
        assert (each.id, each.version) == (pool.source.id, "v0")
        assert (each.is_link, each.source_qualified_name) == (True, f"{TEAM}/pool/net:v0")
        assert (each.source_version, each.source_artifact.name) == ("v0", "net:v0")
        assert (each.linked_artifacts, each.type, each.description) == ([], "model", "First.")
        assert (each.ttl, each.tags, each.size) == (None, ["t1"], 6)
        assert each.linked_at is not None
        assert each.linked_at >= each.created_at
        assert each.source_collection.is_sequence()
        assert not each.collection.is_sequence()
        assert {"eu", "latest", "prod"} <= set(each.aliases)
    assert sorted(found.aliases) == ["eu", "latest", "prod"]
    assert found.url == (
        f"{world.server.url}/orgs/{ORGANIZATION}/registry/model?selectionPath="
        f"{ENTITY}%2Fwandb-registry-model%2FPool%20link&view=membership&version=v0"
    )
    for short in ("wandb-registry-model/Pool link:eu", f"{ORGANIZATION}/{path.split('/', 1)[1]}"):
        assert pool.mia.artifact(short).id == link.id
    assert [run.id for run in found.used_by()] == [pool.user]
    again = link.link("wandb-registry-model/Pool link", aliases=["more"])
    assert (again.version, sorted(again.aliases)) == ("v0", ["eu", "latest", "more", "prod"])
    assert pool.mia.artifact(path).logged_by().id == pool.producer
    with pytest.raises(ValueError, match="Cannot set TTL for link artifact"):
        link.ttl = timedelta(days=1)
    with pytest.raises(ValueError, match="is not a linked artifact"):
        pool.source.unlink()
    found.unlink()
    assert pool.mia.artifact_exists(path) is False
    assert pool.source.linked_artifacts == []


def test_ttl_is_set_inherited_and_ended(world: Whale, pool: Pool) -> None:
    source = world.log("ttl", "net", "ttl")
    link = source.link("wandb-registry-model/ttl")

    def now() -> timedelta | None:
        return pool.mia.artifact(source.qualified_name).ttl

    source.ttl = timedelta(days=3, seconds=5)
    source.save()
    assert now() == timedelta(days=3, seconds=5)
    source.description = "Kept."
    source.save()
    assert now() == timedelta(days=3, seconds=5)
    assert pool.mia.artifact(link.qualified_name).ttl in (None, timedelta(days=3, seconds=5))
    change = """mutation($t: Int64!) { updateDefaultTtl(input: {entityName: "whales", projectName: "ttl",
      ttlDurationSeconds: $t}) { ttlDurationSeconds } }"""
    world.ask("olga", change, t=86400)
    source.ttl = ArtifactTTL.INHERIT
    source.save()
    assert now() == timedelta(days=1)
    source.ttl = None
    source.save()
    assert now() is None
    with pytest.raises(ValueError, match="has to be positive"):
        source.ttl = timedelta(0)
    source.ttl = ArtifactTTL.INHERIT
    source.save()
    world.ask("olga", change, t=-1)
    assert now() is None


def test_aliases_tags_and_content_are_edited(world: Whale, pool: Pool) -> None:
    source = world.log("edit", "net", "edit", "old")
    link = source.link("wandb-registry-model/edit", aliases=["prod"])
    link.aliases = ["eu", "latest"]
    link.tags = ["a b", "c"]
    link.metadata = {"new": [1, {"x": None}]}
    link.description = ""
    link.save()
    found = pool.mia.artifact(source.qualified_name)
    assert (sorted(found.aliases), sorted(found.tags)) == (["latest", "old"], ["a b", "c"])
    assert (found.metadata, found.description) == ({"new": [1, {"x": None}]}, "")
    assert sorted(pool.mia.artifact(link.qualified_name).aliases) == ["eu", "latest"]
    found.tags.remove("c")
    found.aliases.append("new")
    found.save()
    again = pool.mia.artifact(f"{TEAM}/edit/net:new")
    assert (again.tags, sorted(again.aliases)) == (["a b"], ["latest", "new", "old"])
    words = reason(again.delete, CommError)
    assert "alias" in words
    again.delete(delete_aliases=True)
    assert not pool.mia.artifact_exists(link.qualified_name)


def test_every_property_of_a_collection(world: Whale, pool: Pool) -> None:
    source = world.log("coll", "net", "one", "a", "b")
    world.log("coll", "net", "two", "c")
    net = pool.mia.artifact_collection("model", f"{TEAM}/coll/net")
    assert (net.name, net.type, net.entity, net.project) == ("net", "model", TEAM, "coll")
    assert (net.description, list(net.tags), net.is_sequence()) == (None, [], True)
    assert sorted(net.aliases) == ["a", "b", "c", "latest"]
    assert net.project_id == pool.mia.project("coll", TEAM).id
    assert b64decode(net.project_internal_id or "").split(b":")[1].isdigit()
    assert repr(net) == "<ArtifactCollection net (model)>"
    assert net.organization is None
    versions = net.artifacts(per_page=1)
    assert (len(versions), [v.version for v in versions]) == (2, ["v1", "v0"])
    begun = net.artifacts(per_page=1)
    assert begun[0].version == "v1"
    assert [v.version for v in net.artifacts(per_page=1, start=begun.cursor)] == ["v0"]
    source.link("wandb-registry-model/coll")
    linked = pool.mia.artifact_collection("model", f"{ENTITY}/wandb-registry-model/coll")
    assert (linked.is_sequence(), linked.aliases) == (False, ["latest"])
    assert [v.name for v in linked.artifacts()] == ["coll:v0"]
    with pytest.raises(ValueError, match="Type can only be changed"):
        linked.type = "dataset"
    before = linked.id
    linked.name, linked.description, linked.tags = "coll-2", "Card *md*.", ["Blue", "x y"]
    linked.save()
    linked.tags = ["x y", "new"]
    linked.save()
    found = pool.mia.artifact_collection("model", f"{ENTITY}/wandb-registry-model/coll-2")
    assert (found.id, found.description) == (before, "Card *md*.")
    assert sorted(found.tags) == ["new", "x y"]
    assert found.updated_at
    assert found.updated_at >= found.created_at
    found.description = ""
    found.save()
    assert (
        pool.mia.artifact_collection("model", f"{ENTITY}/wandb-registry-model/coll-2").description
        == ""
    )
    assert (
        pool.mia.artifact_collection_exists(f"{ENTITY}/wandb-registry-model/coll", "model") is False
    )
    assert pool.mia.artifact_collection_exists(f"{ENTITY}/wandb-registry-model/coll-2", "model")
    found.delete()
    assert pool.mia.artifact(source.qualified_name).state == "COMMITTED"
    assert reason(found.delete, CommError)
    net.delete()
    assert pool.mia.artifact_collection_exists(f"{TEAM}/coll/net", "model") is False


def test_collections_of_a_type_and_of_a_project_filtered_and_ordered(
    world: Whale, pool: Pool
) -> None:
    for name in ("one", "two", "three"):
        world.log("types", name, f"types {name}")
    world.log("types", "rows", "types rows", artifactTypeName="dataset")
    api = pool.mia
    types = api.artifact_types(f"{TEAM}/types")
    assert sorted(t.name for t in types) == ["dataset", "model"]
    model = api.artifact_type("model", f"{TEAM}/types")
    assert (model.name, repr(model)) == ("model", "<ArtifactType model>")
    assert b64decode(model.id).startswith(b"ArtifactType:")
    found = model.collections()
    assert (len(found), [c.name for c in found]) == (3, ["three", "two", "one"])
    assert [c.name for c in model.collections(order="name")] == ["one", "three", "two"]
    assert [c.name for c in model.collections({"name": {"$regex": "^t"}}, "-name", 1)] == [
        "two",
        "three",
    ]
    assert model.collection("two").name == "two"
    by_api = api.artifact_collections(f"{TEAM}/types", "model", order="+created_at", per_page=2)
    assert [c.name for c in by_api] == ["one", "two", "three"]
    begun = api.artifact_collections(f"{TEAM}/types", "model", per_page=1)
    first = begun[0].name
    rest = api.artifact_collections(f"{TEAM}/types", "model", per_page=1, start=begun.cursor)
    assert [first, *(c.name for c in rest)] == ["three", "two", "one"]
    project = api.project("types", TEAM)
    every = project.collections()
    assert (len(every), sorted(c.name for c in every)) == (4, ["one", "rows", "three", "two"])
    assert [c.name for c in project.collections({"type": "dataset"}, "name")] == ["rows"]
    assert sorted(t.name for t in project.artifacts_types()) == ["dataset", "model"]
    assert "Could not find artifact type 'none'" in reason(
        lambda: api.artifact_type("none", f"{TEAM}/types")
    )
    assert reason(lambda: list(api.artifact_types(f"{TEAM}/nowhere")))
    assert reason(lambda: api.artifact_collection("dataset", f"{TEAM}/types/one"))
    with pytest.raises(
        WandbApiFailedError, match=r"no field 'colour' to filter by; there are .*name"
    ):
        model.collections({"colour": 1})[0]
    registry = api.artifact_types(f"{ENTITY}/wandb-registry-dataset")
    assert [t.name for t in registry] == ["dataset"]
    open_to_all = api.create_registry("of-all-types", "organization")
    assert [t.name for t in api.artifact_types(f"{ENTITY}/{open_to_all.full_name}")] == []
    api.artifact(f"{TEAM}/types/one:v0").link("wandb-registry-of-all-types/one")
    assert [t.name for t in api.artifact_types(f"{ENTITY}/{open_to_all.full_name}")] == ["model"]


def test_versions_of_a_collection_filtered_by_tags_and_ordered(world: Whale, pool: Pool) -> None:
    for i in range(4):
        source = world.log("many", "net", f"many {i}")
        if i % 2:
            source.tags = ["odd", f"n{i}"]
            source.save()
    api, path = pool.mia, f"{TEAM}/many/net"
    assert [v.version for v in api.artifacts("model", path)] == ["v3", "v2", "v1", "v0"]
    for order, expected in (
        ("version_index", "0123"),
        ("-version_index", "3210"),
        ("+created_at", "0123"),
    ):
        found = api.artifacts("model", path, order=order, per_page=3)
        assert "".join(v.version[1:] for v in found) == expected
    assert [v.version for v in api.artifacts("model", path, tags=["odd"])] == ["v3", "v1"]
    assert [v.version for v in api.artifacts("model", path, tags=["odd", "n1"])] == ["v1"]
    assert len(api.artifacts("model", path)) == 4
    for number in (3, 1):
        api.artifact(f"{path}:v{number}").link("wandb-registry-model/numbered")
    linked = list(api.artifacts("model", f"{ENTITY}/wandb-registry-model/numbered"))
    assert [v.name for v in linked] == ["numbered:v1", "numbered:v0"]
    assert [v.source_version for v in linked] == ["v1", "v3"]
    assert [v.version for v in api.artifact_versions("model", path)] == ["v3", "v2", "v1", "v0"]
    begun = api.artifacts("model", path, per_page=2)
    first = [begun[0].version, begun[1].version]
    rest = [v.version for v in api.artifacts("model", path, per_page=2, start=begun.cursor)]
    assert first + rest == ["v3", "v2", "v1", "v0"]
    assert reason(lambda: list(api.artifacts("dataset", path)))
    assert "but this artifact is of type 'model'" in reason(
        lambda: api.artifact(f"{path}:v0", type="dataset"), CommError
    )
    assert api.artifact(f"{path}:v0").version == "v0"
    assert [api.artifact_exists(f"{path}:{a}") for a in ("v3", "latest", "v4", "no")] == [
        True,
        True,
        False,
        False,
    ]


def test_people_teams_projects_and_paths(world: Whale, pool: Pool) -> None:
    api = pool.mia
    assert (api.viewer.username, api.viewer.email) == ("bw-mia", "bw-mia@example.org")
    assert sorted(api.viewer.teams) == ["bw-mia", TEAM]
    assert api.default_entity == TEAM
    max_ = api.user("bw-max")
    assert max_
    assert (max_.username, api.user("bw-max@example.org").id) == ("bw-max", max_.id)
    assert api.user("nobody-at-all") is None
    assert [u.username for u in api.users("bw-m")] == ["bw-mia", "bw-max"]
    assert [u.username for u in api.users("-MAX@example.org")] == ["bw-max"]
    assert [u.username for u in api.users("bw-g")] == []
    team = api.team(TEAM)
    assert sorted(m.username for m in team.members) == ["bw-max", "bw-mia", "bw-olga"]
    made = world.api("olga").create_team("seals", "bw-olga")
    assert (made.name, world.api("olga").team("seals").id) == ("seals", made.id)
    organization = api.organization(ORGANIZATION)
    assert (organization.name, organization.org_entity.name) == (ORGANIZATION, ENTITY)
    assert api.organization(ENTITY).id == organization.id
    project = api.from_path(f"{TEAM}/pool")
    assert (project.path, project.url) == (
        [TEAM, "pool"],
        f"{world.server.url}/{TEAM}/pool/workspace",
    )
    assert "pool" in [p.name for p in world.new_api("mia").projects(TEAM, per_page=2)]
    run = api.from_path(f"{TEAM}/pool/runs/{pool.producer}")
    assert (run.id, run.summary["loss"]) == (pool.producer, 1)
    assert api.from_path(f"{TEAM}/pool/{pool.producer}").id == pool.producer
    with pytest.raises(wandb.Error, match="Invalid path"):
        api.from_path("a/b/c/d/e")
    assert json.loads(run.json_config)["_wandb"]
