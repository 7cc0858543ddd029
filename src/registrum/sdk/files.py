"""Files as a server lists them, of artifacts and of runs."""

import os
from collections.abc import Mapping
from typing import IO, Any

from registrum.errors import BadValue
from registrum.sdk import checkouts, landings, transfers
from registrum.sdk.attributes import Told
from registrum.sdk.hashing import write_all
from registrum.sdk.http import Service
from registrum.sdk.operations import runs as operations
from registrum.sdk.progress import Progress

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class File(Told):
    """A file: `name`, `url`, `direct_url`, `mimetype`, `md5`, `digest`, `updated_at` and more, as the server told.

    Args:
        service_api: the server.
        attrs: what it told.
        run: that saved it; None of an artifact's file.
    """

    def __init__(self, service_api: Service, attrs: Mapping[str, Any], run: Any = None) -> None:
        super().__init__(attrs)
        self._service_api = service_api
        self.run = run

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._attrs["sizeBytes"] or 0)

    @property
    def path_uri(self) -> str:
        """The address of its bytes; empty where the server tells none."""
        direct: str = self._attrs.get("directUrl") or ""
        return direct if direct == self._attrs.get("url") else ""

    def download(
        self, root: str = ".", replace: bool = False, exist_ok: bool = False, api: Any = None
    ) -> IO[str]:
        """Fetches the file into a folder; the file, open for reading.

        Args:
            root: the folder; the file's own folders are made in it.
            replace: whether it may take the place of a file that is there.
            exist_ok: whether one that is there is as good.
            api: who asks, if not who listed it.

        Raises:
            BadValue: there is a file already; a ValueError.
            Unavailable: the server can't be reached any more.
        """
        path = checkouts.path_in(root, self._attrs["name"])
        if not os.path.exists(path) or replace:
            self._fetch(api.service if api else self._service_api, root, path)
        elif not exist_ok:
            raise BadValue(f"There is a file {path} already: pass replace=True, or exist_ok=True.")
        return open(path, encoding="utf-8")

    def _fetch(self, service: Service, root: str, path: str) -> None:
        name, url = self._attrs["name"], self._attrs.get("directUrl") or self._attrs["url"]
        with (
            landings.Landing(root) as landing,
            Progress(f"↓ {name}", self.size) as progress,
            landing.file() as (file, temporary),
        ):

            def write(chunk: bytes) -> None:
                write_all(file, chunk)
                progress.took(len(chunk))

            transfers.receive(service, url, 0, self.size, write, transfers.Stop())
            file.close()
            landing.publish(temporary, path)

    def delete(self) -> None:
        """Removes a run's file from the server.

        Raises:
            Refused: the server refused it; an artifact's file stays as long as the artifact.
        """
        given: dict[str, Any] = {"files": [self._attrs["id"]]}
        if self.run is not None:
            given["projectId"] = self.run.project_internal_id
        self._service_api.ask(operations.DELETE_FILES, {"input": given})

    def __repr__(self) -> str:
        count, unit = float(self.size), 0
        while count >= 1024 and unit < len(_UNITS) - 1:
            count, unit = count / 1024, unit + 1
        kind = self._attrs.get("mimetype")
        return f"<File {self._attrs['name']} ({kind}) {count:.1f}{_UNITS[unit]}>"
