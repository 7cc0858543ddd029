"""The benchmark runs, on sizes that say nothing about speed: what it prints is a table with every budget."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_benchmark_runs_and_prints_the_budgets() -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--database", "sqlite"]
    parts = [f"--only={part}" for part in ("start", "reads", "writes", "commits", "client")]
    done = subprocess.run(
        [*command, *parts], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    for operation in ("get by alias", "page of 100 versions", "link", "start to healthy", "commit"):
        assert any(line.startswith(f"| {operation}") for line in table), operation
