"""Files that a run has saved."""

import os
from collections.abc import Sequence
from pathlib import Path

from registrum.errors import BadValue
from registrum.sdk.files import File
from registrum.sdk.http import Service, refusal
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import CountedPages, Node
from registrum.sdk.run_reading import Readable


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
        run: Readable,
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


def upload(service: Service, run: Readable, path: str, root: str) -> File:
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
