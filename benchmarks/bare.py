"""How fast this machine is now: bare Starlette that answers one indexed query, as the floor of every read."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measures import Report, measured
from benchmarks.served import Client, Served

ROUNDS = 3000


def measure(scratch: Path, where: str, report: Report) -> None:
    """Its CPU per request, for the report."""
    with serving(scratch) as (served, act):
        taken = measured(served, [act] * ROUNDS)
    report.add("bare Starlette and one indexed query, CPU ms", taken.cpu_ms, where)


@contextmanager
def serving(scratch: Path) -> Iterator[tuple[Served, Callable[[], bytes]]]:
    """Its server while the block runs, and what sends it a request by the client that all others are asked by."""
    path = scratch / "bare.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany(
            "INSERT INTO things VALUES (?, ?)", ((n, f"thing {n}") for n in range(10_000))
        )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.bare_server", str(path), str(port)]
    process = subprocess.Popen(command)
    try:
        served = Served(process.pid, f"http://127.0.0.1:{port}", 0, 0)
        client = _connected(served)
        request = client.body("{ x }", {})
        yield served, lambda: client.send(request)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _connected(served: Served) -> Client:
    ends = time.monotonic() + 20
    while True:
        try:
            return Client(served, "none")
        except ConnectionRefusedError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
