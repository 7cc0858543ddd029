"""Artifacts by our own SDK against a server on PostgreSQL whose bytes are in S3, to which they go and from which they come directly."""

import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.sdk import batches, finding, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.credentials import Credentials
from registrum.sdk.http import Service
from registrum.sdk.sending import PARTS_AT_ONCE, Parts
from registrum.sdk.staging import Content
from registrum.sdk.transfers import Stop
from registrum.sdk.uploads import Beginning
from registrum.sdk.versions import version_of
from tests.client.live import Server
from tests.client.test_journeys import on_s3, seaweed
from tests.sdk.test_artifacts import files_in

__all__ = ["on_s3", "seaweed"]
MIB = 1 << 20
IN_PARTS = Parts(from_bytes=8 * MIB, each_bytes=5 * MIB)
pytestmark = pytest.mark.slow


@pytest.fixture
def far(on_s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The server for its administrator, who this process is."""
    for name, value in (
        ("URL", on_s3.url),
        ("API_KEY", on_s3.admin.api_key),
        ("ENTITY", "main"),
        ("CACHE_DIR", str(tmp_path / "cache")),
    ):
        monkeypatch.setenv(f"REGISTRUM_{name}", value)
    return Service(Credentials(on_s3.url, on_s3.admin.api_key))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small files, one that goes in parts and comes in ranges, an empty one, odd letters."""
    made, given = tmp_path / "given", random.Random(4)
    made.mkdir()
    for number in range(40):
        (made / f"small-{number}").write_bytes(given.randbytes(2000 + number))
    (made / "huge").write_bytes(given.randbytes(34 * MIB + 5))
    (made / "empty").write_bytes(b"")
    (made / "näme ünï 名前 %20+&.txt").write_bytes(b"odd")
    (made / "twin-1").write_bytes(b"same")
    (made / "twin-2").write_bytes(b"same")
    return made


def drafted(folder: Path) -> Artifact:
    made = Artifact("net", "model", metadata={"lr": 0.1})
    made.add_dir(str(folder))
    return made


def begun(draft: Artifact) -> Beginning:
    digest = draft.manifest.digest()
    return Beginning("main", "sea", "net", "model", draft.client_id_for(digest))


def test_artifacts_go_to_s3_in_parts_and_come_back_in_ranges(
    far: Service, on_s3: Server, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = drafted(folder)
    node = uploads.upload(far, begun(draft), draft.manifest, IN_PARTS)
    draft.settle(far, version_of(node))
    assert (draft.version, draft.file_count) == ("v0", len(files_in(folder)))
    found = finding.by_name(far, "main", "sea", "net:latest")
    assert found.digest == draft.digest

    # The addresses are S3's own, so nothing goes in batches, and the server would not take any.
    url = next(found._source().addresses(["small-1"]))["directUrl"]
    assert not url.startswith(on_s3.url)
    assert batches.place_of(url) is None
    with pytest.raises(batches.NotOffered, match="don't pass through"):
        batches.put(far, f"{on_s3.url}/blobs", [("/blobs/any", b"x")], Stop())

    for root, multipart in (("ranges", True), ("whole", False)):
        found.download(tmp_path / root, skip_cache=True, multipart=multipart)
        assert files_in(tmp_path / root) == files_in(folder)
    found.download(tmp_path / "out")
    found.verify(str(tmp_path / "out"))
    on_s3.stop()  # From here on there is only the cache.
    found.download(tmp_path / "again")
    assert files_in(tmp_path / "again") == files_in(folder)


class Counted:
    """A file that counts the bytes that are read of it, and may fail after some."""

    def __init__(self, content: Content, fails_after: float = math.inf) -> None:
        self._content = content
        self._fails_after = fails_after
        self.size_bytes = content.size_bytes
        self.read_bytes = 0

    def read(self, start: int, count: int) -> bytes:
        """Some bytes."""
        found = self._content.read(start, count)
        self.read_bytes += len(found)
        if self.read_bytes > self._fails_after:
            raise OSError("the disk is gone")
        return found


def test_an_upload_in_parts_to_s3_is_gone_on_with(far: Service, tmp_path: Path) -> None:
    path, size = tmp_path / "huge", 50 * MIB
    path.write_bytes(random.Random(5).randbytes(size))

    def attempt(fails_after: float = math.inf) -> tuple[Artifact, Counted]:
        draft = Artifact("net", "model")
        entry = draft.add_file(str(path))
        assert entry.content
        entry.content = counted = Counted(entry.content, fails_after)
        draft.settle(far, version_of(uploads.upload(far, begun(draft), draft.manifest, IN_PARTS)))
        return draft, counted

    # It is read once for the parts' digests; then it is sent.
    with pytest.raises(OSError, match="the disk is gone"):
        attempt(fails_after=size + 40 * MIB)
    draft, counted = attempt()
    assert counted.read_bytes - size <= 10 * MIB + PARTS_AT_ONCE * IN_PARTS.each_bytes
    draft.download(tmp_path / "out", skip_cache=True)
    assert (tmp_path / "out" / "huge").read_bytes() == path.read_bytes()


def test_what_s3_has_is_not_sent_again(far: Service, folder: Path, tmp_path: Path) -> None:
    first = drafted(folder)
    first.save(project="sea")
    second = drafted(folder)
    second.save(project="sea")
    assert (second.id, second.version) == (first.id, "v0")
    (folder / "more").write_bytes(b"more")
    third = first.new_draft()
    third.add_file(str(folder / "more"))
    third.remove("huge")
    third.save()
    assert third.version == "v1"
    target = Path(third.checkout(str(tmp_path / "out")))
    assert files_in(target) == {k: v for k, v in files_in(folder).items() if k != "huge"}
