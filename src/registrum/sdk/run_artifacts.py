"""The artifacts that a run has made or used."""

from typing import Literal

from registrum.sdk import artifacts, finding
from registrum.sdk.http import Service
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import CountedPages, Node
from registrum.sdk.run_reading import Readable

_DOCUMENTS = {
    "logged": operations.LOGGED,
    "used": operations.USED,
}


class RunArtifacts(CountedPages[artifacts.Artifact]):
    """The artifacts that a run has made, or used.

    Args:
        service_api: the server.
        run: whose.
        mode: `logged` or `used`.
        per_page: how many are asked for at a time.
        start: where to go on: the `cursor` of an earlier list.

    Raises:
        ValueError: there is no such mode.
    """

    def __init__(
        self,
        service_api: Service,
        run: Readable,
        mode: Literal["logged", "used"] = "logged",
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        if mode not in _DOCUMENTS:
            raise ValueError(f"The mode is 'logged' or 'used', not {mode!r}.")
        super().__init__(per_page, start)
        self._service_api = service_api
        self.run = run
        self._document = _DOCUMENTS[mode]

    def _ask(self, after: str | None, first: int) -> Node:
        page: Node = self.run.read(
            self._document, after=after, first=first, count=self._wants_total
        )["page"]
        return page

    def _convert(self, edge: Node) -> artifacts.Artifact | None:
        node = edge["node"]
        if not node or not node["artifactSequence"]["project"]:
            return None
        return finding.of_version(self._service_api, node)
