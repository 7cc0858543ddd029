"""What the layer contracts can't say: where imports stand, and which libraries a room may use."""

import ast
import sys

from tests.house.sources import Module, imported_names, modules

DATABASE_LIBRARIES = {"sqlalchemy", "alembic", "psycopg", "sqlite3", "apsw"}


def in_functions(module: Module) -> list[int]:
    return [
        inner.lineno
        for outer in ast.walk(module.tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]


def top_levels(module: Module) -> set[str]:
    return {
        name.partition(".")[0] for node in ast.walk(module.tree) for name in imported_names(node)
    }


def test_imports_inside_functions_stand_only_in_the_command_line_and_packages() -> None:
    found = [
        f"{module.path}:{line}"
        for module in modules()
        if "/cli/" not in module.path and not module.path.endswith("/__init__.py")
        for line in in_functions(module)
    ]
    assert not found


def test_imports_are_absolute() -> None:
    found = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not found


def test_core_uses_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"registrum"}
    found = {
        module.path: foreign
        for module in modules("src/registrum/core")
        if (foreign := top_levels(module) - allowed)
    }
    assert not found


def test_only_db_uses_a_database_library() -> None:
    found = {
        module.path: foreign
        for module in modules()
        if not module.path.startswith("src/registrum/server/db/")
        and (foreign := top_levels(module) & DATABASE_LIBRARIES)
    }
    assert not found
