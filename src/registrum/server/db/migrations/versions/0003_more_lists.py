"""Lists that were sorted row by row are read from an index: collections by when they were last changed, versions by cells of time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the indexes."""
    of_organization = sa.text("deleted_at IS NULL AND organization_id IS NOT NULL")
    op.create_index(
        "ix_collections_organization_changed",
        "collections",
        [
            *("organization_id", sa.text("coalesce(updated_at, created_at)")),
            *("id", "project_id", "kind", "deleted_at"),
        ],
        unique=False,
        sqlite_where=of_organization,
        postgresql_where=of_organization,
    )
    # By cells of time, each 72 minutes: what was logged in one by when it was linked, what was linked in one by artifact.
    logged_in, linked_in = sa.text("(artifact_created_at >> 32)"), sa.text("(created_at >> 32)")
    alive = sa.text("deleted_at IS NULL")
    indexes: tuple[tuple[str, sa.TextClause, list[str | sa.TextClause]], ...] = (
        (
            "ix_memberships_project_logged",
            alive,
            [
                *("project_id", logged_in, "created_at", "id"),
                *("artifact_id", "collection_id", "artifact_created_at", "deleted_at"),
            ],
        ),
        (
            "ix_memberships_organization_logged",
            of_organization,
            [
                *("organization_id", logged_in, "created_at", "id", "project_id"),
                *("artifact_id", "collection_id", "artifact_created_at", "deleted_at"),
            ],
        ),
        (
            "ix_memberships_organization_linked",
            of_organization,
            [
                *("organization_id", linked_in, "artifact_id", "created_at", "id"),
                *("project_id", "collection_id", "deleted_at"),
            ],
        ),
    )
    for name, where, columns in indexes:
        op.create_index(
            name, "memberships", columns, unique=False, sqlite_where=where, postgresql_where=where
        )
