"""Older releases of the client, each in an environment of its own, log, link, use and fetch."""

from pathlib import Path

import pytest

from tests.client.live import Person, Server, run_script
from tests.older_clients import OLDER, python_of

pytestmark = pytest.mark.slow

JOURNEY = """
import pathlib, wandb
files = {"weights.bin": "1 2 3", "a/b/deep.txt": "deep", "with space ü.txt": "odd", "empty": ""}
for name, text in files.items():
    path = pathlib.Path(given, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

with wandb.init(entity="main", project=project, config={"lr": 0.1}) as run:
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})
    artifact = wandb.Artifact("net", type="model", metadata={"lr": 0.1}, description="A net.")
    artifact.add_dir(given)
    run.log_artifact(artifact, aliases=["best"]).wait()
    run.link_artifact(artifact, f"wandb-registry-model/{collection}", aliases=["production"])
    logged = run.id

path = f"registrum-org/wandb-registry-model/{collection}"
with wandb.init(entity="main", project=project) as run:
    used = run.use_artifact(f"{path}:production")
    root = pathlib.Path(used.download(root=target))
    user = run.id

again = wandb.Artifact("net", type="model")
again.add_dir(given)
with wandb.init(entity="main", project=project) as run:
    run.log_artifact(again).wait()

api = wandb.Api()
found = api.artifact(f"{path}:production")
source = api.artifact(f"main/{project}/net:best")
read = api.run(f"main/{project}/{logged}")
registry = api.registries(organization="registrum", filter={"name": "wandb-registry-model"})
missing = None
try:
    api.artifact(f"main/{project}/net:v7")
except wandb.errors.CommError as error:
    missing = str(error)
source.aliases.append("newest")
source.description = "Changed."
source.save()
changed = wandb.Api().artifact(f"main/{project}/net:newest")
result = {
    "version": wandb.__version__,
    "same files": {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()} == files,
    "name": [found.collection.name, found.version, found.project],
    "aliases": sorted(found.aliases),
    "is link": found.is_link,
    "source": [found.source_name, source.version],
    "said": [source.metadata, source.type, sorted(f.name for f in source.files()) == sorted(files)],
    "changed": [changed.description, sorted(changed.aliases)],
    "again": again.version,
    "lineage": [source.logged_by().id == logged, user in [r.id for r in found.used_by()]],
    "outputs": [a.name for a in read.logged_artifacts()],
    "history": [len(list(read.scan_history())), len(read.history(pandas=False)), read.summary["loss"]],
    "config": read.config["lr"],
    "state": read.state,
    "registries": [r.name for r in registry],
    "collections": [c.name for c in registry.collections({"name": collection})],
    "versions": [v.name for v in registry.collections({"name": collection}).versions()],
    "missing": "not found" in (missing or ""),
    "versions of the source": [a.version for a in api.artifacts("model", f"main/{project}/net")],
    "runs": len(api.runs(f"main/{project}")),
}
"""


@pytest.mark.parametrize("release", OLDER)
def test_an_older_client_logs_links_uses_and_fetches(
    server: Server, admin: Person, project: str, tmp_path: Path, release: str
) -> None:
    collection = f"ranker-{project}"
    given = {"project": project, "collection": collection}
    folders = {"given": str(tmp_path / "given"), "target": str(tmp_path / "back")}
    python = str(python_of(release))
    result = run_script(server, admin, JOURNEY, python=python, **given, **folders)
    assert result == {
        "version": release,
        "same files": True,
        "name": [collection, "v0", "wandb-registry-model"],
        "aliases": ["latest", "production"],
        "is link": True,
        "source": ["net:v0", "v0"],
        "said": [{"lr": 0.1}, "model", True],
        "changed": ["Changed.", ["best", "latest", "newest"]],
        "again": "v0",
        "lineage": [True, True],
        "outputs": ["net:v0"],
        "history": [100, 100, 0.01],
        "config": 0.1,
        "state": "finished",
        "registries": ["model"],
        "collections": [collection],
        "versions": [f"{collection}:v0"],
        "missing": True,
        "versions of the source": ["v0"],
        "runs": 3,
    }


@pytest.mark.parametrize("release", OLDER)
def test_an_older_client_prints_no_warning(
    server: Server, admin: Person, project: str, release: str
) -> None:
    script = """
    import wandb
    with wandb.init(entity="main", project=project) as run:
        run.log({"a": 1})
        artifact = wandb.Artifact("net", type="model")
        with artifact.new_file("a.txt") as file:
            file.write("a")
        run.log_artifact(artifact)
    """
    done = run_script(
        server,
        admin,
        script,
        python=str(python_of(release)),
        check=False,
        environ={"WANDB_SILENT": "false"},
        project=project,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    assert "View run" in printed
    for word in ("WARNING", "ERROR", "out of date", "upgrade"):
        assert word not in printed, printed


@pytest.mark.parametrize("release", OLDER)
def test_an_older_client_says_that_a_key_is_wrong(
    server: Server, admin: Person, release: str
) -> None:
    done = run_script(
        server,
        admin,
        "import wandb\nwandb.Api().viewer",
        python=str(python_of(release)),
        check=False,
        timeout_s=60,
        environ={"WANDB_API_KEY": "local-" + "f" * 40},
    )
    assert done.returncode != 0
    assert "401" in done.stderr or "The API key is wrong" in done.stderr, done.stderr


@pytest.mark.parametrize("release", OLDER)
def test_an_older_client_resumes_where_it_ended(
    server: Server, admin: Person, project: str, release: str
) -> None:
    script = """
    import wandb
    for resume, values in ((None, range(5)), ("must", range(5, 8)), ("allow", range(8, 9))):
        with wandb.init(entity="main", project=project, id="kept", resume=resume) as run:
            for value in values:
                run.log({"loss": value})
    read = wandb.Api().run(f"main/{project}/kept")
    result = [row["loss"] for row in read.scan_history()]
    """
    python = str(python_of(release))
    assert run_script(server, admin, script, python=python, project=project) == list(range(9))


@pytest.mark.parametrize("release", OLDER)
def test_what_an_older_client_logged_offline_is_synced(
    server: Server, admin: Person, project: str, release: str
) -> None:
    script = """
    import glob, subprocess, sys, wandb
    with wandb.init(entity="main", project=project, id="off", mode="offline") as run:
        for value in range(5):
            run.log({"loss": value})
    (folder,) = glob.glob("wandb/offline-run-*-off")
    done = subprocess.run([sys.executable, "-m", "wandb", "sync", folder], capture_output=True, text=True)
    read = wandb.Api().run(f"main/{project}/off")
    result = [done.stderr, read.state, [row["loss"] for row in read.scan_history()]]
    """
    python = str(python_of(release))
    told, state, losses = run_script(server, admin, script, python=python, project=project)
    assert "Traceback" not in told
    assert (state, losses) == ("finished", list(range(5)))
