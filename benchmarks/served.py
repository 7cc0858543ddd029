"""A real `registrum serve` in a process of its own, and a client that costs little: the two ends of every measurement."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from registrum.core.actors import Actor
from registrum.core.policy import Role
from registrum.server.db import open_database
from registrum.server.db.tables import api_keys, team_members
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import NewKey, Secrets

SECRET_KEY = "a-secret-of-the-benchmark-only-of-enough-characters"
START_LIMIT_S = 60
IDLE_S = 60
"""After so long unused a connection is made anew: the server closes it after 75 seconds."""
SYSTEM = Actor(None, None, is_admin=True)
# A process's own CPU clock, read by others: Linux makes its number of the process's and this one (clock_getcpuclockid).
_CPU_CLOCK = 2


@dataclass(frozen=True)
class Served:
    """A running server.

    Attributes:
        pid: of its process.
        url: where it answers.
        started_s, started_cpu_s: from the start of the process to its first healthy answer.
    """

    pid: int
    url: str
    started_s: float
    started_cpu_s: float

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.url).port or 0

    def cpu_s(self) -> float:
        """CPU seconds that the server has used."""
        return time.clock_gettime((~self.pid << 3) | _CPU_CLOCK)

    def pss_mib(self) -> float:
        """Memory of the server: its own pages, and its share of those it shares."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


@contextmanager
def serving(folder: Path, database_url: str | None = None) -> Iterator[Served]:
    """The server on a data folder while the block runs.

    Args:
        folder: its data; a SQLite database in it is used as it is.
        database_url: for PostgreSQL.
    """
    port = _free_port()
    variables = {
        **{k: v for k, v in os.environ.items() if not k.startswith("REGISTRUM_")},
        "REGISTRUM_SECRET_KEY": SECRET_KEY,
        "REGISTRUM_ADMIN_USERNAME": "first",
        "REGISTRUM_LOG_LEVEL": "info",
        **({"REGISTRUM_DATABASE_URL": database_url} if database_url else {}),
        **compiled_code(folder.parent),
    }
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(Path(sys.executable).with_name("registrum")), "serve", "--port", str(port)]
    began = time.perf_counter()
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder)], env=variables, stdout=log, stderr=log
        )
    try:
        _wait_until_healthy(port, process)
        took = time.perf_counter() - began
        found = Served(process.pid, f"http://127.0.0.1:{port}", took, 0.0)
        yield Served(found.pid, found.url, took, found.cpu_s())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def compiled_code(scratch: Path) -> dict[str, str]:
    """Variables under which Python keeps its compiled code in a scratch folder: as an installed package has it."""
    return {"PYTHONPYCACHEPREFIX": str(scratch / "compiled")}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until_healthy(port: int, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + START_LIMIT_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            # Our socket listens long before the server reads from it: this waits, without asking again and again.
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_LIMIT_S)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                connection.close()
                return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"the server did not start; it ended with {process.poll()}")


class Client:
    """One keep-alive connection that asks GraphQL as one person, or byte routes as nobody."""

    def __init__(self, served: Served, key: str) -> None:
        self._port = served.port
        self._used = 0.0
        self._connect()
        self._authorization = b"Basic " + b64encode(f"api:{key}".encode())
        self._host = f"127.0.0.1:{served.port}".encode()

    def body(self, document: str, variables: Mapping[str, Any]) -> bytes:
        """A whole GraphQL request, to be sent as it is."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        head = (
            b"POST /graphql HTTP/1.1\r\nHost: %b\r\nAuthorization: %b\r\nContent-Type: application/json\r\n"
            b"User-Agent: W&B Public Client 0.31.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n"
            b"Connection: keep-alive\r\nUse-Admin-Privileges: true\r\nContent-Length: %d\r\n\r\n"
        )
        return head % (self._host, self._authorization, len(body)) + body

    def send(self, request: bytes) -> bytes:
        """The body of the answer to a prepared request.

        Raises:
            RuntimeError: it is not 2xx.
        """
        if time.monotonic() - self._used > IDLE_S:
            self.socket.close()
            self._connect()
        self.socket.sendall(request)
        seen = self.socket.recv(262144)
        while (ends := seen.find(b"\r\n\r\n")) < 0:
            seen += self._more()
        size = 0
        for line in seen[:ends].lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                size = int(line[15:])
        parts, got = [seen[ends + 4 :]], len(seen) - ends - 4
        while got < size:
            parts.append(self._more())
            got += len(parts[-1])
        self._used = time.monotonic()
        body = b"".join(parts)
        if not seen.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{seen[:ends]!r} {body[:2000]!r}")
        return body

    def ask(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The data that a GraphQL request gives."""
        found: dict[str, Any] = orjson.loads(self.send(self.body(document, variables)))["data"]
        return found

    def put(self, url: str, content: bytes) -> None:
        """Uploads to a signed URL."""
        split = urlsplit(url)
        head = f"PUT {split.path}?{split.query} HTTP/1.1\r\nHost: {split.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
        self.send(head.encode() + content)

    def post(self, path: str, content: bytes) -> bytes:
        """Sends a body to a byte route; the answer's."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host.decode()}\r\nContent-Length: {len(content)}\r\n\r\n"
        return self.send(head.encode() + content)

    def _more(self) -> bytes:
        got = self.socket.recv(262144)
        if not got:
            raise ConnectionError("closed by the server")
        return got

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._used = time.monotonic()

    def close(self) -> None:
        """Ends the connection."""
        self.socket.close()


def give_key(database_url: str, user_id: int, team_id: int) -> str:
    """A new API key of a person, now a team's member; straight into the database of a server that does not run."""
    key = Secrets([SECRET_KEY.encode()]).new_key()
    database = open_database(database_url)
    try:
        database.write(SYSTEM, lambda tx: _give(tx, user_id, team_id, key))
    finally:
        database.close()
    return key.secret


def _give(tx: Tx, user_id: int, team_id: int, key: NewKey) -> None:
    own = {"user_id": user_id, "created_at": tx.now}
    tx.run(api_keys.insert().values(secret_hash=key.digest, mask=key.mask, **own))
    tx.run(team_members.insert().values(team_id=team_id, role=Role.MEMBER, **own))
