"""A PostgreSQL cluster of the tests' own, from the binaries on the machine, in a scratch folder.

The server is our child process and is told to quit when we die. It listens on a Unix socket only.
PostgreSQL refuses to run as root, so there the server runs as the user `postgres`. A template
database is prepared once per cluster and cloned for each test.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from registrum.server.db import postgres

START_LIMIT_S = 60
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "autovacuum": "off",
}
PLANNED_ONCE = {**SETTINGS, "plan_cache_mode": "force_generic_plan"}


class PostgresMissing(Exception):
    """The machine has no PostgreSQL server binaries."""


class Cluster:
    """A running server.

    Attributes:
        socket_folder: where its Unix socket lives.
    """

    def __init__(self, socket_folder: Path) -> None:
        self.socket_folder = socket_folder
        self._numbers = count(1)
        self._templates: dict[str, str] = {}
        self._free: dict[str, list[_Lent]] = {}

    def url(self, database: str) -> str:
        """The address of a database of this cluster."""
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    def empty_database(self) -> str:
        """Creates a database with nothing in it; its address."""
        return self._create("template0")

    def database_like(self, name: str, prepare: Callable[[str], Any]) -> str:
        """Creates a copy of the template `name`; its address.

        Args:
            name: which template; made at its first use.
            prepare: fills the template, given its address, and leaves no connection open.
        """
        if name not in self._templates:
            url = self.empty_database()
            prepare(url)
            self._templates[name] = database_of(url)
        return self._create(self._templates[name])

    @contextmanager
    def lend(self, name: str, prepare: Callable[[str], Any]) -> Iterator[str]:
        """A database like the template `name`, for one test after another: its rows go when the block ends.

        Deleting rows takes a millisecond, copying a database a hundred. One that somebody still holds a lock on is dropped.

        Args:
            name, prepare: as of `database_like`.
        """
        free = self._free.setdefault(name, [])
        lent = free.pop() if free else _Lent(self.database_like(name, prepare))
        try:
            yield lent.url
        finally:
            try:
                lent.empty()
                free.append(lent)
            except psycopg.errors.LockNotAvailable:
                self.drop(lent.url)

    def analyze(self, url: str) -> None:
        """Gathers what the planner wants to know of many rows just written, as autovacuum would."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")

    def drop(self, url: str) -> None:
        """Removes a database, whoever is still connected to it."""
        self._run(f'DROP DATABASE IF EXISTS "{database_of(url)}" WITH (FORCE)')

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return self.url(name)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


class _Lent:
    """A database that one test after another has, and a connection of ours that empties it in between."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute("SET lock_timeout = '2s'")
        self._connection.execute("SET session_replication_role = replica")  # No foreign keys.
        self._connection.execute(self._emptying())

    def empty(self) -> None:
        """Deletes all rows but the schema's revision, and starts all numbers anew.

        Raises:
            psycopg.errors.LockNotAvailable: somebody still holds a lock; nothing is deleted.
        """
        ((swollen,),) = self._connection.execute("SELECT pg_temp.empty()").fetchall()
        for name in swollen:
            self._connection.execute(f'VACUUM "{name}"'.encode())

    def _emptying(self) -> bytes:
        """What makes the function that empties: its statements are read and planned once. It gives the names of large tables."""
        tables = self._connection.execute(_TABLES).fetchall()
        sequences = self._connection.execute(_SEQUENCES).fetchall()
        steps = "".join(_EMPTY_TABLE.format(name=name) for (name,) in tables)
        steps += "".join(_RESTART_NUMBERS.format(name=name) for (name,) in sequences)
        return f"""
            CREATE FUNCTION pg_temp.empty() RETURNS text[] LANGUAGE plpgsql AS $$
            DECLARE swollen text[] := '{{}}'; size bigint;
            BEGIN {steps} RETURN swollen; END $$""".encode()


_RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
_TABLES = (_RELATIONS + " AND relkind = 'r' AND relname <> 'alembic_version'").encode()
_SEQUENCES = (_RELATIONS + " AND relkind = 'S'").encode()
_EMPTY_TABLE = """
size := pg_relation_size('public."{name}"'::regclass);
IF size > 0 THEN DELETE FROM public."{name}"; END IF;
IF size > 128 * 1024 THEN swollen := swollen || '{name}'::text; END IF;"""
_RESTART_NUMBERS = """
IF pg_sequence_last_value('public."{name}"'::regclass) IS NOT NULL THEN
PERFORM setval('public."{name}"'::regclass, 1, false); END IF;"""


def database_of(url: str) -> str:
    """The name of the database in one of this module's addresses."""
    match = re.fullmatch(r"postgresql://postgres@/(\w+)\?.*", url)
    assert match, url
    return match[1]


@contextmanager
def preparing_at_once() -> Iterator[None]:
    """Connections of databases that this process opens in the block prepare each statement when they first run it, not when often.

    With `PLANNED_ONCE` each is read and planned once a connection: doing that anew, for conditions about rights that fill
    pages, is most of what PostgreSQL would have to do in tests of a few rows. Benchmarks, and servers in processes of their
    own, do not prepare so soon.
    """
    configure = postgres._configure

    def prepare_at_once(connection: "psycopg.Connection[Any]") -> None:
        configure(connection)
        connection.prepare_threshold, connection.prepared_max = 0, 1000

    postgres._configure = prepare_at_once
    try:
        yield
    finally:
        postgres._configure = configure


@contextmanager
def running_cluster(settings: Mapping[str, str] = SETTINGS) -> Iterator[Cluster]:
    """A fresh cluster while the block runs; by default as fast, and as careless, as tests may be.

    Raises:
        PostgresMissing: there are no binaries to run it with.
    """
    binaries = server_binaries()
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []}
    folder = Path(tempfile.mkdtemp(prefix="registrum-pg-", dir=_folder_open_to_all()))
    try:
        if account:
            shutil.chown(folder, "postgres", "postgres")
        _init(binaries, folder, account)
        with _server(binaries, folder, account, settings):
            yield Cluster(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_binaries() -> Path:
    """The folder of the newest `initdb` and `postgres`: Debian's, else those on the PATH."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    debian = sorted(versions, key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise PostgresMissing("no PostgreSQL server binaries on this machine")
    return Path(found).resolve().parent


def _init(binaries: Path, folder: Path, account: dict[str, Any]) -> None:
    command: list[str | Path] = [
        binaries / "initdb",
        "--pgdata",
        folder / "data",
        "--username",
        "postgres",
    ]
    options = ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    subprocess.run([*command, *options], check=True, capture_output=True, cwd=folder, **account)


@contextmanager
def _server(
    binaries: Path, folder: Path, account: dict[str, Any], settings: Mapping[str, str]
) -> Iterator[None]:
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "QUIT", "--", *command]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder, **account
    )
    ready, lines = threading.Event(), deque[str](maxlen=50)
    reader = threading.Thread(target=_follow, args=(process, ready, lines), daemon=True)
    reader.start()
    try:
        ready.wait(START_LIMIT_S)
        if process.poll() is not None or not ready.is_set():
            raise RuntimeError("PostgreSQL did not start:\n" + "".join(lines))
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(START_LIMIT_S)
        reader.join(START_LIMIT_S)


def _follow(process: "subprocess.Popen[str]", ready: threading.Event, lines: deque[str]) -> None:
    """Reads the server's log to its end; `ready` is set once it takes connections, or has ended."""
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        if "ready to accept connections" in line:
            ready.set()
    ready.set()


def _folder_open_to_all() -> str:
    """A folder for scratch that the user `postgres` can reach."""
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        folder = Path(candidate).resolve()
        if all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents)):
            return str(folder)
    raise RuntimeError("no scratch folder that every user can reach; set TMPDIR")
