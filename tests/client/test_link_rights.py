"""What members of a restricted registry may do with a link whose source they do not see, by the real client."""

from pathlib import Path

import wandb
from wandb.errors import CommError

from tests.client.whale import ENTITY, ORGANIZATION, Whale, reason


def test_a_member_of_the_registry_who_does_not_see_the_source(world: Whale, tmp_path: Path) -> None:
    source = world.log("hidden", "net", "hidden", metadata={"k": 1})
    olga, nora = world.api("olga"), world.api("nora")
    olga.artifact(source.qualified_name).link("wandb-registry-deep/net", aliases=["prod"])
    path = f"{ENTITY}/wandb-registry-deep/net"
    link = nora.artifact(f"{path}:prod")
    assert (link.is_link, link.id, link.metadata) == (True, source.id, {"k": 1})
    assert (link.source_entity, link.source_project) == ("", "")
    assert reason(lambda: nora.artifact(source.qualified_name), CommError)
    assert "Unable to fetch source artifact" in reason(lambda: link.source_artifact, ValueError)
    listed = nora.registry("deep").collections({"name": "net"}).versions()
    assert [a.qualified_name for a in listed] == [f"{path}:v0"]
    root = Path(link.download(root=str(tmp_path / "nora")))
    assert (root / "a.txt").read_text() == "hidden"
    link.aliases.append("by-nora")
    link.description = "May not."
    link.save()
    again = nora.artifact(f"{path}:by-nora")
    assert (sorted(again.aliases), again.description) == (["by-nora", "latest", "prod"], None)
    assert (again.logged_by(), again.used_by()) == (None, [])
    card = again.collection
    card.description = "By nora."
    card.save()
    status, answer = world.server.ask(
        world.people["nora"],
        'mutation($a: ID!) { linkArtifact(input: {artifactID: $a, artifactPortfolioName: "again",'
        ' entityName: "blue-whale-org", projectName: "wandb-registry-deep"}) { versionIndex } }',
        a=link.id,
    )
    assert (status, answer["data"]["linkArtifact"]["versionIndex"]) == (200, 0)
    assert Path(nora.artifact(f"{path[:-3]}again:v0").download(root=str(tmp_path / "x"))).is_dir()
    nora.artifact(f"{path[:-3]}again:v0").unlink()


def test_a_viewer_reads_and_changes_nothing(world: Whale, tmp_path: Path) -> None:
    source = world.log("view", "net", "view")
    world.api("olga").artifact(source.qualified_name).link("wandb-registry-deep/view", ["prod"])
    vera = world.api("vera")
    path = f"{ENTITY}/wandb-registry-deep/view"
    link = _of(world, "vera", f"{path}:prod")
    assert (Path(link.download(root=str(tmp_path / "vera"))) / "a.txt").read_text() == "view"
    link.aliases.append("mine")
    words = reason(link.save, CommError)
    assert "your role there is viewer, and it takes member" in words
    assert "viewer" in reason(link.unlink, CommError)
    card = vera.registry("deep", ORGANIZATION).collections({"name": "view"})[0]
    assert "viewer" in reason(card.delete, CommError)
    card.tags = ["x"]
    assert "viewer" in reason(card.save, CommError)
    assert sorted(_of(world, "vera", f"{path}:v0").aliases) == ["latest", "prod"]


def _of(world: Whale, name: str, path: str) -> wandb.Artifact:
    """A version as a guest has it, who has no other entity than the own one."""
    api = world.new_api(name, entity=world.people[name].username)
    found: wandb.Artifact = api.artifact(path)
    return found


def test_a_restricted_viewer_sees_details_and_gets_no_bytes(world: Whale, tmp_path: Path) -> None:
    source = world.log("closed", "net", "closed", metadata={"acc": 0.5})
    world.api("olga").artifact(source.qualified_name).link("wandb-registry-deep/closed", ["prod"])
    rae = world.api("rae")
    link = _of(world, "rae", f"{ENTITY}/wandb-registry-deep/closed:prod")
    assert (link.metadata, link.size, sorted(link.aliases)) == (
        {"acc": 0.5},
        6,
        ["latest", "prod"],
    )
    assert list(link.manifest.entries) == ["a.txt"]
    collection = rae.registry("deep", ORGANIZATION).collections({"name": "closed"})
    assert [v.metadata for v in collection.versions({"metadata.acc": {"$gt": 0}})] == [{"acc": 0.5}]
    for act in (
        lambda: link.download(root=str(tmp_path / "rae")),
        lambda: list(link.files()),
    ):
        assert "your role there is restricted viewer, and it takes viewer" in reason(act)
    assert "403" in reason(lambda: link.get_entry("a.txt").download(root=str(tmp_path / "rae")))
    assert not list(tmp_path.rglob("a.txt"))
    personal = rae.create_run(project="own", entity=world.people["rae"].username)
    assert "restricted viewer" in reason(lambda: personal.use_artifact(link))
