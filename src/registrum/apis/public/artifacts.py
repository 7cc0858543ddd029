"""Artifacts, their collections and types, under the path by which scripts import it."""

from registrum.sdk.artifact_files import ArtifactFiles
from registrum.sdk.artifact_types import (
    ArtifactCollections,
    ArtifactType,
    ArtifactTypes,
    ProjectArtifactCollections,
)
from registrum.sdk.collection_versions import Artifacts
from registrum.sdk.collections import ArtifactCollection
from registrum.sdk.run_artifacts import RunArtifacts

__all__ = [
    "ArtifactCollection",
    "ArtifactCollections",
    "ArtifactFiles",
    "ArtifactType",
    "ArtifactTypes",
    "Artifacts",
    "ProjectArtifactCollections",
    "RunArtifacts",
]
