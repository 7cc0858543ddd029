"""Who opens a file at random reads first what it is for."""

import ast

import pytest

from tests.house.sources import Module, modules


def by_path(module: Module) -> str:
    return module.path


@pytest.mark.parametrize("module", [*modules(), *modules("docs")], ids=by_path)
def test_a_module_opens_with_a_sentence(module: Module) -> None:
    text = ast.get_docstring(module.tree) or ""
    first = text.partition("\n\n")[0]
    assert first.endswith((".", ":", "?")), f"{module.path} opens with {first!r}"


@pytest.mark.parametrize("module", modules(), ids=by_path)
def test_public_classes_and_functions_say_what_they_do(module: Module) -> None:
    silent = [
        f"{module.path}:{node.lineno} {node.name}"
        for node in module.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        # Resolvers and Alembic's entry points are named by their decorator or their framework.
        and not node.decorator_list
        and "/migrations/" not in module.path
    ]
    assert not silent
