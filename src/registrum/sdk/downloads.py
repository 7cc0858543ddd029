"""Fetches the files of a version into a folder: what is there stays, what the cache has is copied, the rest comes from the server.

Small files come in batches, large ones by several connections at once. Every file is checked while it is written, under a name
that nobody looks at; it gets its own when it is whole. Addresses are asked for a page at a time, while files are on their way.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from registrum.core.digests import ArtifactAlgorithm
from registrum.core.errors import DigestMismatch, NotSupported
from registrum.errors import Missing
from registrum.sdk import cache, checkouts, globs, manifests, references, reflink, transfers
from registrum.sdk.artifact_facts import log
from registrum.sdk.fetching import Fetch, Source, Target
from registrum.sdk.hashing import of_file
from registrum.sdk.http import Service, refusal
from registrum.sdk.landings import Landing
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.progress import Progress
from registrum.sdk.references import Elsewhere
from registrum.sdk.transfers import Stop
from registrum.sdk.versions import Version

THREADS = 4
GROUP = 64
"""How many files one thread looks for at a time."""


class Wanted(NamedTuple):
    """Which files, and how.

    Attributes:
        prefix: how paths begin; "" for all.
        include: patterns of which one must match, if there are any.
        exclude: patterns of which none may match.
        path: one file alone.
        multipart: whether large files come by several connections; None: where it helps.
        copy: how files get from the cache into a folder.
    """

    prefix: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    path: str | None = None
    skip_cache: bool = False
    allow_missing: bool = False
    multipart: bool | None = None
    copy: cache.Copy = reflink.copy

    def takes(self, path: str) -> bool:
        """Whether the file of this path is wanted."""
        if self.path is not None:
            return path == self.path
        return (
            path.startswith(self.prefix)
            and (not self.include or globs.matches(path, self.include))
            and not (self.exclude and globs.matches(path, self.exclude))
        )


def manifest_of(service: Service, version: Version) -> Manifest:
    """The manifest of a version, checked against the version's digest.

    Raises:
        Missing: there is none, or the caller may not read it; a ValueError.
        DigestMismatch: it is not that of the version.
        Refused: its bytes can't be had.
    """
    found = service.ask(operations.MANIFEST, {"id": version.id})["artifact"]
    if not found or not found["currentManifest"]:
        raise Missing("Failed to fetch artifact manifest")
    url = found["currentManifest"]["file"]["directUrl"]
    answer = service.send("GET", url, repeatable=True)
    if answer.status != 200:
        raise refusal(service.url, answer)
    manifest = manifests.read(answer.data, version.digest_algorithm)
    try:
        is_right = manifest.digest() == version.digest
    except NotSupported:
        is_right = manifest.algorithm is ArtifactAlgorithm.XXH128  # Not to be checked here.
    if not is_right:
        raise DigestMismatch(f"The manifest of {version.source.name} arrived damaged.")
    return manifest


def download(
    source: Source, manifest: Manifest, folder: str, wanted: Wanted, elsewhere: Elsewhere
) -> None:
    """Makes the files of a version that are wanted be in a folder.

    Args:
        source: the version.
        folder: made where it is missing.
        elsewhere: for references to other artifacts.

    Raises:
        DigestMismatch: a file arrives damaged, again and again.
        Unavailable: the server can't be reached any more.
        StorageFull: there is no room in the folder.
        OSError: it can't be written there.
    """
    entries = [entry for path, entry in manifest.entries.items() if wanted.takes(path)]
    targets = [Target(entry, checkouts.path_in(folder, entry.path)) for entry in entries]
    _run(source, folder, targets, wanted, elsewhere, of_files=len(manifest.entries))


def fetch_to(source: Source, entry: ArtifactManifestEntry, path: str, elsewhere: Elsewhere) -> None:
    """Makes one file of a version be at a path."""
    folder = os.path.dirname(path)
    _run(source, folder, [Target(entry, path)], Wanted(), elsewhere, of_files=2)


def _run(
    source: Source,
    folder: str,
    targets: Sequence[Target],
    wanted: Wanted,
    elsewhere: Elsewhere,
    *,
    of_files: int,
) -> None:
    total = sum(target.entry.size or 0 for target in targets)
    known = checkouts.Known(folder)
    with Landing(folder) as landing, Progress(f"↓ {source.place.name}", total) as progress:
        here = _Here(wanted, landing, known, progress)
        try:
            missing = here.missing([target for target in targets if target.entry.ref is None])
            if missing:
                in_ranges = wanted.multipart is not False
                fetch = Fetch(source, landing, progress, in_ranges, here.keep)
                fetch.files(missing, is_most=len(missing) > of_files // 2)
            references = [target for target in targets if target.entry.ref is not None]
            here.refer(source.service, references, elsewhere)
        finally:
            known.save()
            here.cache.settle()


class _Here:
    """What this machine has of the files, and gets."""

    def __init__(
        self, wanted: Wanted, landing: Landing, known: checkouts.Known, progress: Progress
    ) -> None:
        self._wanted = wanted
        self._landing = landing
        self._known = known
        self._progress = progress
        self.cache = cache.open_cache()

    def missing(self, targets: Sequence[Target]) -> list[Target]:
        """Those files that are neither there already nor in the cache."""
        found: list[Target] = []

        def look(some: Sequence[Target], stop: Stop) -> None:
            for target in some:
                if stop.is_set():
                    return
                if self._is_there(target) or self._take(target):
                    self._progress.took(target.entry.size or 0)
                else:
                    found.append(target)

        groups = (targets[at : at + GROUP] for at in range(0, len(targets), GROUP))
        transfers.for_each(look, groups, THREADS)
        return found

    def keep(self, target: Target, landed: str, content: bytes | None) -> None:
        """Gives a file that came its name, and keeps it in the cache."""
        entry = target.entry
        if not self._wanted.skip_cache:
            if content is None or self._wanted.copy is reflink.link:
                self.cache.keep(entry.digest, entry.algorithm, landed, self._wanted.copy)
            else:
                self.cache.keep_bytes(entry.digest, entry.algorithm, content)
        self._publish(target, landed)

    def refer(self, service: Service, targets: Sequence[Target], elsewhere: Elsewhere) -> None:
        """Makes what references point at be where they are."""

        def fetch(target: Target, stop: Stop) -> None:
            if self._is_known(target):
                self._progress.took(target.entry.size or 0)
                return
            landed = self._landing.path()
            try:
                references.fetch(service.pool, target.entry, landed, elsewhere)
            except FileNotFoundError as error:
                if not self._wanted.allow_missing:
                    raise
                log.warning("%s was left out: %s", target.entry.path, error)
                return
            self._publish(target, landed)
            self._progress.took(target.entry.size or 0)

        transfers.for_each(fetch, targets, THREADS, hang_up=service.hang_up)

    def _is_there(self, target: Target) -> bool:
        """Whether the file is there as it should be."""
        entry, path = target
        try:
            found = os.lstat(path)
            if found.st_size != entry.size or not stat.S_ISREG(found.st_mode):
                return False
            if self._known.has(entry, found):
                return True
            if of_file(path, entry.algorithm) != entry.digest:
                return False
        except OSError:
            return False
        self._known.note(entry, path)
        return True

    def _is_known(self, target: Target) -> bool:
        """Whether what a reference points at is there since an earlier download, and is to be looked at by no other name."""
        entry, path = target
        if entry.digest == entry.ref:
            return False  # It was added unseen, and may be another by now.
        try:
            return self._known.has(entry, os.lstat(path))
        except OSError:
            return False

    def _take(self, target: Target) -> bool:
        """Takes the file from the cache, if it is there."""
        entry = target.entry
        if self._wanted.skip_cache:
            return False
        landed = self._landing.path()
        size, copy = entry.size or 0, self._wanted.copy
        if not self.cache.take(entry.digest, entry.algorithm, size, landed, copy):
            return False
        self._publish(target, landed)
        return True

    def _publish(self, target: Target, landed: str) -> None:
        if self._landing.publish(landed, target.path):
            self._known.note(target.entry, target.path)
