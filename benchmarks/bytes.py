"""Upload and download: one body of 1 GiB, and 5,000 bodies of 10 KiB, against nginx on the same machine.

Ours verifies MD5, computes SHA-256, and makes everything durable inside the measured time; nginx does
none of that. Both servers run all the time and take turns, since a disk's speed changes from one minute to the next: what
is compared is what came in the same round. Before each measurement the disk has written what there was.
Run `python -m benchmarks.bytes [--size-mib 1024] [--files 5000] [--rounds 3] [--folder DIR]`; it needs nginx with its DAV module.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import byte_server
from registrum.server.blobs.signing import Signer, Urls
from registrum.server.blobs.store import BlobKey, Expected

MIB = 1 << 20
SMALL_BYTES = 10 * 1024
CONNECTIONS = 8
NGINX_CONF = """
worker_processes auto; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
load_module modules/ngx_http_dav_ext_module.so;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; client_max_body_size 0; keepalive_requests 1000000;
  client_body_temp_path {folder}/tmp;
  server {{
    listen 127.0.0.1:{port} backlog=128; root {folder}/files;
    location / {{ dav_methods PUT; create_full_put_path on; }}
  }}
}}
"""


@dataclass(frozen=True)
class Peer:
    """A server under test: where it listens, where it keeps files, and its addresses for reading and writing."""

    name: str
    port: int
    pid: int
    files: Path
    put: Callable[[BlobKey, bytes, int], str]
    get: Callable[[BlobKey, int], str]
    commit: bool


class Connection:
    """A keep-alive connection that costs the client as little as can be."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(MIB))

    def ask(self, method: str, target: str, body: Path | bytes = b"") -> int:
        """One request; returns the bytes of the answer's body, which is thrown away."""
        size = body.stat().st_size if isinstance(body, Path) else len(body)
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
        if isinstance(body, Path):
            self.socket.sendall(head)
            with body.open("rb") as file:
                self.socket.sendfile(file)
        else:
            self.socket.sendall(head + body)
        return self._answer()

    def _answer(self) -> int:
        seen = b""
        while b"\r\n\r\n" not in seen:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError(f"closed after {seen!r}")
            seen += got
        head, _, rest = seen.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if not lines[0].split()[1].startswith(b"2"):
            raise ConnectionError(seen.decode(errors="replace"))
        size = 0
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                size = int(value)
        left = size - len(rest)
        while left:
            count = self.socket.recv_into(self._buffer, min(left, MIB))
            if not count:
                raise ConnectionError("the body was cut short")
            left -= count
        return size


def target(url: str) -> str:
    found = urlsplit(url)
    return f"{found.path}?{found.query}" if found.query else found.path


def measured(peer: Peer, work: Callable[[], None]) -> tuple[float, float, float]:
    """Seconds, CPU seconds of the server, and how many MiB its memory rose above where it began."""
    before, idle, peak, ended = cpu_s(peer.pid), memory_mib(peer.pid), 0.0, False

    def watch() -> None:
        nonlocal peak
        while not ended:
            peak = max(peak, memory_mib(peer.pid))
            time.sleep(0.02)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        started = time.perf_counter()
        work()
        took = time.perf_counter() - started
        ended = True
        watching.result()
    return took, cpu_s(peer.pid) - before, peak - idle


def process_family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def cpu_s(pid: int) -> float:
    ticks = 0
    for member in process_family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    total = 0
    for member in process_family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def large(peer: Peer, body: Path, md5: bytes) -> dict[str, float]:
    """One body up and down, in MB/s."""
    key, size = BlobKey.new(), body.stat().st_size

    def up() -> None:
        connection = Connection(peer.port)
        connection.ask("PUT", target(peer.put(key, md5, size)), body)
        if peer.commit:
            connection.ask("POST", "/commit")

    def down() -> None:
        assert Connection(peer.port).ask("GET", target(peer.get(key, size))) == size

    took_up, cpu_up, memory_up = measured(peer, up)
    down()
    took_down, cpu_down, memory_down = min(measured(peer, down) for _ in range(3))
    return {
        "upload_MB_s": size / took_up / 1e6,
        "upload_cpu_s": cpu_up,
        "upload_memory_MiB": memory_up,
        "download_MB_s": size / took_down / 1e6,
        "download_cpu_s": cpu_down,
        "download_memory_MiB": memory_down,
    }


def small(peer: Peer, count: int) -> dict[str, float]:
    """Many small bodies over a few connections, in files a second."""
    bodies = [os.urandom(SMALL_BYTES) for _ in range(count)]
    keys = [BlobKey.new() for _ in bodies]
    puts = [
        target(peer.put(key, hashlib.md5(body).digest(), SMALL_BYTES))
        for key, body in zip(keys, bodies, strict=True)
    ]
    gets = [target(peer.get(key, SMALL_BYTES)) for key in keys]

    def over_connections(work: Callable[[Connection, Sequence[int]], None]) -> None:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            shares = [range(at, count, CONNECTIONS) for at in range(CONNECTIONS)]
            for done in [pool.submit(work, Connection(peer.port), share) for share in shares]:
                done.result()

    def put(connection: Connection, share: Sequence[int]) -> None:
        for at in share:
            connection.ask("PUT", puts[at], bodies[at])

    def get(connection: Connection, share: Sequence[int]) -> None:
        for at in share:
            connection.ask("GET", gets[at])

    def up() -> None:
        over_connections(put)
        if peer.commit:
            Connection(peer.port).ask("POST", "/commit")

    took_up, cpu_up, _ = measured(peer, up)
    took_down, cpu_down, _ = min(measured(peer, lambda: over_connections(get)) for _ in range(2))
    return {
        "upload_files_s": count / took_up,
        "upload_cpu_ms": 1000 * cpu_up / count,
        "download_files_s": count / took_down,
        "download_cpu_ms": 1000 * cpu_down / count,
    }


@contextmanager
def ours(folder: Path) -> Iterator[Peer]:
    """Our server in a process of its own."""
    port = free_port()
    server = subprocess.Popen([sys.executable, byte_server.__file__, str(port), str(folder)])
    urls = Urls("http://x", Signer([byte_server.SECRET]))
    try:
        wait_for(port)
        yield Peer(
            "registrum",
            port,
            server.pid,
            folder / "blobs",
            lambda key, md5, size: urls.put_blob(key, "file", Expected(md5, size)),
            lambda key, size: urls.get_blob(key, "file", size),
            commit=True,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


@contextmanager
def nginx(folder: Path) -> Iterator[Peer]:
    """nginx that takes PUT into a folder."""
    port = free_port()
    (folder / "files").mkdir()
    for needed in (folder, folder / "files"):
        needed.chmod(0o777)
    (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port))
    command = ["nginx", "-p", "/usr/share/nginx", "-c", str(folder / "nginx.conf")]
    server = subprocess.Popen([*command, "-g", f"user {os.environ.get('USER') or 'root'};"])
    try:
        wait_for(port)
        yield Peer(
            "nginx",
            port,
            server.pid,
            folder / "files",
            lambda key, _md5, _size: f"http://x/{key.text[:2]}/{key}",
            lambda key, _size: f"http://x/{key.text[:2]}/{key}",
            commit=False,
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


Numbers = dict[str, float]
SERVERS = {"nginx": nginx, "registrum": ours}


def take_turns(
    folder: Path, servers: Sequence[str], size_mib: int, count: int, rounds: int
) -> list[dict[str, Numbers]]:
    """What each server does with the same bodies in each round, the first of one round being the last of the next.

    Args:
        folder: for everything; an empty one.
        count: of small files.
    """
    body = folder / "body"
    md5 = random_file(body, size_mib)
    found: list[dict[str, Numbers]] = []
    with ExitStack() as running:
        peers = []
        for name in servers:
            home = folder / name
            home.mkdir()
            peers.append(running.enter_context(SERVERS[name](home)))
        for number in range(rounds):
            order = peers[:: -1 if number % 2 else 1]
            found.append({peer.name: _turn(peer, body, md5, count) for peer in order})
    return found


def _turn(peer: Peer, body: Path, md5: bytes, count: int) -> Numbers:
    os.sync()
    few = small(peer, count)
    os.sync()
    found = {**few, **large(peer, body, md5)}
    for path in peer.files.glob("*/*"):
        path.unlink()
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    ends = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


def random_file(path: Path, size_mib: int) -> bytes:
    """A file of random bytes; returns its MD5."""
    md5 = hashlib.md5()
    with path.open("wb") as file:
        for _ in range(size_mib):
            block = os.urandom(MIB)
            md5.update(block)
            file.write(block)
    return md5.digest()


def main() -> None:
    """Measures both servers and prints one JSON document."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size-mib", type=int, default=1024)
    options.add_argument("--files", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, help="for scratch files; default: a temporary one")
    options.add_argument("--only", choices=list(SERVERS))
    asked = options.parse_args()
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    folder.chmod(0o755)
    try:
        servers = [asked.only] if asked.only else list(SERVERS)
        rounds = take_turns(folder, servers, asked.size_mib, asked.files, asked.rounds)
        shown: dict[str, Any] = {"rounds": rounds}
        if len(servers) == 2:
            shown["ratios"] = {
                what: [each["registrum"][what] / each["nginx"][what] for each in rounds]
                for what in ("upload_MB_s", "download_MB_s", "upload_files_s", "download_files_s")
            }
        print(json.dumps(shown, indent=2, default=lambda value: round(value, 2)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
