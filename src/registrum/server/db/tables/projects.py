"""Tables of projects, registries among them, and of who is in them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, false, true

from registrum.core.policy import Role
from registrum.server.db.columns import Flag, Id, Moment, Ranked
from registrum.server.db.tables.ground import ALIVE, Name, created, deleted, metadata, own_id, to

# kind: personal | team | registry. visibility (registries): organization | restricted.
projects = Table(
    "projects",
    metadata,
    own_id(),
    Column("kind", String(16), nullable=False),
    to("entity_id", "entities.id"),
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
    to("created_by", "users.id", null=True),
    created(),
    Column("updated_at", Moment),
    deleted(),
    Index(
        "uq_projects_entity_id_name",
        "entity_id",
        "name",
        unique=True,
        sqlite_where=ALIVE,
    ),
)

project_members = Table(
    "project_members",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    created(),
)

project_teams = Table(
    "project_teams",
    metadata,
    Column("project_id", Id, ForeignKey("projects.id"), primary_key=True),
    Column("team_id", Id, ForeignKey("entities.id"), primary_key=True, index=True),
    Column("role", Ranked(Role), nullable=False),
    created(),
)
