"""A full disk: a clear refusal at once, the server stays up, nothing half-done is visible, and with room again all is well."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.hand import Hand, Refused, send
from tests.client.live import Person, Server, run_script, running
from tests.services.desk import entries_of

MIB = 1 << 20


@contextmanager
def small_disk(at: Path, size: int) -> Iterator[Path]:
    """A file system of so many bytes in memory, mounted on a folder."""
    at.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all room but so many bytes."""
    filler = disk / "filler"
    found = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - leave)
    return filler


def is_up(server: Server) -> None:
    assert send("GET", f"{server.url}/healthz").status == 200
    assert "Traceback" not in "".join(server.log)


@pytest.mark.slow
def test_no_room_for_files(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "data" / "blobs", 48 * MIB) as disk,
        running(tmp_path / "data", tmp_path / "home") as server,
    ):
        hand = Hand(server, server.admin, "full")
        first = hand.log({"a": b"a" * MIB})
        filler = fill(disk, 8 * MIB)
        large = {"large": b"x" * (20 * MIB)}
        artifact = hand.begin(entries_of(large))
        place = str(hand.places(artifact, large)["large"])
        answer = send("PUT", place, large["large"])
        assert (answer.status, "room" in answer.message()) == (413, True)
        many = {f"{i:02}": bytes([i]) * MIB for i in range(12)}
        with pytest.raises(Refused) as refused:
            hand.log(many)
        assert refused.value.status == 413
        assert not list((disk / "incoming").iterdir())
        is_up(server)
        assert list(hand.versions()) == [0]
        assert hand.check_whole(first) == {"a": b"a" * MIB}
        script = """
        import wandb
        with wandb.init(entity="main", project="full") as run:
            artifact = wandb.Artifact("net", type="model")
            with artifact.new_file("large", "wb") as file:
                file.write(b"y" * (20 << 20))
            try:
                run.log_artifact(artifact).wait()
            except ValueError as error:
                result = str(error)
        """
        ann = Person("admin", server.admin.api_key, tmp_path / "client")
        before = len(server.log)
        said = run_script(server, ann, script, timeout_s=60)
        assert (
            "uploads (1/1) have failed" in said
        )  # The client's own words: it tried once and gave up.
        puts = [line for line in server.log[before:] if "/large status=413" in line]
        assert len(puts) == 1
        filler.unlink()
        assert hand.check_whole(hand.log(many)) == many
        assert send("PUT", place, large["large"]).status == 200
        assert sorted(hand.versions()) == [0, 1]
        is_up(server)


@pytest.mark.slow
def test_no_room_for_the_database(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "data", 32 * MIB) as disk,
        running(disk, tmp_path / "home") as server,
    ):
        hand = Hand(server, server.admin, "full")
        first = hand.log({"a": b"a"})
        filler = fill(disk, 0)
        refused = [refusal(hand, number) for number in range(40)]
        assert [status for status, _ in refused if status][-30:] == [413] * 30
        assert all("full" in message or "room" in message for status, message in refused if status)
        is_up(server)
        assert hand.check_whole(first) == {"a": b"a"}
        for node in hand.versions().values():
            hand.check_whole(node["id"])
        filler.unlink()
        before = len(hand.versions())
        hand.check_whole(hand.log({"a": b"room again"}))
        assert sorted(hand.versions()) == list(range(before + 1))
        is_up(server)


def refusal(hand: Hand, number: int) -> tuple[int, str]:
    """Status and message of logging one more version; 0 where that worked."""
    try:
        hand.log({"a": b"%d" % number}, metadata='{"text": "' + "x" * 50_000 + '"}')
    except Refused as error:
        return error.status, str(error)
    return 0, ""
