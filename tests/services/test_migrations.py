"""A database of an earlier schema is brought to this one with what is in it; the migrations make what the tables say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, pool, text

from registrum.core.actors import Actor
from registrum.core.errors import Invalid
from registrum.core.policy import Action
from registrum.core.run_reports import read_report
from registrum.core.runs import RunName, SaveRun
from registrum.server.db import migrations, open_database, runs
from registrum.server.db.tables import metadata
from registrum.server.services.history import write_report
from registrum.server.services.runs import save_run
from tests.postgres import Cluster
from tests.services.test_runs import ANN, people

EARLIER = migrations.REVISIONS[:-1]
RUN = RunName("team", "demo", "first")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'registrum.sqlite'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    made = cluster.empty_database()
    yield made
    cluster.drop(made)


def engine(url: str) -> Engine:
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(address, poolclass=pool.NullPool)


def upgrade_to(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine(url).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_a_database_in_a_folder_that_cannot_be_made_is_told_in_one_sentence() -> None:
    with pytest.raises(Invalid, match="folder of the database /dev/null/x/y can't be made"):
        migrations.upgrade("sqlite:////dev/null/x/y")


# What the two say of SQLite's indexes on expressions, which cannot be read back; in PostgreSQL they are compared.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings(
    "ignore:autogenerate skipping metadata-specified expression-based index"
)
def test_the_migrations_make_what_the_tables_say(url: str) -> None:
    migrations.upgrade(url)
    assert migrations.is_current(url)
    with engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("revision", EARLIER)
def test_an_earlier_database_is_upgraded_with_its_rows(url: str, revision: str) -> None:
    upgrade_to(url, revision)
    assert not migrations.is_current(url)
    report = read_report({"files": {"output.log": {"offset": 0, "content": ["hello"]}}})
    earlier = open_database(url)
    earlier.write(Actor(None, is_admin=True), people)
    earlier.write(ANN, lambda tx: save_run(tx, RUN, SaveRun()))
    earlier.write(ANN, lambda tx: write_report(tx, RUN, report))
    earlier.close()

    backup = migrations.upgrade(url)

    assert (backup is not None) == url.startswith("sqlite:")
    if backup is not None:
        assert migrations.current_revision(f"sqlite:///{backup}") == revision
    assert migrations.is_current(url)
    database = open_database(url)
    database.write(ANN, lambda tx: write_report(tx, RUN, report, "a writer"))
    with database.read(ANN) as tx:
        assert runs.get_for_path(tx, Action.READ, RUN).thing.log_lines == 2
    database.close()


def test_a_newer_database_is_left_alone(url: str, tmp_path: Path) -> None:
    migrations.upgrade(url)
    with engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    files = sorted(tmp_path.iterdir())
    for start in (migrations.upgrade, migrations.check_current, migrations.is_current):
        with pytest.raises(migrations.SchemaMismatch, match=r"by a newer Registrum .*later"):
            start(url)
    assert migrations.current_revision(url) == "later"
    assert sorted(tmp_path.iterdir()) == files


def test_what_is_upgraded_on_purpose_only_says_how(url: str) -> None:
    with pytest.raises(migrations.SchemaMismatch, match=r"has no tables yet.*registrum db upgrade"):
        migrations.check_current(url)
    upgrade_to(url, EARLIER[0])
    with pytest.raises(migrations.SchemaMismatch, match=r"older.*registrum db upgrade"):
        migrations.check_current(url)
    assert migrations.current_revision(url) == EARLIER[0]
