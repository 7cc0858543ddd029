"""Transfers on bad days: broken connections, damaged bytes, busy and restarted servers, full disks, interruptions, a wrong clock."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.core.errors import DigestMismatch, RegistrumError, StorageFull
from registrum.sdk import finding, transfers
from registrum.sdk.artifacts import Artifact
from registrum.sdk.credentials import Credentials
from registrum.sdk.http import ANSWER_TIMEOUT_S, Service
from tests.client.live import Person, Server, client_environment, running
from tests.client.proxy import Proxy
from tests.client.test_full_disk import small_disk
from tests.sdk.test_artifacts import files_in
from tests.sdk.weather import Weather, weather

MIB = 1 << 20
MARK = b"a-mark-that-is-nowhere-else-0123456789"


@pytest.fixture
def storm(here: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Weather]:
    """The way to the server, for this process."""
    with weather(here.url) as made:
        monkeypatch.setenv("REGISTRUM_URL", made.url)
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some megabytes in small and large files, one with a mark."""
    made, given = tmp_path / "given", random.Random(1)
    made.mkdir()
    for number in range(120):
        (made / f"small-{number}").write_bytes(given.randbytes(3000 + number))
    (made / "large").write_bytes(given.randbytes(5 * MIB))
    (made / "marked").write_bytes(MARK + given.randbytes(20_000))
    return made


def saved(folder: Path, project: str) -> Artifact:
    made = Artifact("net", "model")
    made.add_dir(folder)
    made.save(project=project)
    return made


def fresh(storm: Weather, here: Service, project: str) -> Artifact:
    """The artifact, by way of the storm."""
    service = Service(Credentials(storm.url, here.credentials.api_key))
    return finding.by_name(service, "main", project, "net:latest")


def test_connections_that_break_again_and_again(
    storm: Weather, here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    saved(folder, project)
    storm.cut_down_after = 400_000
    fresh(storm, here, project).download(tmp_path / "out")
    assert storm.cuts >= 5
    assert files_in(tmp_path / "out") == files_in(folder)


def test_a_large_file_comes_in_ranges(
    storm: Weather, here: Service, project: str, tmp_path: Path
) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "huge").write_bytes(random.Random(3).randbytes(50 * MIB + 7))
    made = saved(tmp_path / "given", project)
    made.download(tmp_path / "calm", skip_cache=True)
    storm.cut_down_after = 3 * MIB
    fresh(storm, here, project).download(tmp_path / "storm")
    assert storm.cuts >= 16
    made.download(tmp_path / "alone", skip_cache=True, multipart=False)
    for name in ("calm", "storm", "alone"):
        assert files_in(tmp_path / name) == files_in(tmp_path / "given")


def test_what_does_not_get_up_whole_goes_in_parts(
    storm: Weather, here: Service, project: str, tmp_path: Path
) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "huge").write_bytes(random.Random(2).randbytes(26 * MIB))
    storm.cut_up_after = 12 * MIB
    saved(tmp_path / "given", project)
    assert storm.cuts
    storm.cut_up_after = None
    fresh(storm, here, project).download(tmp_path / "out")
    assert files_in(tmp_path / "out") == files_in(tmp_path / "given")


def test_a_damaged_byte_is_noticed_and_asked_for_again(
    storm: Weather, here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    storm.spoil_up = (MARK, 1)
    saved(folder, project)
    assert storm.spoil_up[1] == 0
    storm.spoil = (MARK, 2)
    fresh(storm, here, project).download(tmp_path / "out")
    assert storm.spoil[1] == 0
    assert files_in(tmp_path / "out") == files_in(folder)


def test_bytes_that_stay_damaged_are_refused(
    storm: Weather, here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    saved(folder, project)
    storm.spoil = (MARK, 1000)
    with pytest.raises(DigestMismatch, match="marked"):
        fresh(storm, here, project).download(tmp_path / "out")
    assert not (tmp_path / "out" / "marked").exists()
    assert not list((tmp_path / "out").glob(".registrum-*"))
    storm.spoil = (MARK, 0)
    fresh(storm, here, project).download(tmp_path / "out")
    assert files_in(tmp_path / "out") == files_in(folder)


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_waited_for(
    storm: Weather, here: Service, project: str, folder: Path, tmp_path: Path, status: int
) -> None:
    storm.busy = [status] * 3
    saved(folder, project)
    assert storm.busy == []
    storm.busy = [status] * 3
    fresh(storm, here, project).download(tmp_path / "out")
    assert storm.busy == []
    assert files_in(tmp_path / "out") == files_in(folder)


def test_a_clock_that_is_wrong_by_a_day(
    storm: Weather,
    here: Service,
    project: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = time.time
    for wrong_by_s in (86_400, -86_400):
        monkeypatch.setattr(time, "time", lambda by=wrong_by_s: right() + by)
        (folder / "small-0").write_text(str(wrong_by_s))
        saved(folder, project)
        target = tmp_path / f"out{wrong_by_s}"
        fresh(storm, here, project).download(target)
        assert files_in(target) == files_in(folder)


def test_a_server_that_is_restarted_meanwhile(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(tmp_path / "cache"))
    proxy, live = Proxy(), running(tmp_path / "data", tmp_path / "home")
    first = live.__enter__()
    again = running(tmp_path / "data", tmp_path / "home")
    proxy.lead_to(first.url)
    for name, value in (
        ("URL", proxy.url),
        ("API_KEY", first.admin.api_key),
        ("ENTITY", "main"),
    ):
        monkeypatch.setenv(f"REGISTRUM_{name}", value)

    def restart() -> None:
        first.stop(signal.SIGKILL)
        live.__exit__(None, None, None)
        proxy.lead_to(again.__enter__().url)

    try:
        proxy.act_after(2 * MIB, restart)
        made = saved(folder, "restarted")
        assert files_in(Path(made.download(tmp_path / "out"))) == files_in(folder)
    finally:
        again.__exit__(None, None, None)
        proxy.close()


def test_no_room_here(here: Service, project: str, folder: Path, tmp_path: Path) -> None:
    made = saved(folder, project)
    with small_disk(tmp_path / "disk", 2 * MIB) as disk:
        with pytest.raises(StorageFull, match="no room left"):
            made.download(disk / "out", skip_cache=True)
        assert not list((disk / "out").glob(".registrum-*"))
        assert not (disk / "out" / "large").exists()
        for path, digest in files_in(disk / "out").items():
            assert files_in(folder)[path] == digest


def test_a_cache_without_room_does_not_matter(
    here: Service, project: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = saved(folder, project)
    with small_disk(tmp_path / "disk", MIB) as disk:
        monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(disk))
        assert files_in(Path(made.download(tmp_path / "out"))) == files_in(folder)
        assert files_in(Path(made.download(tmp_path / "again"))) == files_in(folder)


# A process that is started in the background may ignore an interruption, as its children do then.
DOWNLOAD = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import registrum.sdk.finding as finding
from registrum.sdk import homes
service = homes.service_for(None)
found = finding.by_name(service, "main", sys.argv[1], "net:latest")
print("begins", flush=True)
found.download(sys.argv[2])
"""


def start(
    server: Server, person: Person, url: str, project: str, target: Path
) -> "subprocess.Popen[str]":
    env = client_environment(server, person) | {"REGISTRUM_URL": url}
    command = [sys.executable, "-c", DOWNLOAD, project, str(target)]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_at_one_folder_and_one_cache(
    server: Server, admin: Person, here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    saved(folder, project)
    target = tmp_path / "out"
    both = [start(server, admin, server.url, project, target) for _ in range(3)]
    for each in both:
        assert each.communicate(timeout=120)[1] == ""
        assert each.returncode == 0
    assert files_in(target) == files_in(folder)


class _Interrupting(Weather):
    """Interrupts a process once so many bytes have come to it."""

    process: "subprocess.Popen[str] | None" = None
    after = 0
    come = 0

    def _spoilt(self, content: bytes, way: str) -> bytes:
        if way == "down" and self.process:
            self.come += len(content)
            if self.come > self.after:
                self.process.send_signal(signal.SIGINT)
                self.process = None
        return content


@pytest.mark.parametrize("after", [100_000, 1_000_000, 4_000_000])
def test_an_interruption_leaves_nothing_half_done(
    server: Server,
    admin: Person,
    here: Service,
    project: str,
    folder: Path,
    tmp_path: Path,
    after: int,
) -> None:
    saved(folder, project)
    storm = _Interrupting(server.url)
    storm.after = after
    process = start(server, admin, storm.url, project, tmp_path / "out")
    assert process.stdout
    assert process.stdout.readline() == "begins\n"
    storm.process = process
    process.communicate(timeout=60)
    storm.close()
    assert process.returncode != 0
    cache = admin.home / "cache" / "registrum"
    left = files_in(tmp_path / "out") if (tmp_path / "out").exists() else {}
    expected = files_in(folder)
    assert all(expected[path] == digest for path, digest in left.items())
    assert len(left) < len(expected)
    assert not list(tmp_path.glob("out/.registrum-*"))
    assert not list(cache.glob("incoming/*"))
    assert not list(cache.glob("staging/*"))
    again = start(server, admin, server.url, project, tmp_path / "out")
    assert again.communicate(timeout=60)[1] == ""
    assert files_in(tmp_path / "out") == expected


def test_an_interruption_does_not_wait_for_a_silent_server(
    server: Server, admin: Person, here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    saved(folder, project)
    with weather(server.url) as storm:
        storm.stall_after = MIB
        process = start(server, admin, storm.url, project, tmp_path / "out")
        assert storm.has_stalled.wait(60)
        process.send_signal(signal.SIGINT)
        # Far less than the minute that an answer may take.
        process.communicate(timeout=ANSWER_TIMEOUT_S / 3)
    assert process.returncode != 0
    assert not list(tmp_path.glob("out/.registrum-*"))


def test_an_address_that_is_no_longer_good_is_asked_for_anew(
    here: Service, project: str, folder: Path, tmp_path: Path
) -> None:
    made = saved(folder, project)
    entry = made.get_entry("large")
    source = made._source()
    node = next(source.addresses(["large"]))
    altered = node["directUrl"][:-4] + "0000"
    with pytest.raises(transfers.AddressRefused):
        transfers.receive(here, altered, 0, entry.size or 0, lambda _: None, transfers.Stop())


def test_one_failure_ends_the_others() -> None:
    stopped, both = threading.Event(), threading.Barrier(2)

    def work(number: int, stop: transfers.Stop) -> None:
        both.wait(60)
        if number == 0:
            raise RegistrumError("the first")
        assert stop.wait(60)
        stopped.set()
        raise transfers.Stopped("so this one as well")

    with pytest.raises(RegistrumError, match="the first"):
        transfers.for_each(work, range(2), 2)
    assert stopped.is_set()
