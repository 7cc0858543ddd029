"""Fills an empty database, with SQL alone, with one organization's registries: `python -m benchmarks.populate URL VERSIONS`.

Every version was logged once into a team's project and is linked into one registry. Values are spread by arithmetic, so
two databases of one size hold the same. A million versions take one to two minutes.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.schema import CreateIndex, DropIndex

from registrum.server.db.migrations import upgrade
from registrum.server.db.tables import metadata
from registrum.server.db.tables.ground import complete_for_postgres

START = 1_700_000_000_000_000  # microseconds; November 2023
SECOND = 1_000_000
ORGANIZATION, ENTITY, TEAM, PROJECT = 1, 1, 2, 1
ADMIN, MEMBER, MANY, GUEST = 1, 2, 3, 4
TEAMS_OF_MANY = 200
BIG = ("artifacts", "facts", "memberships", "alias_spans", "artifact_tags", "collections")


@dataclass(frozen=True)
class Size:
    """How much there is to be.

    Attributes:
        registries: of the organization; the last one is restricted, and the guest belongs to it alone.
        collections: in all registries; as many sequences are in the team's project.
    """

    versions: int
    registries: int = 20
    collections: int = 0

    @property
    def lines(self) -> int:
        """Collections of the registries."""
        return self.collections or max(self.versions // 50, 1)


class Sink:
    """Runs plain SQL on SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite")
        self.connection: Any
        if self.is_sqlite:
            import sqlite3

            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
                self.connection.execute(f"PRAGMA {pragma}")
        else:
            import psycopg

            self.connection = psycopg.connect(url, autocommit=True)
            self.connection.execute(
                "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'"
            )

    def run(self, sql: str) -> None:
        """One statement; `numbers(n)` from 0 stands for the table of numbers below the highest."""
        self.connection.execute(sql if self.is_sqlite else sql.encode())

    def without_indexes(self, work: Any) -> None:
        """Runs `work` while the large tables have no indexes but their keys."""
        dialect = self._dialect()
        indexes = [index for name in BIG for index in metadata.tables[name].indexes]
        for index in indexes:
            self.run(str(DropIndex(index).compile(dialect=dialect)))
        work()
        for index in indexes:
            self.run(str(CreateIndex(index).compile(dialect=dialect)))

    def _dialect(self) -> Any:
        from sqlalchemy.dialects import postgresql, sqlite

        if self.is_sqlite:
            return sqlite.dialect()
        complete_for_postgres()
        kind: Callable[[], Any] = postgresql.dialect
        return kind()

    def close(self, counted: tuple[str, ...]) -> None:
        """Sets the counters of ids, gathers statistics, and closes."""
        if not self.is_sqlite:
            for table in counted:
                self.run(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                )
            self.run("VACUUM ANALYZE")
        else:
            self.run("PRAGMA journal_mode=WAL")
        self.connection.close()


def populate(url: str, size: Size) -> None:
    """Makes all tables in an empty database and fills them.

    Args:
        url: `sqlite:///file` or `postgresql://…`.
        size: how much.
    """
    upgrade(url)
    sink = Sink(url)
    sink.run("CREATE TABLE numbers (n bigint PRIMARY KEY)")
    highest = max(size.versions, size.lines, TEAMS_OF_MANY, 1000)
    if sink.is_sqlite:
        sink.run(
            f"WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {highest - 1}) "
            "INSERT INTO numbers SELECT n FROM c"
        )
    else:
        sink.run(f"INSERT INTO numbers SELECT generate_series(0, {highest - 1})")
    _people(sink, size)
    _registries(sink, size)
    sink.without_indexes(lambda: _versions(sink, size))
    sink.run("DROP TABLE numbers")
    sink.close(
        (
            *("users", "entities", "organizations", "projects", "artifact_types", "collections"),
            *("artifacts", "memberships", "alias_spans", "artifact_tags", "collection_tags"),
        )
    )


def _people(sink: Sink, size: Size) -> None:
    names = {ADMIN: "admin", MEMBER: "member", MANY: "many", GUEST: "guest"}
    for number, name in names.items():
        sink.run(
            "INSERT INTO users (id, username, username_key, name, created_at) "
            f"VALUES ({number}, '{name}', '{name}', '{name}', {START})"
        )
    sink.run(
        "INSERT INTO entities (id, kind, name, name_key, organization_id, created_at) VALUES "
        f"({ENTITY}, 'organization', 'big-org', 'big-org', {ORGANIZATION}, {START}), "
        f"({TEAM}, 'team', 'team', 'team', {ORGANIZATION}, {START})"
    )
    sink.run(
        "INSERT INTO entities (id, kind, name, name_key, organization_id, created_at) "
        f"SELECT 100 + n, 'team', 'team-' || n, 'team-' || n, {ORGANIZATION}, {START} "
        f"FROM numbers WHERE n < {TEAMS_OF_MANY}"
    )
    sink.run(
        "INSERT INTO organizations (id, name, name_key, entity_id, created_at) "
        f"VALUES ({ORGANIZATION}, 'Big', 'big', {ENTITY}, {START})"
    )
    sink.run(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at) VALUES "
        f"({ORGANIZATION}, {ADMIN}, 40, {START}), ({ORGANIZATION}, {MEMBER}, 30, {START}), "
        f"({ORGANIZATION}, {MANY}, 30, {START})"
    )
    sink.run(
        "INSERT INTO team_members (team_id, user_id, role, created_at) "
        f"SELECT 100 + n, {MANY}, 30, {START} FROM numbers WHERE n < {TEAMS_OF_MANY}"
    )


def _registries(sink: Sink, size: Size) -> None:
    sink.run(
        "INSERT INTO projects (id, kind, entity_id, organization_id, name, created_at) "
        f"VALUES ({PROJECT}, 'team', {TEAM}, {ORGANIZATION}, 'training', {START})"
    )
    sink.run(
        "INSERT INTO projects (id, kind, entity_id, organization_id, name, visibility, created_at) "
        f"SELECT {PROJECT} + 1 + n, 'registry', {ENTITY}, {ORGANIZATION}, 'wandb-registry-r' || n, "
        f"CASE WHEN n = {size.registries - 1} THEN 'restricted' ELSE 'organization' END, {START} + n "
        f"FROM numbers WHERE n < {size.registries}"
    )
    restricted = PROJECT + size.registries
    sink.run(
        "INSERT INTO project_members (project_id, user_id, role, created_at) "
        f"VALUES ({restricted}, {GUEST}, 20, {START}), ({restricted}, {ADMIN}, 40, {START})"
    )
    sink.run(
        "INSERT INTO project_teams (project_id, team_id, role, created_at) "
        f"SELECT {PROJECT} + 1 + n % {size.registries}, 100 + n, 30, {START} "
        f"FROM numbers WHERE n < {TEAMS_OF_MANY}"
    )
    sink.run(
        "INSERT INTO artifact_types (id, project_id, name, created_at) "
        f"SELECT n + 1, n + 1, 'model', {START} FROM numbers WHERE n <= {size.registries}"
    )


def _versions(sink: Sink, size: Size) -> None:
    for fill in (_collections, _artifacts, _facts, _registry_values, _memberships, _labels):
        fill(sink, size)


def _collections(sink: Sink, size: Size) -> None:
    """Sequences have the ids from 1, portfolios those behind them."""
    lines = size.lines
    registry = f"{PROJECT} + 1 + n % {size.registries}"
    sink.run(
        "INSERT INTO collections (id, project_id, type_id, kind, name, next_version, created_at) "
        f"SELECT n + 1, {PROJECT}, 1, 'sequence', 'run-' || n, 50, {START} + n * {SECOND} "
        f"FROM numbers WHERE n < {lines}"
    )
    sink.run(
        "INSERT INTO collections (id, project_id, organization_id, type_id, kind, name, description, next_version, "
        f"created_at) SELECT {lines} + n + 1, {registry}, {ORGANIZATION}, {registry}, 'portfolio', "
        "'model-' || (n * 7919 % 100003) || '-' || n, 'the model ' || n, 50, "
        f"{START} + (n * 7919 % {lines}) * {SECOND} FROM numbers WHERE n < {lines}"
    )
    sink.run(
        "INSERT INTO collection_tags (collection_id, name, created_at) "
        f"SELECT {lines} + n + 1, CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'featured' END, {START} "
        f"FROM numbers WHERE n < {lines} AND n % 20 = 0"
    )


def _is_first(size: Size) -> str:
    """SQL condition: a version of the first registry, which alone has a value at `rows`."""
    return f"n % {size.lines} % {size.registries} = 0"


_FRAMEWORK = "CASE n * 7919 % 1000003 % 10 WHEN 0 THEN 'jax' WHEN 1 THEN 'keras' ELSE 'torch' END"


def _artifacts(sink: Sink, size: Size) -> None:
    lines = size.lines
    sink.run(
        "INSERT INTO artifacts (id, project_id, collection_id, state, digest, digest_algorithm, version, metadata, "
        "size_bytes, file_count, manifest_id, created_at, committed_at) "
        f"SELECT n + 1, {PROJECT}, n % {lines} + 1, 'committed', 'd' || n, 'MANIFEST_MD5', n / {lines}, "
        '\'{"accuracy": \' || ((n * 7919 % 1000003) / 1000003.0) || \', "epochs": \' || (n % 100) || \', "framework": "\' || '
        f'{_FRAMEWORK} || \'", "run": "run-\' || n || \'"\' '
        f"|| CASE WHEN {_is_first(size)} THEN ', \"rows\": ' || n ELSE '' END || '}}', "
        f"n * 104729 % 10000019, 3, n + 1, {START} + n * {SECOND}, {START} + n * {SECOND} "
        f"FROM numbers WHERE n < {size.versions}"
    )


def _facts(sink: Sink, size: Size) -> None:
    for path, column, value in (
        ("accuracy", "number", "(n * 7919 % 1000003) / 1000003.0"),
        ("epochs", "number", "n % 100"),
        ("framework", "text", _FRAMEWORK),
        ("run", "text", "'run-' || n"),
    ):
        sink.run(
            f"INSERT INTO facts (artifact_id, path, ordinal, {column}) "
            f"SELECT n + 1, '{path}', 0, {value} FROM numbers WHERE n < {size.versions}"
        )
    sink.run(
        "INSERT INTO facts (artifact_id, path, ordinal, number) "
        f"SELECT n + 1, 'rows', 0, n FROM numbers WHERE n < {size.versions} AND {_is_first(size)}"
    )


def _registry_values(sink: Sink, size: Size) -> None:
    sink.run(
        f"INSERT INTO registry_values (project_id, path, value) VALUES ({PROJECT + 1}, 'rows', 'n')"
    )
    for path, value in (
        *(("accuracy", "n"), ("epochs", "n")),
        *(("framework", f"t{name}") for name in ("jax", "keras", "torch")),
    ):
        sink.run(
            "INSERT INTO registry_values (project_id, path, value) "
            f"SELECT {PROJECT} + 1 + n, '{path}', '{value}' FROM numbers WHERE n < {size.registries}"
        )
    sink.run(
        "INSERT INTO registry_values (project_id, path, value) "
        f"SELECT DISTINCT {PROJECT} + 1 + n % {size.lines} % {size.registries}, 'run', 'trun-' || n "
        f"FROM numbers WHERE n < {min(size.versions, 101 * size.registries)}"
    )


def _memberships(sink: Sink, size: Size) -> None:
    lines, versions = size.lines, size.versions
    columns = (
        "id, collection_id, artifact_id, project_id, organization_id, version, size_bytes, "
        "artifact_created_at, created_at"
    )
    facts_of = f"n / {lines}, n * 104729 % 10000019, {START} + n * {SECOND}"
    sink.run(
        f"INSERT INTO memberships ({columns}) SELECT n + 1, n % {lines} + 1, n + 1, {PROJECT}, NULL, {facts_of}, "
        f"{START} + n * {SECOND} FROM numbers WHERE n < {versions}"
    )
    linked = f"{START} + (n / {lines} * {lines} + n * 7919 % {lines}) * {SECOND} + 500000"
    sink.run(
        f"INSERT INTO memberships ({columns}) SELECT {versions} + n + 1, {lines} + n % {lines} + 1, n + 1, "
        f"{PROJECT} + 1 + n % {lines} % {size.registries}, {ORGANIZATION}, {facts_of}, {linked} "
        f"FROM numbers WHERE n < {versions}"
    )


def _labels(sink: Sink, size: Size) -> None:
    """Aliases and tags."""
    lines, versions = size.lines, size.versions
    newest = (versions - 1) // lines * lines
    sink.run(
        "INSERT INTO alias_spans (collection_id, membership_id, alias, since) "
        f"SELECT {lines} + n % {lines} + 1, {versions} + n + 1, 'latest', {START} "
        f"FROM numbers WHERE n < {versions} AND n >= {newest}"
    )
    sink.run(
        "INSERT INTO alias_spans (collection_id, membership_id, alias, since) "
        f"SELECT {lines} + n % {lines} + 1, {versions} + n + 1, 'production', {START} "
        f"FROM numbers WHERE n < {min(lines, versions)} AND n * 7919 % 1000003 % 40 = 0"
    )
    for tag, every in (("common", 10), ("uncommon", 200), ("rare", 20_000)):
        sink.run(
            f"INSERT INTO artifact_tags (artifact_id, name, created_at) SELECT n + 1, '{tag}', {START} "
            f"FROM numbers WHERE n < {versions} AND n * 7919 % 1000003 % {every} = 0"
        )


if __name__ == "__main__":
    began = time.perf_counter()
    populate(sys.argv[1], Size(int(sys.argv[2])))
    print(f"{int(sys.argv[2]):,} versions in {time.perf_counter() - began:.1f} s")
