"""What every table is declared with."""

from sqlalchemy import Column, ForeignKey, Index, MetaData, String, TextClause, text

from registrum.server.db.columns import Id, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ALIVE = text("deleted_at IS NULL")
# Names are compared and ordered by code point in both databases.
Name = String(collation="C").with_variant(String(), "sqlite")


def own_id() -> Column[int]:
    """The number of the row."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def created() -> Column[object]:
    """When the row was made."""
    return Column("created_at", Moment, nullable=False)


def deleted() -> Column[object]:
    """When the row was deleted; null while it lives."""
    return Column("deleted_at", Moment)


def to(name: str, target: str, *, null: bool = False, **kw: object) -> Column[int]:
    """A reference to another table's `target`; more goes to the column."""
    return Column(name, Id, ForeignKey(target), nullable=null, **kw)  # type: ignore[arg-type]


def listed(name: str, *columns: str | TextClause) -> Index:
    """An index that a list of living rows is read from in order; of an organization's, only what belongs to one.

    SQLite looks at `deleted_at` again, and does so in the index where it is a part of it.
    """
    where = ALIVE
    if str(columns[0]) == "organization_id":
        where = text("deleted_at IS NULL AND organization_id IS NOT NULL")
    return Index(name, *columns, sqlite_where=where)


def complete_for_postgres() -> None:
    """Tells PostgreSQL's dialect too which rows a partial index is of: for those who make DDL of these tables.

    The tables themselves do not name it: that loads it, which takes a server on SQLite a twentieth of its start.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            index.dialect_kwargs["postgresql_where"] = index.dialect_options["sqlite"]["where"]
