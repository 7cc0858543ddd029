"""References: entries that point at bytes elsewhere, which are not uploaded.

A reference's digest is what its source calls the content: the ETag of a web address or an object, the MD5 of a local file, the digest
of another artifact's entry; where nothing was looked at, the address itself.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import urllib3

from registrum import sdk
from registrum.errors import BadValue, UnsupportedError
from registrum.sdk import reflink
from registrum.sdk.hashing import CHUNK_BYTES, of_bytes, of_file, write_all
from registrum.sdk.http import pauses
from registrum.sdk.manifests import REFERENCE_SCHEME, ArtifactManifestEntry, global_id, hex_id

if TYPE_CHECKING:
    import registrum.sdk.buckets  # noqa: F401  It is found in `sdk`, when it is needed.

MOST_OBJECTS = 10_000_000
WEB_TRIES = 4
_BUCKETS = frozenset({"s3", "gs"})
_WEB = frozenset({"http", "https"})

log = logging.getLogger("registrum")

Elsewhere = Callable[[str, str, str], None]
"""Fetches a file of another artifact: its global id, the path in it, and where to."""

EntryOf = Callable[[str, str], ArtifactManifestEntry]
"""The entry of another artifact, by global id and path."""


def entries_for(
    pool: Callable[[], urllib3.PoolManager],
    entry_of: EntryOf,
    uri: str,
    name: str | None,
    *,
    checksum: bool,
    max_objects: int | None,
) -> list[ArtifactManifestEntry]:
    """The entries that a reference becomes: one, or one for each file of a local folder.

    Args:
        pool: connections, for a web address.
        entry_of: finds entries of other artifacts.
        uri: where the bytes are.
        name: path within the artifact.
        checksum: whether to look at the bytes, or at what their server says of them.
        max_objects: how many files a folder may have.

    Raises:
        ValueError: it is no URI, is not there, has too many files, or needs a name.
        UnsupportedError: it can't be looked at without another package; `checksum=False` adds it unseen.
    """
    scheme = urlsplit(uri).scheme
    if not scheme:
        raise BadValue("References must be URIs. To reference a local file, use file://")
    if scheme == REFERENCE_SCHEME:
        return [_entry_elsewhere(entry_of, uri, name)]
    if scheme == "file":
        return _local(uri, name, checksum=checksum, at_most=max_objects or MOST_OBJECTS)
    if scheme in _WEB:
        path = name or os.path.basename(uri)
        return [
            _on_the_web(pool(), uri, path)
            if checksum
            else ArtifactManifestEntry(path, uri, ref=uri)
        ]
    if scheme in _BUCKETS:
        at_most = max_objects or MOST_OBJECTS
        return sdk.buckets.entries_for(uri, name, checksum=checksum, at_most=at_most)
    if name is None:
        raise BadValue(f"A reference of the scheme {scheme!r} needs a name: {uri}")
    log.warning("References of the scheme %s can't be checked: %s", scheme, uri)
    return [ArtifactManifestEntry(name, uri, ref=uri)]


def fetch(
    pool: urllib3.PoolManager, entry: ArtifactManifestEntry, target: str, elsewhere: Elsewhere
) -> None:
    """Writes what a reference points at to a path where no file is.

    Raises:
        FileNotFoundError: it is gone.
        ValueError: it is no longer what it was, or can't be had.
    """
    ref = entry.ref or ""
    scheme = urlsplit(ref).scheme
    if scheme == REFERENCE_SCHEME:
        elsewhere(*place_elsewhere(ref), target)
    elif scheme == "file":
        _fetch_local(entry, local_path(ref), target)
    elif scheme in _WEB:
        _fetch_from_web(pool, entry, ref, target)
    elif scheme in _BUCKETS:
        sdk.buckets.fetch(entry, target)
    else:
        raise UnsupportedError(f"Registrum can't fetch {ref}: the scheme {scheme!r} is unknown.")


def _fetch_local(entry: ArtifactManifestEntry, path: str, target: str) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"The file {path!r} that {entry.path!r} refers to is gone.")
    reflink.copy(path, target)
    # Of the copy: the file itself may change while it is looked at.
    if entry.digest not in (_digest_of_path(path), of_file(target)):
        raise BadValue(f"The file {path!r} that {entry.path!r} refers to has changed.")


def _fetch_from_web(
    pool: urllib3.PoolManager, entry: ArtifactManifestEntry, uri: str, target: str
) -> None:
    waits = pauses(WEB_TRIES)
    while True:
        answer = open_web(pool, uri)
        try:
            with answer, open(target, "wb", buffering=0) as file:
                digest, _, _ = headers_of(answer, uri)
                if entry.digest not in (digest, uri):
                    raise BadValue(
                        f"What is at {uri} has changed: {digest!r}, not {entry.digest!r}."
                    )
                for chunk in answer.stream(CHUNK_BYTES):
                    write_all(file, chunk)
            return
        except urllib3.exceptions.HTTPError as error:
            pause = next(waits, None)
            if pause is None:
                raise BadValue(f"Can't read {uri}: {error}") from None
        time.sleep(pause)


def local_path(uri: str) -> str:
    """The path of a `file://` address."""
    parts = urlsplit(uri)
    host = f"//{parts.netloc}" if parts.netloc else ""
    return host + url2pathname(parts.path)


def place_elsewhere(uri: str) -> tuple[str, str]:
    """Global id of the artifact, and path in it, that a reference to another artifact names."""
    artifact_id, _, path = uri.removeprefix(f"{REFERENCE_SCHEME}://").partition("/")
    return global_id(artifact_id), path


def headers_of(answer: urllib3.BaseHTTPResponse, uri: str) -> tuple[str, int | None, str | None]:
    """Digest, size and raw ETag of a web address, by its answer's head."""
    etag = answer.headers.get("ETag")
    length = answer.headers.get("Content-Length", "")
    return (etag.strip('"') if etag else uri), (int(length) if length.isdigit() else None), etag


def open_web(pool: urllib3.PoolManager, uri: str) -> urllib3.BaseHTTPResponse:
    """The answer to a GET of a web address, its body unread; redirects are followed, no key is sent.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: it can't be had.
    """
    patience = urllib3.Retry(total=5, redirect=10, backoff_factor=0.2)
    try:
        answer = pool.request("GET", uri, preload_content=False, retries=patience)
    except urllib3.exceptions.HTTPError as error:
        raise BadValue(f"Can't read {uri}: {error}") from None
    if answer.status == 404:
        answer.close()
        raise FileNotFoundError(f"There is nothing at {uri}.")
    if answer.status >= 300:
        answer.close()
        raise BadValue(f"Can't read {uri}: HTTP {answer.status}.")
    return answer


def _on_the_web(pool: urllib3.PoolManager, uri: str, path: str) -> ArtifactManifestEntry:
    answer = open_web(pool, uri)
    try:
        digest, size, etag = headers_of(answer, uri)
    finally:
        answer.close()
    return ArtifactManifestEntry(path, digest, size, ref=uri, extra={"etag": etag} if etag else {})


def _local(
    uri: str, name: str | None, *, checksum: bool, at_most: int
) -> list[ArtifactManifestEntry]:
    path = local_path(uri)
    digest_of = of_file if checksum else _digest_of_path
    if os.path.isdir(path):
        found: list[ArtifactManifestEntry] = []
        for file, within in _files_below(path):
            if len(found) >= at_most:
                raise BadValue(f"More than {at_most} files: give a larger max_objects.")
            at, ref = os.path.join(name or "", within), os.path.join(uri, within)
            found.append(ArtifactManifestEntry(at, digest_of(file), os.path.getsize(file), ref=ref))
        return found
    if os.path.isfile(path):
        at = name or os.path.basename(path)
        return [ArtifactManifestEntry(at, digest_of(path), os.path.getsize(path), ref=uri)]
    raise BadValue(f"There is no file or folder {path!r}.")


def _digest_of_path(path: str) -> str:
    return of_bytes(Path(path).resolve().as_uri().encode())


def _files_below(folder: str) -> Iterator[tuple[str, str]]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(root, file)
            yield path, os.path.relpath(path, folder)


def _entry_elsewhere(entry_of: EntryOf, uri: str, name: str | None) -> ArtifactManifestEntry:
    """A reference to where the bytes really are, however many references lead there."""
    artifact_id, path = place_elsewhere(uri)
    entry = entry_of(artifact_id, path)
    while entry.ref is not None and urlsplit(entry.ref).scheme == REFERENCE_SCHEME:
        artifact_id, path = place_elsewhere(entry.ref)
        entry = entry_of(artifact_id, path)
    ref = f"{REFERENCE_SCHEME}://{hex_id(artifact_id)}/{path}"
    return ArtifactManifestEntry(name or os.path.basename(path), entry.digest, 0, ref=ref)
