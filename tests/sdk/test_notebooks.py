"""The SDK in the kernel of a real notebook: runs, artifacts, what things look like there, and what is printed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.client.live import Person, Server, client_environment

CELLS = [
    "import registrum as wandb\napi = wandb.Api()\nregistry = api.create_registry(PROJECT, 'organization')",
    "run = wandb.init(project=PROJECT, entity='main', config={'rate': 0.5})",
    "for step in range(3):\n    run.log({'loss': 1 / (step + 2)})",
    "model = wandb.Artifact('net', 'model')\nwith model.new_file('w.bin', 'wb') as file:\n    file.write(BIG)",
    "logged = wandb.log_artifact(model)\nlinked = run.link_artifact(model, f'wandb-registry-{PROJECT}/net')",
    "run",
    "wandb.finish()",
    "linked",
    "folder = api.artifact(f'wandb-registry-{PROJECT}/net:latest').download()\nimport os\nos.listdir(folder)",
    "api.registries()",
    "[version.name for version in registry.versions()]",
    "api.runs(f'main/{PROJECT}')[0].summary['loss']",
]
"""One thing after the other, as people write notebooks; the last value of a cell is shown."""


@pytest.fixture
def in_notebook(
    server: Server, admin: Person, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Runs cells in a kernel of its own as the administrator; the notebook with its outputs."""
    for name in os.environ:
        if name.startswith(("WANDB_", "REGISTRUM_")):
            monkeypatch.delenv(name)
    for name, value in client_environment(server, admin).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WANDB_SILENT")
    monkeypatch.setenv("REGISTRUM_CACHE_DIR", str(admin.home / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(admin.home / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(admin.home / "jupyter"))
    beginning = f"PROJECT = {project!r}\nBIG = bytes(range(256)) * 20_000"

    def play(cells: list[str]) -> Any:
        made = [nbformat.v4.new_code_cell(source) for source in [beginning, *cells]]
        notebook = nbformat.v4.new_notebook(cells=made)
        NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(admin.home))
        return notebook

    with contextlib.chdir(admin.home):
        yield play


def shown(cell: Any) -> str:
    """What a cell shows: what it prints, and its value's texts."""
    told = []
    for output in cell.outputs:
        told.append(output.get("text", ""))
        told += [str(text) for text in output.get("data", {}).values()]
    return "\n".join(told)


def test_a_notebook_makes_a_run_and_links_what_it_logs(in_notebook: Any, project: str) -> None:
    notebook = in_notebook(CELLS)
    cells = [shown(cell) for cell in notebook.cells[1:]]
    assert f"/main/{project}/runs/" in cells[1], "where the run is, is told"
    assert "<Run main/" in cells[5]
    assert "<Artifact " in cells[7]
    assert "['w.bin']" in cells[8]
    assert "Registries" in cells[9]
    assert "['net:v0']" in cells[10]
    assert "0.25" in cells[11]
    for text in cells:
        assert "\x1b" not in text, "no codes of a terminal"
        assert "\r" not in text
        assert "█" not in text, "no bars, which a page would heap up"


def test_a_mistake_in_a_notebook_is_told_in_one_sentence(in_notebook: Any, project: str) -> None:
    with pytest.raises(CellExecutionError) as told:
        in_notebook(["import registrum\nregistrum.Api().artifact(f'main/{PROJECT}/nothing:v0')"])
    assert told.value.ename == "Missing"
    assert project in told.value.evalue
    assert "local-" not in str(told.value), "no key in what a notebook keeps"


def test_a_kernel_that_forgets_to_finish_ends_its_run(
    in_notebook: Any, server: Server, admin: Person, project: str
) -> None:
    in_notebook(
        [
            "import registrum as wandb\nwandb.init(entity='main', project=PROJECT, id='left')\nwandb.log({'a': 1})"
        ]
    )
    found = server.graphql(
        admin,
        'query($p: String!) { model(entityName: "main", name: $p) { bucket(name: "left") { state } } }',
        p=project,
    )
    assert found["model"]["bucket"]["state"] == "finished"


def test_nothing_but_what_was_fetched_is_left_behind(in_notebook: Any, admin: Person) -> None:
    in_notebook(CELLS)
    assert {own.name for own in Path(admin.home).iterdir() if own.is_dir()} <= {
        "artifacts", "cache", "ipython", "jupyter", "config", "data", ".ipython", ".local", "staging",
    }  # fmt: skip
