"""Tables of stored bytes, and of what holds on to them."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from registrum.server.db.columns import Flag, Id, Moment
from registrum.server.db.tables.ground import Name, created, metadata, own_id, to

# state: reserved | stored | deleting.
blobs = Table(
    "blobs",
    metadata,
    Column("id", String(40), primary_key=True),  # opaque, random; its key in the store
    to("project_id", "projects.id"),
    Column("state", String(16), nullable=False),
    Column("size_bytes", BigInteger),
    Column("md5", LargeBinary),
    Column("sha256", LargeBinary),
    Column("xxh128", LargeBinary),
    Column("durable", Flag, nullable=False, server_default=false()),
    created(),
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
    created(),
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
    own_id(),
    to("artifact_id", "artifacts.id"),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("md5", LargeBinary),  # of the uploaded document, as announced
    to("base_artifact_id", "artifacts.id", null=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), index=True),
    Column("index_bytes", LargeBinary),
    created(),
    UniqueConstraint("artifact_id", "name"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("blob_id", String(40), ForeignKey("blobs.id"), nullable=False, index=True),
    # Fingerprint of the parts and of the whole: who sends the same ones may go on with it.
    Column("plan", Text),
    created(),
    Column("completed_at", Moment),
    Index("ix_uploads_plan", "plan", sqlite_where=text("completed_at IS NULL")),
)
