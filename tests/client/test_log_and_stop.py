"""What operators rely on: a stop lets transfers end, the log holds no secrets, and an answer's number is in the log."""

import hashlib
import json
import re
import signal
import socket
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client.hand import ARTIFACT, Hand, Refused, send
from tests.client.live import ADMIN_PASSWORD, Person, Server, run_script, running
from tests.services.desk import entries_of, manifest

MIB = 1 << 20


def is_listening(server: Server) -> bool:
    parts = urlsplit(server.url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5).close()
    except OSError:
        return False
    return True


def opened(url: str, method: str, *headers: str) -> socket.socket:
    """A connection on which a request's head has been sent."""
    parts = urlsplit(url)
    peer = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    lines = [
        f"{method} {parts.path}?{parts.query} HTTP/1.1",
        "Host: x",
        "Connection: close",
        *headers,
    ]
    peer.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    return peer


def rest(peer: socket.socket) -> bytes:
    found = b""
    while part := peer.recv(1 << 20):
        found += part
    return found


@pytest.mark.slow
def test_a_stop_lets_transfers_end(tmp_path: Path) -> None:
    content = hashlib.sha256(b"seed").digest() * (MIB // 2)
    files = {"a": content, "b": content[:-1]}
    with running(tmp_path / "data", tmp_path / "home") as server:
        hand = Hand(server, server.admin, "drained")
        first = hand.log({"a": content})
        edges = hand.data(ARTIFACT, id=first)["artifact"]["files"]["edges"]
        artifact = hand.begin(entries_of(files))
        place = str(hand.places(artifact, files)["b"])
        up = opened(place, "PUT", f"Content-Length: {len(files['b'])}")
        up.sendall(files["b"][: 5 * MIB])
        down = opened(edges[0]["node"]["directUrl"], "GET")
        head = down.recv(1 << 16)
        assert b" 200 " in head
        server.process.send_signal(signal.SIGTERM)
        while is_listening(server):
            pass
        up.sendall(files["b"][5 * MIB :])
        assert rest(up).startswith(b"HTTP/1.1 200")
        got = (head + rest(down)).partition(b"\r\n\r\n")[2]
        assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
        assert server.process.wait(60) == 0
    with running(tmp_path / "data", tmp_path / "home") as server:
        hand = Hand(server, server.admin, "drained")
        assert hand.upload(artifact, files) == 0
        hand.upload_manifest(artifact, manifest(entries_of(files)))
        assert hand.commit(artifact)[0] == 200
        assert hand.check_whole(artifact) == files


@pytest.mark.slow
def test_the_log_has_no_secrets(tmp_path: Path) -> None:
    with running(tmp_path / "data", tmp_path / "home"):
        pass  # The first start tells the administrator's key and password; no other does.
    environ = {"REGISTRUM_LOG_LEVEL": "debug"}
    with running(tmp_path / "data", tmp_path / "home", environ=environ) as server:
        hand = Hand(server, server.admin, "logged")
        made = hand.log({"a": b"1"})
        found = json.dumps(hand.data(ARTIFACT, id=made))
        signatures = re.findall(r"[?&]s=([\w-]+)", found)
        assert len(signatures) >= 2
        for url in re.findall(r'"(http[^"]+/blobs/[^"]+)"', found):
            send("GET", url)
            send("GET", url[:-1])
            send("PUT", url, b"x")
        fresh = 'mutation { generateApiKey(input: {description: "x"}) { apiKey { name } } }'
        key = hand.data(fresh)["generateApiKey"]["apiKey"]["name"]
        user = """mutation($p: String, $k: String) { createUser(input: {email: "a@example.org", username: "ann",
          password: $p, apiKey: $k}) { user { id } } }"""
        password, own = "a password of Ann's own", "local-" + "z" * 40
        hand.data(user, p=password, k=own)
        for secret in (own, key, own + "0"):
            token = b64encode(f"api:{secret}".encode()).decode()
            send(
                "GET",
                f"{server.url}/artifacts/main/00?key={secret}",
                headers={"Authorization": f"Basic {token}"},
            )
        invite = """mutation { createUser(input: {email: "b@example.org", username: "bo"}) { passwordLink } }"""
        link = hand.data(invite)["createUser"]["passwordLink"]
        send("GET", link)
        send("POST", link, "password=short")
        signing_in = f"username=ann&password={password.replace(' ', '+')}"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        send("POST", f"{server.url}/login", signing_in, form)
        script = """
        import wandb
        with wandb.init(entity="main", project="logged") as run:
            run.log({"a": 1})
            artifact = wandb.Artifact("client", type="model")
            with artifact.new_file("a") as file:
                file.write("1")
            run.log_artifact(artifact).wait()
        wandb.Api().artifact("main/logged/client:v0").download(root=target)
        """
        run_script(server, Person("ann", key, tmp_path / "ann"), script, target=str(tmp_path / "t"))
        server.stop()
    log = "".join(server.log)
    assert "/graphql" in log
    secrets = [
        server.admin.api_key,
        ADMIN_PASSWORD,
        password,
        password.replace(" ", "+"),
        own,
        key,
        link.rpartition("/")[2],
        *signatures,
    ]
    for secret in secrets:
        assert secret not in log
        assert b64encode(f"api:{secret}".encode()).decode() not in log
    assert not re.search(r"[?&]s=[\w-]{20}", log)
    assert not re.search(r"Basic [A-Za-z0-9+/]{20}", log)


def logged(server: Server, text: str) -> str:
    """The first line with that text, once it has come out of the server."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for line in server.log:
            if text in line:
                return line
    raise AssertionError(f"the log says nothing of {text}")


def test_the_number_of_a_refused_request_is_in_the_log(server: Server, project: str) -> None:
    hand = Hand(server, server.admin, project)
    try:
        hand.begin(entries_of({"a": b"1"}), artifactTypeName="/")
        raise AssertionError("it was taken")
    except Refused as error:
        number = error.body["errors"][0]["extensions"]["requestId"]
    refusals = {"/graphql": number}
    for path in (
        "/blobs/" + "0" * 32 + "/a",
        "/artifacts/main/00",
        "/files/main/p/r/file_stream",
    ):
        method = "POST" if path.startswith("/files") else "GET"
        answer = send(method, server.url + path, headers={"X-Request-Id": f"given-{len(refusals)}"})
        assert answer.status in (401, 403, 404), (path, answer)
        refusals[path] = answer.headers["x-request-id"]
        assert refusals[path].startswith("given-")
    for path, number in refusals.items():
        line = logged(server, f"request_id={number}")
        assert f"path={path} " in line
        assert re.search(r" status=4\d\d ", line)
