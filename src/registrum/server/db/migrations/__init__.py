"""Migrations: the schema's history, for both databases, run by Alembic.

A SQLite file is migrated by the server at its start, after a backup; PostgreSQL only by `registrum db upgrade`, under an advisory lock. A
schema that is newer than the code is refused. Alembic itself is imported only when there is something to do.
"""

import time
from contextlib import closing
from pathlib import Path

import apsw

from registrum.core.errors import Invalid, RegistrumError, Unavailable

HEAD = "0004"
REVISIONS = ("0001", "0002", "0003", "0004")
_LOCK = 0x5265676973  # the advisory lock of upgrades: "Regis"


class SchemaMismatch(RegistrumError):
    """The database's schema is not the one this version of Registrum works with."""

    code = "schema_mismatch"
    status = 503


def current_revision(url: str) -> str | None:
    """The revision that the database is at; None for an empty one.

    Args:
        url: `sqlite:///path` or `postgresql://…`.

    Raises:
        Unavailable: PostgreSQL does not answer there.
        Invalid: the file is no database of SQLite, or cannot be opened.
    """
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.exists():
            return None
        return _revision_of_file(path)
    import psycopg

    try:
        opened = psycopg.connect(url)
    except psycopg.Error as error:
        why = str(error).partition("\n")[0]
        raise Unavailable(f"The database can't be reached: {why}") from None
    with opened as postgres:
        try:
            found = postgres.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(found[0]) if found else None


def _revision_of_file(path: Path) -> str | None:
    try:
        with closing(apsw.Connection(str(path))) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except apsw.SQLError:
        return None
    except (apsw.NotADBError, apsw.CantOpenError, apsw.CorruptError) as error:
        raise Invalid(f"The database {path} can't be read: {error}.") from None
    return str(rows[0][0]) if rows else None


def is_current(url: str) -> bool:
    """Whether the database is at this code's revision.

    Raises:
        SchemaMismatch: its schema is newer than this code.
    """
    revision = current_revision(url)
    if revision is not None and revision not in REVISIONS:
        raise SchemaMismatch(
            f"The database was written by a newer Registrum (its schema is {revision}, this version knows {HEAD}). "
            "Install that version again, or restore a backup from before the upgrade."
        )
    return revision == HEAD


def check_current(url: str) -> None:
    """Refuses a database that is not at this code's revision; for PostgreSQL, which is upgraded on purpose only.

    Raises:
        SchemaMismatch: it is empty, older or newer; the message says what to do.
    """
    if not is_current(url):
        if current_revision(url) is None:
            raise SchemaMismatch(
                "The database has no tables yet. Make them with: registrum db upgrade"
            )
        raise SchemaMismatch(
            "The database's schema is older than this version of Registrum. Back it up, then run: registrum db upgrade"
        )


def upgrade(url: str) -> Path | None:
    """Brings a database to this code's revision; a no-op where it is there already.

    Returns:
        The backup made of a SQLite file that held something, else None.

    Raises:
        SchemaMismatch: its schema is newer than this code.
        Invalid: the folder of a SQLite file cannot be made.
    """
    if is_current(url):
        return None
    backup = _back_up(url) if url.startswith("sqlite:///") else None
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, pool, text

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    address = url.replace("postgres://", "postgresql://", 1)
    address = address.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(address, poolclass=pool.NullPool)
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    return backup


def _back_up(url: str) -> Path | None:
    """Copies what a SQLite file holds beside it; makes the folder for one that is yet to come."""
    path = Path(url.removeprefix("sqlite:///"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(
            f"The folder of the database {path} can't be made: {error.strerror} (REGISTRUM_DATABASE_URL)."
        ) from None
    if current_revision(url) is None:
        return None
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    backup = path.with_name(f"{path.name}.before-{HEAD}.{moment}.backup")
    with (
        closing(apsw.Connection(str(path))) as source,
        closing(apsw.Connection(str(backup))) as target,
        target.backup("main", source, "main") as copying,
    ):
        copying.step(-1)  # all of it
    return backup
