"""The fields by which projects, collections and versions can be filtered (shared plan: protocol.md 4.10)."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from registrum.core import ids
from registrum.core.errors import Invalid, InvalidFilter
from registrum.server.db.filters import Field, Fields
from registrum.server.db.tables import (
    alias_spans,
    artifact_tags,
    artifacts,
    collection_tags,
    collections,
    memberships,
    projects,
)


def _id_of(*kinds: str) -> Any:
    """Reads a number, or a global id of one of these kinds."""

    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        for kind in kinds:
            try:
                return ids.decode(kind, str(value))
            except Invalid:
                continue
        raise InvalidFilter(f"{str(value)[:60]!r} is not an id of a {kinds[0]}.")

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidFilter(f"{value!r} should be a text.")
    return value


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidFilter(f"{str(value)[:60]!r} should be a whole number.")
    return value


def _version(value: Any) -> int:
    """3 or "v3"."""
    if isinstance(value, str) and value[:1] == "v" and value[1:].isdigit():
        return int(value[1:11])
    return _number(value)


def _lower(value: Any) -> str:
    return _text(value).lower()


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value))
    except ValueError:
        raise InvalidFilter(f"{str(value)[:60]!r} is not an ISO 8601 time.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _with_collection_tag(row: ColumnElement[bool]) -> ColumnElement[bool]:
    return collections.c.id.in_(select(collection_tags.c.collection_id).where(row))


def _with_artifact_tag(row: ColumnElement[bool]) -> ColumnElement[bool]:
    return memberships.c.artifact_id.in_(select(artifact_tags.c.artifact_id).where(row))


def _with_alias(row: ColumnElement[bool]) -> ColumnElement[bool]:
    return memberships.c.id.in_(
        select(alias_spans.c.membership_id).where(alias_spans.c.until.is_(None), row)
    )


_project_id = _id_of("Project", "ProjectInternalId")
_collection_id = _id_of("ArtifactCollection")

PROJECT_FIELDS: Fields = {
    "id": Field(projects.c.id, _project_id),
    "project_id": Field(projects.c.id, _project_id),
    "name": Field(projects.c.name, _text),
    "entity_id": Field(projects.c.entity_id, _id_of("Entity")),
    "description": Field(projects.c.description, _text),
    "created_at": Field(projects.c.created_at, _moment),
    "updated_at": Field(projects.c.updated_at, _moment),
}

COLLECTION_FIELDS: Fields = {
    "id": Field(collections.c.id, _collection_id),
    "collection_id": Field(collections.c.id, _collection_id),
    "artifact_collection_id": Field(collections.c.id, _collection_id),
    "name": Field(collections.c.name, _text),
    "tag": Field(collection_tags.c.name, _text, _with_collection_tag),
    "description": Field(collections.c.description, _text),
    "created_at": Field(collections.c.created_at, _moment),
    "updated_at": Field(collections.c.updated_at, _moment),
}

VERSION_FIELDS: Fields = {
    "id": Field(artifacts.c.id, _id_of("Artifact")),
    "artifact_id": Field(artifacts.c.id, _id_of("Artifact")),
    "version": Field(memberships.c.version, _version),
    "version_index": Field(memberships.c.version, _version),
    "tag": Field(artifact_tags.c.name, _text, _with_artifact_tag),
    "alias": Field(alias_spans.c.alias, _text, _with_alias),
    "state": Field(artifacts.c.state, _lower),
    "digest": Field(artifacts.c.digest, _text),
    "description": Field(artifacts.c.description, _text),
    "created_at": Field(artifacts.c.created_at, _moment),
    "artifact_created_at": Field(memberships.c.artifact_created_at, _moment),
    "updated_at": Field(artifacts.c.updated_at, _moment),
    "artifact_size": Field(memberships.c.size_bytes, _number),
    "acm_created_at": Field(memberships.c.created_at, _moment),
}
