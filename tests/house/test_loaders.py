"""The third lock on permissions: a loader can't be called without saying what for."""

import ast

from tests.house.sources import modules


def test_loaders_take_the_transaction_and_the_action_first() -> None:
    loaders = [
        (f"{module.path}:{node.lineno} {node.name}", [own.arg for own in node.args.args[:2]])
        for module in modules("src/registrum/server/db")
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef)
        and (node.name == "get_for" or node.name.startswith(("get_for_", "page_of_")))
    ]
    assert not [where for where, first in loaders if first != ["tx", "action"]]


def test_actions_have_no_default() -> None:
    found = [
        f"{module.path}:{node.lineno} {node.name}"
        for module in modules("src/registrum/server/db")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
        for own in [*node.args.args[len(node.args.args) - len(node.args.defaults) :]]
        if own.arg == "action"
    ]
    assert not found
