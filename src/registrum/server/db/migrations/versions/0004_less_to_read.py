"""What is to be collected, and uploads to go on with, are found by indexes; columns and an index that nothing reads go."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes and drops indexes, and drops columns."""
    op.execute("ALTER TABLE uploads RENAME COLUMN store_token TO plan")
    indexes: tuple[tuple[str, str, list[str], str], ...] = (
        ("ix_artifacts_uncommitted", "artifacts", ["state", "id"], "state <> 'committed'"),
        ("ix_runs_deleted_at", "runs", ["deleted_at"], "deleted_at IS NOT NULL"),
        ("ix_uploads_plan", "uploads", ["plan"], "completed_at IS NULL"),
    )
    for name, table, columns, condition in indexes:
        where = sa.text(condition)
        op.create_index(
            name, table, columns, unique=False, sqlite_where=where, postgresql_where=where
        )
    # It was written at every report of a run.
    op.drop_index("ix_runs_state_heartbeat_at", "runs")
    for table, column in (
        ("artifacts", "storage_region"),
        ("reservations", "mimetype"),
        ("uploads", "part_count"),
        ("invites", "email_key"),
    ):
        op.drop_column(table, column)
