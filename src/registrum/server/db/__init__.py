"""The only room that speaks SQL, and the only one that knows who may see which row."""

from registrum.core.errors import Invalid
from registrum.server.db.database import Database


def open_database(url: str) -> Database:
    """The database behind a URL: `sqlite:///path/to/file` or `postgresql://…`.

    Each driver is imported only where it is used: PostgreSQL's is an optional extra.

    Raises:
        Invalid: the URL is of no kind known here, or its driver is not installed.
    """
    if url.startswith("sqlite:///"):
        from registrum.server.db.sqlite import SqliteDatabase

        return SqliteDatabase(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        try:
            from registrum.server.db.postgres import PostgresDatabase
        except ImportError as missing:
            raise Invalid(
                f"PostgreSQL needs the extra of that name: pip install 'registrum[server,postgres]' ({missing})."
            ) from None

        return PostgresDatabase(url)
    raise Invalid(
        "The database URL must start with sqlite:/// or postgresql:// (REGISTRUM_DATABASE_URL, --database-url)."
    )


__all__ = ["Database", "open_database"]
