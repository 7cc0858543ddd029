"""Words that say nothing are no names."""

import ast
import re

from tests.house.sources import ROOT, modules, tracked_files

EMPTY_WORDS = {
    "utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "processor",
    "base", "impl", "data", "info",
}  # fmt: skip
EMPTY_ENDINGS = re.compile(r".+(Manager|Processor|Helper|Utils|DTO|Impl|Entity|Model)$")
GIVEN = {("src/registrum/sdk/filesystem.py", "info")}
"""Names that an interface of somebody else's prescribes: fsspec's."""
VERBLESS = re.compile(r"_*(handle|process|do)_")


def test_modules_have_names_that_say_something() -> None:
    folders = [*modules(), *modules("tests")]
    words = {part.removesuffix(".py") for module in folders for part in module.path.split("/")}
    assert not words & EMPTY_WORDS


def test_classes_and_functions_have_names_that_say_something() -> None:
    found = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (module.path, node.name) not in GIVEN
        if node.name.strip("_").lower() in EMPTY_WORDS
        or (isinstance(node, ast.ClassDef) and EMPTY_ENDINGS.match(node.name))
        or (node in module.tree.body and VERBLESS.match(node.name))
    ]
    assert not found


def test_no_comment_is_a_banner() -> None:
    banner = re.compile(r"^\s*# ?[-=#]{2,}", re.M)
    found = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix == ".py" and banner.search(path.read_text(encoding="utf-8"))
    ]
    assert not found, "what needs a banner is a module of its own, or needs none"
