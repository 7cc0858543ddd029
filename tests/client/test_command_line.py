"""The command line without a server: help, versions, refusals and exit codes, in processes of its own."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from registrum import __version__
from registrum.server.lockfile import hold


def registrum(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs the command line as a person would, with a clean environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REGISTRUM_", "WANDB_"))}
    return subprocess.run(
        [sys.executable, "-m", "registrum", *words],
        env=kept | {"NETRC": os.devnull} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_version() -> None:
    assert registrum("--version").stdout == f"registrum {__version__}\n"


def test_help_lists_the_nouns_without_importing_them() -> None:
    program = (
        "import sys; from registrum.cli import registrum\n"
        "registrum(['--help'], standalone_mode=False)\n"
        "print(sorted(n for n in sys.modules if n.startswith(('registrum.server', 'urllib3'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "Manage organizations and their members." in done.stdout
    assert done.stdout.endswith("[]\n")


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = registrum("serve", "--workers", "2", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("registrum: workers is 2, but SQLite takes exactly one")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_postgresql_without_a_secret_key_is_refused() -> None:
    done = registrum("serve", REGISTRUM_DATABASE_URL="postgresql://nobody@/x")
    assert done.returncode == 2
    assert "REGISTRUM_SECRET_KEY" in done.stderr


def test_a_taken_port_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = registrum("serve", "--port", port, "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"registrum: Can't listen on 127.0.0.1 port {port}: Address already in use.\n"
    )


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = registrum("serve", "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert done.returncode == 2
    assert done.stderr.startswith("registrum: The secret key")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["user", "list"], 3, "No API key for http://127.0.0.1:8080"),
        (["user", "list", "--url", "ftp://x", "--api-key", "k"], 1, "must be like http"),
        (["user", "create", "ann"], 2, "Missing option '--email'"),
        (["org", "add", "a", "b", "--role", "boss"], 2, "'boss' is not one of"),
        (["org", "delete", "acme", "--api-key", "k"], 1, "Delete acme?"),
    ],
)
def test_wrong_use_is_refused_in_words(words: list[str], code: int, sentence: str) -> None:
    done = registrum(*words)
    assert done.returncode == code
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = registrum("user", "list", "--url", f"http://127.0.0.1:{port}", "--api-key", "k")
    assert done.returncode == 6
    assert "is the server running there?" in done.stderr


def test_db_upgrade_makes_the_tables_and_may_run_again(postgres_url: str) -> None:
    for _ in range(2):
        done = registrum("db", "upgrade", REGISTRUM_DATABASE_URL=postgres_url)
        assert (done.returncode, done.stdout) == (0, "The database is up to date.\n"), done.stderr
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_a_server_does_not_touch_the_schema_of_postgresql(
    postgres_url: str, tmp_path: Path
) -> None:
    given = {"REGISTRUM_DATABASE_URL": postgres_url, "REGISTRUM_SECRET_KEY": "k" * 40}
    done = registrum("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), **given)
    assert done.returncode == 1
    assert "registrum db upgrade" in done.stderr
    assert "Traceback" not in done.stderr
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchone() == (0,)


def test_a_server_refuses_a_database_of_a_later_version(tmp_path: Path) -> None:
    words = ["--data-dir", str(tmp_path / "data")]
    assert registrum("db", "upgrade", *words).returncode == 0
    with sqlite3.connect(tmp_path / "data" / "registrum.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")
    done = registrum("serve", "--port", "0", *words)
    assert done.returncode == 1
    assert "was written by a newer Registrum" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_says_which_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "data" / "registrum.sqlite"
    path.parent.mkdir()
    path.write_text("these are not the rows you are looking for\n" * 100)
    done = registrum("serve", "--port", "0", "--data-dir", str(path.parent))
    assert done.returncode == 1
    assert f"The database {path} can't be read: file is not a database." in done.stderr
    assert "Traceback" not in done.stderr


def test_db_upgrade_of_an_embedded_server_waits_for_nobody(tmp_path: Path) -> None:
    with hold(tmp_path):
        done = registrum("db", "upgrade", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert "is in use by another registrum process" in done.stderr
    assert registrum("db", "upgrade", "--data-dir", str(tmp_path)).returncode == 0
    assert (tmp_path / "registrum.sqlite").exists()


def test_a_database_that_is_not_there_is_refused_in_words() -> None:
    done = registrum("db", "upgrade", REGISTRUM_DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert done.returncode == 6
    assert done.stderr.startswith("registrum: ")
    assert "Traceback" not in done.stderr
