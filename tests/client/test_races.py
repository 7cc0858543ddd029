"""Several writers at once, on one server with either database: versions are consecutive, and each alias has one holder."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registrum.server.db.migrations import upgrade
from tests.client.fixtures import NewPerson
from tests.client.hand import Hand
from tests.client.live import Server, run_script, running
from tests.services.desk import entries_of, manifest

LINK = "mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }"
ADD = "mutation($i: AddAliasesInput!) { addAliases(input: $i) { success } }"
REGISTRY = {"entityName": "registrum-org", "projectName": "wandb-registry-model"}


def test_two_clients_that_log_at_once_get_consecutive_versions(
    server: Server, new_person: NewPerson, project: str
) -> None:
    script = """
    import wandb
    versions = []
    with wandb.init(entity="main", project=project) as run:
        for number in range(4):
            artifact = wandb.Artifact("net", type="model")
            with artifact.new_file("who") as file:
                file.write(f"{who} {number}")
            versions.append(run.log_artifact(artifact, aliases=["latest", "shared"]))
        result = [artifact.wait().version for artifact in versions]
    """
    people = [new_person("ann"), new_person("bob"), new_person("cy")]
    with ThreadPoolExecutor(len(people)) as pool:
        got = pool.map(
            lambda each: run_script(server, each, script, project=project, who=each.username),
            people,
        )
        versions = [version for each in got for version in each]
    assert sorted(versions, key=lambda each: int(each[1:])) == [f"v{i}" for i in range(12)]
    hand = Hand(server, server.admin, project)
    found = hand.versions()
    assert holders(found, "latest") == holders(found, "shared") == [11]


def holders(versions: dict[int, dict[str, list[dict[str, str]]]], alias: str) -> list[int]:
    """The versions on which an alias stands."""
    return [
        number
        for number, node in versions.items()
        if alias in [each["alias"] for each in node["aliases"]]
    ]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server on each database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("server")
        return
    url = request.getfixturevalue("postgres_url")
    upgrade(url)
    environ = {"REGISTRUM_DATABASE_URL": url, "REGISTRUM_SECRET_KEY": "s" * 40}
    with running(tmp_path / "data", tmp_path / "home", environ=environ) as live:
        yield live


def test_the_same_commit_many_times_at_once_is_one_version(either: Server, project: str) -> None:
    hand = Hand(either, either.admin, project)
    pending = []
    for number in range(4):
        files = {"f": b"%d" % number}
        artifact = hand.begin(entries_of(files))
        hand.upload(artifact, files)
        hand.upload_manifest(artifact, manifest(entries_of(files)))
        pending.append(artifact)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(hand.commit, pending * 6))
    assert {status for status, _ in answers} == {200}, answers
    numbers = {json.dumps(body["data"]["commitArtifact"]["artifact"]) for _, body in answers}
    assert len(numbers) == 4
    found = hand.versions()
    assert sorted(found) == [0, 1, 2, 3]
    assert {node["id"] for node in found.values()} == set(pending)
    assert holders(found, "latest") == [3]
    for artifact in pending:
        hand.check_whole(artifact)


def test_links_and_aliases_moved_at_once_have_one_holder_each(either: Server, project: str) -> None:
    hand = Hand(either, either.admin, project)
    made = [hand.log({"f": b"%d" % number}) for number in range(4)]
    aliases = [{"alias": "production", "artifactCollectionName": project}]
    target = REGISTRY | {"artifactPortfolioName": project, "aliases": aliases}

    def link(artifact: str) -> tuple[int, object]:
        return hand.ask(LINK, i=target | {"artifactID": artifact})

    def move(artifact: str) -> tuple[int, object]:
        own = [{"alias": "best", "artifactCollectionName": "net", "entityName": "main"}]
        own[0]["projectName"] = project
        return hand.ask(ADD, i={"artifactID": artifact, "aliases": own})

    with ThreadPoolExecutor(12) as pool:
        linked = list(pool.map(link, made * 4))
        moved = list(pool.map(move, made * 4))
    assert {status for status, _ in linked} == {200}, linked
    assert {status for status, _ in moved} == {200}, moved
    registry = Hand(either, either.admin, REGISTRY["projectName"], REGISTRY["entityName"])
    found = registry.versions(project)
    assert sorted(found) == [0, 1, 2, 3]
    assert {node["id"] for node in found.values()} == set(made)
    query = """query($e: String!, $p: String!, $c: String!, $a: String!) { project(entityName: $e, name: $p) {
      artifactCollection(name: $c) { artifactMembership(aliasName: $a) { versionIndex artifact { id } } } } }"""
    named = registry.data(query, e=registry.entity, p=registry.project, c=project, a="production")
    holder = named["project"]["artifactCollection"]["artifactMembership"]["artifact"]["id"]
    assert holder in made
    everywhere = (
        """query($i: ID!) { artifact(id: $i) { aliases { alias artifactCollection { name } } } }"""
    )
    standing = [
        (alias["alias"], alias["artifactCollection"]["name"])
        for each in made
        for alias in hand.data(everywhere, i=each)["artifact"]["aliases"]
    ]
    assert standing.count(("production", project)) == 1
    assert standing.count(("latest", project)) == 1
    assert standing.count(("best", "net")) == 1
    assert standing.count(("latest", "net")) == 1
