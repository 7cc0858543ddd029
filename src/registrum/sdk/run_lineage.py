"""The versions that a run makes and uses: of one that reports, and of one that others read."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from registrum.errors import BadValue
from registrum.sdk import finding, uploads
from registrum.sdk.artifacts import Artifact
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.operations import runs as run_operations
from registrum.sdk.run_artifacts import RunArtifacts
from registrum.sdk.run_reading import Readable


class ActiveLineage:
    """What of a run that this process reports concerns artifacts; `active_runs.Run` knows the rest."""

    if TYPE_CHECKING:
        _service: Service
        _entity: str
        _project: str
        _id: str

        def _check_open(self) -> None: ...

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | Path,
        name: str | None = None,
        type: str | None = None,
        aliases: list[str] | None = None,
        tags: list[str] | None = None,
    ) -> Artifact:
        """Uploads a version as this run's output; returns once it is committed.

        Args:
            artifact_or_path: an artifact, or a file, folder or address to make one of.
            name: of the artifact made of a path. None: `run-<id>-<file's name>`.
            type: of it. None: `unspecified`.
            aliases: to point to the version, beside `latest`. None: only that.
            tags: of the version.

        Returns:
            The version; the same value that was given, where one was.

        Raises:
            RegistrumError: the server refused it.
        """
        self._check_open()
        artifact = self._artifact_of(artifact_or_path, name, type)
        uploads.commit(
            self._service,
            artifact,
            self._entity,
            self._project,
            run_name=self._id,
            aliases=aliases,
            tags=tags,
        )
        return artifact

    def use_artifact(
        self,
        artifact_or_name: str | Artifact,
        type: str | None = None,
        aliases: list[str] | None = None,
        use_as: str | None = None,
    ) -> Artifact:
        """Notes a version as this run's input.

        Args:
            artifact_or_name: a version, or its name: `name:alias`, `project/name:alias` or `entity/project/name:alias`.
            type: that it must have. None: any.
            aliases: to point to it where it was not logged yet.
            use_as: what for; kept beside it.

        Returns:
            The version.

        Raises:
            NotFound: there is none of that name.
            ValueError: it has another type.
        """
        self._check_open()
        if isinstance(artifact_or_name, str):
            found = finding.find(
                self._service, artifact_or_name, type, entity=self._entity, project=self._project
            )
        else:
            found = artifact_or_name
            if found.is_draft():
                return self.log_artifact(found, aliases=aliases)
        _note_use(self._service, (self._entity, self._project, self._id), found, use_as)
        return found

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: list[str] | None = None
    ) -> Artifact:
        """Links a version into a collection of a registry or project, after logging it where it was not.

        Args:
            artifact: the version.
            target_path: the collection: `wandb-registry-<registry>/<collection>`, or `<entity>/<project>/<collection>`.
            aliases: to point to it there, beside `latest`.

        Returns:
            The linked version.

        Raises:
            NotFound, Forbidden, TypeNotAccepted: as for `Artifact.link`.
        """
        self._check_open()
        if artifact.is_draft():
            self.log_artifact(artifact)
        return artifact.link(target_path, aliases)

    def log_model(
        self, path: str | Path, name: str | None = None, aliases: list[str] | None = None
    ) -> None:
        """Uploads a file or folder as a version of type `model`; see `log_artifact`."""
        self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Notes a model as this run's input and fetches it.

        Args:
            name: as of `use_artifact`.

        Returns:
            The path of its file, or of the folder where it has several.

        Raises:
            NotFound: there is none of that name.
            ValueError: it is no model.
        """
        artifact = self.use_artifact(name)
        if "model" not in str(artifact.type):
            raise BadValue(f"{name} is of type {artifact.type!r}, not a model.")
        return artifact.file() if len(artifact.manifest.entries) == 1 else artifact.download()

    def link_model(
        self,
        path: str | Path,
        registered_model_name: str,
        name: str | None = None,
        aliases: list[str] | None = None,
    ) -> Artifact:
        """Uploads a model, and links it into the registry `model` under this collection's name."""
        artifact = self.log_artifact(path, name=name, type="model")
        return artifact.link(f"wandb-registry-model/{registered_model_name}", aliases)

    def _artifact_of(
        self, given: Artifact | str | Path, name: str | None, type: str | None
    ) -> Artifact:
        if isinstance(given, Artifact):
            return given
        text = str(given)
        artifact = Artifact(name or f"run-{self._id}-{Path(text).name}", type or "unspecified")
        if "://" in text:
            artifact.add_reference(text)
        elif Path(text).is_dir():
            artifact.add_dir(text)
        else:
            artifact.add_file(text)
        return artifact


class Lineage(Readable):
    """What of a run that is read concerns artifacts; `runs.Run` knows the rest."""

    _service_api: Service

    def logged_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts it has made."""
        return RunArtifacts(self._service_api, self, mode="logged", per_page=per_page)

    def used_artifacts(self, per_page: int = 100) -> RunArtifacts:
        """The artifacts it has used."""
        return RunArtifacts(self._service_api, self, mode="used", per_page=per_page)

    def use_artifact(self, artifact: Artifact, use_as: str | None = None) -> Artifact:
        """Notes that it has used an artifact.

        Args:
            artifact: a saved one.
            use_as: what for.

        Returns:
            The artifact.

        Raises:
            BadValue: it is none, or not saved; a ValueError.
        """
        if not isinstance(artifact, Artifact) or artifact.is_draft():
            raise BadValue("Only a saved artifact can be used by a run that has ended.")
        where = (self.entity, self.project, self.id)
        _note_use(self._service_api, where, artifact, use_as or artifact.name)
        return artifact

    def log_artifact(
        self,
        artifact: Artifact,
        aliases: Collection[str] | None = None,
        tags: Collection[str] | None = None,
    ) -> Artifact:
        """Notes that it has made an artifact that is there already.

        Args:
            artifact: a saved one of the same project.
            aliases: to give it.
            tags: to give it.

        Returns:
            The artifact.

        Raises:
            TypeError: it is none.
            BadValue: it is not saved, or of another project; a ValueError.
        """
        if not isinstance(artifact, Artifact):
            raise TypeError(f"That is no Artifact, but a {type(artifact).__name__}.")
        if artifact.is_draft():
            raise BadValue("Only a saved artifact can be noted for a run that has ended.")
        if (self.entity, self.project) != (artifact.source_entity, artifact.source_project):
            raise BadValue("A run can't log an artifact of another project.")
        collection = artifact.source_name.partition(":")[0]
        given = {
            "artifactTypeName": artifact.type,
            "artifactCollectionName": collection,
            "entityName": self.entity,
            "projectName": self.project,
            "runName": self.id,
            "digest": artifact.digest,
            "aliases": [
                {"artifactCollectionName": collection, "alias": alias} for alias in aliases or ()
            ],
            "tags": [{"tagName": tag} for tag in tags or ()],
        }
        self._service_api.ask(run_operations.LOG_EXISTING, {"input": given}, repeatable=True)
        return artifact


def _note_use(
    service: Service, run: tuple[str, str, str], artifact: Artifact, use_as: str | None
) -> None:
    """Notes a version as the input of a run, which is given by entity, project and id."""
    entity, project, run_id = run
    given = {
        "entityName": entity,
        "projectName": project,
        "runName": run_id,
        "artifactID": artifact.id,
        "artifactEntityName": artifact.entity,
        "artifactProjectName": artifact.project,
        "usedAs": use_as,
    }
    service.ask(operations.USE, {"input": given}, repeatable=True)
