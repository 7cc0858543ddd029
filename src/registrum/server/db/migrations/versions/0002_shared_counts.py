"""What several processes count together: lines of the writers of a shared run, failures to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables, and one index anew."""
    op.create_table(
        "run_writers",
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("writer", sa.String(length=64), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_writers_run_id")),
        sa.PrimaryKeyConstraint("run_id", "writer", "stream", name=op.f("pk_run_writers")),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(
        "ix_sign_in_failures_key_hash_at", "sign_in_failures", ["key_hash", "at"], unique=False
    )
    op.create_index("ix_sign_in_failures_at", "sign_in_failures", ["at"], unique=False)
    # Collections are also counted by what their names have in them.
    op.drop_index("ix_collections_project_kind", table_name="collections")
    op.create_index(
        "ix_collections_project_kind",
        "collections",
        ["project_id", "kind", "id", "name", "deleted_at"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    name = sa.String(collation="C").with_variant(sa.String(), "sqlite")
    op.create_table(
        "registry_values",
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("path", name, nullable=False),
        sa.Column("value", name, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_registry_values_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "path", "value", name=op.f("pk_registry_values")),
        sqlite_with_rowid=False,
    )
    op.execute(
        """
        INSERT INTO registry_values (project_id, path, value)
        SELECT project_id, path, value FROM (
            SELECT project_id, path, value, row_number() OVER (PARTITION BY project_id, path ORDER BY value) AS place
            FROM (
                SELECT DISTINCT m.project_id, f.path,
                    CASE WHEN f.number IS NOT NULL THEN 'n' ELSE 't' || f.text END AS value
                FROM memberships AS m JOIN facts AS f ON f.artifact_id = m.artifact_id
                WHERE m.organization_id IS NOT NULL AND m.deleted_at IS NULL
            ) AS found
        ) AS numbered WHERE place <= 101
        """
    )
