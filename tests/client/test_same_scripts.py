"""The same script under both packages, against one server: what it prints is the same."""

import contextlib
import io
import sys
from itertools import count
from pathlib import Path

import pytest

from tests.client.whale import Whale

SCRIPTS = sorted((Path(__file__).parent / "same_scripts").glob("*.py"))
OURS = "import registrum as wandb"

_numbers = count(1)


def output(world: Whale, script: Path, name: str, of_ours: bool) -> str:
    """What the script prints; `name` is what it calls its things, and stands as NAME in what it prints."""
    text = script.read_text(encoding="utf-8")
    assert text.count("\nimport wandb\n") == 1
    if of_ours:
        text = text.replace("\nimport wandb\n", f"\n{OURS}\n")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", [str(script), name])
        for who in ("vic", "gus"):
            patch.setenv(f"KEY_OF_{who.upper()}", world.people[who].api_key)
        exec(compile(text, str(script), "exec"), {"__name__": "__main__"})
    return printed.getvalue().replace(name, "NAME")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_prints_the_same(world: Whale, script: Path) -> None:
    number = next(_numbers)
    printed = {}
    for letter, of_ours in (("t", False), ("o", True)):
        name = f"s{letter}{number:02d}"
        _log_weights(world, f"{name}-source")
        printed[of_ours] = output(world, script, name, of_ours)
    assert printed[True] == printed[False]
    assert printed[False].count("\n") > 10


def _log_weights(world: Whale, project: str) -> None:
    for number in range(3):
        for version in range(3):
            world.log(
                project,
                f"weights-{number}",
                f"{number} {version}",
                artifactTypeName="model",
                metadata={"score": version / 2, "number": number},
            )
