"""Artifacts: sets of files with a name, versioned; drafts that are being put together, and versions that are saved."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from registrum import sdk
from registrum.core.digests import ArtifactAlgorithm
from registrum.errors import BadValue, UnsupportedError
from registrum.sdk import artifact_edits, artifact_names, cache, homes, linking, manifests
from registrum.sdk import metadata as documents
from registrum.sdk.artifact_contents import Contents
from registrum.sdk.artifact_copies import Copies
from registrum.sdk.artifact_facts import Facts, checked_aliases
from registrum.sdk.artifact_files import ArtifactFiles
from registrum.sdk.drafts import Draft, StrPath
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.versions import Place, Version

if TYPE_CHECKING:
    from registrum.sdk.collections import ArtifactCollection
    from registrum.sdk.runs import Run

_ALGORITHMS = {"MD5": ArtifactAlgorithm.MD5, "XXH128": ArtifactAlgorithm.XXH128}


class Artifact(Facts, Contents, Copies):
    """A set of files with a name and a type, to be saved as the next version of that name.

    Args:
        name: letters, digits, `_`, `-` and `.`, at most 128; unique within the project.
        type: what kind of artifact it is, such as `model` or `dataset`.
        description: what it is, in Markdown.
        metadata: facts about it, at most 100 keys.
        incremental: not supported; `new_draft()` begins with the files of a version.
        use_as: taken for the sake of scripts.
        storage_region: the server has one place for bytes, called `default`.
        digest_algorithm: by which files are compared, "MD5" or, with the package `xxhash`, "XXH128".

    Raises:
        ValueError: the name breaks its rules, or the type is reserved.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: Literal["MD5", "XXH128"] = "MD5",
    ) -> None:
        if incremental:
            raise UnsupportedError("Incremental artifacts are not supported; see new_draft().")
        if storage_region not in (None, "", "default"):
            raise UnsupportedError(f"There is no storage region {storage_region!r}.")
        super().__init__(None, artifact_names.checked_name(name), "")
        self._type = artifact_names.checked_type(type, name)
        self._description = description
        self._metadata = documents.checked(metadata)
        if digest_algorithm not in _ALGORITHMS:
            raise BadValue(f"Files are compared by MD5 or XXH128, not by {digest_algorithm!r}.")
        self._begin(Draft(_ALGORITHMS[digest_algorithm], cache.staging_folder()))

    @classmethod
    def of_version(cls, service: Service, version: Version, place: Place | None) -> Artifact:
        """The artifact of a version that a server told; `sdk.finding` finds those.

        Args:
            service: the server.
            version: what it told.
            place: the collection that the version was reached through. None: the one it was logged to.
        """
        artifact = cls.__new__(cls)
        Facts.__init__(artifact, service, version.source.collection, version.type)
        artifact._begin(None)
        artifact._settle(version, place)
        return artifact

    def _begin(self, draft: Draft | None) -> None:
        self._hold(draft)
        self._token = secrets.token_hex(8)
        self._home = homes.Home()

    # Where it belongs

    @property
    def collection(self) -> ArtifactCollection:
        """The collection it was reached through."""
        at = self._placed("collection")
        return sdk.collections.ArtifactCollection(
            self.service, at.entity, at.project, at.collection, self._type
        )

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection it was logged to."""
        at = self._saved("source_collection").source
        return sdk.collections.ArtifactCollection(
            self.service, at.entity, at.project, at.collection, self._type
        )

    @property
    def source_artifact(self) -> Artifact:
        """The version as it was logged; itself, unless it is a link."""
        version = self._saved("source_artifact")
        if not self.is_link:
            return self
        source = version.source
        return sdk.finding.by_name(self.service, source.entity, source.project, source.name)

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """Its links, at most 500; none of a link."""
        version = self._saved("linked_artifacts")
        if self.is_link:
            return []
        places = linking.links_of(self.service, version.id)
        return [Artifact.of_version(self.service, version, place) for place in places]

    def logged_by(self) -> Run | None:
        """The run that logged it; None where a person did, or where the run is hidden."""
        found = self.service.ask(operations.CREATED_BY, {"id": self._saved("logged_by").id})
        creator = (found["artifact"] or {}).get("createdBy")
        if not creator or creator["__typename"] != "Run" or not creator["project"]:
            return None
        project = creator["project"]
        return sdk.runs.Run(
            self.service, project["entity"]["name"], project["name"], creator["name"]
        )

    def used_by(self) -> list[Run]:
        """The runs that used it, through whatever link."""
        nodes = linking.users_of(self.service, self._saved("used_by").id)
        owners = ((node["project"], node["name"]) for node in nodes)
        return [
            sdk.runs.Run(self.service, at["entity"]["name"], at["name"], name)
            for at, name in owners
        ]

    # Its files

    @property
    def distributed_id(self) -> str | None:
        """None: several processes can't write one version here."""
        return None

    @property
    def incremental(self) -> bool:
        """False; see `new_draft`."""
        return False

    @property
    def use_as(self) -> str | None:
        """None; here for the sake of scripts."""
        return None

    def get_entry(self, name: StrPath) -> ArtifactManifestEntry:
        """The entry of that path, of a version.

        Raises:
            ArtifactNotLogged: it is a draft.
            KeyError: there is none.
        """
        self._saved("get_entry")
        entry = self.manifest.entries.get(manifests.logical_path(name))
        if entry is None:
            raise KeyError(f"Path not contained in artifact: {name}")
        return entry.attach(self)

    def get_path(self, name: StrPath) -> ArtifactManifestEntry:
        """The same as `get_entry`; an old name."""
        return self.get_entry(name)

    def get(self, name: str) -> None:
        """None: there are no media objects here; `get_entry` finds files."""
        self._saved("get")

    def __getitem__(self, name: str) -> None:
        return self.get(name)

    def files(
        self, names: list[str] | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactFiles:
        """Its files, page by page.

        Args:
            names: only those of these paths.
            per_page: how many to ask for at a time.
            start: where an earlier list's `cursor` was.

        Raises:
            ArtifactNotLogged: it is a draft.
        """
        return ArtifactFiles(self.service, self._placed("files"), names, per_page, start)

    def new_draft(self) -> Artifact:
        """A draft with the files of this version, to be changed and saved as the next one.

        Raises:
            ArtifactNotLogged: it is a draft itself.
        """
        version = self._saved("new_draft")
        draft = Artifact(version.source.collection, self._type, self._description, self._metadata)
        draft._begin(Draft.of(self.manifest, version.id, cache.staging_folder()))
        draft._service = self._service
        draft._home = homes.Home(version.source.entity, version.source.project)
        return draft

    # Saving

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Makes a version of a draft; of a version, keeps what was changed of its aliases, tags, description and so on.

        In a run, a draft is logged by it; without, by the caller.

        Args:
            project: where to, without a run. None: `REGISTRUM_PROJECT`, or where the version is from that it is a draft of.
            settings: its `entity` and `project` are used, if it has any.

        Raises:
            RegistrumError: the server refuses it, or can't be reached.
        """
        if self._version is not None:
            artifact_edits.save(self, self._version, self._placed("save"))
            return
        home = homes.Home(getattr(settings, "entity", None), project).or_else(self._home)
        homes.save(self, self._service, home)

    def wait(self, timeout: int | None = None) -> Artifact:
        """Itself: saving ends only when the version is whole.

        Raises:
            ArtifactNotLogged: it isn't saved.
        """
        self._saved("wait")
        return self

    def client_id_for(self, digest: str) -> str:
        """By which the server knows this draft with this content again, if it is saved a second time."""
        return f"{self._token}{digest}"

    def settle(self, service: Service, version: Version, place: Place | None = None) -> None:
        """Becomes what the server says it is."""
        self._service = service
        self._settle(version, place)
        self._close()

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> Artifact:
        """Adds it to a collection of a registry, or of any project, as its next version.

        A draft is saved first. A link is linked as what it is a link of.

        Args:
            target_path: `wandb-registry-<registry>/<collection>`, with the organization before it if there are several;
                or `project/collection`, or `entity/project/collection`.
            aliases: to give there, besides `latest`.

        Returns:
            The link.

        Raises:
            ValueError: there is no such organization.
            Refused: the server does not allow it, or the registry does not take this type.
        """
        names = checked_aliases(aliases or ())
        if self._version is None:
            self.save()
        service, version = self.service, self._saved("link")
        target = linking.target(service, version.source, target_path)
        return sdk.finding.of_place(service, linking.link(service, version.id, target, names))

    def unlink(self) -> None:
        """Takes it out of the collection that it is linked into; the source stays.

        Raises:
            ValueError: it is no link.
        """
        place = self._placed("unlink")
        if not self.is_link:
            raise BadValue(f"{self.qualified_name!r} is no link; use delete() to remove it.")
        linking.unlink(self.service, self._saved("unlink").id, place)

    def delete(self, delete_aliases: bool = False) -> None:
        """Removes the version with its links; of a link, the link only.

        Args:
            delete_aliases: whether its aliases may go with it; without, one that has aliases is refused.

        Raises:
            Refused: it has aliases, or it may not be removed.
        """
        version = self._saved("delete")
        if self.is_link:
            self.unlink()
            return
        given = {"artifactID": version.id, "deleteAliases": delete_aliases}
        self.service.ask(operations.DELETE, {"input": given})

    def json_encode(self) -> dict[str, Any]:
        """How a run's settings refer to it."""
        version = self._saved("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": version.id,
            "version": version.source.version,
            "sequenceName": version.source.collection,
            "usedAs": None,
        }
