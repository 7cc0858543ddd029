"""The versions in one collection."""

from collections.abc import Mapping
from typing import Any

from registrum.sdk import artifacts, finding
from registrum.sdk.conditions import filter_text, order_text
from registrum.sdk.http import Service
from registrum.sdk.operations import collections as operations
from registrum.sdk.pages import CountedPages, Node, page_at
from registrum.sdk.versions import listed_place


class Artifacts(CountedPages[artifacts.Artifact]):
    """The versions in one collection, newest first where no order is given."""

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        collection_name: str,
        type: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        tags: str | list[str] | None = None,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.entity = entity
        self.project = project
        self.collection_name = collection_name
        self.type = type
        self.filters = {"state": "COMMITTED"} if filters is None else filters
        self.order = order_text(order, None)
        self.tags = [tags] if isinstance(tags, str) else list(tags or ())
        self._asked = {
            "entity": entity,
            "project": project,
            "type": type,
            "collection": collection_name,
            "filters": filter_text(self.filters, None),
            "order": self.order,
        }

    def _ask(self, after: str | None, first: int) -> Node:
        answer = self._service_api.ask(
            operations.VERSIONS,
            self._asked | {"after": after, "first": first, "count": self._wants_total},
        )
        path = f"{self.entity}/{self.project}/{self.collection_name}"
        what = f"collection {path} of type {self.type!r}"
        return page_at(answer, "project", "artifactType", "artifactCollection", of=what)

    def _convert(self, edge: Node) -> artifacts.Artifact | None:
        if not edge["node"]:
            return None
        owner = (self.entity, self.project, self.collection_name)
        place = listed_place(*owner, edge["version"], edge["node"])
        found = finding.of_version(self._service_api, edge["node"], place)
        return found if set(self.tags) <= set(found.tags) else None
