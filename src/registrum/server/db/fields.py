"""The fields by which projects, collections and versions can be filtered: the names of both modes of the client, everywhere.

docs/search.md lists them; a test compares it with these tables.
"""

from sqlalchemy import Table, func, select

from registrum.server.db.column_fields import Many, Plain
from registrum.server.db.columns import Moment
from registrum.server.db.document_fields import Facts
from registrum.server.db.filters import Field, Fields
from registrum.server.db.kinds import LOWER, MOMENT, VERSION, WHOLE, id_of
from registrum.server.db.tables import (
    alias_spans,
    artifact_tags,
    artifact_types,
    artifacts,
    collection_tags,
    collections,
    facts,
    memberships,
    projects,
)

PROJECT_ID = id_of("Project", "ProjectInternalId")
COLLECTION_ID = id_of("ArtifactCollection")


def named(*fields: tuple[str, Field]) -> Fields:
    """A table of fields; several names of one field are parted by spaces, the first is its own."""
    return {name: field for names, field in fields for name in names.split()}


def _changed_at(table: Table) -> Plain:
    """When a thing was last changed; one that never was: when it was made."""
    return Plain(func.coalesce(table.c.updated_at, table.c.created_at, type_=Moment()), MOMENT)


PROJECT_FIELDS: Fields = named(
    ("id project_id", Plain(projects.c.id, PROJECT_ID)),
    ("name", Plain(projects.c.name)),
    ("entity_id", Plain(projects.c.entity_id, id_of("Entity"))),
    ("description", Plain(projects.c.description, is_optional=True)),
    ("visibility", Plain(projects.c.visibility)),
    ("created_at", Plain(projects.c.created_at, MOMENT)),
    ("updated_at", _changed_at(projects)),
)

_type_name = (
    select(artifact_types.c.name)
    .where(artifact_types.c.id == collections.c.type_id)
    .correlate_except(artifact_types)
    .scalar_subquery()
)
COLLECTION_FIELDS: Fields = named(
    ("id collection_id artifact_collection_id", Plain(collections.c.id, COLLECTION_ID)),
    ("name collection_name artifact_collection_name", Plain(collections.c.name)),
    (
        "tag tags",
        Many(collection_tags.c.name, collection_tags.c.collection_id, collections.c.id),
    ),
    ("type", Plain(_type_name)),
    ("project_id", Plain(collections.c.project_id, PROJECT_ID)),
    ("description", Plain(collections.c.description, is_optional=True)),
    ("created_at", Plain(collections.c.created_at, MOMENT)),
    ("updated_at", _changed_at(collections)),
)

VERSION_FIELDS: Fields = named(
    ("id artifact_id", Plain(memberships.c.artifact_id, id_of("Artifact"))),
    ("version version_index", Plain(memberships.c.version, VERSION)),
    (
        "tag tags",
        Many(artifact_tags.c.name, artifact_tags.c.artifact_id, memberships.c.artifact_id),
    ),
    (
        "alias aliases",
        Many(
            alias_spans.c.alias,
            alias_spans.c.membership_id,
            memberships.c.id,
            alias_spans.c.until.is_(None),
        ),
    ),
    (
        "metadata artifact_metadata",
        Facts(facts, memberships.c.artifact_id, artifacts.c.more_facts, artifacts.alias()),
    ),
    (
        "created_at artifact_created_at",
        Plain(memberships.c.artifact_created_at, MOMENT, is_indexed=True),
    ),
    ("updated_at artifact_updated_at", _changed_at(artifacts)),
    ("linked_at acm_created_at", Plain(memberships.c.created_at, MOMENT, is_indexed=True)),
    ("size artifact_size", Plain(memberships.c.size_bytes, WHOLE, is_indexed=True)),
    ("state", Plain(artifacts.c.state, LOWER)),
    ("digest", Plain(artifacts.c.digest)),
    ("description", Plain(artifacts.c.description, is_optional=True)),
    ("type", Plain(_type_name)),
    ("collection_id artifact_collection_id", Plain(memberships.c.collection_id, COLLECTION_ID)),
    ("collection_name artifact_collection_name", Plain(collections.c.name)),
    ("project_id", Plain(memberships.c.project_id, PROJECT_ID)),
)
