"""Tables of runs, what they reported, and what they used and made."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from registrum.server.db.columns import Flag, Id, Moment
from registrum.server.db.tables.ground import ALIVE, Name, created, deleted, metadata, own_id, to

runs = Table(
    "runs",
    metadata,
    own_id(),
    to("project_id", "projects.id"),
    Column("name", Name, nullable=False),  # the run id that people see
    Column("display_name", Text),
    Column(
        "number", Integer, nullable=False, server_default="0"
    ),  # counts the project's runs from 1; need not be unique
    Column("state", String(16), nullable=False),
    Column("config", Text),
    Column("summary", Text),
    Column("system_metrics", Text),
    Column("run_group", Text),
    Column("job_type", Text),
    Column("sweep_name", Text),
    Column("description", Text),
    Column("notes", Text),
    Column("commit", Text),
    Column("host", Text),
    Column("program", Text),
    Column("repo", Text),
    Column("debug", Flag, nullable=False, server_default=false()),
    Column("exit_code", Integer),
    Column("should_stop", Flag, nullable=False, server_default=false()),
    Column("history_lines", BigInteger, nullable=False, server_default="0"),
    Column("event_lines", BigInteger, nullable=False, server_default="0"),
    Column("log_lines", BigInteger, nullable=False, server_default="0"),
    Column("history_keys", Text),
    Column("last_step", BigInteger),
    to("user_id", "users.id", null=True),
    created(),
    Column("updated_at", Moment),
    Column("heartbeat_at", Moment),
    Column("finished_at", Moment),
    deleted(),
    Index(
        "uq_runs_project_id_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
    ),
    Index("ix_runs_project_id_created_at", "project_id", "created_at", "id"),
    Index("ix_runs_deleted_at", "deleted_at", sqlite_where=text("deleted_at IS NOT NULL")),
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("name", Name, primary_key=True),
)

# stream: history | events | logs. Compressed lines, at most 512 KiB of them a chunk (core/history.py), keyed by the first line it holds.
run_chunks = Table(
    "run_chunks",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("first_line", BigInteger, primary_key=True),
    Column("line_count", Integer, nullable=False),
    Column("first_step", BigInteger),
    Column("last_step", BigInteger),
    Column("raw_bytes", Integer, nullable=False),  # before compression
    Column("body", LargeBinary, nullable=False),
)

# Of a run that several processes log to at once: how many lines each has sent, as it numbers them.
run_writers = Table(
    "run_writers",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("writer", String(64), primary_key=True),
    Column("stream", String(8), primary_key=True),
    Column("line_count", Integer, nullable=False),
)

# The content is the pending blob as soon as that is stored, else the other one. GC marks both.
run_files = Table(
    "run_files",
    metadata,
    own_id(),
    to("run_id", "runs.id"),
    Column("name", Name, nullable=False),
    Column("blob_id", String(40), ForeignKey("blobs.id"), index=True),
    Column("pending_blob_id", String(40), ForeignKey("blobs.id"), index=True),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("run_id", "name"),
)

run_inputs = Table(
    "run_inputs",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True, index=True),
    Column("used_as", Text),
    created(),
)

run_outputs = Table(
    "run_outputs",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True, index=True),
    created(),
)
