"""Reads the GraphQL texts out of Python modules by their syntax alone, nothing imported or run.

Most are plain literals. Some are assembled from constants, lists and placeholders; a small evaluator
gives each of those in its largest form: every optional argument present, every alternative once.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

OPERATION = r"\b(?:query|mutation|subscription)\s+\w+\s*[({]"
_START = re.compile(rf"{OPERATION}|\bfragment\s+\w+\s+on\s+\w+\s*\{{")
_START_IN_FILE = re.compile(r"\b(?:query|mutation|subscription|fragment)\s+\w+\s*(?:[({]|on\s)")
_AT_MOST_ALTERNATIVES = 8


def python_texts(package: Path) -> Iterator[tuple[str, str]]:
    """Pairs of module path and text, for each text that begins like an operation or a fragment."""
    modules: dict[str, ast.Module] = {}
    for file in sorted(package.rglob("*.py")):
        where = file.relative_to(package)
        if where.parts[0] == "vendor":
            continue
        source = file.read_text(encoding="utf-8")
        if _START_IN_FILE.search(source):
            modules[where.as_posix()] = ast.parse(source)
    constants = _module_constants(modules)
    for name, module in modules.items():
        for text in _Texts(constants).of_module(module):
            yield name, text


def _module_constants(modules: dict[str, ast.Module]) -> dict[str, str]:
    """String constants at the top of any module; fragments are imported under their own names."""
    found = {}
    for module in modules.values():
        for statement in module.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
                for target in statement.targets:
                    if isinstance(target, ast.Name) and isinstance(statement.value.value, str):
                        found[target.id] = statement.value.value
    return found


@dataclass(frozen=True)
class _Change:
    """One place where a function gives a name its value (or with `adds`, more of it)."""

    value: ast.expr
    adds: bool = False


class _Texts:
    """Evaluates string expressions as far as syntax alone tells; unknown parts are empty."""

    def __init__(self, constants: dict[str, str]) -> None:
        self._constants = constants
        self._locals: dict[str, list[_Change]] = {}
        self._so_far: dict[str, list[str]] = {}  # of the names being evaluated

    def of_module(self, module: ast.Module) -> Iterator[str]:
        docstrings = _docstrings(module)
        functions = [
            n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        inside = {id(n) for f in functions for n in ast.walk(f)}
        yield from self._of_scope([n for n in ast.walk(module) if id(n) not in inside], docstrings)
        for function in functions:
            self._locals = _assignments(function)
            yield from self._of_scope(list(ast.walk(function)), docstrings)
        self._locals = {}

    def _of_scope(self, nodes: list[ast.AST], docstrings: set[int]) -> Iterator[str]:
        covered: set[int] = set(docstrings) | self._templates(nodes)
        for node in nodes:
            if id(node) in covered or not isinstance(node, ast.expr):
                continue
            if not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Call):
                continue
            texts = [t for t in self.texts(node) if _START.search(t)]
            if texts:
                covered.update(id(n) for n in ast.walk(node))
                yield from (filled for text in texts for filled in _with_replacements(text, nodes))

    def _templates(self, nodes: list[ast.AST]) -> set[int]:
        """Constants whose name is filled in later, by `name.replace(...)` or `name.format(...)`."""
        found: set[int] = set()
        for node in nodes:
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr="replace" | "format"):
                    if not _replacements(nodes):
                        values = [change.value for change in self._locals.get(name, [])]
                        found.update(id(v) for v in values if isinstance(v, ast.Constant))
        return found

    def texts(self, node: ast.expr) -> list[str]:
        """Possible texts of an expression, at most a handful; [''] where only running tells."""
        rule: Callable[..., list[str]] | None = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.JoinedStr: self._joined,
            ast.FormattedValue: lambda n: self.texts(n.value),
            ast.BinOp: self._operation,
            ast.IfExp: lambda n: [*self.texts(n.body), *self.texts(n.orelse)],
            ast.Call: self._call,
        }.get(type(node))
        return list(dict.fromkeys(rule(node)))[:_AT_MOST_ALTERNATIVES] if rule else [""]

    def _constant(self, node: ast.Constant) -> list[str]:
        return [node.value if isinstance(node.value, str) else ""]

    def _name(self, node: ast.Name) -> list[str]:
        if node.id in self._so_far:
            return self._so_far[node.id]
        if node.id in self._locals:
            return self._assigned(node.id)
        if node.id in self._constants:
            return [self._constants[node.id]]
        # A parameter: `fragment` stands for one of the constants called `..._FRAGMENT`.
        suffix = f"_{node.id.upper()}"
        return [v for k, v in self._constants.items() if k.endswith(suffix)] or [""]

    def _assigned(self, name: str) -> list[str]:
        """What a name may hold: each assignment is a choice, unless it changes those before it."""
        choices: list[str] = []
        for change in self._locals[name]:
            self._so_far[name] = choices or [""]
            texts = self.texts(change.value)
            if change.adds:
                choices = [a + b for a, b in product(choices or [""], texts)]
            elif any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(change.value)):
                choices = texts
            else:
                choices = choices + texts
        del self._so_far[name]
        return choices

    def _joined(self, node: ast.JoinedStr) -> list[str]:
        parts = [self.texts(v) for v in node.values]
        return ["".join(p) for p in product(*parts)]

    def _operation(self, node: ast.BinOp) -> list[str]:
        left = self.texts(node.left)
        if isinstance(node.op, ast.Add):
            return [a + b for a, b in product(left, self.texts(node.right))]
        if isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            filled = list(left)
            for value in values:
                filled = [a.replace("%s", b, 1) for a, b in product(filled, self.texts(value))]
            return filled
        return [""]

    def _call(self, node: ast.Call) -> list[str]:
        if not isinstance(node.func, ast.Attribute):
            return [""]
        base, method = node.func.value, node.func.attr
        if method == "join" and len(node.args) == 1:
            separator = self.texts(base)[0]
            return [separator.join(self._items(node.args[0]))]
        if method == "replace" and len(node.args) == 2:
            old, new = (self.texts(a) for a in node.args)
            # The longest replacement is the document with every optional part in it.
            return [
                text.replace(old[0], max(new, key=len)) if old[0] else text
                for text in self.texts(base)
            ]
        if method == "format":
            return [self._formatted(text, node) for text in self.texts(base)]
        return [""]

    def _formatted(self, text: str, node: ast.Call) -> str:
        for place, value in enumerate(node.args):
            text = text.replace(f"{{{place}}}", self.texts(value)[0]).replace(
                "{}", self.texts(value)[0], 1
            )
        for keyword in node.keywords:
            text = text.replace(f"{{{keyword.arg}}}", self.texts(keyword.value)[0])
        return text.replace("{{", "{").replace("}}", "}")

    def _items(self, node: ast.expr) -> list[str]:
        """Every text that a list may hold: what it starts with and what the function adds."""
        if isinstance(node, ast.List | ast.Tuple):
            return [text for item in node.elts for text in self.texts(item)]
        if isinstance(node, ast.Name):
            if node.id in self._so_far:
                return []
            self._so_far[node.id] = [""]
            changes = self._locals.get(node.id, [])
            items = [t for change in changes for t in self._items(change.value)]
            del self._so_far[node.id]
            return items
        return [text for text in self.texts(node) if text]


def _assignments(function: ast.AST) -> dict[str, list[_Change]]:
    """What a function assigns, appends or adds to each of its names, in order."""
    found: dict[str, list[_Change]] = {}
    nodes = [n for n in ast.walk(function) if isinstance(n, ast.stmt | ast.expr)]
    for node in sorted(nodes, key=lambda n: (n.lineno, n.col_offset)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(_Change(value))
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found.setdefault(name, []).append(_Change(value, adds=True))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend"), args=[value]
            ):
                found.setdefault(name, []).append(_Change(value, adds=True))
    return found


def _replacements(nodes: list[ast.AST]) -> dict[str, list[str]]:
    """What a function puts in place of each placeholder through its own `replace(old, new)`."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Name(id="replace"),
                args=[ast.Constant(value=str(old)), ast.Constant(value=str(new))],
            ):
                found.setdefault(old, []).append(new)
    return found


def _with_replacements(text: str, nodes: list[ast.AST]) -> Iterator[str]:
    """The text with its placeholders filled, with the first choice of each, the second, …"""
    choices = {old: new for old, new in _replacements(nodes).items() if old in text}
    for nth in range(max((len(new) for new in choices.values()), default=1)):
        filled = text
        for old, new in choices.items():
            filled = filled.replace(old, new[min(nth, len(new) - 1)])
        yield filled


def _docstrings(module: ast.Module) -> set[int]:
    """Identities of the constants that are prose."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
    return found
