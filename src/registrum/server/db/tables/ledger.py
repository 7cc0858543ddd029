"""Tables of what happened, what is still to be done, and what the instance remembers of itself."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from registrum.server.db.columns import Id, JSONText, Moment
from registrum.server.db.tables.ground import created, metadata, own_id, to

events = Table(
    "events",
    metadata,
    own_id(),
    Column("kind", String(48), nullable=False),
    created(),
    to("actor_id", "users.id", null=True),
    Column("organization_id", Id),
    Column("project_id", Id),
    Column("subject_kind", String(24), nullable=False),
    Column("subject_id", Id),
    Column("changes", JSONText),  # at most 4 KB
    Index("ix_events_organization_id", "organization_id", "id"),
    Index("ix_events_project_id", "project_id", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    own_id(),
    Column("kind", String(32), nullable=False),
    Column("name", String(64), unique=True),  # of a recurring job: there is one row of it
    Column("argument", JSONText),
    Column("state", String(16), nullable=False),  # waiting | running | done | failed
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("locked_until", Moment),
    created(),
    Column("finished_at", Moment),
    Index("ix_jobs_state_due_at", "state", "due_at"),
)

instance = Table(
    "instance",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
