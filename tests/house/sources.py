"""Where the code is, as text and as syntax trees."""

import ast
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "registrum"


class Module(NamedTuple):
    """A Python file of the project: its path below the root, and its tree."""

    path: str
    tree: ast.Module


@cache
def modules(folder: str = "src/registrum") -> tuple[Module, ...]:
    """Every Python file below `folder`, in order of path."""
    return tuple(
        Module(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file under version control that exists."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return tuple(ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


def imported_names(node: ast.AST) -> list[str]:
    """The modules that an import statement names; none for other nodes."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
