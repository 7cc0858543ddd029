"""Artifacts by our own SDK: drafts, versions, links, and that both clients read and write the same."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registrum.errors import ArtifactFinalized, ArtifactNotLogged, Refused
from registrum.sdk import finding
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from tests.client.live import Person, Server, run_script

CONTENT = {
    "weights.bin": b"\x00\x01" * 200_000,
    "empty": b"",
    "a/b/c/deep.txt": b"deep",
    "with space/näme ünï 名前.txt": b"name",
    "percent%20 + & ?.txt": b"odd",
    "twin-1": b"same bytes",
    "twin-2": b"same bytes",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nested folders, an empty file, spaces and other letters in names."""
    made = tmp_path / "given"
    for name, content in CONTENT.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return made


def files_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def saved(folder: Path, project: str, name: str = "net") -> Artifact:
    made = Artifact(name, "model", description="d", metadata={"lr": 0.1, "nested": {"a": [1]}})
    made.add_dir(str(folder))
    made.save(project=project)
    return made


def test_a_folder_comes_back_as_it_was(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    made = saved(folder, project)
    found = finding.by_name(here, "main", project, "net:latest")
    assert found.download(tmp_path / "out") == str(tmp_path / "out")
    assert files_in(tmp_path / "out") == files_in(folder)
    assert (found.id, found.digest, found.size) == (made.id, made.digest, made.size)
    assert (found.name, found.version, found.source_name) == ("net:latest", "v0", "net:v0")
    assert (found.metadata, found.description) == ({"lr": 0.1, "nested": {"a": [1]}}, "d")
    assert (found.file_count, found.state, found.aliases) == (7, "COMMITTED", ["latest"])
    found.verify(str(tmp_path / "out"))


def test_the_same_content_again_is_the_same_version(
    here: Service, project: str, folder: Path
) -> None:
    first, second = saved(folder, project), saved(folder, project)
    assert (second.id, second.version) == (first.id, "v0")
    (folder / "more").write_text("more")
    assert saved(folder, project).version == "v1"


def test_a_draft_says_nothing_that_only_a_version_has(here: Service, folder: Path) -> None:
    draft = Artifact("net", "model")
    assert (draft.id, draft.name, draft.state, draft.is_draft()) == (None, "net", "PENDING", True)
    for name in ("version", "aliases", "tags", "entity", "url", "created_at", "collection"):
        with pytest.raises(ArtifactNotLogged):
            getattr(draft, name)
    with pytest.raises(ArtifactNotLogged):
        draft.download()
    with pytest.raises(ArtifactNotLogged):
        draft.wait()


def test_a_version_cannot_change_its_content(here: Service, project: str, folder: Path) -> None:
    made = saved(folder, project)
    with pytest.raises(ArtifactFinalized):
        made.add_file(str(folder / "empty"), name="again")
    with pytest.raises(ArtifactFinalized), made.new_file("x"):
        pass


def test_what_changed_is_saved(here: Service, project: str, folder: Path) -> None:
    made = saved(folder, project)
    made.aliases.append("best")
    made.tags = ["fast", "small one"]
    made.description = "other"
    made.metadata["lr"] = 0.2
    made.ttl = timedelta(days=3)
    made.save()
    found = finding.by_name(here, "main", project, "net:best")
    assert (sorted(found.aliases), sorted(found.tags)) == (
        ["best", "latest"],
        ["fast", "small one"],
    )
    assert (found.description, found.metadata["lr"]) == ("other", 0.2)
    assert found.ttl == timedelta(days=3)
    found.aliases.remove("best")
    found.tags = ["fast"]
    found.ttl = None
    found.save()
    with pytest.raises(ValueError, match="not found"):
        finding.by_name(here, "main", project, "net:best")
    again = finding.by_name(here, "main", project, "net")
    assert (again.tags, again.ttl) == (["fast"], None)


def test_links(here: Service, project: str, folder: Path, tmp_path: Path) -> None:
    made = saved(folder, project)
    link = made.link(f"wandb-registry-model/{project}", aliases=["staging"])
    assert link.qualified_name == f"registrum-org/wandb-registry-model/{project}:v0"
    assert (link.is_link, sorted(link.aliases)) == (True, ["latest", "staging"])
    assert link.source_qualified_name == made.qualified_name
    assert link.source_artifact.qualified_name == made.qualified_name
    assert [one.qualified_name for one in made.linked_artifacts] == [link.qualified_name]
    link.aliases = ["production"]
    link.save()
    found = finding.by_name(here, "registrum-org", "wandb-registry-model", f"{project}:production")
    assert found.id == made.id
    assert files_in(Path(found.download(tmp_path / "link"))) == files_in(folder)
    found.unlink()
    assert made.linked_artifacts == []
    with pytest.raises(ValueError, match="no link"):
        made.unlink()


def test_deleting_asks_for_the_aliases_too(here: Service, project: str, folder: Path) -> None:
    made = saved(folder, project)
    with pytest.raises(Refused):
        made.delete()
    made.delete(delete_aliases=True)
    with pytest.raises(ValueError, match="not found"):
        finding.by_name(here, "main", project, "net:v0")


def test_a_new_draft_begins_with_the_files_of_a_version(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    draft = saved(folder, project).new_draft()
    draft.remove("a")
    with draft.new_file("note.txt") as file:
        file.write("new")
    draft.save()
    assert (draft.version, draft.project) == ("v1", project)
    target = Path(draft.download(tmp_path / "out"))
    assert set(files_in(target)) == set(files_in(folder)) - {"a/b/c/deep.txt"} | {"note.txt"}


def test_a_file_may_change_after_it_was_added(here: Service, project: str, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_text("before")
    large.write_bytes(b"before" * 200_000)
    draft = Artifact("net", "model")
    draft.add_file(small)
    draft.add_file(large, policy="mutable")
    for each in (small, large):
        each.write_text("after")
    draft.save(project=project)
    target = Path(draft.download(tmp_path / "out"))
    assert (target / "small").read_text() == "before"
    assert (target / "large").read_bytes() == b"before" * 200_000


def test_a_file_that_was_promised_not_to_change_must_not(
    here: Service, project: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("before")
    draft = Artifact("net", "model")
    draft.add_file(tmp_path / "file", policy="immutable")
    (tmp_path / "file").write_text("behind")
    with pytest.raises(Exception, match="was changed after it was added"):
        draft.save(project=project)


def test_entries_files_and_references(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    first = saved(folder, project)
    second = Artifact("refs", "dataset")
    second.add_reference(first.get_entry("twin-1"), name="from/first")
    second.add_reference((folder / "weights.bin").as_uri())
    second.add_reference("s3://bucket/key", checksum=False)
    second.save(project=project)
    assert (second.file_count, second.size) == (3, 400_000)
    second.get_entry("from/first").download(str(tmp_path / "one"))
    assert (tmp_path / "one" / "from" / "first").read_bytes() == b"same bytes"
    target = Path(second.download(tmp_path / "refs", exclude="key"))
    assert (target / "weights.bin").read_bytes() == CONTENT["weights.bin"]
    with pytest.raises(KeyError):
        second.get_entry("nothing")
    (folder / "weights.bin").unlink()
    with pytest.raises(FileNotFoundError):
        second.download(tmp_path / "gone", exclude="key")
    second.download(tmp_path / "gone", exclude="key", allow_missing_references=True)
    assert [file.name for file in first.files()] == sorted(CONTENT)
    assert len(first.files(per_page=2)) == 7
    assert first.files(names=["empty"])[0].size == 0


def test_a_part_of_the_files(here: Service, project: str, folder: Path, tmp_path: Path) -> None:
    made = saved(folder, project)
    made.download(tmp_path / "prefix", path_prefix="tw")
    assert set(files_in(tmp_path / "prefix")) == {"twin-1", "twin-2"}
    made.download(tmp_path / "globs", include=["*.txt", "twin-*"], exclude="a/**")
    assert set(files_in(tmp_path / "globs")) == {
        "with space/näme ünï 名前.txt",
        "percent%20 + & ?.txt",
        "twin-1",
        "twin-2",
    }


def test_checkout_removes_what_does_not_belong_there(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    made = saved(folder, project)
    target = Path(made.checkout(str(tmp_path / "out")))
    (target / "foreign").write_text("x")
    (target / "twin-1").write_text("changed")
    with pytest.raises(ValueError, match="not a member"):
        made.verify(str(target))
    made.checkout(str(target))
    assert files_in(target) == files_in(folder)
    (target / "twin-1").write_text("changed-it")
    with pytest.raises(ValueError, match="Digest mismatch"):
        made.verify(str(target))


def test_a_checkout_by_hard_links_is_read_only_and_shares_the_cache(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    made = saved(folder, project)
    for root in ("first", "again"):  # From the server, and from the cache.
        target = Path(made.checkout(str(tmp_path / root), link="hard"))
        assert files_in(target) == files_in(folder)
        for path in (at for at in target.rglob("*") if at.is_file()):
            assert path.stat().st_nlink == 1 or path.stat().st_mode & 0o777 == 0o444
    assert files_in(Path(made.checkout(str(tmp_path / "copies")))) == files_in(folder)
    assert (tmp_path / "copies" / "twin-1").stat().st_mode & 0o200
    (tmp_path / "first" / "twin-1").unlink()
    made.checkout(str(tmp_path / "first"))
    assert files_in(tmp_path / "first") == files_in(folder)
    with pytest.raises(ValueError, match="hard"):
        made.download(tmp_path / "first", link="soft")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cache"):
        made.download(tmp_path / "first", link="hard", skip_cache=True)


def test_again_from_the_cache_without_asking_for_bytes(
    here: Service, server: Server, project: str, folder: Path, tmp_path: Path
) -> None:
    made = saved(folder, project)
    made.download(tmp_path / "one")
    made._service = Service(here.credentials)
    asked_before = made.service.pool.pools.keys()
    assert not list(asked_before)
    made.download(tmp_path / "two")
    assert not list(made.service.pool.pools.keys())
    assert files_in(tmp_path / "two") == files_in(folder)
    (tmp_path / "two" / "twin-1").write_text("edited")
    made.download(tmp_path / "three")
    assert files_in(tmp_path / "three") == files_in(folder)
    made.download(tmp_path / "two")
    assert files_in(tmp_path / "two") == files_in(folder)


OTHER = """
import wandb
artifact = wandb.Artifact(name, "model", metadata={"lr": 0.1}, description="d")
artifact.add_dir(folder)
artifact.add_reference("file://" + folder + "/weights.bin", name="ref")
draft_digest = artifact.digest
with wandb.init(entity="main", project=project) as run:
    run.log_artifact(artifact, aliases=["best"]).wait()
    result = {"digest": artifact.digest, "draft": draft_digest, "run": run.id}
"""
OTHER_READS = """
import wandb
artifact = wandb.Api().artifact(f"main/{project}/{name}:latest")
contents = artifact.manifest.to_manifest_json()["contents"]
for entry in contents.values():
    entry.pop("birthArtifactID", None)
artifact.download(root=target)
artifact.verify(target)
result = {"digest": artifact.digest, "contents": contents, "size": artifact.size, "metadata": artifact.metadata,
          "files": artifact.file_count, "type": artifact.type, "description": artifact.description}
"""


def contents_of(artifact: Artifact) -> dict[str, Any]:
    found = artifact.manifest.to_manifest_json()["contents"]
    for entry in found.values():
        entry.pop("birthArtifactID", None)
    return dict(found)


def test_both_clients_write_and_read_the_same(
    here: Service, server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    given = {"project": project, "folder": str(folder)}
    theirs = run_script(server, admin, OTHER, name="theirs", **given)
    ours = Artifact("ours", "model", metadata={"lr": 0.1}, description="d")
    ours.add_dir(folder)
    ours.add_reference((folder / "weights.bin").as_uri(), name="ref")
    assert ours.digest == theirs["draft"] == theirs["digest"]
    ours.save(project=project)
    assert ours.digest == theirs["digest"]
    read = finding.by_name(here, "main", project, "theirs:best")
    assert contents_of(read) == contents_of(finding.by_name(here, "main", project, "ours"))
    target = Path(read.download(tmp_path / "theirs"))
    read.verify(str(target))
    assert files_in(target) == {**files_in(folder), "ref": files_in(folder)["weights.bin"]}
    logged_by = read.logged_by()
    assert logged_by is not None
    assert logged_by.id == theirs["run"]
    target = tmp_path / "ours"
    found = run_script(server, admin, OTHER_READS, name="ours", target=str(target), project=project)
    assert found["contents"] == contents_of(ours)
    assert (found["digest"], found["size"], found["files"]) == (ours.digest, ours.size, 8)
    assert (found["metadata"], found["description"]) == ({"lr": 0.1}, "d")
    assert files_in(target) == {**files_in(folder), "ref": files_in(folder)["weights.bin"]}


def test_other_digests_are_read_too(
    here: Service, server: Server, admin: Person, project: str, folder: Path, tmp_path: Path
) -> None:
    script = OTHER.replace('description="d")', 'description="d", digest_algorithm="XXH128")')
    theirs = run_script(server, admin, script, name="theirs", project=project, folder=str(folder))
    read = finding.by_name(here, "main", project, "theirs")
    target = Path(read.download(tmp_path / "theirs", include=list(CONTENT)))
    assert files_in(target) == files_in(folder)
    ours = Artifact("ours", "model", digest_algorithm="XXH128")
    ours.add_dir(folder)
    ours.add_reference((folder / "weights.bin").as_uri(), name="ref")
    assert ours.digest == theirs["digest"]
    ours.save(project=project)
    assert files_in(Path(ours.download(tmp_path / "ours", exclude="ref"))) == files_in(folder)
