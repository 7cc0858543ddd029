"""Tables of people, and of the organizations and teams they belong to."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    false,
)

from registrum.core.policy import Role
from registrum.server.db.columns import Flag, Id, Moment, Ranked
from registrum.server.db.tables.ground import ALIVE, Name, created, deleted, metadata, own_id, to

users = Table(
    "users",
    metadata,
    own_id(),
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
    created(),
    deleted(),
    Index("uq_users_email_key", "email_key", unique=True, sqlite_where=ALIVE),
)

# kind: user | team | organization. Names share one case-insensitive space and are never reused by another owner.
entities = Table(
    "entities",
    metadata,
    own_id(),
    Column("kind", String(16), nullable=False),
    Column("name", Name, nullable=False),
    Column("name_key", Name, nullable=False, unique=True),
    to("user_id", "users.id", null=True, unique=True),
    Column("organization_id", Id, index=True),  # of a team or an organization's own entity
    Column("photo_url", Text),
    Column("ttl_seconds", BigInteger),  # default for the versions logged under it; null: none
    created(),
    deleted(),
)

organizations = Table(
    "organizations",
    metadata,
    own_id(),
    Column("name", Name, nullable=False),
    Column("name_key", Name, nullable=False),
    to("entity_id", "entities.id"),
    created(),
    deleted(),
    Index(
        "uq_organizations_name_key",
        "name_key",
        unique=True,
        sqlite_where=ALIVE,
    ),
)

organization_members = Table(
    "organization_members",
    metadata,
    Column("organization_id", Id, ForeignKey("organizations.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    created(),
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", Id, ForeignKey("entities.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    created(),
)

invites = Table(
    "invites",
    metadata,
    own_id(),
    to("team_id", "entities.id", index=True),
    Column("email", Text),
    to("user_id", "users.id", null=True),
    Column("role", Ranked(Role), nullable=False),
    to("invited_by", "users.id", null=True),
    created(),
    Column("accepted_at", Moment),
    deleted(),
)

api_keys = Table(
    "api_keys",
    metadata,
    own_id(),
    to("user_id", "users.id", index=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("mask", Text, nullable=False),
    Column("description", Text),
    Column(
        "sealed_secret", LargeBinary
    ),  # a service account's first key, until its creator has loaded it once
    to("created_by", "users.id", null=True),
    created(),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    deleted(),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    to("user_id", "users.id", index=True),
    Column("csrf", Text, nullable=False),
    created(),
    Column("expires_at", Moment, nullable=False),
)

# One-time links: set a password after createUser, createInvite or a reset.
password_links = Table(
    "password_links",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),
    to("user_id", "users.id", index=True),
    created(),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
)

# Each counts against a name or an address, by its hash: people type passwords into the wrong field.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    own_id(),
    Column("key_hash", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Index("ix_sign_in_failures_key_hash_at", "key_hash", "at"),
)
