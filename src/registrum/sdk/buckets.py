"""Objects of S3 and Google Cloud Storage that references point at: what they are called, and their bytes, by the package `obstore`.

Imported when the first such reference is looked at, since that package takes its time. Who asks is told by the usual variables
(`AWS_…`, `GOOGLE_…`), else, where `boto3` is installed, by its profiles.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from registrum.errors import BadValue, UnsupportedError
from registrum.sdk.hashing import CHUNK_BYTES, write_all
from registrum.sdk.manifests import ArtifactManifestEntry

try:
    import obstore
    from obstore import exceptions as failures
    from obstore.store import GCSStore, S3Store
except ImportError:
    obstore = None  # type: ignore[assignment]

try:
    import boto3  # type: ignore[import-untyped]
    from obstore.auth.boto3 import Boto3CredentialProvider
except ImportError:  # Then the variables have to tell who asks.
    boto3 = None

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import RetryConfig, S3Config

SCHEMES = frozenset({"s3", "gs"})
_ENDPOINTS = ("AWS_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_HEADS_AT_ONCE = 16


class Place(NamedTuple):
    """An object, or the beginning of the names of several.

    Attributes:
        version: of the object: S3's version, or Google's generation.
    """

    scheme: str
    bucket: str
    key: str
    version: str | None

    @classmethod
    def of(cls, uri: str) -> Self:
        """Reads `s3://bucket/key?versionId=…` and `gs://bucket/key#generation`."""
        parts = urlsplit(uri)
        asked = parse_qs(parts.query).get("versionId", [None])[0]
        version = asked if parts.scheme == "s3" else parts.fragment or None
        return cls(parts.scheme, parts.netloc, parts.path.lstrip("/"), version)

    @property
    def address(self) -> str:
        """Without a version, which stands in the entry."""
        return f"{self.scheme}://{self.bucket}/{self.key}"


def entries_for(
    uri: str, name: str | None, *, checksum: bool, at_most: int
) -> list[ArtifactManifestEntry]:
    """The entries of an object, or of all objects in a folder of the bucket.

    Args:
        name: path within the artifact; of a folder, where its files go.
        checksum: whether to look.
        at_most: how many objects a folder may have.

    Raises:
        ValueError: there is nothing, or too much, or it can't be read.
        UnsupportedError: obstore is not installed.
    """
    place = Place.of(uri)
    if not checksum:
        path = name or place.key or place.bucket
        return [ArtifactManifestEntry(path, place.address, ref=place.address)]
    if place.key and (found := _look(place)) is not None:
        return [_entry(place, found, name or place.key.rpartition("/")[2])]
    objects = _below(place, at_most) if place.version is None else []
    if not objects:
        raise BadValue(f"There is nothing at {uri}.")
    prefix = f"{place.key.rstrip('/')}/" if place.key else ""
    into = f"{name}/" if name else ""
    return [
        _entry(place._replace(key=found["path"]), found, into + found["path"].removeprefix(prefix))
        for found in objects
    ]


def fetch(entry: ArtifactManifestEntry, target: str) -> None:
    """Writes the object of a reference to a path where no file is.

    Raises:
        FileNotFoundError: it is gone.
        ValueError: it is another one by now, or can't be read.
        UnsupportedError: obstore is not installed.
    """
    ref = entry.ref or ""
    place = Place.of(ref)
    version = entry.extra.get("versionID")
    options: GetOptions = {"version": str(version)} if version else {}
    store = _store_of(place)
    with _told(ref):
        try:
            found = obstore.get(store, place.key, options=options)
        except (failures.NotFoundError, FileNotFoundError):
            raise FileNotFoundError(f"There is nothing at {ref} (any more).") from None
        _check(entry, found.meta, ref)
        with open(target, "xb", buffering=0) as file:
            for chunk in found.stream(CHUNK_BYTES):
                write_all(file, memoryview(chunk))


def _check(entry: ArtifactManifestEntry, found: ObjectMeta, ref: str) -> None:
    """Compares what the store says of an object with the entry.

    Raises:
        ValueError: it is another object.
    """
    if entry.digest == ref:
        return  # It was added unseen.
    version = entry.extra.get("versionID")
    if ref.startswith("gs:") and version and str(version) == found["version"]:
        return  # A generation never changes, and Google has two kinds of ETags.
    if _etag(found) != entry.digest:
        raise BadValue(f"What is at {ref} has changed: {_etag(found)!r}, not {entry.digest!r}.")


def _entry(place: Place, found: ObjectMeta, path: str) -> ArtifactManifestEntry:
    extra: dict[str, Any] = {"etag": _etag(found)}
    if found["version"] and found["version"] != "null":
        extra["versionID"] = found["version"]
    return ArtifactManifestEntry(path, _etag(found), found["size"], ref=place.address, extra=extra)


def _etag(found: ObjectMeta) -> str:
    return (found["e_tag"] or "").strip('"')


def _look(place: Place) -> ObjectMeta | None:
    """What the store says of an object; None where there is none."""
    options: GetOptions = {"head": True}
    if place.version:
        options["version"] = place.version
    store = _store_of(place)
    with _told(place.address):
        try:
            return obstore.get(store, place.key, options=options).meta
        except (failures.NotFoundError, FileNotFoundError):
            return None


def _below(place: Place, at_most: int) -> list[ObjectMeta]:
    """The objects of a folder, by name; with their versions where the bucket keeps such. Those without a byte mark folders."""
    store, found = _store_of(place), list[Any]()
    with _told(place.address):
        for page in obstore.list(store, place.key or None, chunk_size=1000):
            found += [each for each in page if each["size"]]
            if len(found) > at_most:
                raise BadValue(f"More than {at_most} objects: give a larger max_objects.")
    found.sort(key=lambda each: each["path"])
    # A list does not tell versions, so each object is looked at, if the first has one.
    first = _look(place._replace(key=found[0]["path"])) if found else None
    if first is None or not first["version"]:
        return found
    with ThreadPoolExecutor(_HEADS_AT_ONCE, "registrum-look") as threads:
        seen = threads.map(lambda each: _look(place._replace(key=each["path"])), found)
        return [each or listed for each, listed in zip(seen, found, strict=True)]


def _store_of(place: Place) -> S3Store | GCSStore:
    """The bucket.

    Raises:
        UnsupportedError: obstore is not installed.
    """
    if obstore is None:
        raise UnsupportedError(
            f"References to {place.scheme}:// need the package obstore: pip install 'registrum[s3]'."
            " Without it, checksum=False adds one unseen, and a download may leave it out by `exclude`."
        )
    told = {name: text for name, text in os.environ.items() if name.startswith(("AWS_", "GOOGLE_"))}
    return _opened(place.scheme, place.bucket, frozenset(told.items()))


@lru_cache(16)
def _opened(scheme: str, bucket: str, variables: frozenset[tuple[str, str]]) -> S3Store | GCSStore:
    retries: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(minutes=1)}
    try:
        if scheme == "gs":
            # Google's own address is of TLS; only an emulator's, of a key file, is not.
            return GCSStore(bucket, client_options={"allow_http": True}, retry_config=retries)
        return _s3(bucket, dict(variables), retries)
    except (ValueError, failures.BaseError) as error:
        raise BadValue(f"Can't open the bucket {bucket}: {_first_line(error)}") from None


def _s3(bucket: str, variables: Mapping[str, str], retries: RetryConfig) -> S3Store:
    config: S3Config = {}
    endpoint = next((variables[name] for name in _ENDPOINTS if variables.get(name)), None)
    if endpoint:
        config["endpoint"] = endpoint
    # What boto3 knows of profiles, obstore does not.
    profiles = None
    if boto3 is not None and "AWS_ACCESS_KEY_ID" not in variables:
        session = boto3.Session()
        if session.get_credentials() is not None:
            profiles = Boto3CredentialProvider(session)
    return S3Store(
        bucket,
        config=config,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        retry_config=retries,
        credential_provider=profiles,
    )


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """Says in one sentence what the driver says in many."""
    try:
        yield
    except failures.BaseError as error:
        raise BadValue(f"Can't read {uri}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
