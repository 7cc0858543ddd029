"""What an artifact holds: files and references, added while it is a draft, and read once it is a version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NoReturn

from registrum import sdk
from registrum.core.digests import ArtifactAlgorithm
from registrum.errors import ArtifactFinalized, Missing
from registrum.sdk import downloads, homes, manifests, references
from registrum.sdk.drafts import Draft, Policy, StrPath
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.versions import Version


class Contents:
    """The files and references of an `Artifact`, which knows the rest."""

    if TYPE_CHECKING:
        _name: str
        _service: Service | None
        _version: Version | None

        @property
        def service(self) -> Service: ...
        def _saved(self, what: str) -> Version: ...

    def _hold(self, draft: Draft | None) -> None:
        """A draft's; None: a version's, which can't change."""
        self._draft = draft
        self._manifest: Manifest | None = draft.manifest if draft else None
        self._is_finalized = draft is None

    def _close(self) -> None:
        self.finalize()
        if self._draft is not None:
            self._draft.close()
            self._draft = None

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

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path within the artifact of a file that was added from that place."""
        return self._draft.name_of(local_path) if self._draft else None

    def finalize(self) -> None:
        """From now on its content can't change; saving does that, too."""
        self._is_finalized = True

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
