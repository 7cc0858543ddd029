"""The real client links, uses, moves, unlinks and deletes; collections and their tags."""

import pytest

from tests.client.live import Person, Server, run_script

HEAD = """
import os, pathlib, wandb
def log(run, text, name="net", kind="model", aliases=None):
    artifact = wandb.Artifact(name, kind, metadata={"text": text})
    with artifact.new_file("weights.txt") as file:
        file.write(text)
    return run.log_artifact(artifact, aliases=aliases).wait()
def names(artifact):
    return sorted(artifact.aliases)
"""
REGISTRY = "wandb-registry-model"


def client(server: Server, person: Person, script: str, **given: object) -> object:
    """Runs a script with the helpers above."""
    return run_script(server, person, HEAD + script, **given)


def test_linking_from_a_run_and_from_an_artifact(
    server: Server, admin: Person, project: str
) -> None:
    result = client(
        server,
        admin,
        """
with wandb.init(project=project) as run:
    first = log(run, "one")
    second = log(run, "two")
    linked = run.link_artifact(first, f"wandb-registry-model/{collection}", aliases=["prod"])
    again = second.link(f"wandb-registry-model/{collection}", aliases=["prod", "best"])
result = {
    "first": [linked.version, linked.name, linked.is_link, linked.entity, linked.project],
    "second": [again.version, names(again)],
    "source": [again.source_name, again.source_version, again.source_artifact.name],
}
api = wandb.Api()
path = f"registrum-org/wandb-registry-model/{collection}"
result["moved"] = [names(api.artifact(f"{path}:v0")), names(api.artifact(f"{path}:v1"))]
result["found"] = [api.artifact(f"{path}:{a}").version for a in ("latest", "prod", "v1", "v0")]
result["linked"] = [a.qualified_name for a in second.linked_artifacts]
""",
        project=project,
        collection=f"ranker-{project}",
    )
    name = f"ranker-{project}"
    assert result == {
        "first": ["v0", f"{name}:v0", True, "registrum-org", REGISTRY],
        "second": ["v1", ["best", "latest", "prod"]],
        "source": ["net:v1", "v1", "net:v1"],
        "moved": [[], ["best", "latest", "prod"]],
        "found": ["v1", "v1", "v1", "v0"],
        "linked": [f"registrum-org/{REGISTRY}/{name}:v1"],
    }


def test_a_run_uses_a_link_and_downloads_by_alias_and_version(
    server: Server, admin: Person, project: str
) -> None:
    result = client(
        server,
        admin,
        """
path = f"registrum-org/wandb-registry-model/{collection}"
with wandb.init(project=project) as run:
    log(run, "one").link(f"wandb-registry-model/{collection}", aliases=["prod"])
    log(run, "two").link(f"wandb-registry-model/{collection}")
def read(artifact, folder):
    return pathlib.Path(artifact.download(root=folder), "weights.txt").read_text()
with wandb.init(project=project) as run:
    used = run.use_artifact(f"{path}:prod")
    result = [used.version, read(used, "a")]
    result += [read(run.use_artifact(f"{path}:latest"), "b")]
    name = run.id
api = wandb.Api()
newest = api.artifact(f"{path}:v1")
newest.aliases.append("prod")
newest.save()
result += [read(wandb.Api().artifact(f"{path}:prod"), "c"), read(api.artifact(f"{path}:v0"), "d")]
result += [sorted(a.source_version for a in api.run(f"main/{project}/{name}").used_artifacts())]
result += [name in [run.id for run in newest.used_by()]]
""",
        project=project,
        collection=f"ranker-{project}",
    )
    assert result == ["v0", "one", "two", "two", "one", ["v0", "v1"], True]


def test_unlinking_and_deleting(server: Server, admin: Person, project: str) -> None:
    result = client(
        server,
        admin,
        """
path = f"registrum-org/wandb-registry-model/{collection}"
with wandb.init(project=project) as run:
    logged = [log(run, str(i)) for i in range(3)]
    for each in logged:
        each.link(f"wandb-registry-model/{collection}")
api = wandb.Api()
api.artifact(f"{path}:v2").unlink()
result = {"latest": wandb.Api().artifact(f"{path}:latest").version}
def missing(name):
    try:
        wandb.Api().artifact(name)
    except wandb.errors.CommError as error:
        return "not found" in str(error)
    return False
result["gone"] = missing(f"{path}:v2")
result["source stays"] = api.artifact(f"main/{project}/net:v2").version
try:
    api.artifact(f"main/{project}/net:v2").delete()
except Exception as error:
    result["refused"] = "alias" in str(error)
api.artifact(f"main/{project}/net:v1").delete(delete_aliases=True)
result["link gone with it"] = missing(f"{path}:v1")
result["latest moved"] = wandb.Api().artifact(f"{path}:latest").version
api.artifact(f"{path}:v0").delete()
result["deleting a link unlinks"] = [missing(f"{path}:v0"), api.artifact(f"main/{project}/net:v0").state]
""",
        project=project,
        collection=f"ranker-{project}",
    )
    assert result == {
        "latest": "v1",
        "gone": True,
        "source stays": "v2",
        "refused": True,
        "link gone with it": True,
        "latest moved": "v0",
        "deleting a link unlinks": [True, "COMMITTED"],
    }


def test_collections_are_listed_edited_tagged_and_deleted(
    server: Server, admin: Person, project: str
) -> None:
    result = client(
        server,
        admin,
        """
with wandb.init(project=project) as run:
    log(run, "one")
    log(run, "two", aliases=["second"])
    log(run, "data", name="rows", kind="dataset")
api = wandb.Api()
result = {"types": sorted(t.name for t in api.artifact_types(f"main/{project}"))}
net = api.artifact_collection("model", f"main/{project}/net")
result["aliases"] = sorted(net.aliases)
net.description = "A net."
net.tags = ["Good One", "x"]
net.name = "renamed"
net.save()
net = wandb.Api().artifact_collection("model", f"main/{project}/renamed")
result["saved"] = [net.description, sorted(net.tags), net.is_sequence()]
net.tags = ["x"]
net.type = "checkpoint"
net.save()
net = wandb.Api().artifact_collection("checkpoint", f"main/{project}/renamed")
result["moved"] = [net.type, list(net.tags)]
versions = api.artifacts("checkpoint", f"main/{project}/renamed")
result["versions"] = [len(versions), [v.version for v in versions], versions[0].type]
result["collections"] = [c.name for c in api.artifact_collections(f"main/{project}", "dataset")]
net.delete()
try:
    wandb.Api().artifact(f"main/{project}/renamed:v0")
    result["deleted"] = False
except wandb.errors.CommError:
    result["deleted"] = True
""",
        project=project,
    )
    assert result == {
        "types": ["dataset", "model"],
        "aliases": ["latest", "second"],
        "saved": ["A net.", ["Good One", "x"], True],
        "moved": ["checkpoint", ["x"]],
        "versions": [2, ["v1", "v0"], "checkpoint"],
        "collections": ["rows"],
        "deleted": True,
    }


def test_a_registry_lists_collections_and_versions(
    server: Server, admin: Person, project: str
) -> None:
    result = client(
        server,
        admin,
        """
with wandb.init(project=project) as run:
    for i in range(3):
        log(run, str(i)).link(f"wandb-registry-model/{collection}", aliases=[f"a{i}"])
registry = wandb.Api().registry("model", organization="registrum")
found = registry.collections({"name": collection})
result = [len(found), [c.name for c in found], found[0].is_sequence()]
versions = registry.collections({"name": collection}).versions()
result += [[v.name for v in versions]]
result += [[v.name for v in registry.collections({"name": collection}).versions({"alias": "a1"})]]
card = found[0]
card.description = "Linked."
card.tags = ["t"]
card.save()
again = wandb.Api().registry("model", organization="registrum").collections({"tag": "t"})
result += [[(c.name, c.description) for c in again]]
card.delete()
result += [len(wandb.Api().registry("model", organization="registrum").collections({"name": collection}))]
""",
        project=project,
        collection=f"ranker-{project}",
    )
    name = f"ranker-{project}"
    assert result == [
        1,
        [name],
        False,
        [f"{name}:v2", f"{name}:v1", f"{name}:v0"],
        [f"{name}:v1"],
        [[name, "Linked."]],
        0,
    ]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("wandb-registry-nope/ranker", "model", "no registry 'nope'"),
        ("wandb-registry-dataset/ranker", "model", "does not accept artifacts of type 'model'"),
    ],
)
def test_a_refused_link_says_why(
    server: Server, admin: Person, project: str, name: str, kind: str, words: str
) -> None:
    result = client(
        server,
        admin,
        """
with wandb.init(project=project) as run:
    artifact = log(run, "one", kind=kind)
    try:
        artifact.link(target)
        result = "linked"
    except Exception as error:
        result = str(error)
""",
        project=project,
        kind=kind,
        target=name,
    )
    assert isinstance(result, str)
    assert words in result


def test_a_link_in_a_project_of_the_team(server: Server, admin: Person, project: str) -> None:
    result = client(
        server,
        admin,
        """
with wandb.init(project=project) as run:
    linked = log(run, "one").link(f"main/{project}-links/ranker")
    result = [linked.project, linked.name, names(linked)]
""",
        project=project,
    )
    assert result == [f"{project}-links", "ranker:v0", ["latest"]]
