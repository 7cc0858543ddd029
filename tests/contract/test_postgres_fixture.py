"""The scratch PostgreSQL cluster gives each test a database of its own."""

import psycopg

from tests.postgres import Cluster


def test_an_empty_database_has_no_tables(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname='public'"
        ).fetchone()
    assert row == (0,)


def test_a_template_is_prepared_once_and_copied(postgres: Cluster) -> None:
    prepared = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE things (name text)")

    for _ in range(2):
        url = postgres.database_like("things", prepare)
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM things").fetchone() == (0,)
            connection.execute("INSERT INTO things VALUES ('mine')")
        postgres.drop(url)
    assert len(prepared) == 1
