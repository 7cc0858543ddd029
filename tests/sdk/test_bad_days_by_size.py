"""Every bad day for every way in which bytes travel: small files in batches, files that go whole, large ones in parts and ranges."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from registrum.core.errors import DigestMismatch, StorageFull
from registrum.errors import Missing
from registrum.sdk import finding, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.credentials import Credentials
from registrum.sdk.http import Service
from registrum.sdk.sending import Parts
from registrum.sdk.uploads import Beginning
from registrum.sdk.versions import version_of
from tests.client.live import Person, Server, client_environment, running
from tests.client.test_full_disk import fill, small_disk
from tests.sdk.test_artifacts import files_in
from tests.sdk.weather import Weather, weather

pytestmark = pytest.mark.slow
"""`test_bad_days` shows each of them once in every run; all ways take half a minute."""

MIB = 1 << 20
MARK = b"a-mark-that-is-nowhere-else-0123456789"
PARTS = Parts(8 * MIB, MIB)
ASKS = {
    ("up", "batches"): b"POST /blobs/uploads",
    ("up", "whole"): b"PUT /blobs/",
    ("up", "parts"): b"PUT /blobs/",
    ("down", "batches"): b"POST /blobs/downloads",
    ("down", "whole"): b"GET /blobs/",
    ("down", "parts"): b"GET /blobs/",
}
CUTS = {"batches": 200_000, "whole": 2 * MIB, "parts": 3 * MIB}
HALF = {"batches": 200_000, "whole": 2 * MIB, "parts": 16 * MIB}


@pytest.fixture(params=["batches", "whole", "parts"])
def kind(request: pytest.FixtureRequest) -> str:
    """How the bytes travel."""
    found: str = request.param
    return found


@pytest.fixture
def folder(kind: str, tmp_path: Path) -> Path:
    """Files that travel so, each with some marks in it."""
    made, given = tmp_path / "given", random.Random(kind)
    made.mkdir()
    sizes = {"batches": [3000] * 150, "whole": [5 * MIB], "parts": [36 * MIB + 7]}[kind]
    for number, size in enumerate(sizes):
        pieces = [given.randbytes(size // 4) for _ in range(4)]
        (made / f"file-{number:03}").write_bytes(MARK.join(pieces))
    return made


@pytest.fixture
def storm(here: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weather]:
    """The way to the server, for this process."""
    with weather(here.url) as made:
        monkeypatch.setenv("REGISTRUM_URL", made.url)
        yield made


def drafted(folder: Path) -> Artifact:
    draft = Artifact("net", "dataset")
    draft.add_dir(folder)
    return draft


def up(service: Service, draft: Artifact, project: str) -> None:
    digest = draft.digest
    begun = Beginning("main", project, "net", "dataset", draft.client_id_for(digest))
    node = uploads.upload(service, begun, draft.manifest, PARTS)
    draft.settle(service, version_of(node))


def far(here: Service, url: str) -> Service:
    """The server by another way."""
    return Service(Credentials(url, here.credentials.api_key))


def net(service: Service, project: str) -> Artifact:
    return finding.by_name(service, "main", project, "net:latest")


def both_ways(
    here: Service, storm: Weather, way: str, folder: Path, project: str, out: Path
) -> None:
    """Uploads and downloads, one of them through the storm."""
    through = far(here, storm.url)
    up(through if way == "up" else here, drafted(folder), project)
    net(through if way == "down" else here, project).download(out, skip_cache=True)
    assert files_in(out) == files_in(folder)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_busy_store_is_waited_for(
    here: Service, storm: Weather, kind: str, way: str, folder: Path, project: str, tmp_path: Path
) -> None:
    storm.busy_at = (ASKS[way, kind], [503, 429, 503, 429])
    both_ways(here, storm, way, folder, project, tmp_path / "out")
    assert storm.busy_at[1] == []


@pytest.mark.parametrize("way", ["up", "down"])
def test_connections_that_break_after_so_many_bytes(
    here: Service, storm: Weather, kind: str, way: str, folder: Path, project: str, tmp_path: Path
) -> None:
    if way == "up":
        storm.cut_up_after = CUTS[kind]
    else:
        storm.cut_down_after = CUTS[kind]
    both_ways(here, storm, way, folder, project, tmp_path / "out")
    assert storm.cuts >= 2


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_damaged_byte_is_sent_again(
    here: Service, storm: Weather, kind: str, way: str, folder: Path, project: str, tmp_path: Path
) -> None:
    if way == "up":
        storm.spoil_up = (MARK, 1)
    else:
        storm.spoil = (MARK, 1)
    both_ways(here, storm, way, folder, project, tmp_path / "out")
    assert (storm.spoil_up if way == "up" else storm.spoil)[1] == 0


def test_bytes_that_arrive_damaged_whenever_they_are_sent_are_refused(
    here: Service, storm: Weather, kind: str, folder: Path, project: str, tmp_path: Path
) -> None:
    storm.spoil_up = (MARK, 1 << 40)
    with pytest.raises(DigestMismatch, match="arrived damaged"):
        up(far(here, storm.url), drafted(folder), project)
    with pytest.raises(Missing):
        net(here, project)
    up(here, drafted(folder), project)
    storm.spoil = (MARK, 1 << 40)
    with pytest.raises(DigestMismatch):
        net(far(here, storm.url), project).download(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    net(here, project).download(tmp_path / "out")
    assert files_in(tmp_path / "out") == files_in(folder)


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from registrum.sdk import finding, homes, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.sending import Parts
from registrum.sdk.uploads import Beginning
way, project, folder = sys.argv[1:4]
service = homes.service_for(None)
if way == "up":
    draft = Artifact("net", "dataset")
    with draft.new_file("made-here", "wb") as file:
        file.write(b"made here" * 100_000)
    draft.add_dir(folder)
    begun = Beginning("main", project, "net", "dataset", draft.client_id_for(draft.digest))
    uploads.upload(service, begun, draft.manifest, Parts(8 << 20, 1 << 20))
else:
    finding.by_name(service, "main", project, "net:latest").download(folder)
"""


def start(
    server: Server, person: Person, url: str, scratch: Path, *argv: str
) -> "subprocess.Popen[str]":
    scratch.mkdir(exist_ok=True)
    given = {"REGISTRUM_URL": url, "TMPDIR": str(scratch)}
    given["REGISTRUM_CACHE_DIR"] = str(scratch / "cache")
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *argv],
        env=client_environment(server, person) | given,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("way", ["up", "down"])
def test_an_interruption_leaves_no_partial_files(
    server: Server,
    admin: Person,
    here: Service,
    storm: Weather,
    kind: str,
    way: str,
    folder: Path,
    project: str,
    tmp_path: Path,
) -> None:
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    if way == "down":
        up(here, drafted(folder), project)
    at = str(folder if way == "up" else out)
    process = start(server, admin, storm.url, scratch, way, project, at)
    storm.act_after(way, HALF[kind], lambda: process.send_signal(signal.SIGINT))
    told = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    assert "KeyboardInterrupt" in told
    # Nothing is left of what was on its way: no copies of what was added, no halves of what came.
    left = files_in(scratch)
    assert not [
        path
        for path in left
        if not path.startswith(("cache/files/", "cache/known/", "cache/grown"))
    ], left
    assert {path.name for path in scratch.iterdir()} <= {"cache"}
    if way == "up":
        with pytest.raises(Missing):
            net(here, project)
    else:
        expected = files_in(folder)
        came = files_in(out) if out.exists() else {}
        assert all(expected[path] == digest for path, digest in came.items())
        assert len(came) < len(expected)
    again = start(server, admin, server.url, scratch, way, project, at)
    assert (again.communicate(timeout=60)[1], again.returncode) == ("", 0)
    net(here, project).download(tmp_path / "whole")
    found = files_in(tmp_path / "whole")
    found.pop("made-here", None)
    assert found == files_in(folder)


def test_a_disk_that_is_full_here(
    here: Service, kind: str, folder: Path, project: str, tmp_path: Path
) -> None:
    up(here, drafted(folder), project)
    with small_disk(tmp_path / "disk", HALF[kind]) as disk:
        with pytest.raises(StorageFull, match="no room left"):
            net(here, project).download(disk / "out", skip_cache=True)
        assert not list((disk / "out").glob(".registrum-*"))
        came = files_in(disk / "out")
        assert all(files_in(folder)[path] == digest for path, digest in came.items())
        assert len(came) < len(files_in(folder))


def test_no_room_for_a_copy_of_what_is_added(
    kind: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "disk", HALF[kind]) as disk:
        monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(disk))
        draft = Artifact("net", "dataset")
        with pytest.raises(StorageFull, match="immutable"):
            draft.add_dir(folder)
        draft.add_dir(folder, policy="immutable", merge=True)
        assert len(draft.manifest) == len(files_in(folder))


def test_several_processes_at_one_folder_and_one_cache(
    server: Server,
    admin: Person,
    here: Service,
    kind: str,
    folder: Path,
    project: str,
    tmp_path: Path,
) -> None:
    up(here, drafted(folder), project)
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    argv = ("down", project, str(out))
    for each in [start(server, admin, server.url, scratch, *argv) for _ in range(3)]:
        assert (each.communicate(timeout=120)[1], each.returncode) == ("", 0)
    assert files_in(out) == files_in(folder)
    kept = {path for path in files_in(scratch) if path.startswith("cache/files/")}
    assert len(kept) == len(files_in(folder))


@pytest.mark.parametrize("wrong_by_s", [86_400, -86_400])
def test_a_clock_that_is_wrong_by_a_day(
    here: Service,
    storm: Weather,
    kind: str,
    wrong_by_s: int,
    folder: Path,
    project: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right, right_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: right() + wrong_by_s)
    monkeypatch.setattr(time, "time_ns", lambda: right_ns() + wrong_by_s * 10**9)
    storm.busy_at = (ASKS["up", kind], [503])
    both_ways(here, storm, "up", folder, project, tmp_path / "out")
    for root in ("one", "again"):  # From the server, and from the cache.
        net(here, project).download(tmp_path / root)
        assert files_in(tmp_path / root) == files_in(folder)


@pytest.mark.slow
def test_a_disk_that_is_full_there(kind: str, folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        small_disk(data / "blobs", 64 * MIB) as disk,
        running(data, tmp_path / "home") as server,
    ):
        filler = fill(disk, HALF[kind])
        service = Service(Credentials(server.url, server.admin.api_key))
        draft = drafted(folder)
        with pytest.raises(StorageFull):
            up(service, draft, "full")
        filler.unlink()
        up(service, draft, "full")
        net(service, "full").download(tmp_path / "out", skip_cache=True)
        assert files_in(tmp_path / "out") == files_in(folder)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_server_that_is_killed_and_comes_back(
    kind: str, way: str, folder: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(running(tmp_path / "data", tmp_path / "home"))
        storm = stack.enter_context(weather(first.url))

        def restart() -> None:
            first.stop(signal.SIGKILL)
            first.process.wait()
            again = stack.enter_context(running(tmp_path / "data", tmp_path / "home"))
            storm.lead_to(again.url)

        service = Service(Credentials(storm.url, first.admin.api_key))
        draft = drafted(folder)
        if way == "up":
            storm.act_after("up", HALF[kind], restart)
        up(service, draft, "restarted")
        if way == "down":
            storm.act_after("down", HALF[kind], restart)
        net(service, "restarted").download(tmp_path / "out", skip_cache=True)
        assert first.process.poll() is not None
        assert files_in(tmp_path / "out") == files_in(folder)
