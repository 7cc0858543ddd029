"""What commands print of each thing: JSON values by stable names, which programs may rely on; docs/cli.md lists them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact
    from registrum.sdk.collections import ArtifactCollection
    from registrum.sdk.members import TeamMember, UserMember
    from registrum.sdk.registries import Registry
    from registrum.sdk.runs import Run


def of_registry(registry: "Registry") -> dict[str, Any]:
    """A registry."""
    return {
        "name": registry.name,
        "organization": registry.organization,
        "entity": registry.entity,
        "visibility": registry.visibility,
        "accepts": "all types" if registry.allow_all_artifact_types else "listed types",
        "artifact_types": list(registry.artifact_types),
        "description": registry.description,
        "created_at": registry.created_at,
        "updated_at": registry.updated_at,
        "id": registry.id,
    }


def of_member(member: "UserMember | TeamMember") -> dict[str, Any]:
    """A person or team in a registry."""
    role = getattr(member.role, "value", member.role)
    if member.kind.value == "User":
        return {"name": member.user.username, "kind": "user", "role": role, "id": member.user.id}  # type: ignore[union-attr]
    return {"name": member.team.name, "kind": "team", "role": role, "id": member.team.id}  # type: ignore[union-attr]


def of_collection(collection: "ArtifactCollection") -> dict[str, Any]:
    """A collection."""
    return {
        "name": collection.name,
        "type": collection.type,
        "tags": list(collection.tags),
        "description": collection.description,
        "entity": collection.entity,
        "project": collection.project,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
        "id": collection.id,
    }


def of_version(version: "Artifact") -> dict[str, Any]:
    """A version, where it was found."""
    return {
        "name": version.name,
        "version": version.version,
        "type": version.type,
        "aliases": list(version.aliases),
        "tags": list(version.tags),
        "size": version.size,
        "files": version.file_count,
        "digest": version.digest,
        "created_at": version.created_at,
        "linked_at": version.linked_at,
        "description": version.description,
        "metadata": dict(version.metadata),
        "ttl_s": _seconds(version.ttl),
        "path": version.qualified_name,
        "source": version.source_qualified_name,
        "url": version.url,
        "id": version.id,
    }


def of_run(run: "Run") -> dict[str, Any]:
    """A run."""
    return {
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "user": run.user.username if run.user else None,
        "created_at": run.created_at,
        "group": run.group,
        "job_type": run.job_type,
        "tags": list(run.tags),
        "config": dict(run.config),
        "summary": {key: value for key, value in dict(run.summary).items() if key[:1] != "_"},
        "path": "/".join(run.path),
        "url": run.url,
    }


def _seconds(ttl: timedelta | Any) -> float | None:
    return ttl.total_seconds() if isinstance(ttl, timedelta) else None
