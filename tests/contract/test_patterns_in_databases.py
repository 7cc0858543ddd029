"""A regular expression of the search language matches the same texts in PostgreSQL as with RE2."""

from collections.abc import Iterator

import psycopg
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from registrum.core.patterns import parse_pattern
from tests.patterns import SOURCES, TEXTS
from tests.postgres import Cluster


@pytest.fixture(scope="module")
def connection(postgres: Cluster) -> "Iterator[psycopg.Connection]":
    """To an empty database."""
    url = postgres.empty_database()
    with psycopg.connect(url, autocommit=True) as opened:
        yield opened
    postgres.drop(url)


def test_postgresql_and_re2_agree(connection: "psycopg.Connection") -> None:
    @given(st.lists(SOURCES, min_size=20, max_size=40), st.lists(TEXTS, min_size=5, max_size=10))
    @settings(max_examples=25, deadline=None)
    def agree(sources: list[str], texts: list[str]) -> None:
        patterns = [parse_pattern(source) for source in sources]
        fits = connection.execute(
            'SELECT p.n, t.n, t.text COLLATE "C" ~ p.text FROM unnest(%s::text[]) WITH ORDINALITY p(text, n)'
            " CROSS JOIN unnest(%s::text[]) WITH ORDINALITY t(text, n)",
            [[pattern.for_postgres() for pattern in patterns], texts],
        ).fetchall()
        compiled = [re2.compile(pattern.for_re2()) for pattern in patterns]
        for p, t, fit in fits:
            expected = bool(compiled[p - 1].search(texts[t - 1]))
            assert fit is expected, (sources[p - 1], texts[t - 1])

    agree()
