"""The command line administers a live server: people, organizations, teams, keys; and what serving itself promises."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client import processes
from tests.client.live import ADMIN_KEY, ADMIN_PASSWORD, Server, running

Registrum = Callable[..., "subprocess.CompletedProcess[str]"]


def run(
    server: Server, key: str, *words: str, given: str = ""
) -> "subprocess.CompletedProcess[str]":
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REGISTRUM_", "WANDB_"))}
    environ = kept | {"REGISTRUM_URL": server.url, "REGISTRUM_API_KEY": key, "NETRC": os.devnull}
    return processes.run("-m", "registrum", *words, environ=environ, given=given)


@pytest.fixture
def registrum(server: Server) -> Registrum:
    """Runs a command as the administrator."""
    return lambda *words, **more: run(server, ADMIN_KEY, *words, **more)


def answer(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_user_is_created_shown_edited_and_deleted(server: Server, registrum: Registrum) -> None:
    made = answer(registrum("user", "create", "zoe", "--email", "zoe@example.org", "--json"))
    assert made["username"] == "zoe"
    assert made["password_link"].startswith(server.url)
    assert registrum("user", "edit", "zoe", "--name", "Zoë Z").returncode == 0
    shown = answer(registrum("user", "show", "zoe", "--json"))
    assert (shown["name"], shown["email"], shown["is_admin"]) == ("Zoë Z", "zoe@example.org", False)
    assert "zoe" in registrum("user", "list").stdout
    assert registrum("user", "delete", "zoe", "--yes").stderr == "Deleted user zoe.\n"
    gone = registrum("user", "show", "zoe")
    assert (gone.returncode, gone.stderr) == (4, "registrum: There is no user 'zoe'.\n")


def test_a_taken_name_is_refused_in_the_servers_words(registrum: Registrum) -> None:
    done = registrum("user", "create", "admin", "--email", "second@example.org")
    assert done.returncode == 1
    assert "admin" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_organization_with_members(registrum: Registrum) -> None:
    assert registrum("user", "create", "olga", "--email", "olga@example.org").returncode == 0
    made = answer(registrum("org", "create", "Acme Labs", "--admin", "admin", "--json"))
    assert made == {"name": "Acme Labs", "entity": "acme-labs-org"}
    assert "Acme Labs" in registrum("org", "list").stdout
    for _ in range(2):
        assert registrum("org", "add", "Acme Labs", "olga", "--role", "viewer").returncode == 0
    assert registrum("org", "set-role", "Acme Labs", "olga", "member").returncode == 0
    shown = answer(registrum("org", "show", "Acme Labs", "--json"))
    roles = {member["username"]: member["role"] for member in shown["members"]}
    assert roles == {"admin": "admin", "olga": "member"}
    for _ in range(2):
        assert registrum("org", "remove", "Acme Labs", "olga").returncode == 0
    assert registrum("org", "delete", "Acme Labs", given="n\n").returncode == 1
    assert registrum("org", "delete", "Acme Labs", "--yes").returncode == 0
    assert registrum("org", "show", "Acme Labs").returncode == 4


def test_a_team_with_members(registrum: Registrum) -> None:
    assert registrum("user", "create", "tim", "--email", "tim@example.org").returncode == 0
    made = answer(registrum("team", "create", "vision", "--organization", "registrum", "--json"))
    assert made == {"name": "vision", "organization": "registrum"}
    assert registrum("team", "add", "vision", "tim").returncode == 0
    invited = answer(registrum("team", "add", "vision", "new@example.org", "--json"))
    assert invited["password_link"]
    assert registrum("team", "set-role", "vision", "tim", "viewer").returncode == 0
    shown = answer(registrum("team", "show", "vision", "--json"))
    assert {"admin", "tim"} <= {member["username"] for member in shown["members"]}
    assert "vision" in registrum("team", "list", "--organization", "registrum").stdout
    assert registrum("team", "remove", "vision", "tim").returncode == 0
    assert registrum("team", "remove", "vision", "tim").returncode == 4
    assert registrum("team", "delete", "vision", "--yes").returncode == 0


def test_a_key_works_until_it_is_deleted(server: Server, registrum: Registrum) -> None:
    assert registrum("user", "create", "kim", "--email", "kim@example.org").returncode == 0
    made = answer(registrum("key", "create", "--user", "kim", "--description", "ci", "--json"))
    key = made["api_key"]
    assert len(key) >= 40
    listed = answer(run(server, key, "key", "list", "--json"))
    assert [own["description"] for own in listed] == ["ci"]
    assert key not in json.dumps(listed)
    assert registrum("key", "delete", made["id"], "--yes").returncode == 0
    refused = run(server, key, "key", "list")
    assert refused.returncode == 3
    assert "registrum login" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_who_is_no_administrator_is_refused(server: Server, registrum: Registrum) -> None:
    assert registrum("user", "create", "eve", "--email", "eve@example.org").returncode == 0
    key = answer(registrum("key", "create", "--user", "eve", "--json"))["api_key"]
    done = run(server, key, "org", "create", "Evil Inc")
    assert done.returncode == 5
    assert done.stderr.startswith("registrum: ")


def read(url: str) -> tuple[int, bytes, dict[str, str]]:
    with urllib.request.urlopen(url, timeout=30) as answered:
        return answered.status, answered.read(), dict(answered.headers)


def test_routes_for_operators(server: Server) -> None:
    assert json.loads(read(f"{server.url}/healthz")[1]) == {"status": "ok"}
    assert json.loads(read(f"{server.url}/readyz")[1])["checks"] == {
        "database": "ok",
        "store": "ok",
    }
    assert json.loads(read(f"{server.url}/version")[1])["name"] == "registrum"
    assert b'registrum_http_requests_total{area="healthz"' in read(f"{server.url}/metrics")[1]
    assert read(f"{server.url}/healthz")[2]["x-request-id"]


def test_the_first_start_prints_what_a_person_needs_once_and_sigterm_ends_it(
    tmp_path: Path,
) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    made = {"REGISTRUM_ADMIN_API_KEY": "", "REGISTRUM_ADMIN_PASSWORD": ""}
    with running(data, home, environ=made) as first:
        with urllib.request.urlopen(f"{first.url}/healthz?token=hidden", timeout=30):
            pass
        first.stop()
        assert first.process.returncode == 0
    printed = "".join(first.log)
    (password,) = re.findall(r"password  (\S{12,})", printed)
    (key,) = re.findall(r"API key   (\S{40,})", printed)
    assert f"wandb login --host {first.url} {key}" in printed
    assert "path=/healthz" in printed
    assert "hidden" not in printed
    with running(data, home, environ=made) as second:
        assert run(second, key, "user", "show", "admin").returncode == 0
        second.stop()
    assert password not in "".join(second.log)
    assert key not in "".join(second.log)


def test_a_second_server_on_the_same_folder_is_refused(server: Server, tmp_path: Path) -> None:
    words = ["serve", "--port", "0", "--data-dir", str(server.data_dir)]
    done = run(server, "", *words)
    assert done.returncode == 1
    assert f"is in use by another registrum process (number {server.process.pid})" in done.stderr


def test_given_secrets_are_not_in_the_log(server: Server) -> None:
    read(f"{server.url}/healthz")
    printed = "".join(server.log)
    requests = [line for line in server.log if "path=" in line]
    assert requests
    assert "First start" in printed
    assert "given as admin_password" in printed
    assert ADMIN_KEY not in printed
    assert ADMIN_PASSWORD not in printed
    assert "Traceback" not in printed
