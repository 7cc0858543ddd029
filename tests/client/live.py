"""A real server process, people on it, and the real client run against it in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.client import processes

START_LIMIT_S = 60
ADMIN_KEY = "local-" + "a1b2c3d4" * 5
ADMIN_PASSWORD = "correct horse battery staple"


@dataclass
class Person:
    """Somebody with an API key.

    Attributes:
        home: a folder of theirs for wandb's files and caches.
    """

    username: str
    api_key: str
    home: Path


@dataclass
class Server:
    """A running `registrum serve`.

    Attributes:
        log: what it has printed so far.
    """

    url: str
    process: "subprocess.Popen[str]"
    data_dir: Path
    admin: Person
    log: list[str] = field(default_factory=list)

    def graphql(self, person: Person, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must succeed."""
        status, answer = self.ask(person, query, **variables)
        assert status == 200, (status, answer)
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def ask(self, person: Person, query: str, **variables: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of any operation."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, method="POST")
        request.add_header("Content-Type", "application/json")
        token = b64encode(f"api:{person.api_key}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends the process and waits for it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(60)


@contextmanager
def running(
    data_dir: Path, home: Path, port: int = 0, environ: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A server on `data_dir` while the block runs."""
    env = os.environ | {
        "REGISTRUM_ADMIN_API_KEY": ADMIN_KEY,
        "REGISTRUM_ADMIN_PASSWORD": ADMIN_PASSWORD,
        **(environ or {}),
    }
    command = [
        sys.executable,
        "-m",
        "registrum",
        "serve",
        f"--port={port}",
        f"--data-dir={data_dir}",
    ]
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    log: list[str] = []
    ready = threading.Event()
    url: list[str] = []

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            log.append(line)
            if found := re.search(r"is ready at (\S+)", line):
                url.append(found[1])
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(START_LIMIT_S), "the server did not start:\n" + "".join(log)
        assert url, "the server ended:\n" + "".join(log)
        yield Server(url[0], process, data_dir, Person("admin", ADMIN_KEY, home), log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join(10)


def add_person(
    server: Server,
    username: str,
    home: Path,
    organization_role: str | None = "member",
    in_team: bool = True,
) -> Person:
    """Makes a person with a key; by default of the first organization, and of its team."""
    key = f"local-{username.replace('-', '_')}" + "k" * 40
    server.graphql(
        server.admin,
        "mutation($e: String!, $u: String, $k: String) {"
        " createUser(input: {email: $e, username: $u, apiKey: $k}) { user { id } } }",
        e=f"{username}@example.org",
        u=username,
        k=key,
    )
    if organization_role:
        server.graphql(
            server.admin,
            "mutation($u: String!, $r: String!) { addOrganizationMember(input:"
            ' {organizationName: "registrum", username: $u, role: $r}) { success } }',
            u=username,
            r=organization_role,
        )
    if in_team:
        server.graphql(
            server.admin,
            "mutation($u: String!) { createInvite(input:"
            ' {entityName: "main", username: $u}) { invite { id } } }',
            u=username,
        )
    return Person(username, key, home)


def client_environment(server: Server, person: Person) -> dict[str, str]:
    """The environment in which the client is this person's, against this server, and touches nothing else."""
    person.home.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "REGISTRUM_"))}
    return kept | {
        "HOME": str(person.home),
        "NETRC": str(person.home / ".netrc"),
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": person.api_key,
        "WANDB_DIR": str(person.home),
        "WANDB_CACHE_DIR": str(person.home / "cache"),
        "WANDB_CONFIG_DIR": str(person.home / "config"),
        "WANDB_DATA_DIR": str(person.home / "data"),
        "WANDB_ARTIFACT_DIR": str(person.home / "artifacts"),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_CONSOLE": "wrap",
        "WANDB_SILENT": "true",
    }


def run_script(
    server: Server,
    person: Person,
    script: str,
    *,
    python: str = sys.executable,
    check: bool = True,
    timeout_s: float = 240,
    environ: Mapping[str, str] | None = None,
    **given: Any,
) -> Any:
    """Runs a script in a process of its own, as that person; `given` are its variables.

    The script may assign `result`, which comes back through JSON; with `check` it must exit with 0.
    """
    out = person.home / f"result-{os.urandom(6).hex()}.json"
    person.home.mkdir(parents=True, exist_ok=True)
    head = f"import json as _json\nglobals().update(_json.loads({json.dumps(json.dumps(given))}))\nresult = None\n"
    tail = f"\nopen({str(out)!r}, 'w').write(_json.dumps(result, default=str))\n"
    done = processes.run(
        "-c",
        head + textwrap.dedent(script) + tail,
        environ=client_environment(server, person) | dict(environ or {}),
        cwd=person.home,
        timeout_s=timeout_s,
        python=python,
    )
    if not check:
        return done
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(out.read_text())
