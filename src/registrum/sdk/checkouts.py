"""Folders that have an artifact's files: what is known of them, what does not belong there, and whether they are as they should be."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import PureWindowsPath
from typing import Any

from registrum.core.digests import from_base64
from registrum.core.errors import Invalid
from registrum.core.manifest import check_path
from registrum.errors import BadValue
from registrum.sdk import cache
from registrum.sdk.artifact_facts import log
from registrum.sdk.hashing import of_file
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest

OWN = ".registrum-"
"""How the names of our own folders within a checkout begin, which exist while a download runs."""


def path_in(folder: str, path: str) -> str:
    """Where a file of an artifact goes in a folder; never outside of it, whatever a server says.

    Raises:
        ValueError: the path leads out of the folder, on this machine.
    """
    try:
        parts = check_path(path).split("/")
    except Invalid as error:
        raise BadValue(error.message) from None
    if sys.platform == "win32" and (PureWindowsPath(path).anchor or "\\" in path or ":" in path):
        raise BadValue(f"The path of a file must stay within its artifact: {path[:200]!r}.")
    return os.path.join(folder, *parts)


def remove_others(folder: str, manifest: Manifest) -> None:
    """Removes every file in a folder that is not one of the artifact's."""
    for path, logical in _files_in(folder):
        if logical not in manifest.entries:
            os.remove(path)


def verify(folder: str, manifest: Manifest, name: str) -> None:
    """Compares a folder with a manifest, by content; references are left out.

    Raises:
        ValueError: a file is missing, other than it should be, or does not belong there.
    """
    for path, logical in _files_in(folder):
        if logical not in manifest.entries:
            raise ValueError(f"Found file {path} which is not a member of artifact {name}")
    references = 0
    for entry in manifest.entries.values():
        if entry.ref is not None:
            references += 1
            continue
        path = path_in(folder, entry.path)
        try:
            digest = of_file(path, entry.algorithm)
        except FileNotFoundError:
            raise ValueError(f"Missing file: {entry.path}") from None
        if digest != entry.digest:
            raise ValueError(f"Digest mismatch for file: {entry.path}")
    if references:
        log.warning("%d references of %s were not verified.", references, name)


def _files_in(folder: str) -> Iterator[tuple[str, str]]:
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(OWN)]
        for file in files:
            path = os.path.join(at, file)
            yield path, os.path.relpath(path, folder).replace(os.sep, "/")


class Known:
    """Which files of a folder have which content, so that they need not be read again.

    A file is known as long as its size, time of change and inode are what they were. What is written here is a help, never
    needed: where it is missing or damaged, files are read.
    """

    def __init__(self, folder: str) -> None:
        """Reads what is known of a folder."""
        digest = hashlib.sha256(os.path.realpath(folder).encode("utf-8", "surrogateescape"))
        self._path = os.path.join(cache.folder(), "known", f"{digest.hexdigest()}.json")
        self._found: dict[str, list[Any]] = {}
        self._has_changed = False
        try:
            with open(self._path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return
        if isinstance(found, dict):
            self._found = found

    def has(self, entry: ArtifactManifestEntry, at: os.stat_result) -> bool:
        """Whether the file that looks so is known to be the entry."""
        return self._found.get(entry.path) == _mark(entry, at)

    def note(self, entry: ArtifactManifestEntry, path: str) -> None:
        """Remembers that the file at the path is the entry."""
        try:
            self._found[entry.path] = _mark(entry, os.lstat(path))
        except OSError:
            return
        self._has_changed = True

    def save(self) -> None:
        """Writes it down, where that is possible."""
        if not self._has_changed:
            return
        temporary = f"{self._path}.{os.urandom(6).hex()}"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                json.dump(self._found, file)
            os.replace(temporary, self._path)
        except OSError as error:
            log.debug("what a checkout has could not be noted: %s", error)


def _mark(entry: ArtifactManifestEntry, at: os.stat_result) -> list[Any]:
    return [entry.digest, at.st_size, at.st_mtime_ns, at.st_ino]


def is_content(digest: str) -> bool:
    """Whether a digest is one of bytes, as a file's is."""
    try:
        from_base64(digest)
    except Invalid:
        return False
    return True
