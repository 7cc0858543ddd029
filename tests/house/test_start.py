"""A start is quick by what it leaves for later: what is seldom needed is imported, and what is dear is made, when it is first used."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house.sources import modules

KEY = "a-secret-key-of-the-tests-of-enough-characters"
LEFT_FOR_LATER = (
    "alembic", "fsspec", "jinja2", "mako", "obstore", "psycopg", "psycopg_pool", "registrum.sdk", "registrum.server.blobs.s3",
    "registrum.server.db.postgres", "rich", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql", "sqlalchemy.orm",
)  # fmt: skip
START = """
import asyncio
import sys
from pathlib import Path

from registrum.cli import serve
from registrum.server import app, process
from registrum.server.config import Config

async def start(config):
    said, heard = asyncio.Queue(), asyncio.Queue()
    running = asyncio.create_task(app.create_app(config)({"type": "lifespan"}, said.get, heard.put))
    await said.put({"type": "lifespan.startup"})
    print((await heard.get())["type"], *sys.modules, sep="\\n")
    await said.put({"type": "lifespan.shutdown"})
    await running

config = Config(data_dir=Path(sys.argv[1]), secret_key=(sys.argv[2],))
app.prepare(config)
asyncio.run(start(config))
"""


def test_a_start_on_an_existing_database_imports_nothing_for_later(
    sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "registrum.sqlite")
    done = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path), KEY],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said, *imported = done.stdout.splitlines()
    assert said == "lifespan.startup.complete"
    assert "registrum.server.graphql.endpoint" in imported
    assert not [n for n in imported if any(f"{n}.".startswith(f"{m}.") for m in LEFT_FOR_LATER)]


def run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """What is executed with the module: all but the insides of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from run_on_import(child)


def test_the_dear_condition_about_rights_is_in_no_statement_that_is_made_on_import() -> None:
    # Each takes milliseconds to make: all tables that lead to an artifact, twice.
    found = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        for node in run_on_import(module.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "allowed_artifact"
    ]
    assert not found
