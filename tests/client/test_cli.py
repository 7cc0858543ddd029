"""The client's own command line against a live server, with the credentials that it stores itself."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.client.certificates import make_certificate
from tests.client.live import Person, Server, client_environment, run_script, running
from tests.client.processes import start

WRONG_KEY = "local-" + "f" * 40


class Shell:
    """Somebody's shell: a home of its own, where `wandb login` leaves what it must."""

    def __init__(self, server: Server, person: Person) -> None:
        self.server = server
        self.person = person
        self.home = person.home
        kept = client_environment(server, person)
        for name in (
            "NETRC",
            "WANDB_BASE_URL",
            "WANDB_API_KEY",
            "WANDB_CONFIG_DIR",
            "WANDB_SILENT",
        ):
            del kept[name]
        self.environ = kept

    def run(self, *arguments: str, code: int = 0, environ: Mapping[str, str] | None = None) -> str:
        """Runs `wandb …`, which must end with `code`; all that it printed."""
        with TemporaryFile("w+") as shown, open(os.devnull) as nothing:
            process = start(
                ["-m", "wandb", *arguments],
                self.environ | dict(environ or {}),
                stdin=nothing.fileno(),
                stdout=shown.fileno(),
                stderr=shown.fileno(),
                cwd=self.home,
            )
            ended = process.wait(240)
            shown.seek(0)
            text = shown.read()
        assert ended == code, text
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    def log_in(self) -> str:
        return self.run("login", "--host", self.server.url, self.person.api_key)


@pytest.fixture
def shell(server: Server, admin: Person) -> Shell:
    return Shell(server, admin)


def test_login_stores_the_key_and_says_who_one_is(shell: Shell) -> None:
    said = shell.log_in()
    assert f"Currently logged in as: admin (main) to {shell.server.url}" in said
    netrc = (shell.home / ".netrc").read_text()
    assert shell.person.api_key in netrc
    status = shell.run("status")
    settings = json.loads(status[status.index("{") :])
    assert settings["base_url"] == shell.server.url
    again = shell.run("login")
    assert "logged in as: admin" in again


def test_login_with_a_wrong_key_says_so_and_stores_nothing(shell: Shell) -> None:
    said = shell.run("login", "--host", shell.server.url, WRONG_KEY, code=1)
    assert "The API key is wrong, revoked or expired." in said
    assert "Traceback" not in said
    assert not (shell.home / ".netrc").exists()


def test_an_artifact_is_put_listed_and_got(shell: Shell, project: str) -> None:
    shell.log_in()
    folder = shell.home / "folder"
    (folder / "deep er").mkdir(parents=True)
    (folder / "deep er" / "a.txt").write_text("deep")
    (folder / "empty").touch()
    options = ["--name", f"main/{project}/rows", "--type", "dataset", "--description", "Rows."]
    said = shell.run("artifact", "put", *options, "-a", "latest", "-a", "best", str(folder))
    assert f'run.use_artifact("main/{project}/rows:v0")' in said
    (folder / "empty").write_text("no longer")
    shell.run("artifact", "put", *options, str(folder))
    shell.run("artifact", "put", "-n", f"main/{project}/one", "-t", "model", str(folder / "empty"))
    listed = shell.run("artifact", "ls", f"main/{project}")
    assert re.search(r"dataset .* rows:v1", listed), listed
    assert re.search(r"model .* one:v0", listed), listed

    target = shell.home / "best"
    shell.run("artifact", "get", f"main/{project}/rows:best", "--root", str(target))
    assert (target / "deep er" / "a.txt").read_text() == "deep"
    assert (target / "empty").read_bytes() == b""
    shell.run("artifact", "get", f"main/{project}/rows", "--root", str(shell.home / "latest"))
    assert (shell.home / "latest" / "empty").read_text() == "no longer"
    missing = shell.run("artifact", "get", f"main/{project}/rows:v7", code=1)
    assert "not found" in missing


def test_an_artifact_of_a_registry_is_got(shell: Shell, project: str) -> None:
    script = """
    import wandb
    with wandb.init(entity="main", project=project) as run:
        artifact = wandb.Artifact("net", type="model")
        with artifact.new_file("a.txt") as file:
            file.write("linked")
        run.log_artifact(artifact).wait()
        run.link_artifact(artifact, f"wandb-registry-model/{project}", aliases=["production"])
    """
    run_script(shell.server, shell.person, script, project=project)
    shell.log_in()
    for place, path in {
        "short": f"wandb-registry-model/{project}:production",
        "organization": f"registrum/wandb-registry-model/{project}:v0",
    }.items():
        shell.run("artifact", "get", path, "--root", str(shell.home / place), "--type", "model")
        assert (shell.home / place / "a.txt").read_text() == "linked"


def test_a_run_logged_offline_is_synced_with_its_artifact(shell: Shell, project: str) -> None:
    shell.log_in()
    assert "W&B offline" in shell.run("offline")
    script = """
    import wandb
    with wandb.init(entity="main", project=project, id="offline-run") as run:
        for step in range(20):
            run.log({"loss": 1 / (step + 1)})
        artifact = wandb.Artifact("net", type="model")
        with artifact.new_file("a.txt") as file:
            file.write("from offline")
        run.log_artifact(artifact, aliases=["best"])
        result = run.settings.mode
    """
    config = {"WANDB_CONFIG_DIR": str(shell.home / ".config" / "wandb")}
    mode = run_script(shell.server, shell.person, script, environ=config, project=project)
    assert mode == "offline"
    assert "W&B online" in shell.run("online")
    [logged] = (shell.home / "wandb").glob("offline-run-*")
    said = shell.run("sync", "--yes", str(logged))
    assert "error" not in said.lower(), said
    check = """
    import wandb
    api = wandb.Api()
    run = api.run(f"main/{project}/offline-run")
    found = api.artifact(f"main/{project}/net:best")
    root = found.download(root=target)
    result = [run.state, len(list(run.scan_history())), run.summary["loss"], found.version,
              [a.name for a in run.logged_artifacts()], open(f"{root}/a.txt").read(),
              len(api.artifacts("model", f"main/{project}/net"))]
    """
    target = str(shell.home / "back")
    got = run_script(shell.server, shell.person, check, project=project, target=target)
    assert got == ["finished", 20, 0.05, "v0", ["net:v0"], "from offline", 1]


def test_the_files_of_a_run_are_pulled(shell: Shell, project: str) -> None:
    script = """
    import pathlib, wandb
    with wandb.init(entity="main", project=project, id="with-files") as run:
        pathlib.Path(run.dir, "notes").mkdir()
        pathlib.Path(run.dir, "notes", "a b.txt").write_text("a note")
        run.save(f"{run.dir}/notes/a b.txt", base_path=run.dir)
    """
    run_script(shell.server, shell.person, script, project=project)
    shell.log_in()
    said = shell.run("pull", "-e", "main", "-p", project, "with-files")
    assert "File notes/a b.txt" in said
    assert (shell.home / "notes" / "a b.txt").read_text() == "a note"
    again = shell.run("pull", "-e", "main", "-p", project, "with-files")
    assert "File notes/a b.txt is up to date" in again


@pytest.fixture
def secure_server(tmp_path: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server on https with a certificate of its own, and the variables with which a client trusts it."""
    own = make_certificate(tmp_path)
    tls = {"REGISTRUM_TLS_CERT": str(own.certificate), "REGISTRUM_TLS_KEY": str(own.key)}
    with running(tmp_path / "data", tmp_path / "admin", environ=tls) as live:
        yield live, own.trust


@pytest.mark.slow
def test_verify_passes_all_its_checks_but_that_of_sweeps(
    secure_server: tuple[Server, dict[str, str]],
) -> None:
    server, trust = secure_server
    shell = Shell(server, server.admin)
    shell.environ |= trust
    shell.log_in()
    said = shell.run("verify", "--host", server.url, code=1)
    verdicts = dict(re.findall(r"^(Checking [^.\n]*)\.{3,}(\S)", said, re.MULTILINE))
    assert len(verdicts) == 10, said
    refused = {check for check, verdict in verdicts.items() if verdict != "\u2705"}
    assert refused == {"Checking sweep creation and agent execution"}, said
    assert "Sweeps are not supported by this server." in said
