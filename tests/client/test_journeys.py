"""The main journey of a team, on SQLite, PostgreSQL and S3; and a client that is killed while it uploads."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.hand import Hand
from tests.client.live import (
    Person,
    Server,
    add_person,
    client_environment,
    run_script,
    running,
)
from tests.client.proxy import Proxy
from tests.seaweed import Seaweed, running_seaweed

TRAIN = """
import wandb
with wandb.init(entity="main", project="ranker", config={"lr": 0.1}) as run:
    for step in range(1000):
        run.log({"loss": 1 / (step + 1)})
    model = wandb.Artifact("net", type="model", metadata={"lr": 0.1})
    model.add_dir(given)
    model.add_reference(f"file://{far}", name="far.csv")
    run.log_artifact(model, aliases=["candidate"]).wait()
    linked = run.link_artifact(model, "wandb-registry-model/ranker", aliases=["production"])
    result = {"run": run.id, "version": model.version, "linked": linked.version,
              "names": sorted(model.manifest.entries)}
"""
USE = """
import wandb
with wandb.init(entity="main", project="serving") as run:
    model = run.use_artifact(f"wandb-registry-model/ranker:{alias}", type="model")
    model.download(root=target)
    source = model.source_artifact
    result = {"version": model.version, "source": source.name, "run": source.logged_by().id,
              "used": run.id in [each.id for each in wandb.Api().artifact(model.qualified_name).used_by()]}
"""
READ = """
import wandb
api = wandb.Api()
run = api.run(f"main/ranker/{name}")
source = api.artifact("main/ranker/net:v0")
registry = api.registry("model", organization="registrum")
result = {"steps": len(list(run.scan_history())), "loss": run.summary["loss"], "state": run.state,
          "lr": run.config["lr"], "links": [a.qualified_name for a in source.linked_artifacts],
          "versions": [v.version for v in registry.collections({"name": "ranker"}).versions()]}
"""
PEEK = """
import wandb
result = []
for path in ("main/ranker/net:v0", "registrum-org/wandb-registry-model/ranker:production"):
    try:
        wandb.Api().artifact(path)
        result.append("seen")
    except wandb.errors.CommError as error:
        result.append(str(error))
"""


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "server", tmp_path / "admin") as live:
        yield live


@pytest.fixture
def on_postgresql(postgres_url: str, tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "server", tmp_path / "admin", environ=upgraded(postgres_url)) as live:
        yield live


@pytest.fixture
def seaweed() -> Iterator[Seaweed]:
    with running_seaweed() as found:
        yield found


@pytest.fixture
def on_s3(postgres_url: str, seaweed: Seaweed, tmp_path: Path) -> Iterator[Server]:
    environ = upgraded(postgres_url) | seaweed.environ
    environ["REGISTRUM_BLOB_URL"] = seaweed.url("registrum")
    with running(tmp_path / "server", tmp_path / "admin", environ=environ) as live:
        yield live


def upgraded(url: str) -> dict[str, str]:
    """Makes the tables; the variables of a server on that database."""
    upgrade = [sys.executable, "-m", "registrum", "db", "upgrade", "--database-url", url]
    subprocess.run(upgrade, check=True, timeout=60)
    return {"REGISTRUM_DATABASE_URL": url, "REGISTRUM_SECRET_KEY": "s" * 40}


def fill(folder: Path) -> None:
    """Nested folders, an empty file, other letters, many small ones and a larger one."""
    own = random.Random(1)
    contents = {
        "weights.bin": own.randbytes(12_000_000),
        "empty": b"",
        "a/b/c/deep.txt": b"deep",
        "with space/näme 名前 %41 #.txt": b"odd",
        **{f"many/{number}": own.randbytes(number) for number in range(100)},
    }
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def files_of(folder: Path) -> dict[str, bytes]:
    """Relative path to content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("on_sqlite", marks=pytest.mark.slow),
        "on_postgresql",
        pytest.param("on_s3", marks=pytest.mark.slow),
    ],
)
def test_a_team_trains_links_uses_and_promotes(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: Server = request.getfixturevalue(kind)
    ann = add_person(server, "ann", tmp_path / "ann")
    bob = add_person(server, "bob", tmp_path / "bob")
    sam = add_person(server, "sam", tmp_path / "sam", None, in_team=False)
    given = tmp_path / "given"
    fill(given)
    far = tmp_path / "far.csv"
    far.write_text("1,2,3")
    train = {"given": str(given), "far": str(far)}

    first = run_script(server, ann, TRAIN, **train)
    assert (first["version"], first["linked"]) == ("v0", "v0")
    assert first["names"] == sorted([*files_of(given), "far.csv"])
    again = run_script(server, bob, TRAIN, **train)
    assert (again["version"], again["linked"]) == ("v0", "v0")

    use = {"alias": "production", "target": str(tmp_path / "first")}
    used = run_script(server, bob, USE, **use)
    before = files_of(given) | {"far.csv": b"1,2,3"}
    assert files_of(tmp_path / "first") == before
    assert (used["version"], used["source"], used["used"]) == ("v0", "net:v0", True)

    (given / "weights.bin").write_bytes(b"better")
    second = run_script(server, bob, TRAIN, **train)
    assert (second["version"], second["linked"]) == ("v1", "v1")
    after = before | {"weights.bin": b"better"}
    for alias, version, want in (("production", "v1", after), ("v0", "v0", before)):
        target = tmp_path / f"second-{alias}"
        used = run_script(server, ann, USE, alias=alias, target=str(target))
        assert (used["version"], used["used"]) == (version, True)
        assert files_of(target) == want

    assert run_script(server, ann, READ, name=first["run"]) == {
        "steps": 1000,
        "loss": 0.001,
        "state": "finished",
        "lr": 0.1,
        "links": ["registrum-org/wandb-registry-model/ranker:v0"],
        "versions": ["v1", "v0"],
    }
    assert run_script(server, sam, PEEK) == [
        "project 'ranker' not found under entity 'main'",
        "Unable to find organization for entity 'sam'.",
    ]


def test_a_client_killed_while_it_uploads_leaves_no_version(
    server: Server, admin: Person, project: str, tmp_path: Path
) -> None:
    proxy = Proxy()
    proxy.lead_to(server.url)
    outside = Server(proxy.url, server.process, server.data_dir, server.admin)
    given = tmp_path / "given"
    fill(given)
    script = f"""
import wandb
run = wandb.init(entity="main", project={project!r}, id="killed")
artifact = wandb.Artifact("net", type="model")
artifact.add_dir({str(given)!r})
run.log_artifact(artifact).wait()
run.finish()
"""
    client = subprocess.Popen(
        [sys.executable, "-c", script],
        env=client_environment(outside, admin),
        cwd=admin.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    proxy.act_after(6_000_000, lambda: kill_with_children(client.pid))
    assert client.wait(120) != 0
    proxy.close()
    hand = Hand(server, admin, project)
    assert hand.versions() == {}

    logged = run_script(server, admin, script + "\nresult = artifact.version")
    assert logged == "v0"
    assert hand.check_whole(hand.versions()[0]["id"]) == files_of(given)


def kill_with_children(pid: int) -> None:
    """Ends a process and what it started, at once: the client's service has a session of its own, and goes on without it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # It has ended meanwhile.
    doomed = [pid]
    for own in doomed:
        doomed += [child for child, parent in parents.items() if parent == own]
    for own in reversed(doomed):
        os.kill(own, signal.SIGKILL)
