"""Documents that are made from the code are current, and those written by hand are true."""

import ast
import re
import shlex
from dataclasses import fields

import click
import pytest

from docs.generate import HERE, PAGES, commands
from registrum.cli import quickstart, registrum
from registrum.server.config import Config
from registrum.server.config_sources import variable_of
from tests.house.sources import PACKAGE, ROOT, modules, tracked_files

MACHINE_PATH = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/opt/wh" + "eels"]))


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert (HERE / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize(("path", "command"), list(commands(registrum, "registrum")))
def test_every_command_and_option_has_help(path: str, command: click.Command) -> None:
    assert command.help, path
    silent = [
        own.name
        for own in command.params
        if isinstance(own, click.Option) and not own.help and not own.hidden
    ]
    assert not silent


def test_the_readme_shows_the_first_steps_that_the_server_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```python\n{quickstart.SCRIPT}```" in readme
    assert "make test" in readme
    assert "not affiliated with Weights & Biases" in readme


def test_commands_in_documents_exist() -> None:
    known = dict(commands(registrum, "registrum"))
    pages = [path for path in tracked_files() if path.suffix == ".md" and path.name != "cli.md"]
    unknown = []
    for page in pages:
        for line in re.findall(r"(?:^|`)(registrum [a-z][^`\n#]*)", page.read_text("utf-8"), re.M):
            words = shlex.split(line.replace("|", " ").replace("'", " ").replace('"', " "))
            if words[1] not in {path.split()[1] for path in known if " " in path}:
                unknown.append(f"{page.name}: {line}")
    assert not unknown


def test_make_targets_in_documents_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        target
        for path in tracked_files()
        if path.suffix == ".md"
        for target in re.findall(r"`make ([\w-]+)`", path.read_text("utf-8"))
    }
    assert named <= targets


def test_variables_in_documents_exist() -> None:
    settings = [variable_of(own.name) for own in fields(Config)]
    secrets = [f"{variable_of(own.name)}_FILE" for own in fields(Config) if own.metadata["secret"]]
    code = "".join(path.read_text("utf-8") for path in tracked_files() if path.suffix == ".py")
    named = {
        variable
        for path in tracked_files()
        if path.suffix == ".md"
        for variable in re.findall(r"\bREGISTRUM_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))
    }
    others = named - {*settings, *secrets}
    assert not [variable for variable in others if f'"{variable}"' not in code]


def test_every_setting_is_read_somewhere() -> None:
    read = {
        node.attr
        for module in modules()
        if module.path != "src/registrum/server/config.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
    }
    # By properties of `Config` itself, which are read.
    behind_others = {"allowed_hosts", "blob_url", "database_url"}
    assert {own.name for own in fields(Config)} - read == behind_others


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in tracked_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]
    assert not broken


def test_every_document_is_listed() -> None:
    index = (HERE / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    pages = {path.name for path in HERE.glob("*.md") if not path.name.endswith(".head.md")}
    assert linked == pages - {"README.md"}


def test_the_page_of_rooms_names_those_there_are() -> None:
    page = (HERE / "architecture.md").read_text(encoding="utf-8")
    for folder in (PACKAGE, PACKAGE / "server"):
        there = {
            path.name
            for path in folder.iterdir()
            if path.suffix == ".py" or (path / "__init__.py").exists()
        } - {"__init__.py", "__main__.py"}
        table = page.partition(f"| `{folder.relative_to(ROOT)}/…` |")[2].partition("\n\n")[0]
        named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([\w.]+)`", row)}
        assert there <= named, folder


def test_no_path_of_somebodys_machine_is_tracked() -> None:
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in MACHINE_PATH.finditer(text)]
    assert not found
