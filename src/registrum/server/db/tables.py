"""Every table, declared once for SQLite and PostgreSQL; Alembic migrates to this and a test compares them.

Living rows have `deleted_at IS NULL`; uniqueness holds among the living. Columns that repeat what another table says
(`projects.organization_id`, `memberships.project_id`, …) are there because a condition or an order needs them in an index; they never
change after the row is made, except where said.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from registrum.core.policy import Role
from registrum.server.db.columns import Flag, Id, JSONText, Moment, Ranked

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


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _created() -> Column[object]:
    return Column("created_at", Moment, nullable=False)


def _deleted() -> Column[object]:
    return Column("deleted_at", Moment)


def _to(name: str, target: str, *, null: bool = False, **kw: object) -> Column[int]:
    return Column(name, Id, ForeignKey(target), nullable=null, **kw)  # type: ignore[arg-type]


def _listed(name: str, *columns: str) -> Index:
    """An index that a list of living rows is read from in order; of an organization's, only what belongs to one.

    SQLite looks at `deleted_at` again, and does so in the index where it is a part of it.
    """
    where = ALIVE
    if columns[0] == "organization_id":
        where = text("deleted_at IS NULL AND organization_id IS NOT NULL")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


# --- People and what they belong to ---------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    _id(),
    Column("username", Name, nullable=False),
    Column("username_key", Name, nullable=False, unique=True),  # casefolded, never reused
    Column("email", Text),
    Column("email_key", Name),
    Column("name", Text, nullable=False),
    Column("is_admin", Flag, nullable=False, server_default=false()),
    Column("is_service", Flag, nullable=False, server_default=false()),
    Column("password_hash", Text),
    Column("default_entity_id", Id),
    Column("photo_url", Text),
    _created(),
    _deleted(),
    Index(
        "uq_users_email_key", "email_key", unique=True, sqlite_where=ALIVE, postgresql_where=ALIVE
    ),
)

# kind: user | team | organization. Names share one case-insensitive space and are never reused by another owner.
entities = Table(
    "entities",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),
    Column("name", Name, nullable=False),
    Column("name_key", Name, nullable=False, unique=True),
    _to("user_id", "users.id", null=True, unique=True),
    Column("organization_id", Id, index=True),  # of a team or an organization's own entity
    Column("photo_url", Text),
    Column("ttl_seconds", BigInteger),  # default for the versions logged under it; null: none
    _created(),
    _deleted(),
)

organizations = Table(
    "organizations",
    metadata,
    _id(),
    Column("name", Name, nullable=False),
    Column("name_key", Name, nullable=False),
    _to("entity_id", "entities.id"),
    _created(),
    _deleted(),
    Index(
        "uq_organizations_name_key",
        "name_key",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
)

organization_members = Table(
    "organization_members",
    metadata,
    Column("organization_id", Id, ForeignKey("organizations.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    _created(),
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", Id, ForeignKey("entities.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    _created(),
)

invites = Table(
    "invites",
    metadata,
    _id(),
    _to("team_id", "entities.id", index=True),
    Column("email", Text),
    Column("email_key", Name),
    _to("user_id", "users.id", null=True),
    Column("role", Ranked(Role), nullable=False),
    _to("invited_by", "users.id", null=True),
    _created(),
    Column("accepted_at", Moment),
    _deleted(),
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _to("user_id", "users.id", index=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("mask", Text, nullable=False),
    Column("description", Text),
    Column(
        "sealed_secret", LargeBinary
    ),  # a service account's first key, until its creator has loaded it once
    _to("created_by", "users.id", null=True),
    _created(),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    _deleted(),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    _to("user_id", "users.id", index=True),
    Column("csrf", Text, nullable=False),
    _created(),
    Column("expires_at", Moment, nullable=False),
)

# One-time links: set a password after createUser, createInvite or a reset.
password_links = Table(
    "password_links",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    _to("user_id", "users.id", index=True),
    _created(),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

# Each counts against a name or an address, by its hash: people type passwords into the wrong field.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    _id(),
    Column("key_hash", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Index("ix_sign_in_failures_key_hash_at", "key_hash", "at"),
)

# --- Projects and registries ----------------------------------------------------------------------------------

# kind: personal | team | registry. visibility (registries): organization | restricted.
projects = Table(
    "projects",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),
    _to("entity_id", "entities.id"),
    Column("organization_id", Id, index=True),
    Column("owner_id", Id),  # the user of a personal project
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column("visibility", String(16), nullable=False, server_default="organization"),
    Column("organization_role", Ranked(Role), nullable=False, server_default="20"),
    Column("is_core", Flag, nullable=False, server_default=false()),
    Column("accepts_any_type", Flag, nullable=False, server_default=true()),
    Column("ttl_seconds", BigInteger),
    Column("views", Text),
    _to("created_by", "users.id", null=True),
    _created(),
    Column("updated_at", Moment),
    _deleted(),
    Index(
        "uq_projects_entity_id_name",
        "entity_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
)

project_members = Table(
    "project_members",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    _created(),
)

project_teams = Table(
    "project_teams",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("team_id", Id, ForeignKey("entities.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    _created(),
)

# --- Collections, artifacts, links ----------------------------------------------------------------------------

artifact_types = Table(
    "artifact_types",
    metadata,
    _id(),
    _to("project_id", "projects.id"),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column(
        "is_accepted", Flag, nullable=False, server_default=false()
    ),  # in the registry's list of types
    _created(),
    UniqueConstraint("project_id", "name"),
)

# kind: sequence (versions are logged into it) | portfolio (versions are linked into it).
collections = Table(
    "collections",
    metadata,
    _id(),
    _to("project_id", "projects.id"),
    Column("organization_id", Id),  # of a registry's collection; else null
    _to(
        "type_id", "artifact_types.id", index=True
    ),  # changes when the collection's type is changed
    Column("kind", String(16), nullable=False),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column("next_version", Integer, nullable=False, server_default="0"),
    Column("digest_algorithm", String(24)),  # of a sequence: that of its versions
    Column("client_id", Text),  # sequenceClientID
    _to("created_by", "users.id", null=True),
    _created(),
    Column("updated_at", Moment),
    _deleted(),
    Index(
        "uq_collections_project_id_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
    _listed("ix_collections_project_kind", "project_id", "kind", "id", "name", "deleted_at"),
    _listed(
        "ix_collections_project_created", "project_id", "created_at", "id", "kind", "deleted_at"
    ),
    _listed(
        "ix_collections_organization",
        *("organization_id", "id", "project_id", "kind", "name", "deleted_at"),
    ),
    _listed(
        "ix_collections_organization_name",
        *("organization_id", "name", "id", "project_id", "kind", "deleted_at"),
    ),
    _listed(
        "ix_collections_organization_created",
        *("organization_id", "created_at", "id", "project_id", "kind", "deleted_at"),
    ),
)

collection_tags = Table(
    "collection_tags",
    metadata,
    _id(),
    _to("collection_id", "collections.id"),
    Column("name", Name, nullable=False),
    _created(),
    UniqueConstraint("collection_id", "name"),
    Index("ix_collection_tags_name", "name", "collection_id"),
)

# state: pending | committed | deleted. One digest algorithm each: MANIFEST_MD5 | MANIFEST_XXH128.
artifacts = Table(
    "artifacts",
    metadata,
    _id(),
    _to("project_id", "projects.id"),  # the source project
    _to("collection_id", "collections.id"),  # the sequence it was logged into
    Column("state", String(16), nullable=False),
    Column("digest", Name, nullable=False),
    Column("digest_algorithm", String(24), nullable=False),
    Column("version", Integer),  # index in its sequence; set at commit
    Column("description", Text),
    Column("metadata", Text),  # JSON as the client sent it
    Column("more_facts", JSONText),  # scalars beyond those in `facts`: percent-encoded path to list
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("file_count", Integer, nullable=False, server_default="0"),
    Column("history_step", BigInteger),
    Column("client_id", Text),
    Column("ttl_seconds", BigInteger),  # own TTL; null: inherited; -2: disabled
    Column("expires_at", Moment),
    Column("storage_region", Text),
    _to("run_id", "runs.id", null=True, index=True),
    _to("created_by", "users.id", null=True),
    Column("manifest_id", Id),  # the committed one
    _created(),
    Column("updated_at", Moment),
    Column("committed_at", Moment),
    _deleted(),
    Index("ix_artifacts_collection_id_digest", "collection_id", "digest"),
    Index(
        "uq_artifacts_client_id",
        "client_id",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
    Index(
        "ix_artifacts_expires_at",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
    Index(
        "ix_artifacts_more_facts",
        "id",
        sqlite_where=text("more_facts IS NOT NULL"),
        postgresql_where=text("more_facts IS NOT NULL"),
    ),
)

# Aliases and tags asked for at createArtifact, applied at commit.
pending_aliases = Table(
    "pending_aliases",
    metadata,
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True),
    Column("alias", Name, primary_key=True),
)

artifact_tags = Table(
    "artifact_tags",
    metadata,
    _id(),
    _to("artifact_id", "artifacts.id"),
    Column("name", Name, nullable=False),
    _created(),
    UniqueConstraint("artifact_id", "name"),
    Index("ix_artifact_tags_name", "name", "artifact_id"),
)

# Scalars of the metadata for search: number xor text; booleans are the texts true and false.
facts = Table(
    "facts",
    metadata,
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True),
    Column("path", Name, primary_key=True),
    Column("ordinal", Integer, primary_key=True),  # several for a list
    Column("number", Float),
    Column("text", Name),
    Index(
        "ix_facts_path_number",
        *("path", "number", "artifact_id"),
        sqlite_where=text("number IS NOT NULL"),
        postgresql_where=text("number IS NOT NULL"),
    ),
    Index(
        "ix_facts_path_text",
        *("path", "text", "artifact_id"),
        sqlite_where=text("text IS NOT NULL"),
        postgresql_where=text("text IS NOT NULL"),
    ),
    Index(
        "ix_facts_path_second",  # where a path has several values
        *("path", "artifact_id"),
        sqlite_where=text("ordinal = 1"),
        postgresql_where=text("ordinal = 1"),
    ),
    sqlite_with_rowid=False,
)

# Which metadata the versions of a registry have, or once had: `n` for numbers at a path, `t…` for a text.
registry_values = Table(
    "registry_values",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("path", Name, primary_key=True),
    Column("value", Name, primary_key=True),
    sqlite_with_rowid=False,
)

# A version of a collection: the artifact itself in its sequence, or a link in a portfolio.
memberships = Table(
    "memberships",
    metadata,
    _id(),
    _to("collection_id", "collections.id"),
    _to("artifact_id", "artifacts.id"),
    _to("project_id", "projects.id"),
    Column("organization_id", Id),  # of a link into a registry; else null
    Column("version", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("artifact_created_at", Moment, nullable=False),
    _to("linked_by", "users.id", null=True),
    _created(),
    _deleted(),
    UniqueConstraint("collection_id", "version"),
    Index(
        "uq_memberships_artifact_id_collection_id",
        "artifact_id",
        "collection_id",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
    # The links of an artifact, with all that an organization's lists are sorted by.
    Index(
        "ix_memberships_linked",
        *("artifact_id", "organization_id", "project_id", "collection_id"),
        *("created_at", "artifact_created_at", "size_bytes", "deleted_at"),
        sqlite_where=text("deleted_at IS NULL AND organization_id IS NOT NULL"),
        postgresql_where=text("deleted_at IS NULL AND organization_id IS NOT NULL"),
    ),
    # Each order of a registry's and of an organization's versions, with what filters look at before they look further.
    *(
        index
        for order in ("created_at", "artifact_created_at", "size_bytes")
        for index in (
            _listed(
                f"ix_memberships_project_{order}",
                *("project_id", order, "id", "artifact_id", "collection_id", "deleted_at"),
            ),
            _listed(
                f"ix_memberships_organization_{order}",
                *("organization_id", order, "id", "project_id", "artifact_id"),
                *("collection_id", "deleted_at"),
            ),
        )
    ),
)

# Which version an alias pointed at, and when; current where `until` is null.
alias_spans = Table(
    "alias_spans",
    metadata,
    _id(),
    _to("collection_id", "collections.id"),
    _to("membership_id", "memberships.id"),
    Column("alias", Name, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    _to("set_by", "users.id", null=True),
    _to("ended_by", "users.id", null=True),
    Index(
        "uq_alias_spans_collection_id_alias",
        "collection_id",
        "alias",
        unique=True,
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
    Index(
        "ix_alias_spans_membership_id",
        "membership_id",
        "alias",
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
    Index(
        "ix_alias_spans_alias",
        *("alias", "membership_id"),
        sqlite_where=text("until IS NULL"),
        postgresql_where=text("until IS NULL"),
    ),
    Index("ix_alias_spans_collection_id_since", "collection_id", "alias", "since"),
)

# Aliases that only an admin of the registry may apply or remove.
protected_aliases = Table(
    "protected_aliases",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("alias", Name, primary_key=True),
    _to("created_by", "users.id", null=True),
    _created(),
)

# --- Bytes ----------------------------------------------------------------------------------------------------

# state: reserved | stored | deleting.
blobs = Table(
    "blobs",
    metadata,
    Column("id", String(40), primary_key=True),  # opaque, random; its key in the store
    _to("project_id", "projects.id"),
    Column("state", String(16), nullable=False),
    Column("size_bytes", BigInteger),
    Column("md5", LargeBinary),
    Column("sha256", LargeBinary),
    Column("xxh128", LargeBinary),
    Column("durable", Flag, nullable=False, server_default=false()),
    _created(),
    Column("stored_at", Moment),
    Index("ix_blobs_state", "state", "created_at"),
)

# "Already stored" in a project; algorithm: md5 | xxh128.
files = Table(
    "files",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("algorithm", String(8), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=False),
)

# A path of a pending artifact and the blob that is, or will be, its content.
reservations = Table(
    "reservations",
    metadata,
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True),
    Column("path", Name, primary_key=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), nullable=False, index=True),
    Column("md5", LargeBinary),
    Column("xxh128", LargeBinary),
    Column("mimetype", Text),
    _created(),
)

# What a committed artifact holds on to; GC marks from here and from reservations.
artifact_blobs = Table(
    "artifact_blobs",
    metadata,
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), primary_key=True, index=True),
)

# kind: full | patch | incremental. blob_id: as uploaded until commit, then our canonical one with its index block.
manifests = Table(
    "manifests",
    metadata,
    _id(),
    _to("artifact_id", "artifacts.id"),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("md5", LargeBinary),  # of the uploaded document, as announced
    _to("base_artifact_id", "artifacts.id", null=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), index=True),
    Column("index_bytes", LargeBinary),
    _created(),
    UniqueConstraint("artifact_id", "name"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), nullable=False, index=True),
    Column("part_count", Integer, nullable=False),
    Column("store_token", Text),
    _created(),
    Column("completed_at", Moment),
)

# --- Runs and lineage -----------------------------------------------------------------------------------------

runs = Table(
    "runs",
    metadata,
    _id(),
    _to("project_id", "projects.id"),
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
    _to("user_id", "users.id", null=True),
    _created(),
    Column("updated_at", Moment),
    Column("heartbeat_at", Moment),
    Column("finished_at", Moment),
    _deleted(),
    Index(
        "uq_runs_project_id_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
        postgresql_where=ALIVE,
    ),
    Index("ix_runs_project_id_created_at", "project_id", "created_at", "id"),
    Index("ix_runs_state_heartbeat_at", "state", "heartbeat_at"),
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("name", Name, primary_key=True),
)

# stream: history | events | logs. Compressed lines, at most 1 MiB a chunk, keyed by the first line it holds.
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
    _id(),
    _to("run_id", "runs.id"),
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
    _created(),
)

run_outputs = Table(
    "run_outputs",
    metadata,
    Column("run_id", Id, ForeignKey("runs.id"), primary_key=True),
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True, index=True),
    _created(),
)

# --- The ledger, jobs, and what the instance remembers of itself --------------------------------------------------

events = Table(
    "events",
    metadata,
    _id(),
    Column("kind", String(48), nullable=False),
    _created(),
    _to("actor_id", "users.id", null=True),
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
    _id(),
    Column("kind", String(32), nullable=False),
    Column("name", String(64), unique=True),  # of a recurring job: there is one row of it
    Column("argument", JSONText),
    Column("state", String(16), nullable=False),  # waiting | running | done | failed
    Column("due_at", Moment, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Column("locked_until", Moment),
    _created(),
    Column("finished_at", Moment),
    Index("ix_jobs_state_due_at", "state", "due_at"),
)

instance = Table(
    "instance",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
