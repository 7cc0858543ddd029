"""Files that a run has saved, and files as such."""

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TextIO

from registrum.errors import BadValue
from registrum.sdk.attributes import Told
from registrum.sdk.http import Service, refusal
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import CountedPages, Node

if TYPE_CHECKING:
    from registrum.sdk.api import Api
    from registrum.sdk.runs import Run

CHUNK_BYTES = 1 << 20


class File(Told):
    """A file on the server: has `id`, `name`, `url`, `direct_url`, `mimetype`, `md5` and `updated_at`.

    Args:
        service_api: the server.
        attrs: what it told.
        run: whose file it is.
    """

    def __init__(
        self, service_api: Service, attrs: Mapping[str, Any], run: "Run | None" = None
    ) -> None:
        super().__init__(attrs)
        self._service_api = service_api
        self.run = run

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._attrs["sizeBytes"] or 0)

    @property
    def path_uri(self) -> str:
        """Where the bytes can be fetched; empty where that is not known."""
        return str(self._attrs.get("directUrl") or "")

    def download(
        self,
        root: str = ".",
        replace: bool = False,
        exist_ok: bool = False,
        api: "Api | None" = None,
    ) -> TextIO:
        """Fetches the file; it stands there whole or not at all.

        Args:
            root: the folder to put it in.
            replace: whether a file in its place is overwritten.
            exist_ok: whether a file in its place is taken instead.
            api: who asks, if not who listed it.

        Returns:
            The file, opened to be read as text.

        Raises:
            BadValue: there is a file in its place, or its name leads out of `root`; a ValueError.
            Refused: the server refused it.
        """
        name = PurePosixPath(self._attrs["name"])
        if name.is_absolute() or ".." in name.parts:
            raise BadValue(f"The file's name {str(name)!r} leads out of the folder.")
        path = Path(root, *name.parts)
        if path.exists() and not replace:
            if exist_ok:
                return path.open()
            raise BadValue(f"There is a file {str(path)!r}; give replace=True or exist_ok=True.")
        _fetch(api.service if api else self._service_api, self._attrs["directUrl"], path)
        return path.open()

    def delete(self) -> None:
        """Removes the file from the server.

        Raises:
            Refused: the server refused it.
        """
        given: dict[str, Any] = {"files": [self._attrs["id"]]}
        if self.run is not None:
            given["projectId"] = self.run.project_internal_id
        self._service_api.ask(operations.DELETE_FILES, {"input": given})

    def __repr__(self) -> str:
        return f"<File {self._attrs['name']} ({self._attrs['mimetype']}) {_human(self.size)}>"


class Files(CountedPages[File]):
    """The files of a run.

    Args:
        service_api: the server.
        run: whose.
        names: only these.
        per_page: how many are asked for at a time.
        upload: whether their URLs are to be such as can be written to.
        pattern: only those whose names fit, with `%` for any characters and `_` for one.
    """

    def __init__(
        self,
        service_api: Service,
        run: "Run",
        names: Sequence[str] | None = None,
        per_page: int = 50,
        upload: bool = False,
        pattern: str | None = None,
    ) -> None:
        if names and pattern:
            raise BadValue("Give names or a pattern, not both.")
        super().__init__(per_page)
        self._service_api = service_api
        self.run = run
        self._asked = {
            "names": list(names or ()),
            "pattern": pattern,
            "upload": upload,
        }

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first, "count": self._wants_total}
        page: Node = self.run.read(operations.FILES, **asked)["page"]
        return page

    def _convert(self, edge: Node) -> File:
        return File(self._service_api, edge["node"], self.run)

    def __repr__(self) -> str:
        return f"<Files {'/'.join(self.run.path)} ({len(self)})>"


def upload(service: Service, run: "Run", path: str, root: str) -> File:
    """Saves a file with a run, under its path below `root`.

    Raises:
        BadValue: the path is not below it; a ValueError.
        Refused: the server refused it.
    """
    name = os.path.relpath(path, root).replace(os.sep, "/")
    if name.startswith("../"):
        raise BadValue(f"{path!r} is not below {root!r}.")
    whose = {"entityName": run.entity, "projectName": run.project, "runName": run.id}
    given = whose | {"files": [name]}
    made = service.ask(operations.CREATE_FILES, {"input": given}, repeatable=True)["createRunFiles"]
    url = made["files"][0]["uploadUrl"]
    headers = dict(header.split(":", 1) for header in made["uploadHeaders"])
    target = url if "://" in url else service.url + url
    body = Path(root, name).read_bytes()
    answer = service.send("PUT", target, body=body, headers=headers, repeatable=True)
    if answer.status >= 300:
        raise refusal(target, answer)
    service.ask(operations.MARK_UPLOADED, {"input": given}, repeatable=True)
    return Files(service, run, [name])[0]


def _fetch(service: Service, url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    answer = service.send("GET", url, headers={}, repeatable=True, stream=True)
    if answer.status != 200:
        answer.read()
        raise refusal(url.partition("?")[0], answer)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in answer.stream(CHUNK_BYTES):
                file.write(chunk)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _human(size_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.1f}{unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f}TiB"
