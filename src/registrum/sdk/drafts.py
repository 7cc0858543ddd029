"""What a draft is made of: files and references that were added to it and are not uploaded yet."""

from __future__ import annotations

import os
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePath
from typing import IO, Any, Literal

from registrum.core.digests import ArtifactAlgorithm
from registrum.core.errors import StorageFull
from registrum.errors import BadValue
from registrum.sdk import staging
from registrum.sdk.landings import NO_ROOM
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest, file_entry, logical_path
from registrum.sdk.staging import Kept, Staging

Policy = Literal["mutable", "immutable"]
StrPath = str | os.PathLike[str]

_LARGE = 1 << 20
"""From here on a file is worth a thread of its own: hashing it frees the interpreter for the others."""
_THREADS = 4


class Draft:
    """The content of an artifact that is being put together.

    Attributes:
        manifest: the entries so far.
        base_id: global id of the version it was made from, if from any.
    """

    def __init__(self, algorithm: ArtifactAlgorithm, staging_folder: str | None) -> None:
        self.manifest = Manifest(algorithm)
        self.base_id: str | None = None
        self._staging = Staging(staging_folder)
        self._paths: dict[str, str] = {}
        self._lock = threading.Lock()
        self._new_files: tempfile.TemporaryDirectory[str] | None = None

    def add_file(
        self, path: str, name: str, policy: Policy | None, *, overwrite: bool
    ) -> ArtifactManifestEntry:
        """Adds one file.

        Raises:
            ValueError: there is no such file, or no such policy, or the name is taken or leaves the artifact.
            StorageFull: there is no room for a copy.
        """
        if not os.path.isfile(path):
            raise BadValue(f"Path is not a file: {path!r}")
        return self.add_kept(self._keep(path, policy), path, name, overwrite=overwrite)

    @classmethod
    def of(cls, manifest: Manifest, base_id: str, staging_folder: str | None) -> Draft:
        """A draft with the entries of a version; their bytes stay where they are."""
        draft = cls(manifest.algorithm, staging_folder)
        draft.base_id = base_id
        draft.manifest.entries = {
            path: replace(entry, content=None, local_path=None)
            for path, entry in manifest.entries.items()
        }
        return draft

    def rename_by_content(self, entry: ArtifactManifestEntry) -> ArtifactManifestEntry:
        """Names an entry after its content, with its folder and endings; the entry."""
        folder, slash, name = entry.path.rpartition("/")
        digest = b64decode(entry.digest).hex()[:20]
        with self._lock:
            self.manifest.remove_entry(entry)
            entry.path = f"{folder}{slash}{'.'.join([digest, *name.split('.')[1:]])}"
            self.manifest.add_entry(entry, overwrite=True)
        return entry

    def add_kept(
        self, kept: Kept, path: str, name: str, *, overwrite: bool
    ) -> ArtifactManifestEntry:
        """Adds a file that was read already, from that path."""
        content, digest = kept
        algorithm = self.manifest.algorithm.of_files
        entry = file_entry(name, digest, content.size_bytes, algorithm)
        entry.local_path, entry.content = path, content
        with self._lock:
            self.manifest.add_entry(entry, overwrite=overwrite)
            self._paths[path] = entry.path
        return entry

    def add_folder(self, path: str, name: str, policy: Policy | None, *, overwrite: bool) -> None:
        """Adds all files below a folder, by path.

        Raises:
            ValueError: there is no such folder, or what `add_file` says.
        """
        if not os.path.isdir(path):
            raise BadValue(f"Path is not a directory: {path!r}")
        large: list[tuple[str, str]] = []
        for found, logical in _files_below(path, f"{name}/" if name else ""):
            if os.path.getsize(found) >= _LARGE:
                large.append((found, logical))
            else:
                self.add_kept(self._keep(found, policy), found, logical, overwrite=overwrite)
        if not large:
            return
        with ThreadPoolExecutor(min(_THREADS, len(large)), "registrum-add") as threads:
            kept = threads.map(lambda one: self._keep(one[0], policy), large)
            for (found, logical), one in zip(large, kept, strict=True):
                self.add_kept(one, found, logical, overwrite=overwrite)

    @contextmanager
    def new_file(
        self, name: str, mode: str, encoding: str | None, policy: Policy | None
    ) -> Iterator[IO[Any]]:
        """A file to be written, which is added when it is closed.

        Raises:
            ValueError: there is one of that name already, and the mode begins a new one.
        """
        logical = logical_path(name)
        if self._new_files is None:
            self._new_files = tempfile.TemporaryDirectory(prefix="registrum-")
        path = os.path.join(self._new_files.name, *logical.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            file = open(path, mode, encoding=encoding)  # noqa: SIM115
        except FileExistsError:
            raise BadValue(f"File with name {name!r} already exists at {path!r}") from None
        with file:
            yield file
        self.add_file(path, logical, policy, overwrite="x" not in mode)

    def remove(self, item: StrPath | ArtifactManifestEntry) -> None:
        """Takes out an entry, or all below a folder.

        Raises:
            FileNotFoundError: there is nothing of that path.
        """
        if isinstance(item, ArtifactManifestEntry):
            self.manifest.remove_entry(item)
            return
        path = PurePath(item).as_posix()
        entry = self.manifest.get_entry_by_path(path)
        entries = [entry] if entry else self.manifest.get_entries_in_directory(path)
        if not entries:
            raise FileNotFoundError(f"No such file or directory: {path}")
        for each in entries:
            self.manifest.remove_entry(each)

    def name_of(self, local_path: str) -> str | None:
        """The path within the artifact of a file that was added from there."""
        return self._paths.get(local_path)

    def close(self) -> None:
        """Gives up the copies; the draft can't be uploaded any more."""
        self._staging.close()
        if self._new_files is not None:
            self._new_files.cleanup()
        for entry in self.manifest.entries.values():
            entry.content = None

    def _keep(self, path: str, policy: Policy | None) -> Kept:
        algorithm = self.manifest.algorithm.of_files
        if policy == "immutable":
            return staging.promised(path, algorithm)
        if policy not in ("mutable", None):
            raise ValueError(f"A policy is 'mutable' or 'immutable', not {policy!r}.")
        try:
            return self._staging.keep(path, algorithm)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise StorageFull(
                f"There is no room left for a copy of {path}: make some, let REGISTRUM_CACHE_DIR name a folder"
                " of another disk, or add it with policy='immutable', which makes no copy."
            ) from error


def _files_below(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Every file below a folder, following links, with its path in the artifact; sorted."""
    with os.scandir(folder) as found:
        children = sorted(found, key=lambda child: child.name)
    for child in children:
        if child.is_dir():
            yield from _files_below(child.path, f"{prefix}{child.name}/")
        else:
            yield child.path, prefix + child.name
