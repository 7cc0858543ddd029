"""Artifacts as the real client logs, changes, downloads and deletes them."""

import hashlib
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest
import wandb

from tests.client.fixtures import NewPerson
from tests.client.live import Person, Server, run_script

LOG = """
import wandb
with wandb.init(entity="main", project=project) as run:
    artifact = wandb.Artifact(name, type=type_, metadata={"lr": 0.1, "nested": {"deep": [1, 2]}}, description="d")
    artifact.add_dir(folder)
    run.log_artifact(artifact, aliases=["best", "latest"]).wait()
    result = {"version": artifact.version, "id": artifact.id, "run": run.id, "digest": artifact.digest,
              "aliases": sorted(artifact.aliases), "size": artifact.size, "files": artifact.file_count}
"""
DOWNLOAD = """
import wandb
artifact = wandb.Api().artifact(f"main/{project}/{name}")
root = artifact.download(root=target)
result = {"version": artifact.version, "metadata": artifact.metadata, "description": artifact.description,
          "names": sorted(f.name for f in artifact.files())}
"""


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nested folders, an empty file, spaces and other letters in names."""
    made = tmp_path / "given"
    for name, content in {
        "weights.bin": b"\x00\x01" * 1000,
        "empty": b"",
        "a/b/c/deep.txt": b"deep",
        "with space/näme ünï 名前.txt": b"name",
        "percent%20 + & ?.txt": b"odd",
        "twin-1": b"same bytes",
        "twin-2": b"same bytes",
    }.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return made


def test_a_folder_comes_back_as_it_was(
    server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    logged = run_script(server, admin, LOG, **given)
    assert (logged["version"], logged["aliases"]) == ("v0", ["best", "latest"])
    assert (logged["files"], logged["size"]) == (
        7,
        sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
    )
    for name in ("net:v0", "net:best", "net:latest"):
        target = tmp_path / name.replace(":", "-")
        got = run_script(server, admin, DOWNLOAD, project=project, name=name, target=str(target))
        assert digests(target) == digests(folder)
        assert got["names"] == sorted(digests(folder))
        assert got["metadata"] == {"lr": 0.1, "nested": {"deep": [1, 2]}}
        assert got["description"] == "d"


def test_the_same_content_makes_no_version_and_a_change_uploads_that_file_only(
    server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    first = run_script(server, admin, LOG, **given)
    again = run_script(server, admin, LOG, **given)
    assert (again["id"], again["version"]) == (first["id"], "v0")
    before = _blobs(server)
    (folder / "weights.bin").write_bytes(b"better")
    third = run_script(server, admin, LOG, **given)
    assert third["version"] == "v1"
    added = {path.stat().st_size for path in _blobs(server) - before}
    assert 6 in added
    assert 2000 not in added
    target = tmp_path / "v1"
    run_script(server, admin, DOWNLOAD, project=project, name="net:latest", target=str(target))
    assert digests(target) == digests(folder)


def _blobs(server: Server) -> set[Path]:
    return {path for path in server.data_dir.rglob("blobs/*/*") if path.is_file()}


def test_many_small_files_and_a_large_one(
    server: Server, admin: Person, project: str, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(2000):
        (folder / f"file-{number:04}.txt").write_bytes(b"%d" % number)
    with (folder / "large.bin").open("wb") as large:
        block = bytes(range(256)) * 4096
        for number in range(300):
            large.write(number.to_bytes(8, "big") + block[8:])
    given: dict[str, Any] = {
        "project": project,
        "name": "big",
        "type_": "dataset",
        "folder": str(folder),
    }
    assert run_script(server, admin, LOG, **given)["files"] == 2001
    target = tmp_path / "back"
    run_script(server, admin, DOWNLOAD, project=project, name="big:v0", target=str(target))
    assert digests(target) == digests(folder)


def test_references_are_kept_and_local_ones_come_back(
    server: Server, admin: Person, project: str, tmp_path: Path
) -> None:
    (tmp_path / "far.bin").write_bytes(b"far away")
    script = """
    import wandb
    with wandb.init(entity="main", project=project) as run:
        artifact = wandb.Artifact("refs", type="dataset")
        artifact.add_reference(f"file://{far}", name="far.bin")
        artifact.add_reference("http://127.0.0.1:9/none", name="none", checksum=False)
        with artifact.new_file("near.txt") as file:
            file.write("near")
        run.log_artifact(artifact).wait()
    found = wandb.Api().artifact(f"main/{project}/refs:v0")
    result = {path: entry.ref for path, entry in found.manifest.entries.items()}
    found.get_entry("far.bin").download(root=target)
    found.get_entry("near.txt").download(root=target)
    """
    target = tmp_path / "back"
    got = run_script(
        server, admin, script, project=project, far=str(tmp_path / "far.bin"), target=str(target)
    )
    assert got == {
        "far.bin": f"file://{tmp_path}/far.bin",
        "near.txt": None,
        "none": "http://127.0.0.1:9/none",
    }
    assert (target / "far.bin").read_bytes() == b"far away"
    assert (target / "near.txt").read_bytes() == b"near"


def test_a_reference_into_another_artifact(
    server: Server, admin: Person, project: str, tmp_path: Path
) -> None:
    script = """
    import wandb
    with wandb.init(entity="main", project=project) as run:
        source = wandb.Artifact("source", type="dataset")
        with source.new_file("a.txt") as file:
            file.write("from the source")
        run.log_artifact(source).wait()
        other = wandb.Artifact("other", type="dataset")
        other.add_reference(source.get_entry("a.txt").ref_url(), name="b.txt")
        run.log_artifact(other).wait()
    root = wandb.Api().artifact(f"main/{project}/other:latest").download(root=target)
    result = open(f"{root}/b.txt").read()
    """
    got = run_script(server, admin, script, project=project, target=str(tmp_path / "back"))
    assert got == "from the source"


def test_what_is_said_about_a_version_changes_and_its_lineage_is_known(
    server: Server, admin: Person, project: str, folder: Path
) -> None:
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    logged = run_script(server, admin, LOG, **given)
    script = """
    import wandb
    api = wandb.Api()
    artifact = api.artifact(f"main/{project}/net:v0")
    artifact.description = "changed"
    artifact.metadata["lr"] = 0.5
    artifact.tags = ["good", "two words"]
    artifact.aliases.append("extra")
    artifact.aliases.remove("best")
    artifact.save()
    with wandb.init(entity="main", project=project) as run:
        run.use_artifact(f"main/{project}/net:extra")
        user = run.id
    api = wandb.Api()
    now = api.artifact(f"main/{project}/net:v0")
    result = {
        "description": now.description, "lr": now.metadata["lr"], "tags": sorted(now.tags), "aliases": sorted(now.aliases),
        "used": [r.id for r in now.used_by()] == [user], "logged": now.logged_by().id,
        "outputs": [a.name for a in api.run(f"main/{project}/{now.logged_by().id}").logged_artifacts()],
        "inputs": [a.name for a in api.run(f"main/{project}/{user}").used_artifacts()],
        "exists": [api.artifact_exists(f"main/{project}/{n}") for n in ("net:v0", "net:best", "net:v9", "no:v0")],
    }
    """
    got = run_script(server, admin, script, project=project)
    assert got == {
        "description": "changed",
        "lr": 0.5,
        "tags": ["good", "two words"],
        "aliases": ["extra", "latest"],
        "used": True,
        "logged": logged["run"],
        "outputs": ["net:v0"],
        "inputs": ["net:v0"],
        "exists": [True, False, False, False],
    }


def test_ttl_and_drafts_and_deleting(
    server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    run_script(server, admin, LOG, **given)
    script = """
    import wandb
    from datetime import timedelta
    api = wandb.Api()
    artifact = api.artifact(f"main/{project}/net:v0")
    ttls = [artifact.ttl]
    artifact.ttl = timedelta(days=3)
    artifact.save()
    ttls.append(str(api.artifact(f"main/{project}/net:v0").ttl))
    artifact.ttl = None
    artifact.save()
    ttls.append(api.artifact(f"main/{project}/net:v0").ttl)
    with wandb.init(entity="main", project=project) as run:
        draft = artifact.new_draft()
        draft.remove("empty")
        with draft.new_file("new.txt") as file:
            file.write("new")
        run.log_artifact(draft).wait()
        version = draft.version
    names = sorted(wandb.Api().artifact(f"main/{project}/net:v1").manifest.entries)
    errors = []
    second = wandb.Api().artifact(f"main/{project}/net:v1")
    try:
        second.delete()
    except wandb.errors.CommError as error:
        errors.append(str(error))
    second.delete(delete_aliases=True)
    try:
        wandb.Api().artifact(f"main/{project}/net:v1")
    except wandb.errors.CommError as error:
        errors.append("gone")
    latest = wandb.Api().artifact(f"main/{project}/net:latest").version
    result = [ttls, version, names, errors, latest]
    """
    ttls, version, names, errors, latest = run_script(server, admin, script, project=project)
    assert ttls == [None, "3 days, 0:00:00", None]
    assert version == "v1"
    assert names == sorted([*(n for n in digests(folder) if n != "empty"), "new.txt"])
    assert len(errors) == 2
    assert "alias" in errors[0]
    assert latest == "v0"


def test_an_xxh128_artifact(server: Server, admin: Person, project: str, tmp_path: Path) -> None:
    script = """
    import wandb
    from wandb.sdk.artifacts._generated import ArtifactDigestAlgorithm
    with wandb.init(entity="main", project=project) as run:
        artifact = wandb.Artifact("fast", type="dataset", digest_algorithm=ArtifactDigestAlgorithm.MANIFEST_XXH128)
        with artifact.new_file("a.txt") as file:
            file.write("hashed otherwise")
        run.log_artifact(artifact).wait()
    found = wandb.Api().artifact(f"main/{project}/fast:v0")
    root = found.download(root=target)
    result = [found.digest == artifact.digest, open(f"{root}/a.txt").read()]
    """
    if "digest_algorithm" not in inspect.signature(wandb.Artifact.__init__).parameters:
        pytest.skip("this client has no way to ask for it")
    got = run_script(server, admin, script, project=project, target=str(tmp_path / "back"))
    assert got == [True, "hashed otherwise"]


def test_colleagues_read_and_log_and_strangers_see_nothing(
    server: Server, admin: Person, new_person: NewPerson, project: str, folder: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    run_script(server, admin, LOG, **given)
    colleague, stranger = new_person("ann"), new_person("sam", None, in_team=False)
    (folder / "more").write_bytes(b"more")
    assert run_script(server, colleague, LOG, **given)["version"] == "v1"
    target = tmp_path / "back"
    run_script(server, colleague, DOWNLOAD, project=project, name="net:v1", target=str(target))
    assert digests(target) == digests(folder)
    got = run_script(
        server, stranger, DOWNLOAD, check=False, project=project, name="net:v1", target=str(target)
    )
    assert got.returncode != 0
    assert "not found" in got.stderr


def test_a_run_logged_offline_is_synced_later(
    server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    script = """
    import wandb
    with wandb.init(entity="main", project=project, mode="offline") as run:
        artifact = wandb.Artifact("net", type="model")
        artifact.add_dir(folder)
        run.log_artifact(artifact)
        result = run.settings.sync_dir
    """
    made = run_script(server, admin, script, project=project, folder=str(folder))
    sync = """
    import subprocess, sys
    result = subprocess.run([sys.executable, "-m", "wandb", "sync", made], capture_output=True, text=True).returncode
    """
    assert run_script(server, admin, sync, made=made) == 0
    target = tmp_path / "back"
    run_script(server, admin, DOWNLOAD, project=project, name="net:v0", target=str(target))
    assert digests(target) == digests(folder)


def test_a_client_killed_while_it_uploads_leaves_no_version(
    server: Server, admin: Person, project: str, folder: Path
) -> None:
    with (folder / "large.bin").open("wb") as large:
        large.truncate(1 << 30)
    script = """
    import os, signal, wandb
    run = wandb.init(entity="main", project=project)
    artifact = wandb.Artifact("net", type="model")
    artifact.add_dir(folder)
    run.log_artifact(artifact)
    while not wandb.Api().artifact_collection_exists(f"main/{project}/net", "model"):
        pass
    os.killpg(0, signal.SIGKILL)
    """
    killed = """
    import subprocess, sys
    result = subprocess.run([sys.executable, "-c", program], start_new_session=True).returncode
    """
    head = f"project, folder = {project!r}, {str(folder)!r}\n"
    program = head + textwrap.dedent(script)
    assert run_script(server, admin, killed, program=program) == -9
    assert (
        run_script(
            server,
            admin,
            'import wandb\nresult = wandb.Api().artifact_exists(f"main/{project}/net:latest")',
            project=project,
        )
        is False
    )
    (folder / "large.bin").unlink()
    given: dict[str, Any] = {
        "project": project,
        "name": "net",
        "type_": "model",
        "folder": str(folder),
    }
    assert run_script(server, admin, LOG, **given)["version"] == "v0"
