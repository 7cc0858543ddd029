"""`registrum://organization/registry/collection:alias/path` for fsspec, and so for pandas, Arrow, Zarr and their like; read-only.

A collection without an alias means its version `latest`. Which version an alias means is looked up once for each filesystem,
so that a program reads one version from beginning to end; `invalidate_cache()` looks again. Files are read by range.
"""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from registrum.core.errors import RegistrumError
from registrum.core.projects import REGISTRY_PREFIX
from registrum.sdk import administration, transfers
from registrum.sdk.api import Api
from registrum.sdk.artifacts import Artifact
from registrum.sdk.files import File

ADDRESS_LIFE_S = 600.0
"""How long a signed address is used before a new one is asked for; it lives an hour."""

BLOCK_BYTES = 4 << 20
PAGE = 1000


class Path(NamedTuple):
    """The parts of a path; None from the first that is missing."""

    organization: str | None
    registry: str | None
    collection: str | None
    alias: str
    file: str

    @property
    def version(self) -> str:
        """The version's own path."""
        return f"{self.organization}/{self.registry}/{self.collection}:{self.alias}"


class _Known(NamedTuple):
    """A file, and when its address was told."""

    file: File
    told_at: float


class RegistrumFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Versions in registries as folders of files.

    Args:
        url: the server's address. None: that of the environment.
        api_key: None: that of the environment or `.netrc`.
        timeout: seconds that one answer may take.
    """

    protocol = "registrum"
    root_marker = ""
    cachable = True

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout: int | None = None,
        **more: Any,
    ) -> None:
        super().__init__(url=url, api_key=api_key, timeout=timeout, **more)
        self._given = (url, api_key, timeout)
        self._lock = threading.Lock()
        self._api: Api | None = None
        self._versions: dict[str, Artifact] = {}
        self._files: dict[tuple[str, str], _Known] = {}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is directly in an organization, registry, collection or folder.

        Raises:
            FileNotFoundError: it is not there, or hidden.
        """
        clean = self._strip_protocol(path)
        found = list(self._entries(_parsed(clean), clean))
        return found if detail else [own["name"] for own in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, type and size; of a file its digest, too.

        Raises:
            FileNotFoundError: it is not there, or hidden.
        """
        clean = self._strip_protocol(path)
        parts = _parsed(clean)
        if not parts.file:
            if parts.collection:
                self._version(parts)
            return _folder(clean)
        known = self._file(parts)
        if known is not None:
            return _told(clean, known)
        entries = self._version(parts).manifest.entries
        if any(name.startswith(f"{parts.file}/") for name in entries):
            return _folder(clean)
        raise FileNotFoundError(path)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forgets what aliases mean, and addresses."""
        with self._lock:
            self._versions.clear()
            self._files.clear()
        super().invalidate_cache(path)

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Bytes of a file, or a range of them; negative numbers count from its end."""
        parts = _parsed(self._strip_protocol(path))
        size = self._needed(parts).size
        first, last, _step = slice(start, end).indices(size)
        return self.read(parts, first, max(last, first))

    def read(self, parts: Path, start: int, end: int) -> bytes:
        """Bytes of a file, from `start` to before `end`.

        Raises:
            FileNotFoundError: it is not there, or hidden.
            OSError: the server can't be reached, or refused.
        """
        if end <= start:
            return b""
        taken = bytearray()
        address = self._needed(parts)
        try:
            url = str(address.direct_url)
            transfers.receive(
                self._connected().service, url, start, end - start, taken.extend, transfers.Stop()
            )
        except RegistrumError as error:
            raise OSError(str(error)) from error
        return bytes(taken)

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        **more: Any,
    ) -> "RegistrumFile":
        if mode != "rb":
            _refuse()
        size = self._needed(_parsed(self._strip_protocol(path))).size
        return RegistrumFile(
            self,
            path,
            mode,
            block_size or BLOCK_BYTES,
            cache_options=cache_options,
            size=size,
            **more,
        )

    def _rm(self, path: str) -> NoReturn:
        _refuse()

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> NoReturn:
        """Not there: versions are made whole, by `registrum.Artifact`."""
        _refuse()

    def cp_file(self, path1: str, path2: str, **_: Any) -> NoReturn:
        """Not there, for the same reason."""
        _refuse()

    def _connected(self) -> Api:
        with self._lock:
            if self._api is None:
                url, api_key, timeout = self._given
                self._api = Api({"base_url": url} if url else None, timeout, api_key)
            return self._api

    def _entries(self, parts: Path, path: str) -> Iterator[dict[str, Any]]:
        api = self._connected()
        if parts.organization is None:
            yield from map(_folder, administration.viewer(api.service.ask).organizations)
        elif parts.registry is None:
            for registry in api.registries(parts.organization, per_page=100):
                yield _folder(f"{parts.organization}/{registry.name}")
        elif parts.collection is None:
            for own in self._registry(parts).collections():
                yield _folder(f"{path}/{own.name}")
        else:
            yield from self._files_in(parts, path)

    def _files_in(self, parts: Path, path: str) -> Iterator[dict[str, Any]]:
        entries = self._version(parts).manifest.entries
        if parts.file in entries:
            yield self.info(path)
            return
        before = f"{parts.file}/" if parts.file else ""
        folders: set[str] = set()
        is_there = not before
        for name, entry in entries.items():
            if not name.startswith(before):
                continue
            is_there = True
            own, _, below = name[len(before) :].partition("/")
            if not below:
                yield {
                    "name": f"{path}/{own}",
                    "size": entry.size,
                    "type": "file",
                    "digest": entry.digest,
                }
            elif own not in folders:
                folders.add(own)
                yield _folder(f"{path}/{own}")
        if not is_there:
            raise FileNotFoundError(path)

    def _registry(self, parts: Path) -> Any:
        try:
            return self._connected().registry(str(parts.registry), parts.organization)
        except RegistrumError as error:
            raise _as_missing(error) from error

    def _version(self, parts: Path) -> Artifact:
        with self._lock:
            found = self._versions.get(parts.version)
        if found is None:
            registry = self._registry(parts)
            path = f"{registry.entity}/{registry.full_name}/{parts.collection}:{parts.alias}"
            try:
                found = self._connected().artifact(path)
            except RegistrumError as error:
                raise _as_missing(error) from error
            with self._lock:
                self._versions[parts.version] = found
        return found

    def _file(self, parts: Path) -> File | None:
        key = (parts.version, parts.file)
        with self._lock:
            known = self._files.get(key)
        if known is not None and time.monotonic() - known.told_at < ADDRESS_LIFE_S:
            return known.file
        version = self._version(parts)
        found = next(iter(islice(version.files(names=[parts.file], per_page=1), 1)), None)
        if found is not None:
            with self._lock:
                self._files[key] = _Known(found, time.monotonic())
        return found

    def _needed(self, parts: Path) -> File:
        found = self._file(parts) if parts.file else None
        if found is None:
            raise FileNotFoundError(f"{parts.version}/{parts.file}")
        return found


class RegistrumFile(AbstractBufferedFile):  # type: ignore[misc]
    """An open file of a version, read by range as it is needed."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        fs: RegistrumFileSystem = self.fs
        return fs.read(_parsed(fs._strip_protocol(self.path)), start, end)


def _parsed(path: str) -> Path:
    parts: list[str | None] = [part or None for part in path.split("/", 3)] if path else []
    parts += [None] * (4 - len(parts))
    organization, registry, collection, file = parts
    name, _, alias = (collection or "").partition(":")
    own = registry.removeprefix(REGISTRY_PREFIX) if registry else None
    return Path(organization, own, name or None, alias or "latest", (file or "").strip("/"))


def _folder(name: str) -> dict[str, Any]:
    return {"name": name, "size": 0, "type": "directory"}


def _told(path: str, file: File) -> dict[str, Any]:
    return {"name": path, "size": file.size, "type": "file", "digest": file.digest}


def _as_missing(error: RegistrumError) -> OSError:
    # What is hidden looks as what is not there does; anything else is an error of reading.
    is_missing = error.code == "not_found"
    return FileNotFoundError(error.message) if is_missing else OSError(str(error))


def _refuse() -> NoReturn:
    raise PermissionError("A version can't be changed: make a new one with registrum.Artifact.")
