"""`kill -9` at any moment of uploads and commits: what was acknowledged is there and whole, and nothing half-done is visible."""

import http.client
import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.client.hand import Hand, Refused
from tests.client.live import Person, Server, run_script, running
from tests.client.proxy import Proxy

pytestmark = pytest.mark.slow

ROUNDS = 24
GONE = (ConnectionError, http.client.HTTPException, TimeoutError)
LINK = """mutation($i: LinkArtifactInput!) { linkArtifact(input: $i) { versionIndex } }"""
REGISTRY = {"entityName": "registrum-org", "projectName": "wandb-registry-model"}
SHARED = b"the same in every version" * 4000

Files = dict[str, bytes]


def content(number: int) -> Files:
    own = random.Random(number)
    return {
        "large.bin": own.randbytes(2_500_000),
        "small.txt": b"%d" % number,
        "shared.bin": SHARED,
        "empty": b"",
        **{f"many/{i}": own.randbytes(200 + i) for i in range(5)},
    }


class Ledger:
    """What a client remembers: what it asked for, and what it was told was done.

    Attributes:
        collection: of the registry, that it links into and nobody else does.
    """

    def __init__(self, collection: str = "net") -> None:
        self.collection = collection
        self.asked: list[Files] = []
        self.committed: dict[str, Files] = {}
        self.linked: list[str] = []

    def work(self, hand: Hand, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Logs and links one version after the other, until that is enough or the server is gone."""
        while not is_enough():
            files = content(len(self.asked))
            self.asked.append(files)
            try:
                made = hand.log(files, in_parts="large.bin" if len(self.asked) % 2 else None)
                self.committed[made] = files
                aliases = [{"alias": "production", "artifactCollectionName": self.collection}]
                link = REGISTRY | {
                    "artifactID": made,
                    "artifactPortfolioName": self.collection,
                    "aliases": aliases,
                }
                hand.data(LINK, i=link)
                self.linked.append(made)
            except (*GONE, json.JSONDecodeError):
                return

    def check(self, hand: Hand) -> None:
        """Compares with what the server has."""
        versions = hand.versions()
        assert sorted(versions) == list(range(len(versions)))
        by_id = {node["id"]: node for node in versions.values()}
        assert set(self.committed) <= set(by_id)
        assert len(by_id) - len(self.committed) <= 1, "only the last one may have lost its answer"
        for number, node in versions.items():
            newest = number == len(versions) - 1
            own = [each["alias"] for each in node["aliases"] if each["alias"] == "latest"]
            assert bool(own) == newest or node["id"] in self.linked
            if number < len(versions) - 3:
                continue  # Looked at in an earlier round.
            files = hand.check_whole(node["id"])
            assert files in self.asked
            assert self.committed.setdefault(node["id"], files) == files
        registry = Hand(hand.server, hand.person, REGISTRY["projectName"], REGISTRY["entityName"])
        links = registry.versions(self.collection)
        assert sorted(links) == list(range(len(links)))
        assert set(self.linked) <= {node["id"] for node in links.values()} <= set(by_id)
        self.linked = [links[number]["id"] for number in sorted(links)]


def kill_after_bytes(server: Server, proxy: Proxy, share: float) -> None:
    proxy.act_after(int(share * 2 * 2_700_000), server.process.kill)


def kill_after_changes(server: Server, proxy: Proxy, share: float) -> None:
    """Watches the data folder, and kills after so many changes of its log of transactions or of the blobs."""
    wal = server.data_dir / "registrum.sqlite-wal"
    blobs = server.data_dir / "blobs" / "incoming"

    def look() -> tuple[int, int, int]:
        found = os.stat(wal)
        return found.st_size, found.st_mtime_ns, os.stat(blobs).st_mtime_ns

    def watch() -> None:
        left, last = int(share * 80), look()
        while left > 0 and server.process.poll() is None:
            now = look()
            left -= now != last
            last = now
        server.process.kill()

    threading.Thread(target=watch, daemon=True).start()


Kill = Callable[[Server, Proxy, float], None]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with closing(Proxy()) as made:
        yield made


@pytest.mark.parametrize("kill", [kill_after_bytes, kill_after_changes])
def test_kills_at_any_moment_lose_nothing_and_show_nothing_half_done(
    kill: Kill, proxy: Proxy, tmp_path: Path
) -> None:
    ledger = Ledger()
    for number in range(ROUNDS + 1):
        with running(tmp_path / "data", tmp_path / "home") as server:
            assert not list(server.data_dir.rglob("blobs/incoming/*"))
            hand = Hand(server, server.admin, "killed")
            if number:
                ledger.check(hand)
                again = ledger.asked[-1]
                assert hand.check_whole(hand.log(again)) == again
                ledger.check(hand)
            if number == ROUNDS:
                assert len(hand.versions()) >= ROUNDS
                assert "Traceback" not in "".join(server.log)
                return
            proxy.lead_to(server.url)
            server.url = proxy.url
            kill(server, proxy, (number + 1) / ROUNDS)
            ledger.work(hand)
            server.process.wait(30)


def test_the_client_carries_on_over_kills_of_the_server(proxy: Proxy, tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number}.bin").write_bytes(random.Random(number).randbytes(20_000))
    script = """
    import wandb
    with wandb.init(entity="main", project="carried") as run:
        for step in range(50):
            run.log({"loss": 1 / (1 + step)})
        artifact = wandb.Artifact("net", type="model")
        artifact.add_dir(folder)
        run.log_artifact(artifact).wait()
        result = artifact.version
    """
    got: list[object] = []

    def work(server: Server) -> None:
        got.append(
            run_script(
                server,
                Person("admin", server.admin.api_key, tmp_path / "a"),
                script,
                folder=str(folder),
            )
        )

    client: threading.Thread | None = None
    for kills_at in (3_000, 500_000, 5_000_000, None):
        with running(tmp_path / "data", tmp_path / "home") as server:
            proxy.lead_to(server.url)
            if kills_at:
                proxy.act_after(kills_at, server.process.kill)
            if client is None:
                outside = Server(proxy.url, server.process, server.data_dir, server.admin)
                client = threading.Thread(target=work, args=(outside,), daemon=True)
                client.start()
            if kills_at:
                server.process.wait(120)
                continue
            client.join(240)
            assert got == ["v0"]
            hand = Hand(server, server.admin, "carried")
            files = hand.check_whole(hand.versions()[0]["id"])
            assert files == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_the_server_was_told_no_more_is_still_refused_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "data", tmp_path / "home") as server:
        hand = Hand(server, server.admin, "killed")
        ann = Person("ann", "k" * 40, tmp_path / "ann")
        make = """mutation($k: String!) { createUser(input: {email: "ann@example.org",
          username: "ann", apiKey: $k}) { user { id } } }"""
        hand.data(make, k=ann.api_key)
        keys = "query K { viewer { apiKeys { edges { node { id } } } } }"
        mine = Hand(server, ann, "x", "ann")
        found = mine.data(keys)["viewer"]["apiKeys"]["edges"][0]["node"]["id"]
        mine.data("mutation($i: String!) { deleteApiKey(input: {id: $i}) { success } }", i=found)
        server.process.kill()
        server.process.wait(30)
    with running(tmp_path / "data", tmp_path / "home") as server:
        with pytest.raises(Refused) as refused:
            Hand(server, ann, "x", "ann").data(keys)
        assert refused.value.status == 401
