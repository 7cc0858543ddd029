"""`--dry-run`: every command that changes something has it, looks up what it names, and changes nothing."""

import json
import subprocess
from collections.abc import Iterator

import click
import pytest

from registrum.cli import registrum as root
from tests.client import processes
from tests.client.live import Person, Server, run_script
from tests.sdk.test_command_line import RANKER, environment

READS = {
    "artifact get", "artifact ls", "artifact verify", "alias ls", "cache info", "collection ls", "collection show", "completion",
    "key list", "org list", "org show", "registry ls", "registry members ls", "registry show", "run ls", "run show", "search",
    "team list", "team show", "user list", "user show", "version diff", "version files", "version ls", "version show", "whoami",
}  # fmt: skip
"""Commands that change nothing on a server, or only what is in the folder that they are told."""

HERE_ONLY = {"login", "serve", "db upgrade", "quickstart"}
"""Commands of this machine: who keeps a key, or runs a server, does it by that."""


def leaves(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that can be run, by its words."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found
        yield from leaves(found, f"{path} {name}".strip())


def test_every_command_that_changes_something_can_be_rehearsed() -> None:
    found = dict(leaves(root))
    has = {
        path for path, own in found.items() if any("--dry-run" in one.opts for one in own.params)
    }
    assert has == {path for path in found if not path.startswith("db ")} - READS - HERE_ONLY


REHEARSED = [
    ("registry create new", "Would create new."),
    ("registry edit REGISTRY --description d", "Would edit REGISTRY."),
    ("registry rename REGISTRY other", "Would rename REGISTRY to other."),
    ("registry types REGISTRY --add strange", "Would add to the types of REGISTRY."),
    ("registry members add REGISTRY admin", "Would add REGISTRY admin."),
    ("registry delete REGISTRY", "Would delete REGISTRY."),
    ("collection tag REGISTRY/ranker --add t", "Would change the tags of REGISTRY/ranker."),
    ("collection rename REGISTRY/ranker sorter", "Would rename REGISTRY/ranker to sorter."),
    ("collection delete REGISTRY/ranker", "Would delete REGISTRY/ranker."),
    ("version link main/REGISTRY/ranker:v0 REGISTRY/other", "Would link main/REGISTRY/ranker:v0 REGISTRY/other."),
    ("version unlink REGISTRY/ranker:v0", "Would unlink REGISTRY/ranker:v0."),
    ("version delete REGISTRY/ranker:v0", "Would delete REGISTRY/ranker:v0."),
    ("alias set REGISTRY/ranker:v0 prod", "Would set REGISTRY/ranker:v0 prod."),
    ("alias rm REGISTRY/ranker:v1 staging", "Would remove REGISTRY/ranker:v1 staging."),
    ("artifact put . --name main/REGISTRY/more", "Would upload .."),
    ("user create somebody --email s@example.org", "Would create somebody."),
    ("user delete admin", "Would delete admin."),
    ("org create another", "Would create another."),
    ("org delete registrum", "Would delete registrum."),
    ("team create another", "Would create another."),
    ("team delete main", "Would delete main."),
    ("key create", "Would create."),
]  # fmt: skip


def state(server: Server, admin: Person) -> str:
    """What the server's ledger and lists say: whatever was changed stands there."""
    environ = environment(server, admin)
    lists = (
        "registry ls", "collection ls", "search", "user list", "org list", "team list", "key list", "org show registrum",
    )  # fmt: skip
    told = []
    for words in lists:
        done = processes.run("-m", "registrum", *words.split(), "--json", environ=environ)
        found = json.loads(done.stdout)
        for one in found if isinstance(found, list) else []:
            one.pop("last_used_at", None)
        told.append(found)
    return json.dumps(told, indent=1)


def test_a_rehearsal_tells_what_would_be_and_changes_nothing(
    server: Server, admin: Person, project: str
) -> None:
    environ = environment(server, admin)

    def registrum(*words: str) -> "subprocess.CompletedProcess[str]":
        return processes.run("-m", "registrum", *words, environ=environ, cwd=admin.home)

    assert registrum("registry", "create", project).returncode == 0
    run_script(server, admin, RANKER, registry=project)
    before = state(server, admin)
    for words, wanted in REHEARSED:
        done = registrum(*words.replace("REGISTRY", project).split(), "--dry-run")
        assert (done.returncode, done.stdout) == (0, ""), (words, done.stderr)
        assert done.stderr == wanted.replace("REGISTRY", project) + "\n", words
    assert state(server, admin) == before
    told = registrum("alias", "set", f"{project}/ranker:v0", "prod", "--dry-run", "--json")
    assert json.loads(told.stdout)["would"] == "set"
    for words in ("registry delete none-such", "alias set REGISTRY/ranker:v9 a", "version unlink REGISTRY/none:v0"):  # fmt: skip
        done = registrum(*words.replace("REGISTRY", project).split(), "--dry-run")
        assert done.returncode == 4, (words, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        "registry create model", "registry rename dataset model", "org create registrum", "team create main",
        "user create admin --email other@example.org",
    ],
)  # fmt: skip
def test_a_rehearsal_tells_that_a_name_is_taken(server: Server, admin: Person, words: str) -> None:
    environ = environment(server, admin)
    done = processes.run("-m", "registrum", *words.split(), "--dry-run", environ=environ)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(" already.\n")


def test_what_is_pruned_is_told_before(server: Server, admin: Person) -> None:
    environ = environment(server, admin)
    done = processes.run("-m", "registrum", "cache", "prune", "--dry-run", environ=environ)
    assert done.stderr == "Would remove 0 B.\n"


@pytest.mark.parametrize("path", ["registry delete", "artifact put"])
def test_the_help_says_it(path: str) -> None:
    command = dict(leaves(root))[path]
    assert "change nothing" in command.get_help(click.Context(command))
