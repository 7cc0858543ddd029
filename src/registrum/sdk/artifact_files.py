"""The files of one version, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from registrum.sdk.files import File
from registrum.sdk.http import Service
from registrum.sdk.operations import artifacts as operations
from registrum.sdk.pages import CountedPages, Node, page_at
from registrum.sdk.versions import ON_THE_WAY, Place


class ArtifactFiles(CountedPages[File]):
    """The files of one version, by path."""

    def __init__(
        self,
        service_api: Service,
        place: Place,
        names: Sequence[str] | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self._place = place
        self._asked = place.key | {"names": list(names) if names is not None else None}

    @property
    def path(self) -> list[str]:
        """Owner, project and name of the version."""
        return [self._place.entity, self._place.project, self._place.name]

    def _ask(self, after: str | None, first: int) -> Node:
        answer = self._service_api.ask(
            operations.FILES, self._asked | {"after": after, "first": first}
        )
        return self._page_of(answer)

    def _count(self) -> int:
        answer = self._service_api.ask(operations.FILE_COUNT, self._asked | {"first": 1})
        return int(self._page_of(answer)["totalCount"])

    def _page_of(self, answer: Node) -> Node:
        return page_at(answer, *ON_THE_WAY, of=f"artifact {self._place}")

    def _convert(self, edge: Node) -> File | None:
        return File(self._service_api, edge["node"]) if edge["node"] else None

    def __repr__(self) -> str:
        return f"<ArtifactFiles {'/'.join(self.path)} ({len(self)})>"
