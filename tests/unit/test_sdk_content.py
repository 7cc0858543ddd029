"""What goes into artifacts and comes out of them: paths, manifests, metadata, staging, batches."""

import json
import math
from base64 import b64encode
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.digests import Algorithm
from registrum.core.errors import InvalidName, RegistrumError
from registrum.errors import EntryDetached
from registrum.sdk import artifact_names, batches, checkouts, manifests, metadata, progress
from registrum.sdk.batches import Batch
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest, logical_path
from registrum.sdk.staging import Staging, chunks

ESCAPES = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/..",
    "./x",
    "a/./b",
    "a\x00b",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_a_server_cannot_name_a_path_outside(tmp_path: Path, path: str) -> None:
    entry = {"digest": b64encode(md5(b"").digest()).decode(), "size": 0}
    document = {
        "version": 1,
        "storagePolicy": "wandb-storage-policy-v1",
        "storagePolicyConfig": {},
        "contents": {path: entry},
    }
    with pytest.raises(InvalidName):
        manifests.read(json.dumps(document).encode(), "MANIFEST_MD5")
    with pytest.raises(ValueError):
        checkouts.path_in(str(tmp_path), path)


@given(st.text(min_size=1, max_size=50))
def test_a_path_stays_in_its_folder_or_is_refused(path: str) -> None:
    try:
        found = Path(checkouts.path_in("/folder/of/it", path))
    except RegistrumError:
        return
    assert Path("/folder/of/it") in Path(*found.parts).parents
    assert ".." not in found.parts


@pytest.mark.parametrize(
    ("given_path", "straight"),
    [("a//b/./c", "a/b/c"), (Path("a/b"), "a/b"), ("a/b/", "a/b"), ("a b", "a b")],
)
def test_paths_are_put_straight(given_path: str, straight: str) -> None:
    assert logical_path(given_path) == straight


@pytest.mark.parametrize("path", ["/a", "../a", "a/../b", "C:/a", "a\\..\\b", ".", ""])
def test_paths_that_leave_the_artifact_are_not_added(path: str) -> None:
    with pytest.raises(ValueError):
        Manifest().add_entry(ArtifactManifestEntry(path, "digest"))


def test_the_same_path_twice() -> None:
    made = Manifest()
    made.add_entry(ArtifactManifestEntry("a", "one"))
    made.add_entry(ArtifactManifestEntry("a", "one"))
    with pytest.raises(ValueError, match="twice"):
        made.add_entry(ArtifactManifestEntry("a", "two"))
    made.add_entry(ArtifactManifestEntry("a", "two"), overwrite=True)
    assert made.entries["a"].digest == "two"
    made.remove_entry(made.entries["a"])
    with pytest.raises(FileNotFoundError):
        made.remove_entry(ArtifactManifestEntry("a", "two"))


def test_an_entry_without_an_artifact_says_so() -> None:
    entry = ArtifactManifestEntry("a", "digest")
    for ask in (entry.parent_artifact, entry.download, entry.ref_url):
        with pytest.raises(EntryDetached, match="get_entry") as caught:
            ask()
        assert caught.value.code == "entry_detached"
        assert isinstance(caught.value, NotImplementedError)


def test_the_digest_is_of_sorted_paths_and_digests() -> None:
    made = Manifest()
    for path in ("b", "a", "a/c"):
        made.add_entry(ArtifactManifestEntry(path, path.upper(), 1))
    said = b"wandb-artifact-manifest-v1\na:A\na/c:A/C\nb:B\n"
    assert made.digest() == md5(said).hexdigest()
    assert made.size() == 3


def test_staging_keeps_what_a_file_was(tmp_path: Path) -> None:
    staging, path = Staging(str(tmp_path / "staging")), tmp_path / "file"
    found = []
    for content in (b"", b"small", b"l" * 3_000_001, b"again"):
        path.write_bytes(content)
        found.append((content, staging.keep(str(path), Algorithm.MD5)))
    path.write_bytes(b"something else")
    for content, one in found:
        assert b"".join(chunks(one.content)) == content
        assert one.digest == b64encode(md5(content).digest()).decode()
        assert one.content.read(2, 3) == content[2:5]
    assert not list((tmp_path / "staging").iterdir())
    staging.close()


@dataclass
class Settings:
    depth: int


def test_metadata_becomes_plain() -> None:
    class Number:
        def item(self) -> float:
            return 0.5

    class Other:
        def __str__(self) -> str:
            return "other"

    found = metadata.checked(
        {
            "nan": math.nan,
            "tuple": (1, 2),
            "set": {3},
            "bytes": b"text",
            "data": Settings(2),
            "number": Number(),
            "other": Other(),
            "slice": slice(1, 2),
            4: {"deep": [None, True]},
        }
    )
    assert found == {
        "nan": None,
        "tuple": [1, 2],
        "set": [3],
        "bytes": "text",
        "data": {"depth": 2},
        "number": 0.5,
        "other": "other",
        "slice": {"slice_start": 1, "slice_step": None, "slice_stop": 2},
        "4": {"deep": [None, True]},
    }


def test_metadata_that_can_not_be_kept() -> None:
    with pytest.raises(ValueError, match="100 keys"):
        metadata.checked({str(number): 1 for number in range(101)})
    with pytest.raises(ValueError, match="infinite"):
        metadata.checked({"a": {"b": [math.inf]}})
    with pytest.raises(TypeError):
        metadata.checked([1])  # type: ignore[arg-type]
    assert metadata.checked(None) == metadata.checked("") == {}


@pytest.mark.parametrize("name", ["", "a/b", "a b", "ä", "a:b", "x" * 129])
def test_names_that_no_draft_has(name: str) -> None:
    with pytest.raises(ValueError):
        artifact_names.checked_name(name)


@pytest.mark.parametrize(
    ("kind", "name"), [("wandb-x", "a"), ("job", "a"), ("run_table", "run-1"), ("code", "source-x")]
)
def test_types_that_are_kept_back(kind: str, name: str) -> None:
    with pytest.raises(ValueError):
        artifact_names.checked_type(kind, name)
    assert artifact_names.checked_type("code", "other") == "code"


KEY = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("url", "routes"),
    [
        (f"http://h:1/blobs/{KEY}/name?e=1&s=2", "http://h:1/blobs"),
        (f"https://h/base/blobs/{KEY}/a%20b?e=1", "https://h/base/blobs"),
        (f"https://bucket.s3.amazonaws.com/{KEY}?X-Amz-Signature=1", None),
        (f"https://h/blobs/{KEY}/name", None),
        (f"https://h/blobs/{KEY}/a/b?e=1", None),
        ("https://h/blobs/short/name?e=1", None),
    ],
)
def test_addresses_that_go_into_a_batch(url: str, routes: str | None) -> None:
    found = batches.place_of(url)
    assert (found.routes if found else None) == routes
    if found:
        assert found.routes.removesuffix("/blobs") + found.target == url


def test_a_batch_takes_small_files_of_one_place() -> None:
    batch = Batch[int]()
    url = f"http://h/blobs/{KEY}/n?e=1"
    assert batch.takes(1, url, 10)
    assert not batch.takes(2, url, batches.SMALL_BYTES + 1)
    assert not batch.takes(3, url.replace("//h", "//other"), 10)
    assert not batch.takes(4, "https://store/x?s=1", 10)
    while not batch.is_full:
        assert batch.takes(5, url, 10)
    assert len(batch.empty()) == batches.BATCH_FILES
    assert not batch.items


def test_progress_is_a_line_of_the_terminals_width() -> None:
    made = progress.Progress("net:v0", 4096)
    made.took(1024)
    line = made.line(1.0)
    assert "1.0 KiB of 4.0 KiB" in line
    assert "1.0 KiB/s" in line
    assert len(line) < 80
