"""Tables of collections, the versions in them, and the aliases that point to those."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from registrum.server.db.columns import Flag, Id, JSONText, Moment
from registrum.server.db.tables.ground import (
    ALIVE,
    Name,
    created,
    deleted,
    listed,
    metadata,
    own_id,
    to,
)

artifact_types = Table(
    "artifact_types",
    metadata,
    own_id(),
    to("project_id", "projects.id"),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column(
        "is_accepted", Flag, nullable=False, server_default=false()
    ),  # in the registry's list of types
    created(),
    UniqueConstraint("project_id", "name"),
)

# kind: sequence (versions are logged into it) | portfolio (versions are linked into it).
collections = Table(
    "collections",
    metadata,
    own_id(),
    to("project_id", "projects.id"),
    Column("organization_id", Id),  # of a registry's collection; else null
    to("type_id", "artifact_types.id", index=True),  # changes when the collection's type is changed
    Column("kind", String(16), nullable=False),
    Column("name", Name, nullable=False),
    Column("description", Text),
    Column("next_version", Integer, nullable=False, server_default="0"),
    Column("digest_algorithm", String(24)),  # of a sequence: that of its versions
    Column("client_id", Text),  # sequenceClientID
    to("created_by", "users.id", null=True),
    created(),
    Column("updated_at", Moment),
    deleted(),
    Index(
        "uq_collections_project_id_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
    ),
    listed("ix_collections_project_kind", "project_id", "kind", "id", "name", "deleted_at"),
    listed(
        "ix_collections_project_created", "project_id", "created_at", "id", "kind", "deleted_at"
    ),
    listed(
        "ix_collections_organization",
        *("organization_id", "id", "project_id", "kind", "name", "deleted_at"),
    ),
    listed(
        "ix_collections_organization_name",
        *("organization_id", "name", "id", "project_id", "kind", "deleted_at"),
    ),
    listed(
        "ix_collections_organization_created",
        *("organization_id", "created_at", "id", "project_id", "kind", "deleted_at"),
    ),
    listed(
        "ix_collections_organization_changed",
        *("organization_id", text("coalesce(updated_at, created_at)")),
        *("id", "project_id", "kind", "deleted_at"),
    ),
)

collection_tags = Table(
    "collection_tags",
    metadata,
    own_id(),
    to("collection_id", "collections.id"),
    Column("name", Name, nullable=False),
    created(),
    UniqueConstraint("collection_id", "name"),
    Index("ix_collection_tags_name", "name", "collection_id"),
)

# state: pending | committed | deleted | purged (its bytes are gone too). One digest algorithm each: MANIFEST_MD5 | MANIFEST_XXH128.
artifacts = Table(
    "artifacts",
    metadata,
    own_id(),
    to("project_id", "projects.id"),  # the source project
    to("collection_id", "collections.id"),  # the sequence it was logged into
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
    to("run_id", "runs.id", null=True, index=True),
    to("created_by", "users.id", null=True),
    Column("manifest_id", Id),  # the committed one
    created(),
    Column("updated_at", Moment),
    Column("committed_at", Moment),
    deleted(),
    Index("ix_artifacts_collection_id_digest", "collection_id", "digest"),
    Index(
        "uq_artifacts_client_id",
        "client_id",
        unique=True,
        sqlite_where=ALIVE,
    ),
    Index(
        "ix_artifacts_expires_at",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
    ),
    Index(
        "ix_artifacts_more_facts",
        "id",
        sqlite_where=text("more_facts IS NOT NULL"),
    ),
    # For garbage collection, which says this condition in these words.
    Index(
        "ix_artifacts_uncommitted",
        *("state", "id"),
        sqlite_where=text("state <> 'committed'"),
    ),
)

# Aliases asked for at createArtifact, pointed at the version when it is committed.
pending_aliases = Table(
    "pending_aliases",
    metadata,
    Column("artifact_id", Id, ForeignKey("artifacts.id"), primary_key=True),
    Column("alias", Name, primary_key=True),
)

artifact_tags = Table(
    "artifact_tags",
    metadata,
    own_id(),
    to("artifact_id", "artifacts.id"),
    Column("name", Name, nullable=False),
    created(),
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
    ),
    Index(
        "ix_facts_path_text",
        *("path", "text", "artifact_id"),
        sqlite_where=text("text IS NOT NULL"),
    ),
    Index(
        "ix_facts_path_second",  # where a path has several values
        *("path", "artifact_id"),
        sqlite_where=text("ordinal = 1"),
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
    own_id(),
    to("collection_id", "collections.id"),
    to("artifact_id", "artifacts.id"),
    to("project_id", "projects.id"),
    Column("organization_id", Id),  # of a link into a registry; else null
    Column("version", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("artifact_created_at", Moment, nullable=False),
    to("linked_by", "users.id", null=True),
    created(),
    deleted(),
    UniqueConstraint("collection_id", "version"),
    Index(
        "uq_memberships_artifact_id_collection_id",
        "artifact_id",
        "collection_id",
        unique=True,
        sqlite_where=ALIVE,
    ),
    # The links of an artifact, with all that an organization's lists are sorted by.
    Index(
        "ix_memberships_linked",
        *("artifact_id", "organization_id", "project_id", "collection_id"),
        *("created_at", "artifact_created_at", "size_bytes", "deleted_at"),
        sqlite_where=text("deleted_at IS NULL AND organization_id IS NOT NULL"),
    ),
    # Each order of a registry's and of an organization's versions, with what filters look at before they look further.
    *(
        index
        for order in ("created_at", "artifact_created_at", "size_bytes")
        for index in (
            listed(
                f"ix_memberships_project_{order}",
                *("project_id", order, "id", "artifact_id", "collection_id", "deleted_at"),
            ),
            listed(
                f"ix_memberships_organization_{order}",
                *("organization_id", order, "id", "project_id", "artifact_id"),
                *("collection_id", "deleted_at"),
            ),
        )
    ),
    # By cells of time (`version_grids.py`): the newest links of what was logged in one, and what was linked in one of
    # the oldest artifacts.
    listed(
        "ix_memberships_project_logged",
        *("project_id", text("(artifact_created_at >> 32)"), "created_at", "id"),
        *("artifact_id", "collection_id", "artifact_created_at", "deleted_at"),
    ),
    listed(
        "ix_memberships_organization_logged",
        *("organization_id", text("(artifact_created_at >> 32)"), "created_at", "id"),
        *("project_id", "artifact_id", "collection_id", "artifact_created_at", "deleted_at"),
    ),
    listed(
        "ix_memberships_organization_linked",
        *("organization_id", text("(created_at >> 32)"), "artifact_id", "created_at", "id"),
        *("project_id", "collection_id", "deleted_at"),
    ),
)

# Which version an alias pointed at, and when; current where `until` is null.
alias_spans = Table(
    "alias_spans",
    metadata,
    own_id(),
    to("collection_id", "collections.id"),
    to("membership_id", "memberships.id"),
    Column("alias", Name, nullable=False),
    Column("since", Moment, nullable=False),
    Column("until", Moment),
    to("set_by", "users.id", null=True),
    to("ended_by", "users.id", null=True),
    Index(
        "uq_alias_spans_collection_id_alias",
        "collection_id",
        "alias",
        unique=True,
        sqlite_where=text("until IS NULL"),
    ),
    Index(
        "ix_alias_spans_membership_id",
        "membership_id",
        "alias",
        sqlite_where=text("until IS NULL"),
    ),
    Index(
        "ix_alias_spans_alias",
        *("alias", "membership_id"),
        sqlite_where=text("until IS NULL"),
    ),
    Index("ix_alias_spans_collection_id_since", "collection_id", "alias", "since"),
)

# Aliases that only an admin of the registry may apply or remove.
protected_aliases = Table(
    "protected_aliases",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("alias", Name, primary_key=True),
    to("created_by", "users.id", null=True),
    created(),
)
