"""References to a web server and to S3: what is written down of them, and what a download takes for the same."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from registrum.errors import UnsupportedError
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from tests.client.live import Person, Server, run_script
from tests.client.test_journeys import seaweed
from tests.gcs import Google, GoogleMissing, running_google
from tests.sdk.test_artifacts import files_in
from tests.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed, client

__all__ = ["seaweed"]


class Web(ThreadingHTTPServer):
    """Pages with ETags.

    Attributes:
        pages: content and ETag by path; a page without an ETag has None.
        cuts: how many more answers break off half-way.
        asked: paths, in the order in which they were asked for.
    """

    daemon_threads = True

    def __init__(self) -> None:
        """Listens."""
        super().__init__(("127.0.0.1", 0), Pages)
        self.pages: dict[str, tuple[bytes, str | None]] = {}
        self.cuts = 0
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Pages(BaseHTTPRequestHandler):
    """One request."""

    server: Web

    def do_GET(self) -> None:
        """Answers with a page, or half of one."""
        self.server.asked.append(self.path)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/page")
            self.end_headers()
            return
        found = self.server.pages.get(self.path)
        if found is None:
            self.send_error(404)
            return
        content, etag = found
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        if self.server.cuts:
            self.server.cuts -= 1
            content = content[: len(content) // 2]
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server."""
    made = Web()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def saved(project: str, *references: tuple[str, str | None]) -> Artifact:
    made = Artifact("far", "dataset")
    for uri, name in references:
        made.add_reference(uri, name=name)
    made.save(project=project)
    return made


def test_a_web_page_is_known_by_its_etag(
    here: Service, project: str, web: Web, tmp_path: Path
) -> None:
    web.pages = {"/page": (b"content" * 1000, '"one"'), "/plain": (b"plain", None)}
    made = saved(project, *((f"{web.url}/{at}", at) for at in ("page", "moved", "plain")))
    entry = made.get_entry("page")
    assert (entry.digest, entry.size, entry.extra) == ("one", 7000, {"etag": '"one"'})
    assert made.get_entry("plain").digest == f"{web.url}/plain"
    made.download(tmp_path / "out")
    assert (tmp_path / "out" / "moved").read_bytes() == b"content" * 1000
    assert (tmp_path / "out" / "plain").read_bytes() == b"plain"

    web.pages["/page"] = (b"CONTENT" * 1000, '"two"')
    with pytest.raises(ValueError, match="has changed"):
        made.download(tmp_path / "late")
    assert not (tmp_path / "late" / "page").exists()
    assert not list((tmp_path / "late").glob(".registrum-*"))
    del web.pages["/page"]
    with pytest.raises(FileNotFoundError):
        made.download(tmp_path / "late")
    made.download(tmp_path / "late", allow_missing_references=True)
    assert set(files_in(tmp_path / "late")) == {"plain"}


def test_a_page_that_breaks_off_is_read_again(
    here: Service, project: str, web: Web, tmp_path: Path
) -> None:
    web.pages = {"/page": (os.urandom(1 << 20), '"one"')}
    made = saved(project, (f"{web.url}/page", None))
    web.cuts = 2
    made.download(tmp_path / "out")
    assert (tmp_path / "out" / "page").read_bytes() == web.pages["/page"][0]
    web.cuts = 1000
    with pytest.raises(ValueError, match="Can't read"):
        made.download(tmp_path / "never")
    assert not (tmp_path / "never" / "page").exists()


def test_a_reference_that_is_there_is_not_fetched_again(
    here: Service, project: str, web: Web, tmp_path: Path
) -> None:
    web.pages = {"/page": (b"content", '"one"'), "/plain": (b"plain", None)}
    made = saved(project, (f"{web.url}/page", None), (f"{web.url}/plain", None))
    target = Path(made.download(tmp_path / "out"))
    web.asked.clear()
    made.download(target)
    # Of what has no ETag, nobody knows whether it is the same.
    assert web.asked == ["/plain"]
    (target / "page").write_bytes(b"edited!")
    made.download(target)
    assert (target / "page").read_bytes() == b"content"


def test_a_local_file_that_changed_is_refused(here: Service, project: str, tmp_path: Path) -> None:
    far = tmp_path / "far.bin"
    far.write_bytes(b"content")
    made = Artifact("far", "dataset")
    made.add_reference(far.as_uri())
    made.add_reference(far.as_uri(), name="unseen", checksum=False)
    made.save(project=project)
    made.download(tmp_path / "out")
    far.write_bytes(b"CONTENT")
    with pytest.raises(ValueError, match="has changed"):
        made.download(tmp_path / "late", path_prefix="far")
    assert list((tmp_path / "late").iterdir()) == []
    made.download(tmp_path / "late", path_prefix="unseen")
    assert (tmp_path / "late" / "unseen").read_bytes() == b"CONTENT"
    far.unlink()
    with pytest.raises(FileNotFoundError):
        made.download(tmp_path / "later", path_prefix="far")


def test_without_the_package_the_error_names_what_to_install(
    here: Service, project: str, tmp_path: Path
) -> None:
    # As where obstore is not installed.
    script = """
import sys
sys.modules["obstore"] = None
from registrum.errors import UnsupportedError
from registrum.sdk.artifacts import Artifact
made = Artifact("far", "dataset")
made.add_reference("s3://bucket/folder/key", checksum=False)
made.add_reference("gs://bucket/other", checksum=False)
print(sorted(made.manifest.entries))
for scheme in ("s3", "gs"):
    try:
        made.add_reference(f"{scheme}://bucket/key")
    except UnsupportedError as error:
        print(error.code, "pip install 'registrum[s3]'" in str(error))
made.save(project=sys.argv[1])
try:
    made.download(sys.argv[2])
except UnsupportedError as error:
    print(error.code)
made.download(sys.argv[2], exclude=["folder/*", "other"])
"""
    told = subprocess.run(
        [sys.executable, "-c", script, project, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    code = UnsupportedError.code
    assert told.splitlines() == ["['folder/key', 'other']", *[f"{code} True"] * 2, code]


@pytest.fixture
def bucket(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """A bucket of somebody's with some objects, for which this process has the key."""
    for name, value in (
        ("ACCESS_KEY_ID", ACCESS_KEY),
        ("SECRET_ACCESS_KEY", SECRET_KEY),
        ("REGION", "us-east-1"),
        ("ENDPOINT_URL", seaweed.endpoint),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    s3 = client(seaweed)
    for key, content in (
        ("theirs/a.bin", b"a" * 3_000_000),
        ("theirs/b/c d ü.txt", b"odd"),
        ("theirs/empty", b""),
        ("theirs-too", b"another"),
    ):
        s3.put_object(Bucket=seaweed.bucket, Key=key, Body=content)
    return seaweed


@pytest.mark.slow
def test_objects_come_from_s3_and_are_known_by_their_etag(
    here: Service, project: str, bucket: Seaweed, tmp_path: Path
) -> None:
    root = f"s3://{bucket.bucket}/theirs"
    made = saved(project, (f"{root}/a.bin", None), (root, "all"), (f"{root}/", "again"))
    assert set(made.manifest.entries) == {
        *("a.bin", "all/a.bin", "all/b/c d ü.txt", "again/a.bin", "again/b/c d ü.txt")
    }
    entry = made.get_entry("a.bin")
    assert (entry.size, entry.ref) == (3_000_000, f"{root}/a.bin")
    assert entry.extra["etag"] == entry.digest
    with pytest.raises(ValueError, match="max_objects"):
        Artifact("far", "dataset").add_reference(root, max_objects=1)
    target = Path(made.download(tmp_path / "out"))
    assert (target / "a.bin").read_bytes() == b"a" * 3_000_000
    assert (target / "all/b/c d ü.txt").read_bytes() == b"odd"

    client(bucket).put_object(Bucket=bucket.bucket, Key="theirs/a.bin", Body=b"b" * 3_000_000)
    with pytest.raises(ValueError, match="has changed"):
        made.download(tmp_path / "late", path_prefix="a.bin")
    assert not (tmp_path / "late" / "a.bin").exists()
    client(bucket).delete_object(Bucket=bucket.bucket, Key="theirs/a.bin")
    with pytest.raises(FileNotFoundError):
        made.download(tmp_path / "late", path_prefix="a.bin")
    with pytest.raises(ValueError, match="nothing at"):
        Artifact("far", "dataset").add_reference(f"{root}/absent")


@pytest.mark.slow
def test_a_version_of_an_object_stays_what_it_was(
    here: Service, project: str, bucket: Seaweed, tmp_path: Path
) -> None:
    s3 = client(bucket)
    s3.create_bucket(Bucket="versions")
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration=enabled)
    old = s3.put_object(Bucket="versions", Key="f/a", Body=b"old")["VersionId"]
    made = saved(project, ("s3://versions/f/a", None), ("s3://versions/f", "all"))
    for path in ("a", "all/a"):
        assert made.get_entry(path).extra["versionID"] == old
    s3.put_object(Bucket="versions", Key="f/a", Body=b"new")
    target = Path(made.download(tmp_path / "out"))
    assert {(target / path).read_bytes() for path in ("a", "all/a")} == {b"old"}
    by_version = Artifact("far", "dataset")
    [entry] = by_version.add_reference(f"s3://versions/f/a?versionId={old}")
    assert (entry.digest, entry.ref) == (made.get_entry("a").digest, "s3://versions/f/a")


THEIRS = """
import wandb
artifact = wandb.Artifact("far", "dataset")
artifact.add_reference(f"{root}/a.bin")
artifact.add_reference(f"{root}/", name="all")
artifact.add_reference(f"{root}/a.bin", name="unseen", checksum=False)
with wandb.init(entity="main", project=project) as run:
    run.log_artifact(artifact).wait()
found = wandb.Api().artifact(f"main/{project}/far:v0")
result = found.manifest.to_manifest_json()["contents"]
"""


@pytest.mark.slow
def test_both_clients_write_the_same_of_s3(
    here: Service, server: Server, admin: Person, project: str, bucket: Seaweed, tmp_path: Path
) -> None:
    root = f"s3://{bucket.bucket}/theirs"
    environ = {"AWS_S3_ENDPOINT_URL": bucket.endpoint}
    theirs = run_script(server, admin, THEIRS, environ=environ, project=project, root=root)
    ours = Artifact("far", "dataset")
    ours.add_reference(f"{root}/a.bin")
    ours.add_reference(f"{root}/", name="all")
    ours.add_reference(f"{root}/a.bin", name="unseen", checksum=False)
    written = ours.manifest.to_manifest_json()["contents"]
    written["unseen"]["size"] = 0  # Their word for a size that nobody knows.
    assert written == theirs


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """A bucket that answers like Google's."""
    try:
        with running_google() as made:
            for name, value in made.environ.items():
                monkeypatch.setenv(name, value)
            yield made
    except GoogleMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_objects_of_google_are_known_by_their_generation(
    here: Service, project: str, google: Google, tmp_path: Path
) -> None:
    old = google.put("f/a", b"old")
    google.put("f/b/c", b"deep")
    root = f"gs://{google.bucket}/f"
    made = saved(project, (f"{root}/a", None), (root, "all"))
    entry = made.get_entry("all/a")
    assert (entry.ref, entry.size, entry.extra["versionID"]) == (f"{root}/a", 3, old)
    new = google.put("f/a", b"new")
    target = Path(made.download(tmp_path / "out"))
    contents = {path: (target / path).read_bytes() for path in files_in(target)}
    assert contents == {"a": b"old", "all/a": b"old", "all/b/c": b"deep"}

    by_generation = Artifact("far", "dataset")
    [entry] = by_generation.add_reference(f"{root}/a#{old}")
    assert entry.digest == made.get_entry("a").digest
    [entry] = by_generation.add_reference(f"{root}/a#{new}", name="new")
    entry.extra.clear()  # As in a bucket without old generations.
    entry.digest = made.get_entry("a").digest
    by_generation.save(project=project)
    with pytest.raises(ValueError, match="has changed"):
        by_generation.download(tmp_path / "late", path_prefix="new")
