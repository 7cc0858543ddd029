"""Every table, declared once for SQLite and PostgreSQL; Alembic migrates to this and a test compares them.

Living rows have `deleted_at IS NULL`; uniqueness holds among the living. Columns that repeat what another table says
(`projects.organization_id`, `memberships.project_id`, …) are there because a condition or an order needs them in an index; they never
change after the row is made, except where said.
"""

from registrum.server.db.tables.artifacts import (
    alias_spans,
    artifact_tags,
    artifact_types,
    artifacts,
    collection_tags,
    collections,
    facts,
    memberships,
    pending_aliases,
    protected_aliases,
    registry_values,
)
from registrum.server.db.tables.ground import ALIVE, Name, metadata
from registrum.server.db.tables.ledger import events, instance, jobs
from registrum.server.db.tables.people import (
    api_keys,
    entities,
    invites,
    organization_members,
    organizations,
    password_links,
    sessions,
    sign_in_failures,
    team_members,
    users,
)
from registrum.server.db.tables.projects import project_members, project_teams, projects
from registrum.server.db.tables.runs import (
    run_chunks,
    run_files,
    run_inputs,
    run_outputs,
    run_tags,
    run_writers,
    runs,
)
from registrum.server.db.tables.storage import (
    artifact_blobs,
    blobs,
    files,
    manifests,
    reservations,
    uploads,
)

__all__ = [
    "ALIVE",
    "Name",
    "alias_spans",
    "api_keys",
    "artifact_blobs",
    "artifact_tags",
    "artifact_types",
    "artifacts",
    "blobs",
    "collection_tags",
    "collections",
    "entities",
    "events",
    "facts",
    "files",
    "instance",
    "invites",
    "jobs",
    "manifests",
    "memberships",
    "metadata",
    "organization_members",
    "organizations",
    "password_links",
    "pending_aliases",
    "project_members",
    "project_teams",
    "projects",
    "protected_aliases",
    "registry_values",
    "reservations",
    "run_chunks",
    "run_files",
    "run_inputs",
    "run_outputs",
    "run_tags",
    "run_writers",
    "runs",
    "sessions",
    "sign_in_failures",
    "team_members",
    "uploads",
    "users",
]
