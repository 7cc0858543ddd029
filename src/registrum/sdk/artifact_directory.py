"""What `Api` finds of artifacts: versions, collections and types, by the paths that people write."""

import warnings
from typing import TYPE_CHECKING

from registrum.errors import BadValue, CommError, Refused, Unreachable
from registrum.sdk import finding
from registrum.sdk.artifact_types import ArtifactCollections, ArtifactType, ArtifactTypes
from registrum.sdk.artifacts import Artifact
from registrum.sdk.collection_versions import Artifacts
from registrum.sdk.collections import ArtifactCollection
from registrum.sdk.http import Service
from registrum.sdk.resolving import Defaults

_NO_AUTHORITY = frozenset({200, 408, 429})
"""Statuses that say nothing of whether something is there."""


class ArtifactDirectory:
    """The methods of `Api`, which knows the rest, that lead to artifacts."""

    if TYPE_CHECKING:
        service: Service
        _defaults: Defaults

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """One version of an artifact.

        Args:
            name: `entity/project/collection:alias`, or with `v3` as the alias; entity and project may be left out where
                they are the default ones, the alias where it is `latest`. In a registry, the entity is its organization.
            type: that it must have.

        Raises:
            ValueError: it is not there, or of another type.
        """
        if not name:
            raise BadValue("Say which artifact, by its name.")
        path = self._defaults.artifact_path(name, of_settings=True)
        found = finding.by_name(self.service, *path)
        if type is not None and found.type != type:
            raise BadValue(f"The artifact {name!r} is of type {found.type!r}, not {type!r}.")
        return found

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: list[str] | None = None,
        start: str | None = None,
    ) -> Artifacts:
        """The versions in one collection, newest first.

        Args:
            type_name: their type.
            name: `entity/project/collection`; its first parts may be left out where they are the default ones.
            order: field to sort by, after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            tags: only versions with all of these.
            start: where to go on: the `cursor` of an earlier list.

        Raises:
            ValueError: no entity is meant, or the order can't be.
        """
        path = self._defaults.artifact_path(name)
        return Artifacts(
            self.service,
            *path,
            type_name,
            order=order,
            per_page=per_page,
            tags=tags,
            start=start,
        )

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Artifacts:
        """Deprecated: use `artifacts`."""
        warnings.warn("Api.artifact_versions is deprecated: use Api.artifacts.", stacklevel=2)
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_types(self, project: str | None = None, start: str | None = None) -> ArtifactTypes:
        """The types of artifacts in a project.

        Args:
            project: `project` or `entity/project`; the default one where absent.
            start: where to go on: the `cursor` of an earlier list.
        """
        return ArtifactTypes(self.service, *self._defaults.project_path(project), start=start)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """One type of artifacts in a project.

        Args:
            type_name: its name.
            project: `project` or `entity/project`; the default one where absent.

        Raises:
            Missing: there is none; a ValueError.
        """
        return ArtifactType(self.service, *self._defaults.project_path(project), type_name)

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> ArtifactCollections:
        """The collections of one type in a project.

        Args:
            project_name: `project` or `entity/project`.
            type_name: their type.
            order: field to sort by, after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.
        """
        where = self._defaults.project_path(project_name)
        return ArtifactCollections(
            self.service, *where, type_name, order=order, per_page=per_page, start=start
        )

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """One collection.

        Args:
            type_name: the type of its versions.
            name: `entity/project/collection`; its first parts may be left out where they are the default ones.

        Raises:
            Missing: there is none; a ValueError.
        """
        path = self._defaults.artifact_path(name)
        return ArtifactCollection(self.service, *path, type_name)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is this version, of this type, and the caller may see it.

        Args:
            name: as for `artifact`.
            type: that it must have.

        Raises:
            CommError: the server gave no answer that says so.
        """
        try:
            self.artifact(name, type)
        except CommError as error:
            return _not_there(error)
        return True

    def artifact_collection_exists(self, name: str, type: str) -> bool:
        """Whether there is this collection, of this type, and the caller may see it.

        Args:
            name: as for `artifact_collection`.
            type: of its versions.

        Raises:
            CommError: the server gave no answer that says so.
        """
        try:
            self.artifact_collection(type, name)
        except CommError as error:
            return _not_there(error)
        return True


def _not_there(error: CommError) -> bool:
    """False, if the error says that something is not there; it is raised again, if it says nothing of that."""
    if isinstance(error, Unreachable):
        raise error
    if isinstance(error, Refused) and (
        error.http_status in _NO_AUTHORITY or error.http_status >= 500
    ):
        raise error
    return False
