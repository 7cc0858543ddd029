"""One `Api` among many workers: threads that share it, and children that are forked while it is in use."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import registrum
from registrum.sdk.http import Service

WORKERS = 4
FORKED = multiprocessing.get_context("fork")


@pytest.fixture
def dataset(here: Service, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of many small files and a large one, in a registry; its path."""
    monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(tmp_path / "cache"))
    draft = registrum.Artifact("waves", "dataset")
    for number in range(60):
        with draft.new_file(f"day-{number}.csv") as file:
            file.write(f"{project} {number}\n" * 50)
    with draft.new_file("large.bin", "wb") as file:
        file.write(os.urandom(1 << 20) * 9)
    draft.save(project=project)
    registrum.Api().create_registry(project, "organization")
    draft.link(f"wandb-registry-{project}/waves")
    return f"wandb-registry-{project}/waves:latest"


def content(folder: str) -> dict[str, bytes]:
    """The files of a folder, without what a download in progress has beside them."""
    found = (path for path in Path(folder).iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in found}


def work(api: registrum.Api, path: str, folder: str) -> str:
    """What a worker of a training job does: searches, reads, downloads, and logs what it did."""
    registry = path.partition("/")[0].removeprefix("wandb-registry-")
    found = api.registry(registry)
    assert [own.name for own in found.versions()] == ["waves:v0"]
    artifact = api.artifact(path)
    artifact.download(folder)
    artifact.verify(folder)
    with registrum.init(project=registry, entity="main", reinit="create_new") as run:
        run.log({"done": os.getpid()})
        run.use_artifact(path)
    return run.id


def in_child(api: registrum.Api, path: str, folder: str, answers: Connection) -> None:
    try:
        answers.send(work(api, path, folder))
    except BaseException as error:
        answers.send(f"{type(error).__name__}: {error}")
        raise


def test_forked_children_go_on_with_the_api_of_their_parent(dataset: str, tmp_path: Path) -> None:
    """The parent's connections are open, and threads of it are in the middle of asking, while the children are made."""
    api = registrum.Api()
    wanted = content(api.artifact(dataset).download(str(tmp_path / "parent")))
    children, ends = [], []
    is_over = threading.Event()

    def keep_asking() -> int:
        asked = 0
        while not is_over.is_set():
            assert api.artifact(dataset).version == "v0"
            asked += 1
        return asked

    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(keep_asking) for _ in range(2)]
        for number in range(WORKERS):
            mine, theirs = FORKED.Pipe(duplex=False)
            folder = str(tmp_path / f"child-{number}")
            child = FORKED.Process(target=in_child, args=(api, dataset, folder, theirs))
            child.start()
            children.append(child)
            ends.append(mine)
        told = [end.recv() if end.poll(120) else "silent" for end in ends]
        is_over.set()
        assert all(one.result() > 0 for one in asking)
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * WORKERS, told
    assert len(set(told)) == WORKERS
    for number in range(WORKERS):
        assert content(str(tmp_path / f"child-{number}")) == wanted
    assert len(api.artifact(dataset).used_by()) == WORKERS
    assert api.viewer.username == "admin", "the parent's own connections are as they were"


def read_one(path: str) -> int:
    """What a data loader's worker does with an `Api` of its own."""
    return sum(own.size for own in registrum.Api().artifact(path).files())


def test_a_pool_of_processes_may_be_of_either_kind(dataset: str) -> None:
    for kind in ("fork", "spawn"):
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(kind)) as pool:
            sizes = set(pool.map(read_one, [dataset] * 4))
        assert len(sizes) == 1


def test_threads_share_an_api_and_an_artifact(dataset: str, tmp_path: Path) -> None:
    api = registrum.Api()
    artifact = api.artifact(dataset)

    def download(number: int) -> dict[str, bytes]:
        return content(artifact.download(str(tmp_path / f"thread-{number % 3}")))

    with ThreadPoolExecutor(8) as threads:
        ids = list(
            threads.map(lambda one: work(api, dataset, str(tmp_path / f"own-{one}")), range(8))
        )
        contents = list(threads.map(download, range(8)))
    assert len(set(ids)) == 8
    assert all(own == contents[0] for own in contents)
    assert not list(tmp_path.glob("thread-*/.registrum-*"))


def test_a_run_is_logged_to_by_threads_and_not_by_children(here: Service, project: str) -> None:
    run = registrum.init(project=project, entity="main")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: run.log({f"of-{number % 8}": number}), range(200)))
    mine, theirs = FORKED.Pipe(duplex=False)

    def log_there() -> None:
        try:
            run.log({"from": "child"})
        except registrum.errors.Conflict as error:
            theirs.send(error.message)

    child = FORKED.Process(target=log_there)
    child.start()
    assert mine.poll(60)
    assert "belongs to the process that made it" in mine.recv()
    child.join(60)
    assert child.exitcode == 0
    run.finish()
    rows = list(registrum.Api().run(f"main/{project}/{run.id}").scan_history())
    assert [row["_step"] for row in rows] == list(range(200))
    told = sorted(value for row in rows for key, value in row.items() if key.startswith("of-"))
    assert told == list(range(200)), "nothing is lost, and nothing is there twice"
