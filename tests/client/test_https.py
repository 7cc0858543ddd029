"""The real client over https: through nginx, with the configuration that docs/operations.md gives, and straight to the server."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.client.certificates import Certificate, make_certificate
from tests.client.live import ADMIN_KEY, Person, Server, run_script, running

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
START_LIMIT_S = 30
FRAME = """daemon off;
pid {folder}/nginx.pid;
error_log stderr notice;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{snippet}
}}
"""
LOG_AND_FETCH = """
import os, pathlib, wandb
content = os.urandom(6_000_000)  # more than nginx takes by itself
pathlib.Path("large.bin").write_bytes(content)
with wandb.init(entity="main", project="proxied") as run:
    for step in range(20):
        run.log({"loss": step})
    artifact = wandb.Artifact("net", type="model")
    artifact.add_file("large.bin")
    logged = run.log_artifact(artifact).wait()
    run.link_artifact(logged, "wandb-registry-model/ranker")
    name, url = run.id, run.url
found = wandb.Api().artifact("registrum-org/wandb-registry-model/ranker:latest")
folder = pathlib.Path(found.download("down"))
result = {
    "same": (folder / "large.bin").read_bytes() == content,
    "steps": len(list(wandb.Api().run(f"main/proxied/{name}").scan_history())),
    "url": url, "file": found.files()[0].direct_url,
}
"""


def documented(folder: Path, port: int, upstream: str, own: Certificate) -> str:
    """The snippet of the page, with addresses and files of this test."""
    (snippet,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for said, here in {
        "server 127.0.0.1:8080;": f"server {upstream};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server_name registry.example.org;": "server_name localhost;",
        "/etc/ssl/registry.pem": str(own.certificate),
        "/etc/ssl/registry.key": str(own.key),
    }.items():
        assert snippet.count(said) == 1, said
        snippet = snippet.replace(said, here)
    user = "user root;" if os.getuid() == 0 else ""
    return FRAME.format(folder=folder, user=user, snippet=snippet)


@contextmanager
def nginx(folder: Path, configuration: str) -> Iterator[None]:
    """Runs it while the block does."""
    folder.mkdir()
    (folder / "nginx.conf").write_text(configuration)
    assert NGINX
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"],
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr
        for line in process.stderr:
            said.append(line)
            if "start worker process " in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(START_LIMIT_S)
        assert process.poll() is None, "".join(said)
        yield
    finally:
        process.terminate()
        process.wait(START_LIMIT_S)
        reader.join(START_LIMIT_S)


@pytest.fixture(params=["base URL", "host of the request"])
def proxied(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Certificate]]:
    """A server behind nginx, as clients see it."""
    own = make_certificate(tmp_path)
    inside, outside = free_ports(2)
    url = f"https://localhost:{outside}"
    environ = {"REGISTRUM_TRUSTED_PROXIES": "127.0.0.1"}
    if request.param == "base URL":
        environ["REGISTRUM_BASE_URL"] = url
    folder = tmp_path / "nginx"
    configuration = documented(folder, outside, f"127.0.0.1:{inside}", own)
    with (
        running(tmp_path / "data", tmp_path / "admin", inside, environ) as server,
        nginx(folder, configuration),
    ):
        yield replace(server, url=url), own


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports


@needs_nginx
def test_the_client_works_through_nginx(
    proxied: tuple[Server, Certificate], tmp_path: Path
) -> None:
    server, own = proxied
    person = Person("admin", ADMIN_KEY, tmp_path / "person")
    found = run_script(server, person, LOG_AND_FETCH, environ=own.trust)
    assert (found["same"], found["steps"]) == (True, 20)
    assert found["url"].startswith(f"{server.url}/main/proxied/")
    assert found["file"].startswith(f"{server.url}/blobs/")


@needs_nginx
def test_addresses_are_those_of_clients_and_cookies_are_for_https(
    proxied: tuple[Server, Certificate],
) -> None:
    server, own = proxied
    trusted = ssl.create_default_context(cafile=str(own.certificate))
    with httpx.Client(base_url=server.url, verify=trusted) as browser:
        page = browser.get("/login")
        assert "secure" in page.headers["set-cookie"].lower()
        (token,) = re.findall(r'name="form_token" value="([^"]+)"', page.text)
        answers = [
            browser.post(
                "/login",
                data={"name": f"nobody{n}", "password": "guess", "form_token": token},
                headers={"X-Forwarded-For": f"203.0.113.{n}", "Origin": server.url},
            )
            for n in range(11)
        ]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert browser.get("/metrics").status_code == 404
        given = browser.get("/healthz").headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", given)


def test_the_client_works_with_the_servers_own_certificate(tmp_path: Path) -> None:
    own = make_certificate(tmp_path)
    tls = {"REGISTRUM_TLS_CERT": str(own.certificate), "REGISTRUM_TLS_KEY": str(own.key)}
    with running(tmp_path / "data", tmp_path / "admin", environ=tls) as server:
        assert server.url.startswith("https://")
        found = run_script(server, server.admin, LOG_AND_FETCH, environ=own.trust)
    assert (found["same"], found["steps"]) == (True, 20)
    assert found["file"].startswith(f"{server.url}/blobs/")
