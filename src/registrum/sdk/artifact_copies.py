"""Copies of an artifact's files in folders of this machine: fetched, checked, and compared."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from registrum import sdk
from registrum.errors import BadValue
from registrum.sdk import artifact_names, cache, checkouts, downloads, reflink
from registrum.sdk.downloads import Wanted
from registrum.sdk.drafts import StrPath
from registrum.sdk.fetching import Source
from registrum.sdk.http import Service
from registrum.sdk.manifests import ArtifactManifestEntry, Manifest
from registrum.sdk.versions import Place, Version


class Copies:
    """How the files of an `Artifact`, which knows the rest, come into folders."""

    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...
        @property
        def service(self) -> Service: ...
        @property
        def manifest(self) -> Manifest: ...
        def _saved(self, what: str) -> Version: ...
        def _placed(self, what: str) -> Place: ...

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
        return os.fspath(root) if root is not None else artifact_names.default_root(name)

    def _elsewhere(self, artifact_id: str, path: str, target: str) -> None:
        """Fetches a file of another artifact, for a reference to it, to a path of this one's."""
        found = sdk.finding.by_id(self.service, artifact_id)
        if found is None:
            raise FileNotFoundError(f"The artifact that {path!r} refers to is gone or hidden.")
        downloads.fetch_to(found._source(), found.get_entry(path), target, found._elsewhere)


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
