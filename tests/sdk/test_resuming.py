"""A large upload whose process is killed: the next process sends what is missing, and no more; others do not get in its way."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registrum.sdk import finding, sending, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from registrum.sdk.sending import Parts
from registrum.sdk.uploads import Beginning
from registrum.sdk.versions import version_of
from tests.client.live import Person, Server, client_environment
from tests.client.proxy import Proxy
from tests.sdk.test_artifacts import files_in

MIB = 1 << 20
PARTS = Parts(4 * MIB, MIB)
UPLOAD = """
import sys
from registrum.sdk import homes, sending, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.uploads import Beginning
project, path, from_bytes, each_bytes = sys.argv[1:]
draft = Artifact("net", "dataset")
draft.add_file(path, "huge", policy="immutable")
beginning = Beginning("main", project, "net", "dataset", draft.client_id_for(draft.digest))
parts = sending.Parts(int(from_bytes), int(each_bytes))
uploads.upload(homes.service_for(None), beginning, draft.manifest, parts)
"""


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """Counts what is sent, and acts in the middle of it."""
    made = Proxy()
    made.lead_to(server.url)
    yield made
    made.close()


def huge(at: Path, size: int) -> Path:
    at.mkdir()
    with (at / "huge").open("wb") as file:
        given = random.Random(size)
        for start in range(0, size, MIB):
            file.write(given.randbytes(min(MIB, size - start)))
    return at / "huge"


def start(
    server: Server, person: Person, url: str, project: str, path: Path, parts: Parts = PARTS
) -> "subprocess.Popen[str]":
    env = client_environment(server, person) | {"REGISTRUM_URL": url}
    command = [sys.executable, "-c", UPLOAD, project, str(path), *map(str, parts)]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def end_well(process: "subprocess.Popen[str]") -> None:
    assert (process.communicate(timeout=300)[1], process.returncode) == ("", 0)


def check_whole(here: Service, project: str, path: Path, target: Path) -> None:
    finding.by_name(here, "main", project, "net:v0").download(target, skip_cache=True)
    assert files_in(target) == files_in(path.parent)


def test_the_next_process_sends_what_is_missing(
    server: Server, admin: Person, here: Service, project: str, proxy: Proxy, tmp_path: Path
) -> None:
    path = huge(tmp_path / "given", 30 * MIB + 5)
    first = start(server, admin, proxy.url, project, path)
    proxy.act_after(20 * MIB, first.kill)
    first.communicate(timeout=60)
    assert first.returncode < 0
    before = proxy.sent
    assert before > 20 * MIB
    end_well(start(server, admin, proxy.url, project, path))
    # Of these, the parts that were on their way just then are lost: one for each connection, and a little more.
    assert path.stat().st_size < proxy.sent < before + (10 + sending.PARTS_AT_ONCE + 2) * MIB
    check_whole(here, project, path, tmp_path / "out")


def test_another_project_knows_nothing_of_it(
    server: Server, admin: Person, here: Service, project: str, proxy: Proxy, tmp_path: Path
) -> None:
    path = huge(tmp_path / "given", 12 * MIB)
    first = start(server, admin, proxy.url, project, path)
    proxy.act_after(8 * MIB, first.kill)
    first.communicate(timeout=60)
    before = proxy.sent
    end_well(start(server, admin, proxy.url, f"{project}-2", path))
    assert proxy.sent - before > 12 * MIB
    check_whole(here, f"{project}-2", path, tmp_path / "out")


def test_two_processes_at_the_same_large_file(
    server: Server, admin: Person, here: Service, project: str, proxy: Proxy, tmp_path: Path
) -> None:
    path = huge(tmp_path / "given", 40 * MIB)
    others: list[subprocess.Popen[str]] = []
    first = start(server, admin, proxy.url, project, path)
    proxy.act_after(
        10 * MIB, lambda: others.append(start(server, admin, server.url, project, path))
    )
    end_well(first)
    end_well(*others)
    check_whole(here, project, path, tmp_path / "out")


def test_twins_are_sent_once(here: Service, project: str, tmp_path: Path) -> None:
    path = huge(tmp_path / "given", 9 * MIB)
    for name in ("twin", "other"):
        (path.parent / name).write_bytes(path.read_bytes())
    (path.parent / "small").write_bytes(b"small")
    draft = Artifact("net", "dataset")
    draft.add_dir(path.parent)
    beginning = Beginning("main", project, "net", "dataset", draft.client_id_for(draft.digest))
    node = uploads.upload(here, beginning, draft.manifest, PARTS)
    assert {entry.birth_artifact_id for entry in draft.manifest.entries.values()} == {node["id"]}
    draft.settle(here, version_of(node))
    check_whole(here, project, path, tmp_path / "out")


@pytest.mark.slow
def test_gigabytes_are_not_sent_again(
    server: Server, admin: Person, here: Service, project: str, proxy: Proxy, tmp_path: Path
) -> None:
    gib = 1 << 30
    path = huge(tmp_path / "given", 2 * gib + gib // 2)
    first = start(server, admin, proxy.url, project, path, sending.PARTS)
    proxy.act_after(2 * gib, first.kill)
    first.communicate(timeout=300)
    before = proxy.sent
    end_well(start(server, admin, proxy.url, project, path, sending.PARTS))
    lost = (sending.PARTS_AT_ONCE + 2) * sending.PARTS.each_bytes
    assert gib // 2 < proxy.sent - before < gib // 2 + lost
    check_whole(here, project, path, tmp_path / "out")
