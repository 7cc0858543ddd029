"""The classes that `Api` gives, under the names and in the place where scripts for W&B's client look for them."""

from registrum.sdk.api import Api
from registrum.sdk.artifact_files import ArtifactFiles
from registrum.sdk.artifact_types import (
    ArtifactCollections,
    ArtifactType,
    ArtifactTypes,
    ProjectArtifactCollections,
)
from registrum.sdk.collection_versions import Artifacts
from registrum.sdk.collections import ArtifactCollection
from registrum.sdk.files import File
from registrum.sdk.members import MemberKind, MemberRole, TeamMember, UserMember
from registrum.sdk.organizations import Organization
from registrum.sdk.projects import Project, Projects
from registrum.sdk.registries import Registry
from registrum.sdk.registry_lists import Registries
from registrum.sdk.run_artifacts import RunArtifacts
from registrum.sdk.run_files import Files
from registrum.sdk.run_history import ConsoleLogLine, ConsoleLogs, HistoryScan
from registrum.sdk.run_lists import Runs
from registrum.sdk.runs import Run
from registrum.sdk.search import Collections, Versions
from registrum.sdk.teams import Member, Team
from registrum.sdk.users import User

__all__ = [
    "Api",
    "ArtifactCollection",
    "ArtifactCollections",
    "ArtifactFiles",
    "ArtifactType",
    "ArtifactTypes",
    "Artifacts",
    "Collections",
    "ConsoleLogLine",
    "ConsoleLogs",
    "File",
    "Files",
    "HistoryScan",
    "Member",
    "MemberKind",
    "MemberRole",
    "Organization",
    "Project",
    "ProjectArtifactCollections",
    "Projects",
    "Registries",
    "Registry",
    "Run",
    "RunArtifacts",
    "Runs",
    "Team",
    "TeamMember",
    "User",
    "UserMember",
    "Versions",
]
