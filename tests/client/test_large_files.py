"""A file of 2.5 GB goes up in parts and comes back by ranges, and the server's memory stays where it was."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.live import Person, Server, run_script

pytestmark = pytest.mark.slow

SIZE = 2_500_000_000
BLOCK = 4 * 2**20
MORE_BYTES = 64 * 2**20
LOG = """
import os, wandb
os.environ["WANDB_ARTIFACT_DIR"] = target
with wandb.init(entity="main", project=project) as run:
    artifact = wandb.Artifact("large", type="dataset")
    artifact.add_file(path, name="large.bin", skip_cache=True, policy="immutable")
    artifact.add_file(small, name="small.bin", skip_cache=True, policy="immutable")
    run.log_artifact(artifact).wait()
    result = [artifact.version, artifact.size]
"""
FETCH = """
import wandb
artifact = wandb.Api().artifact(f"main/{project}/large:v0")
artifact.download(root=target, skip_cache=True, multipart=True)
result = artifact.verify(root=target)
"""


def write_large(path: Path) -> str:
    """Blocks that all differ, cheaply made; their SHA-256."""
    pattern, digest, left, number = (
        hashlib.sha512(b"x").digest() * (BLOCK // 64),
        hashlib.sha256(),
        SIZE,
        0,
    )
    with path.open("wb") as file:
        while left:
            block = (number.to_bytes(16, "big") + pattern[16:])[:left]
            file.write(block)
            digest.update(block)
            left -= len(block)
            number += 1
    return digest.hexdigest()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def memory_of(pid: int) -> int:
    """What a process has allocated, in bytes: page cache that it maps doesn't count."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    [anonymous] = [line.split()[1] for line in lines if line.startswith("Anonymous:")]
    return int(anonymous) * 1024


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """What the process has held while the block ran, looked at ten times a second."""
    seen, over = [memory_of(pid)], threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            seen.append(memory_of(pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_a_large_file_goes_up_in_parts_and_comes_back_by_ranges(
    server: Server, admin: Person, project: str, tmp_path: Path
) -> None:
    path, small, target = tmp_path / "large.bin", tmp_path / "small.bin", tmp_path / "back"
    given = write_large(path)
    small.write_bytes(b"small")
    # What the first requests load once and for all is no part of streaming.
    warm = {"path": str(small), "small": str(small), "target": str(target)}
    run_script(server, admin, LOG, project=f"{project}-warm", **warm)
    idle = memory_of(server.process.pid)
    asked = len(server.log)
    with watched(server.process.pid) as up:
        names = {"project": project, "path": str(path), "small": str(small), "target": str(target)}
        logged = run_script(server, admin, LOG, **names, timeout_s=560)
    assert logged == ["v0", SIZE + 5]
    puts = [line for line in server.log[asked:] if "method=PUT path=/blobs/" in line]
    assert sum("status=200" in line for line in puts) >= SIZE // (100 * 2**20) + 1
    path.unlink()
    asked = len(server.log)
    with watched(server.process.pid) as down:
        run_script(server, admin, FETCH, project=project, target=str(target), timeout_s=560)
    gets = [line for line in server.log[asked:] if "method=GET path=/blobs/" in line]
    assert sum("status=206" in line for line in gets) >= SIZE // (100 * 2**20)
    assert sha256(target / "large.bin") == given
    assert (target / "small.bin").read_bytes() == b"small"
    (target / "large.bin").unlink()
    print(f"idle {idle:,}, up {max(up):,}, down {max(down):,}")
    assert max(up) < idle + MORE_BYTES
    assert max(down) < idle + MORE_BYTES
