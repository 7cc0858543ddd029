"""Checkouts that share bytes with the cache, on file systems that can share blocks and on those that can't: who edits one harms no other."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from registrum.core.digests import Algorithm
from registrum.sdk import reflink
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from registrum.sdk.staging import Staging, chunks
from tests.sdk.test_artifacts import files_in

MIB = 1 << 20
BLOCK = 4096
LARGE = 24 * MIB + 777
MAKERS = {"xfs": ["mkfs.xfs", "-q", "-f"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}
DISK_BYTES = {"xfs": 320 * MIB, "btrfs": 160 * MIB}


def given(at: Path) -> Path:
    at.mkdir(parents=True)
    (at / "small").write_bytes(b"small" * 100)
    (at / "large").write_bytes(random.Random(6).randbytes(LARGE))
    return at


def saved(folder: Path, project: str) -> Artifact:
    made = Artifact("net", "model")
    made.add_dir(folder)
    made.save(project=project)
    return made


def edit(path: Path) -> None:
    """Changes a file in place, as somebody does who knows what he does: its size stays, and its name."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(b"EDIT")


@pytest.mark.parametrize("link", [None, "hard"])
def test_who_edits_a_checkout_harms_no_other(
    here: Service, project: str, tmp_path: Path, link: Literal["hard"] | None
) -> None:
    folder = given(tmp_path / "given")
    made = saved(folder, project)
    # The first is linked with the cache when it comes, the second when it is taken from there.
    for number in range(2):
        edited = Path(made.download(tmp_path / f"edited-{number}", link=link))
        for name in ("small", "large"):
            edit(edited / name)
        fresh = Path(made.download(tmp_path / f"fresh-{number}"))
        assert files_in(fresh) == files_in(folder)
    edit(edited / "large")
    shutil.rmtree(edited)  # What was written is all that is left of it.
    again = Path(made.download(tmp_path / "again", link=link))
    assert files_in(again) == files_in(folder)
    made.verify(str(again))
    repaired = Path(made.download(tmp_path / "edited-0"))
    assert files_in(repaired) == files_in(folder)


@contextmanager
def disk(kind: str, at: Path) -> Iterator[Path]:
    """A file system of that kind in a file, mounted on a folder."""
    if shutil.which(MAKERS[kind][0]) is None:
        pytest.skip(f"{MAKERS[kind][0]} is not installed")
    image, folder = at / f"{kind}.image", at / kind
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES[kind])
    for command in ([*MAKERS[kind], str(image)], ["mount", "-o", "loop", str(image), str(folder)]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a {kind} disk can't be made here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=sorted(MAKERS))
def sharing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder of a file system whose files can share blocks."""
    with disk(request.param, tmp_path) as folder:
        yield folder


def taken_by(folder: Path) -> int:
    """Bytes that are in use on a disk."""
    subprocess.run(["sync", "--file-system", str(folder)], check=True)
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def shared_with(path: Path) -> int:
    """Bytes of a file that it has together with another one."""
    taken_by(path.parent)
    told = subprocess.run(["filefrag", "-b4096", "-v", str(path)], capture_output=True, text=True)
    if told.returncode:
        pytest.skip(f"filefrag does not tell what is shared: {told.stderr.strip()}")
    rows = [line.split(":") for line in told.stdout.splitlines() if "shared" in line]
    return sum(int(row[3]) for row in rows) * BLOCK


@pytest.mark.slow
def test_blocks_are_shared_where_the_file_system_can(sharing: Path) -> None:
    source = given(sharing / "given") / "large"
    content, before = source.read_bytes(), taken_by(sharing)
    for make in (reflink.copy, reflink.link):
        target = sharing / make.__name__
        make(str(source), str(target))
        assert target.read_bytes() == content
        assert target.stat().st_nlink == 1
        edit(target)
        assert source.read_bytes() == content
    assert taken_by(sharing) - before < LARGE // 4


@pytest.mark.slow
def test_a_draft_shares_the_blocks_of_what_was_added(sharing: Path) -> None:
    source = given(sharing / "given") / "large"
    content = source.read_bytes()
    staging = Staging(str(sharing / "staging"))
    staging.keep_bytes(b"odd", Algorithm.MD5)
    kept = staging.keep(str(source), Algorithm.MD5)
    assert shared_with(source) >= LARGE // BLOCK * BLOCK
    edit(source)
    assert b"".join(chunks(kept.content)) == content
    staging.close()


@pytest.mark.slow
@pytest.mark.parametrize("link", [None, "hard"])
def test_checkouts_and_the_cache_share_blocks(
    here: Service,
    project: str,
    sharing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    link: Literal["hard"] | None,
) -> None:
    folder = given(tmp_path / "given")
    made = saved(folder, project)
    monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(sharing / "cache"))
    before = taken_by(sharing)
    for number in range(3):
        target = Path(made.download(sharing / f"out-{number}", link=link))
        assert files_in(target) == files_in(folder)
        assert (target / "large").stat().st_nlink == 1
        edit(target / "large")
    assert LARGE <= taken_by(sharing) - before < LARGE * 3 // 2
    # Of another file system, it is a copy.
    assert files_in(Path(made.download(tmp_path / "far", link=link))) == files_in(folder)
