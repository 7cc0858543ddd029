"""The manifest of an artifact: which files and references it has, under which paths.

The manifest of a draft grows; that of a version is as its server keeps it. Both clients write the same manifests and digests.
"""

from __future__ import annotations

import binascii
import os
import re
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from registrum.core import manifest as core
from registrum.core.digests import Algorithm, ArtifactAlgorithm
from registrum.core.errors import InvalidName
from registrum.errors import BadValue, EntryDetached
from registrum.sdk.hashing import new_hash

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact
    from registrum.sdk.staging import Content

REFERENCE_SCHEME = "wandb-artifact"
_XXH128 = {"alg": "XXH128"}
_PART = r"(?!\.{1,2}(?:/|\Z))[ -.0-9;-\[\]-~]+"
_STRAIGHT = re.compile(f"{_PART}(?:/{_PART})*")
"""Most paths: of ASCII without `\\` and `:`, none of its parts `.` or `..`; nothing about them has to be put straight."""


@dataclass(slots=True, eq=False, repr=False)
class ArtifactManifestEntry:
    """A file or reference of an artifact.

    Attributes:
        path: within the artifact, with `/` between folders.
        digest: base64 of a file; of a reference, what its source calls it.
        size: bytes; None for a reference of unknown size.
        ref: address of a reference; None of a file.
        birth_artifact_id: global id of the artifact that it was first stored for.
        extra: remarks of the client that added it.
        local_path: of a draft, the file that was added.
        skip_cache: taken for the sake of scripts.
    """

    path: str
    digest: str
    size: int | None = None
    ref: str | None = None
    birth_artifact_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    local_path: str | None = None
    skip_cache: bool = False
    content: Content | None = None
    _parent: Artifact | None = None

    @property
    def name(self) -> str:
        """The same as `path`."""
        return self.path

    @property
    def algorithm(self) -> Algorithm:
        """By which a file's digest is computed."""
        return Algorithm.XXH128 if self.extra.get("alg") == "XXH128" else Algorithm.MD5

    def parent_artifact(self) -> Artifact:
        """The artifact that it was taken from by `get_entry`.

        Raises:
            EntryDetached: it was taken from elsewhere; a NotImplementedError.
        """
        if self._parent is None:
            raise EntryDetached(
                f"The entry {self.path!r} does not know its artifact: get_entry() of an artifact gives one that does."
            )
        return self._parent

    def download(self, root: str | None = None, skip_cache: bool | None = None) -> str:
        """Fetches this file alone.

        Args:
            root: folder of the artifact; the entry's own folders are made in it. None: the artifact's usual one.
            skip_cache: neither look into the cache nor keep it there.

        Returns:
            Path of the file.
        """
        return self.parent_artifact().fetch(self, root, skip_cache=bool(skip_cache))

    def ref_target(self) -> str:
        """The address that a reference points at.

        Raises:
            ValueError: it is a file.
        """
        if self.ref is None:
            raise ValueError(f"{self.path!r} is a file, not a reference.")
        return self.ref

    def ref_url(self) -> str:
        """An address by which another artifact can refer to this entry."""
        artifact_id = self.parent_artifact().id
        if artifact_id is None:
            raise ValueError("Only an entry of a saved artifact can be referred to.")
        return f"{REFERENCE_SCHEME}://{hex_id(artifact_id)}/{self.path}"

    def document(self) -> dict[str, Any]:
        """As it stands in the manifest that is uploaded."""
        found: dict[str, Any] = {"digest": self.digest}
        if self.ref is not None:
            found["ref"] = self.ref
        if self.birth_artifact_id is not None:
            found["birthArtifactID"] = self.birth_artifact_id
        if self.size is not None:
            found["size"] = self.size
        if self.extra:
            found["extra"] = self.extra
        return found

    def __repr__(self) -> str:
        """Its fields, but for those that say nothing."""
        told = {
            "path": self.path,
            "digest": self.digest,
            "ref": self.ref,
            "birth_artifact_id": self.birth_artifact_id,
            "size": self.size,
            "extra": self.extra or None,
            "local_path": self.local_path,
            "skip_cache": self.skip_cache,
        }
        shown = ", ".join(f"{name}={value!r}" for name, value in told.items() if value is not None)
        return f"{type(self).__name__}({shown})"

    def attach(self, artifact: Artifact) -> ArtifactManifestEntry:
        """Tells it whose entry it is; itself."""
        self._parent = artifact
        return self


class Manifest:
    """Entries by path.

    Attributes:
        entries: by path, in the order in which they were added, or of a version by path.
        algorithm: by which the digests are made.
    """

    def __init__(self, algorithm: ArtifactAlgorithm = ArtifactAlgorithm.MD5) -> None:
        self.entries: dict[str, ArtifactManifestEntry] = {}
        self.algorithm = algorithm

    def __len__(self) -> int:
        return len(self.entries)

    def add_entry(self, entry: ArtifactManifestEntry, overwrite: bool = False) -> None:
        """Adds a file or reference.

        Args:
            entry: whose path is checked and put straight.
            overwrite: whether it takes the place of another one with other content.

        Raises:
            ValueError: the path leaves the artifact, or is taken by other content.
        """
        entry.path = logical_path(entry.path)
        old = self.entries.get(entry.path)
        if old is not None and not overwrite and old.digest != entry.digest:
            raise ValueError(f"Cannot add the same path twice: {entry.path!r}")
        self.entries[entry.path] = entry

    def remove_entry(self, entry: ArtifactManifestEntry) -> None:
        """Takes an entry out.

        Raises:
            FileNotFoundError: there is none of its path.
        """
        if self.entries.pop(entry.path, None) is None:
            raise FileNotFoundError(f"Cannot remove missing entry: {entry.path!r}")

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """The entry of that very path."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """The entries below a folder."""
        within = f"{directory}/"
        return [entry for path, entry in self.entries.items() if path.startswith(within)]

    def digest(self) -> str:
        """The artifact's digest, hexadecimal: of all paths with their digests, and nothing else."""
        entries = tuple(
            core.Entry(path, self.entries[path].digest, 0) for path in sorted(self.entries)
        )
        taken = new_hash(self.algorithm.of_files)
        taken.update(core.Manifest(entries).identity())
        return taken.hexdigest()

    def size(self) -> int:
        """Bytes of all files, and of references whose size is known."""
        return sum(entry.size or 0 for entry in self.entries.values())

    def to_manifest_json(self) -> dict[str, Any]:
        """The document that is uploaded."""
        return {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": {path: entry.document() for path, entry in self.entries.items()},
        }


def read(content: bytes, algorithm: str) -> Manifest:
    """The manifest that a server keeps.

    Args:
        content: the document.
        algorithm: the wire's word for how the artifact's digest is made.

    Raises:
        Invalid: it is none; no path in it leaves the artifact.
    """
    found = Manifest(ArtifactAlgorithm(algorithm))
    for entry in core.parse(content).entries:
        found.entries[entry.path] = ArtifactManifestEntry(
            entry.path,
            entry.digest,
            entry.size_bytes,
            entry.ref,
            entry.birth_artifact,
            dict(entry.extra or {}),
        )
    return found


def file_entry(path: str, digest: str, size: int, algorithm: Algorithm) -> ArtifactManifestEntry:
    """The entry of a file that was added."""
    extra = dict(_XXH128) if algorithm is Algorithm.XXH128 else {}
    return ArtifactManifestEntry(path, digest, size, extra=extra)


def logical_path(path: str | os.PathLike[str]) -> str:
    """A path within an artifact, put straight: `a//b/./c` is `a/b/c`.

    Raises:
        BadValue: it is absolute, here or on Windows, or leaves the artifact; a ValueError.
    """
    if isinstance(path, str) and len(path) <= core.MAX_PATH and _STRAIGHT.fullmatch(path):
        return path
    text = PurePath(path).as_posix()
    straight = str(PurePosixPath(text))
    elsewhere = PureWindowsPath(straight)
    if straight == "." or elsewhere.anchor or ".." in elsewhere.parts:
        raise BadValue(f"Invalid artifact path: {str(path)!r}")
    try:
        return core.check_path(straight)
    except InvalidName as error:
        raise BadValue(error.message) from None


def hex_id(artifact_id: str) -> str:
    """A global id as references have it."""

    return binascii.a2b_base64(artifact_id).hex()


def global_id(hexadecimal: str) -> str:
    """The global id of a reference's host."""

    return binascii.b2a_base64(bytes.fromhex(hexadecimal), newline=False).decode()
