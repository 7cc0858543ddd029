"""The command line on a live server, as a person types it and as a program reads it."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.client import processes
from tests.client.live import Person, Server, client_environment, run_script

Registrum = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(server: Server, person: Person) -> dict[str, str]:
    """That of our command: nothing of the `wandb` client's."""
    kept = client_environment(server, person)
    own = {name: value for name, value in kept.items() if not name.startswith("WANDB_")}
    return own | {
        "REGISTRUM_URL": server.url,
        "REGISTRUM_API_KEY": person.api_key,
        "REGISTRUM_CACHE_DIR": str(person.home / "our-cache"),
    }


@pytest.fixture
def registrum(server: Server, admin: Person) -> Registrum:
    """Runs a command as the administrator, in a folder of their own."""
    environ = environment(server, admin)

    def run(*words: str, given: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        return processes.run(
            "-m", "registrum", *words, environ=environ | more, cwd=admin.home, given=given
        )

    return run


def answer(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def registry(registrum: Registrum, project: str) -> str:
    """A registry of this test's own."""
    assert registrum("registry", "create", project).returncode == 0
    return project


RANKER = """
import registrum
for number, loss in enumerate((0.5, 0.25)):
    with registrum.init(entity="main", project=registry) as run:
        run.log({"loss": loss})
        metadata = {"accuracy": 0.8 + number / 10, "opt": {"lr": 1}}
        artifact = registrum.Artifact("ranker", "model", metadata=metadata)
        for name, text in (("weights.txt", "w" * (number + 1)), (f"only-{number}.txt", "same")):
            with artifact.new_file(name) as file:
                file.write(text)
        run.log_artifact(artifact)
        run.link_artifact(artifact, f"wandb-registry-{registry}/ranker", ["staging"])
"""


@pytest.fixture
def ranker(server: Server, admin: Person, registry: str) -> str:
    """`registry/ranker` with v0 and v1, which differ in metadata, files and the metrics of their runs."""
    run_script(server, admin, RANKER, registry=registry)
    return f"{registry}/ranker"


def test_a_registry_from_its_making_to_its_end(registrum: Registrum, project: str) -> None:
    made = answer(
        registrum("registry", "create", project, "--type", "model", "--description", "d", "--json")
    )
    assert (made["name"], made["artifact_types"], made["description"]) == (project, ["model"], "d")
    assert answer(registrum("registry", "show", project, "--json")) == made
    assert registrum("registry", "types", project, "--add", "dataset").stdout == "dataset\nmodel\n"
    edited = registrum("registry", "edit", project, "--visibility", "restricted", "--json")
    assert answer(edited)["visibility"] == "restricted"
    assert project in registrum("registry", "ls", "--name", project, "-q").stdout.split()
    renamed = registrum("registry", "rename", project, f"{project}x")
    assert renamed.stderr == f"Registry {project} is {project}x now.\n"
    assert registrum("registry", "delete", f"{project}x").returncode == 1, "nobody to ask"
    dry = registrum("registry", "delete", f"{project}x", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, f"Would delete {project}x.\n")
    assert registrum("registry", "delete", f"{project}x", "--yes").returncode == 0
    gone = registrum("registry", "show", f"{project}x")
    assert (gone.returncode, gone.stdout) == (4, "")
    assert "Traceback" not in gone.stderr


def test_members_of_a_registry(
    registrum: Registrum, registry: str, new_person: Callable[..., Person]
) -> None:
    ann = new_person("ann")
    added = registrum("registry", "members", "add", registry, ann.username, "--role", "viewer")
    assert added.returncode == 0, added.stderr
    assert registrum("registry", "members", "add", registry, "main", "--team").returncode == 0
    assert (
        registrum("registry", "members", "set-role", registry, ann.username, "admin").returncode
        == 0
    )
    told = answer(registrum("registry", "members", "ls", registry, "--json"))
    roles = {own["name"]: (own["kind"], own["role"]) for own in told}
    assert roles[ann.username] == ("user", "admin")
    assert roles["main"][0] == "team"
    assert registrum("registry", "members", "remove", registry, ann.username).returncode == 0
    lines = registrum("registry", "members", "ls", registry).stdout.splitlines()
    assert ann.username not in [line.split("\t")[0] for line in lines]
    assert registrum("registry", "members", "add", registry, "nobody-such").returncode == 4


def test_a_version_is_put_linked_found_and_got(
    registrum: Registrum, admin: Person, registry: str
) -> None:
    folder = admin.home / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(bytes(range(256)))
    (folder / "b.txt").write_text("b")
    put = registrum(
        *("artifact", "put", str(folder), "--name", f"main/{registry}/net", "--type", "model"),
        *("--alias", "best", "--tag", "t1", "--metadata", '{"accuracy": 0.91}', "--json"),
    )
    logged = answer(put)
    assert logged["path"] == f"main/{registry}/net:v0"
    assert logged["files"] == 2
    assert (set(logged["aliases"]), logged["tags"]) == ({"best", "latest"}, ["t1"])
    place = f"{registry}/net"
    linked = registrum("version", "link", f"main/{registry}/net:best", place, "--alias", "prod")
    assert linked.returncode == 0, linked.stderr
    shown = answer(registrum("version", "show", f"{place}:prod", "--json"))
    assert shown["source"] == f"main/{registry}/net:v0"
    assert registrum("version", "files", f"{place}:prod", "-q").stdout == "b.txt\ndeep/a.bin\n"
    found = answer(registrum("search", "--registry", registry, "--where", "accuracy>0.9", "--json"))
    assert [own["id"] for own in found] == [shown["id"]]
    path = registrum("search", "--registry", registry, "--where", "accuracy>0.9", "-q").stdout
    assert answer(registrum("version", "show", path.strip(), "--json"))["id"] == shown["id"]
    assert (
        answer(registrum("search", "--registry", registry, "--where", "accuracy>0.95", "--json"))
        == []
    )
    got = registrum("artifact", "get", shown["path"], "--root", "out", "--include", "deep/*")
    assert got.stdout.strip().endswith("out"), got.stderr
    assert not (admin.home / "out" / "b.txt").exists()
    assert registrum("artifact", "get", shown["path"], "--root", "out", "-q").returncode == 0
    assert (admin.home / "out" / "deep" / "a.bin").read_bytes() == bytes(range(256))
    assert registrum("artifact", "verify", shown["path"], "--root", "out").returncode == 0
    (admin.home / "out" / "b.txt").write_text("changed")
    wrong = registrum("artifact", "verify", shown["path"], "--root", "out")
    assert wrong.returncode == 1
    assert "b.txt" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    names = registrum("artifact", "ls", f"main/{registry}", "-q").stdout.split()
    assert names == ["net"]
    versions = registrum("artifact", "ls", f"main/{registry}", "--name", "net", "-q").stdout
    assert versions == "net:v0\n"


def test_what_differs_between_two_versions(registrum: Registrum, ranker: str) -> None:
    told = answer(registrum("version", "diff", f"{ranker}:v0", f"{ranker}:v1", "--json"))
    assert told["same_content"] is False
    assert told["metadata"] == [{"name": "accuracy", "first": 0.8, "second": 0.9}]
    assert [own["name"] for own in told["files"]] == ["only-0.txt", "only-1.txt", "weights.txt"]
    assert {"name": "loss", "first": 0.5, "second": 0.25} in told["metrics"]
    (run,) = (own for own in told["about"] if own["name"] == "run")
    assert run["first"] != run["second"]
    assert {"name": "staging", "first": None, "second": True} in told["aliases"]
    text = registrum("version", "diff", f"{ranker}:v0", f"{ranker}:v1").stdout
    assert "~ accuracy  0.8 → 0.9" in text
    assert "\x1b" not in text
    same = registrum("version", "diff", f"{ranker}:v0", f"{ranker}:v0")
    assert "do not differ" in same.stderr


def test_aliases_move_and_go(registrum: Registrum, ranker: str) -> None:
    def aliases() -> dict[str, str]:
        told = answer(registrum("alias", "ls", ranker, "--json"))
        return {own["alias"]: own["version"] for own in told}

    assert aliases() == {"latest": "v1", "staging": "v1"}
    assert registrum("alias", "set", f"{ranker}:v0", "staging", "prod").returncode == 0
    assert aliases() == {"latest": "v1", "staging": "v0", "prod": "v0"}
    assert registrum("alias", "rm", f"{ranker}:v0", "prod", "--yes").returncode == 0
    assert aliases() == {"latest": "v1", "staging": "v0"}
    assert registrum("alias", "set", ranker, "prod").returncode == 1


def test_a_collection_is_described_tagged_renamed_and_deleted(
    registrum: Registrum, ranker: str, registry: str
) -> None:
    assert registrum("collection", "card", ranker, "--file", "-", given="# Card\n").returncode == 0
    assert registrum("collection", "card", ranker).stdout == "# Card\n\n"
    assert registrum("collection", "tag", ranker, "--add", "nlp", "--add", "x").returncode == 0
    assert registrum("collection", "tag", ranker, "--remove", "x").stdout == "nlp\n"
    assert registrum("collection", "ls", registry, "--tag", "nlp", "-q").stdout == "ranker\n"
    assert registrum("collection", "rename", ranker, "sorter").returncode == 0
    shown = answer(registrum("collection", "show", f"{registry}/sorter", "--json"))
    assert (shown["tags"], set(shown["aliases"])) == (["nlp"], {"latest", "staging"})
    assert registrum("version", "unlink", f"{registry}/sorter:v0", "--yes").returncode == 0
    assert registrum("version", "ls", f"{registry}/sorter", "-q").stdout == "ranker:v1\n" or (
        registrum("version", "ls", f"{registry}/sorter", "-q").stdout == "sorter:v1\n"
    )
    assert registrum("collection", "delete", f"{registry}/sorter", "--yes").returncode == 0
    assert registrum("collection", "show", f"{registry}/sorter").returncode == 4


def test_runs_are_listed_and_shown(registrum: Registrum, ranker: str, registry: str) -> None:
    told = answer(registrum("run", "ls", f"main/{registry}", "--json"))
    assert [own["summary"]["loss"] for own in told] == [0.25, 0.5]
    shown = answer(registrum("run", "show", told[0]["path"], "--json"))
    assert shown["logged"] == [f"main/{registry}/ranker:v1"]


def test_login_keeps_the_key_for_both_clients(server: Server, admin: Person) -> None:
    environ = environment(server, admin)
    del environ["REGISTRUM_API_KEY"]
    (admin.home / ".netrc").write_text("machine example.org\n  login me\n  password secret\n")

    def run(*words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return processes.run("-m", *words, environ=environ, given=given)

    assert run("registrum", "whoami").returncode == 3
    wrong = run("registrum", "login", "--key-file", "-", given="local-" + "0" * 40)
    assert wrong.returncode == 3
    done = run("registrum", "login", "--key-file", "-", given=admin.api_key)
    assert done.returncode == 0, done.stderr
    assert admin.api_key not in done.stdout + done.stderr
    assert run("registrum", "whoami", "-q").stdout == "admin\n"
    kept = (admin.home / ".netrc").read_text()
    assert "machine example.org\n  login me\n  password secret\n" in kept
    assert (admin.home / ".netrc").stat().st_mode & 0o777 == 0o600
    script = "import wandb; print(wandb.Api().viewer.username)"
    theirs = processes.run("-c", script, environ=environ | {"WANDB_BASE_URL": server.url})
    assert theirs.stdout.strip() == "admin", theirs.stderr


def test_a_terminal_gets_tables_and_a_pipe_does_not(server: Server, admin: Person) -> None:
    screen, theirs = pty.openpty()
    environ = environment(server, admin) | {"TERM": "xterm", "COLUMNS": "120"}
    command = [sys.executable, "-m", "registrum", "registry", "ls"]
    done = subprocess.run(command, env=environ, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert done.returncode == 0
    assert "VISIBILITY" in shown
    piped = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert "VISIBILITY" not in piped.stdout
    assert "model\tregistrum\torganization" in piped.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["version", "show", "no-slash"], 2),
        (["version", "show", "absent/thing:v0"], 4),
        (["artifact", "get", "main/absent/x:v0"], 4),
        (["artifact", "put", "/nonexistent", "--name", "a/b"], 2),
        (["artifact", "put", ".", "--name", "justone"], 1),
        (["search", "--where", "nonsense"], 1),
        (["search", "--filter", "{"], 1),
        (["search", "--kind", "registry", "--where", "x=1"], 2),
        (["version", "show", "model/thing:"], 2),
        (["run", "ls", "main/absent", "--state", "asleep"], 2),
        (["search", "--filter", '{"nonsense": 1}'], 1),
        (["run", "show", "main/absent/x"], 4),
        (["cache", "prune", "--to", "many"], 1),
    ],
)
def test_wrong_use_is_one_sentence(registrum: Registrum, words: list[str], code: int) -> None:
    done = registrum(*words)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_key_that_is_not_taken_and_the_way_in(registrum: Registrum, server: Server) -> None:
    done = registrum("whoami", "--api-key", "wrong")
    assert done.returncode == 3
    assert done.stderr.endswith(f"\nLog in with: registrum login --url {server.url}\n")
    again = registrum("login", "--key-file", "-", given="wrong")
    assert again.returncode == 3
    assert "Log in with" not in again.stderr


def test_output_that_is_closed_or_has_few_characters_is_no_failure(
    server: Server, admin: Person
) -> None:
    environ = environment(server, admin)
    list_them = f"{sys.executable} -m registrum registry ls"
    closed = subprocess.run(
        ["bash", "-c", f"{list_them} >&-"], env=environ, capture_output=True, text=True
    )
    assert (closed.returncode, closed.stderr) == (0, "")
    few = subprocess.run(
        [sys.executable, "-m", "registrum", "registry", "create", "ün文", "--dry-run", "--json"],
        env=environ | {"PYTHONIOENCODING": "latin-1"},
        capture_output=True,
    )
    assert (few.returncode, few.stderr) == (0, b"")
    assert b'"\xfcn\\u6587"' in few.stdout


def test_the_cache_is_shown_and_pruned(registrum: Registrum, ranker: str) -> None:
    assert (
        registrum("artifact", "get", f"wandb-registry-{ranker}:v0", "--root", "o").returncode == 0
    )
    before = answer(registrum("cache", "info", "--json"))
    assert before["files"] == 2
    pruned = answer(registrum("cache", "prune", "--json"))
    assert pruned["files"] == 2
    assert answer(registrum("cache", "info", "--json"))["files"] == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(registrum: Registrum, shell: str) -> None:
    assert "_REGISTRUM_COMPLETE" in registrum("completion", shell).stdout


def test_completion_completes(registrum: Registrum) -> None:
    done = registrum(
        _REGISTRUM_COMPLETE="bash_complete", COMP_WORDS="registrum registry re", COMP_CWORD="2"
    )
    assert done.stdout.split() == ["plain,rename"]
