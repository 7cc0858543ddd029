"""How fast this machine is now: bare Starlette that answers one indexed query, as the floor of every read."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measures import Report, measured
from benchmarks.served import Client, Served

ROUNDS = 3000


def measure(scratch: Path, where: str, report: Report) -> None:
    """Its CPU per request, for the report."""
    report.add("bare Starlette and one indexed query, CPU ms", request_ms(scratch), where)


def request_ms(scratch: Path) -> float:
    """Milliseconds of CPU that it takes for a request of the client that all others are asked by."""
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
        return measured(served, [lambda: client.send(request)] * ROUNDS).cpu_ms
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
