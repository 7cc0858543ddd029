"""Artifacts: sets of files with a name, versioned; drafts that are being put together, and versions that are saved."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Literal, NoReturn

from registrum import sdk
from registrum.core.digests import ArtifactAlgorithm
from registrum.errors import (
    ArtifactFinalized,
    BadValue,
    Missing,
    UnsupportedError,
)
from registrum.sdk import (
    artifact_edits,
    artifact_names,
    cache,
    checkouts,
    downloads,
    homes,
    linking,
    manifests,
    references,
    reflink,
)
from registrum.sdk import (
    metadata as documents,
)
from registrum.sdk.artifact_facts import Facts, checked_aliases
from registrum.sdk.artifact_files import ArtifactFiles
from registrum.sdk.downloads import Wanted
from registrum.sdk.drafts import Draft, Policy, StrPath
from registrum.sdk.fetching import Source
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.versions import Place, Version

if TYPE_CHECKING:
    from registrum.sdk.collections import ArtifactCollection
    from registrum.sdk.runs import Run

_ALGORITHMS = {"MD5": ArtifactAlgorithm.MD5, "XXH128": ArtifactAlgorithm.XXH128}


class Artifact(Facts):
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
        self._draft = draft
        self._manifest: Manifest | None = draft.manifest if draft else None
        self._token = secrets.token_hex(8)
        self._home = homes.Home()
        self._is_finalized = draft is None
        self._roots: set[str] = set()

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

    # Its content

    @property
    def manifest(self) -> Manifest:
        """Its files and references; a version's is loaded when it is first looked at."""
        if self._manifest is None:
            version = self._saved("manifest")
            self._manifest = downloads.manifest_of(self.service, version)
        return self._manifest

    @property
    def digest(self) -> str:
        """The digest of its content, hexadecimal; artifacts with the same files have the same."""
        return self._version.digest if self._version else self.manifest.digest()

    @property
    def digest_algorithm(self) -> ArtifactAlgorithm:
        """How its digest is made."""
        if self._version:
            return ArtifactAlgorithm(self._version.digest_algorithm)
        return self.manifest.algorithm

    @property
    def size(self) -> int:
        """Bytes of all its files, and of references whose size is known."""
        return self._version.size_bytes if self._version else self.manifest.size()

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

    def add_file(
        self,
        local_path: StrPath,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Adds a file.

        Args:
            local_path: the file.
            name: its path within the artifact. None: the file's own name.
            is_tmp: name it after its content, so that many of one name do not clash.
            skip_cache: taken for the sake of scripts; what is uploaded is not kept in the cache.
            policy: "mutable": the file is copied now, and may change afterwards. "immutable": it is not copied, and must
                not change before the artifact is saved.
            overwrite: whether it may take the place of other content of that path.

        Raises:
            ArtifactFinalized: the artifact is saved.
            ValueError: there is no such file, or the path is taken or leaves the artifact.
        """
        path = os.fspath(local_path)
        logical = name or os.path.basename(path)
        entry = self._drafted().add_file(path, logical, policy, overwrite=overwrite)
        return self._drafted().rename_by_content(entry) if is_tmp else entry

    def add_dir(
        self,
        local_path: StrPath,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Adds all files below a folder; links are followed.

        Args:
            local_path: the folder.
            name: the folder within the artifact that they go to. None: its root.
            skip_cache: as of `add_file`.
            policy: as of `add_file`.
            merge: whether files may take the place of other content of their path.

        Raises:
            ArtifactFinalized: the artifact is saved.
            ValueError: there is no such folder, or a path is taken.
        """
        self._drafted().add_folder(os.fspath(local_path), name or "", policy, overwrite=merge)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: Policy = "mutable"
    ) -> Iterator[IO[Any]]:
        """Opens a new file to be written, which is added when it is closed.

        Args:
            name: its path within the artifact.
            mode: as of `open`; one with "x" refuses a name that was opened before.
            encoding: as of `open`.
            policy: as of `add_file`.

        Raises:
            ArtifactFinalized: the artifact is saved.
            ValueError: the name was opened before, or leaves the artifact.
        """
        with self._drafted().new_file(name, mode, encoding, policy) as file:
            yield file

    def add_reference(
        self,
        uri: ArtifactManifestEntry | str,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Adds a reference to bytes elsewhere, which are not uploaded.

        Args:
            uri: an address (`https://`, `file://`, `s3://`, …), or an entry of another artifact.
            name: path within the artifact. None: the last part of the address.
            checksum: whether to look at what is there, so that a change of it is noticed.
            max_objects: how many files a folder may have.

        Raises:
            ArtifactFinalized: the artifact is saved.
            ValueError: it is no address, or there is nothing at it, or a path is taken.
        """
        draft = self._drafted()
        entries = references.entries_for(
            lambda: homes.service_for(self._service).pool,
            self._entry_of,
            uri.ref_url() if isinstance(uri, ArtifactManifestEntry) else str(uri),
            None if name is None else manifests.logical_path(name),
            checksum=checksum,
            max_objects=max_objects,
        )
        for entry in entries:
            draft.manifest.add_entry(entry)
        return entries

    def add(self, obj: object, name: StrPath, overwrite: bool = False) -> NoReturn:
        """Not supported: media objects are W&B's own; `add_file` takes the file of one."""
        raise TypeError(
            f"Registrum has no media objects such as {type(obj).__name__}: add it as a file."
        )

    def remove(self, item: StrPath | ArtifactManifestEntry) -> None:
        """Takes out an entry, a path, or all below a folder.

        Raises:
            ArtifactFinalized: the artifact is saved.
            FileNotFoundError: there is no such thing in it.
        """
        self._drafted().remove(item)

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

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path within the artifact of a file that was added from that place."""
        return self._draft.name_of(local_path) if self._draft else None

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

    def finalize(self) -> None:
        """From now on its content can't change; saving does that, too."""
        self._is_finalized = True

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
        self._is_finalized = True
        if self._draft is not None:
            self._draft.close()
            self._draft = None

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

    # Downloads

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        multipart: bool | None = None,
        *,
        include: Iterable[str] | str | None = None,
        exclude: Iterable[str] | str | None = None,
        link: Literal["hard"] | None = None,
    ) -> str:
        """Fetches its files into a folder; other files there stay as they are.

        Each file is checked on its way, and appears under its name only when it is whole.

        Args:
            root: the folder. None: `artifacts/<name>:<version>`, below `REGISTRUM_ARTIFACT_DIR` if that is set.
            allow_missing_references: leave out references whose target is gone, with a warning.
            skip_cache: neither look into the cache nor keep anything there.
            path_prefix: only files whose path begins so.
            multipart: fetch large files by several connections: True from 32 MiB on, False never. None: where it helps.
            include: only files that match one of these patterns, such as `*.json` or `data/**/part-?.parquet`.
            exclude: no files that match one of these.
            link: "hard": files are shared with the cache by hard links, where the file system can't share blocks; such files are
                read only (mode 0444), and must stay as they are. None: they are copies.

        Returns:
            The folder.

        Raises:
            ArtifactNotLogged: it is a draft.
            ValueError: `link` is something else, or goes without the cache.
            DigestMismatch: a file arrives damaged, again and again.
            Unavailable: the server can't be reached any more.
            OSError: there is no room, or no right to write.
        """
        folder = self._root(root)
        wanted = Wanted(
            str(path_prefix or ""),
            globs_of(include),
            globs_of(exclude),
            skip_cache=bool(skip_cache),
            allow_missing=allow_missing_references,
            multipart=multipart,
            copy=_copy(link, skip_cache=bool(skip_cache)),
        )
        self._download(folder, wanted)
        return folder

    def checkout(self, root: str | None = None, *, link: Literal["hard"] | None = None) -> str:
        """Makes a folder have this version's files and no others: every other file in it is removed.

        Args:
            root: the folder. None: `artifacts/<name>`.
            link: as of `download`.

        Returns:
            The folder.
        """
        folder = root or artifact_names.default_root(self._saved("checkout").source.collection)
        checkouts.remove_others(folder, self.manifest)
        return self.download(root=folder, link=link)

    def verify(self, root: str | None = None) -> None:
        """Compares a folder with the manifest, file by file; references are left out.

        Args:
            root: the folder. None: where `download` puts it.

        Raises:
            ValueError: a file is missing, other than it should be, or does not belong there.
        """
        folder = root or artifact_names.default_root(self._saved("verify").source.name)
        checkouts.verify(folder, self.manifest, self.name)

    def file(self, root: str | None = None) -> str:
        """Fetches the only file of an artifact of one file.

        Args:
            root: the folder. None: where `download` puts it.

        Returns:
            The file's path.

        Raises:
            ValueError: it has more than one.
        """
        self._saved("file")
        if len(self.manifest.entries) != 1:
            raise BadValue(
                f"{self.name} has {len(self.manifest.entries)} files: use download(), or"
                ' get_entry("name").download().'
            )
        (entry,) = self.manifest.entries.values()
        return self.fetch(entry, root)

    def fetch(
        self, entry: ArtifactManifestEntry, root: StrPath | None = None, skip_cache: bool = False
    ) -> str:
        """Fetches one entry; the path of the file."""
        folder = self._root(root)
        self._download(folder, Wanted(path=entry.path, skip_cache=skip_cache))
        return os.path.join(folder, *entry.path.split("/"))

    def _download(self, folder: str, wanted: Wanted) -> None:
        downloads.download(self._source(), self.manifest, folder, wanted, self._elsewhere)

    def _source(self) -> Source:
        return Source(self.service, self._saved("download").id, self._placed("download"))

    def _root(self, root: StrPath | None) -> str:
        name = self._saved("download").source.name
        folder = os.fspath(root) if root is not None else artifact_names.default_root(name)
        self._roots.add(os.path.abspath(folder))
        return folder

    def _elsewhere(self, artifact_id: str, path: str, target: str) -> None:
        """Fetches a file of another artifact, for a reference to it, to a path of this one's."""
        found = sdk.finding.by_id(self.service, artifact_id)
        if found is None:
            raise FileNotFoundError(f"The artifact that {path!r} refers to is gone or hidden.")
        downloads.fetch_to(found._source(), found.get_entry(path), target, found._elsewhere)

    def _entry_of(self, artifact_id: str, path: str) -> ArtifactManifestEntry:
        found = sdk.finding.by_id(homes.service_for(self._service), artifact_id)
        if found is None:
            raise Missing(f"There is no artifact with the id {artifact_id!r} to refer to.")
        return found.get_entry(path)

    def _drafted(self) -> Draft:
        if self._draft is None or self._is_finalized:
            raise ArtifactFinalized(
                f"The content of {self._name!r} can't change any more; new_draft() begins a new version."
            )
        return self._draft

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


def globs_of(patterns: Iterable[str] | str | None) -> tuple[str, ...]:
    """Patterns that somebody gave; None gives none."""
    return (patterns,) if isinstance(patterns, str) else tuple(patterns or ())


def _copy(link: str | None, *, skip_cache: bool) -> cache.Copy:
    if link is None:
        return reflink.copy
    if link != "hard":
        raise BadValue(f'`link` is "hard" or None, not {link!r}.')
    if skip_cache:
        raise BadValue("Without the cache there is nothing to link to.")
    return reflink.link
