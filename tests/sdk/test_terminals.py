"""The command line as people see it: tables of any width, colours, bars, empty lists, questions, and completion."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import processes
from tests.client.live import Person, Server, run_script
from tests.sdk.terminals import on_terminal
from tests.sdk.test_command_line import RANKER, environment
from tests.sdk.weather import Weather, weather

CODES = re.compile(r"\x1b\[[0-9;]*m")
SLOW_PIECES = 24
PAUSE_S = 0.05


@pytest.fixture
def environ(server: Server, admin: Person) -> dict[str, str]:
    return environment(server, admin)


@pytest.fixture
def ranker(server: Server, admin: Person, environ: dict[str, str], project: str) -> str:
    """`registry/ranker` with two versions that differ in metadata, files, aliases and the metrics of their runs."""
    words = ["registry", "create", project, "--description", "word " * 60]
    assert processes.run("-m", "registrum", *words, environ=environ).returncode == 0
    run_script(server, admin, RANKER, registry=project)
    return f"{project}/ranker"


LISTS = ["registry ls", "collection ls", "search", "key list", "user list", "org list", "team list", "run ls main/PROJECT"]  # fmt: skip


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_is_wider_than_the_terminal(
    environ: dict[str, str], ranker: str, width: int
) -> None:
    for command in LISTS:
        words = command.replace("PROJECT", ranker.partition("/")[0]).split()
        seen = on_terminal(words, environ, width)
        assert seen.code == 0, seen.text
        lines = CODES.sub("", seen.text).splitlines()
        assert all(len(line) <= width for line in lines), seen.text
        assert lines[0].isupper(), "a head that names the columns"
        assert "\x1b[1m" in seen.text, "bold"


def test_no_colours_where_they_are_not_wanted(environ: dict[str, str], ranker: str) -> None:
    commands = (
        ["registry", "ls"],
        ["version", "diff", f"{ranker}:v0", f"{ranker}:v1"],
        ["version", "show", ranker],
    )
    for words in commands:
        assert "\x1b[" in on_terminal(words, environ).text
        plain = on_terminal(words, environ | {"NO_COLOR": "1"})
        assert plain.code == 0
        assert "\x1b" not in plain.text


def test_a_comparison_reads_like_a_sentence(environ: dict[str, str], ranker: str) -> None:
    seen = on_terminal(["version", "diff", f"{ranker}:v0", f"{ranker}:v1"], environ, width=100)
    lines = CODES.sub("", seen.text).splitlines()
    assert lines[0] == f"From {ranker}:v0 to {ranker}:v1:"
    for wanted in (
        "METADATA  1 changed",
        "  ~ accuracy  0.8 → 0.9  (+0.1, +12.5%)",
        "FILES  1 new, 1 gone, 1 changed",
        "  ~ weights.txt  1 B → 2 B",
        "  + only-1.txt   4 B",
        "  - only-0.txt   4 B",
        "  + staging",
        "  ~ loss  0.5 → 0.25  (-0.25, -50.0%)",
    ):
        assert wanted in lines, seen.text
    assert "\x1b[32m  + staging\x1b[0m" in seen.text


def test_what_is_empty_says_so_and_what_is_not_there_is_missing(
    environ: dict[str, str], ranker: str
) -> None:
    registry = ranker.partition("/")[0]
    for words in (
        ["search", "nothing-of-the-kind"],
        ["registry", "ls", "--name", "nothing-of-the-kind"],
        ["version", "ls", ranker, "--alias", "none"],
        ["collection", "ls", registry, "--tag", "none"],
    ):
        assert on_terminal(words, environ) == (0, "Nothing found.\n")
    for words in (
        ["version", "ls", f"{registry}/none"],
        ["alias", "ls", f"{registry}/none"],
        ["collection", "ls", "none-such"],
        ["alias", "rm", f"{ranker}:v0", "none", "--yes"],
    ):
        seen = on_terminal(words, environ)
        assert seen.code == 4, seen.text
        assert "none" in seen.text


def test_what_is_left_out_of_a_list_is_told(environ: dict[str, str], ranker: str) -> None:
    some = on_terminal(["version", "ls", ranker, "--limit", "1"], environ)
    assert some.text.endswith("These are the first 1; --limit shows more.\n")
    assert "--limit" not in on_terminal(["version", "ls", ranker, "--limit", "2"], environ).text


def test_a_question_is_asked_and_no_is_heeded(environ: dict[str, str], ranker: str) -> None:
    asked = ["collection", "delete", ranker]
    seen = on_terminal(asked, environ, given="n\n")
    assert seen.code == 1
    assert f"Delete {ranker}? It can't be undone." in seen.text
    assert on_terminal(["collection", "show", ranker], environ).code == 0
    assert on_terminal(asked, environ, given="y\n").code == 0
    assert on_terminal(["collection", "show", ranker], environ).code == 4


@pytest.fixture
def large(environ: dict[str, str], project: str, tmp_path: Path) -> str:
    """A version of one file of a few MiB."""
    (tmp_path / "large.bin").write_bytes(os.urandom(1 << 20) * 4)
    words = ["artifact", "put", str(tmp_path / "large.bin"), "--name", f"main/{project}/large"]
    assert processes.run("-m", "registrum", *words, environ=environ).returncode == 0
    return f"main/{project}/large:latest"


class SlowWeather:
    """A connection that brings its bytes piece by piece, until somebody has seen what there was to see."""

    def __init__(self, air: Weather) -> None:
        self._air = air
        self._left = SLOW_PIECES
        self.has_seen_bar = threading.Event()
        self._next()

    def _next(self) -> None:
        self._air.act_after("down", 1 << 16, self._pause)

    def _pause(self) -> None:
        self._left -= 1
        if not self.has_seen_bar.wait(PAUSE_S) and self._left:
            self._next()

    def watch(self, text: str) -> None:
        if "░" in text or "█" in text:
            self.has_seen_bar.set()


@pytest.fixture
def slowly(server: Server) -> Iterator[tuple[Weather, SlowWeather]]:
    with weather(server.url) as air:
        yield air, SlowWeather(air)


def getting(environ: dict[str, str], air: Weather, tmp_path: Path) -> dict[str, str]:
    fresh = {"REGISTRUM_URL": air.url, "REGISTRUM_CACHE_DIR": str(tmp_path / "fresh")}
    return environ | fresh


def test_a_terminal_shows_a_bar_and_then_takes_it_away(
    environ: dict[str, str], large: str, slowly: tuple[Weather, SlowWeather], tmp_path: Path
) -> None:
    air, slow = slowly
    words = ["artifact", "get", large, "--root", str(tmp_path / "out")]
    seen = on_terminal(words, getting(environ, air, tmp_path), 80, watch=slow.watch)
    assert seen.code == 0, seen.text
    assert slow.has_seen_bar.is_set()
    lines = re.findall(r"\r([^\r\n\x1b]*[█░][^\r\n\x1b]*)", seen.text)
    assert all(len(line) < 80 and "4.0 MiB" in line for line in lines)
    assert seen.text.rpartition("█")[2].endswith(f"\r\x1b[K{tmp_path / 'out'}\n")


@pytest.mark.parametrize("more", [["--quiet"], []])
def test_no_bar_for_those_who_want_quiet(
    environ: dict[str, str],
    large: str,
    slowly: tuple[Weather, SlowWeather],
    tmp_path: Path,
    more: list[str],
) -> None:
    air, slow = slowly
    silent = {} if more else {"REGISTRUM_SILENT": "true"}
    words = ["artifact", "get", large, "--root", str(tmp_path / "out"), *more]
    seen = on_terminal(words, getting(environ, air, tmp_path) | silent, watch=slow.watch)
    assert seen == (0, f"{tmp_path / 'out'}\n")


def test_no_bar_in_a_pipe(
    environ: dict[str, str], large: str, slowly: tuple[Weather, SlowWeather], tmp_path: Path
) -> None:
    words = ["artifact", "get", large, "--root", str(tmp_path / "out")]
    done = processes.run("-m", "registrum", *words, environ=getting(environ, slowly[0], tmp_path))
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'out'}\n", "")


def test_who_has_read_enough_is_not_complained_to(environ: dict[str, str]) -> None:
    command = f"{sys.executable} -m registrum org list --json | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True)
    assert done.stdout == "[0\n"
    assert done.stderr == ""
    gone = f"{sys.executable} -m registrum org list --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", gone], env=environ, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    "words",
    [
        "alias set RANKER:v0 a/b",
        "artifact get wandb-registry-RANKER:v0 --root /proc/none",
        "artifact put /proc/self/mem --name main/x/y",
        "collection card RANKER --file /bin/true",
        "registry create n --type a:b",
        "search --order +-name",
        "registry ls --url nonsense",
        "cache prune --to -1",
    ],
)
def test_a_mistake_is_one_sentence(environ: dict[str, str], ranker: str, words: str) -> None:
    given = words.replace("RANKER", ranker).split()
    done = processes.run("-m", "registrum", *given, environ=environ)
    assert done.returncode in {1, 2}
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("registrum: ", "Usage: ")), done.stderr


BASH = """
eval "$(registrum completion bash)"
COMP_WORDS=(registrum {words}) COMP_CWORD={number}
COMP_LINE="registrum {words}" COMP_POINT=${{#COMP_LINE}}
_registrum_completion registrum
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("reg", {"registry"}),
        ("registry re", {"rename"}),
        ("version di", {"diff"}),
        ("registry create x --visibility rest", {"restricted"}),
        ("registry members set-role a b res", {"restricted_viewer"}),
        ("collection ls --o", {"--org", "--order"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(
    environ: dict[str, str], tmp_path: Path, words: str, wanted: set[str]
) -> None:
    """By bash itself, with the script that it is given."""
    command = tmp_path / "registrum"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m registrum "$@"\n')
    command.chmod(0o755)
    script = BASH.format(words=words, number=len(words.split(" ")))
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", script],
        env=environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()) == wanted, done.stderr
