"""The examples of docs/sdk.md run as they stand there."""

import re
from pathlib import Path

import pytest

from tests.client.live import client_environment
from tests.client.whale import Whale

GUIDE = Path(__file__).parents[2] / "docs" / "sdk.md"


def test_the_examples_of_the_guide_run(
    world: Whale,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in client_environment(world.server, world.people["mia"]).items():
        if name.startswith("WANDB_"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv(
                {"WANDB_BASE_URL": "REGISTRUM_URL"}.get(name, name.replace("WANDB", "REGISTRUM")),
                value,
            )
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) > 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    printed = capsys.readouterr().out
    for wanted in (
        "bw-mia",
        "wandb-registry-models organization",
        "bw-nora admin",
        "v0",
        "[0.3]",
        "not_found",
    ):
        assert wanted in printed
