"""Keeps what was changed of a version: aliases where it was reached, all else at its source."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any

from registrum.sdk import metadata as documents
from registrum.sdk.artifact_facts import checked_aliases, checked_tags
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.versions import Place, Version, aliases_in, version_of

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact

log = logging.getLogger("registrum")


def save(artifact: Artifact, version: Version, place: Place) -> None:
    """Sends what differs between an artifact and what the server last said of it.

    Raises:
        Refused: the caller may not change this.
    """
    service = artifact.service
    place = _save_aliases(service, version.id, place, checked_aliases(artifact.aliases))
    changed = _changes(artifact, version)
    if changed and artifact.is_link and _is_read_only(service, version.source):
        log.warning("Only the aliases of %s are saved: its source is not writable.", artifact.name)
        changed = {}
    if changed:
        answer = service.ask(
            operations.UPDATE, {"input": {"artifactID": version.id, **changed}}, repeatable=True
        )
        node = answer["updateArtifact"]["artifact"]
        version = version_of(node)
        aliases = aliases_in(node, place.entity, place.project, place.collection)
        place = dataclasses.replace(place, aliases=aliases)
    artifact.settle(service, version, place)


def _save_aliases(service: Service, artifact_id: str, place: Place, wanted: list[str]) -> Place:
    old = place.aliases or ()
    at = {
        "entityName": place.entity,
        "projectName": place.project,
        "artifactCollectionName": place.collection,
    }
    for document, names in (
        (operations.ADD_ALIASES, [alias for alias in wanted if alias not in old]),
        (operations.DELETE_ALIASES, [alias for alias in old if alias not in wanted]),
    ):
        if names:
            aliases = [{**at, "alias": alias} for alias in names]
            service.ask(
                document,
                {"input": {"artifactID": artifact_id, "aliases": aliases}},
                repeatable=True,
            )
    return dataclasses.replace(place, aliases=tuple(dict.fromkeys(wanted)))


def _changes(artifact: Artifact, version: Version) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if artifact.description != version.description:
        found["description"] = artifact.description or ""
    metadata = documents.checked(artifact.metadata)
    if metadata != documents.checked(version.metadata):
        found["metadata"] = json.dumps(metadata)
    tags = checked_tags(artifact.tags)
    for key, names in (
        ("tagsToAdd", [tag for tag in tags if tag not in version.tags]),
        ("tagsToDelete", [tag for tag in version.tags if tag not in tags]),
    ):
        if names:
            found[key] = [{"tagName": name} for name in names]
    if (ttl_s := artifact.ttl_to_set()) is not None:
        found["ttlDurationSeconds"] = ttl_s
    return found


def _is_read_only(service: Service, source: Place) -> bool:
    """Whether the caller can't write where a version was logged; so is what can't be seen."""
    if not source.project:
        return True
    asked = {"entity": source.entity, "project": source.project}
    project = service.ask(operations.IS_READ_ONLY, asked)["project"]
    return project is None or bool(project["readOnly"])
