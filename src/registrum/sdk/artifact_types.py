"""Types of artifacts in a project, and the collections of a type or of all."""

from collections.abc import Mapping
from typing import Any

from registrum.errors import Missing
from registrum.sdk.collections import ArtifactCollection, collection_of
from registrum.sdk.conditions import filter_text, order_text
from registrum.sdk.http import Service
from registrum.sdk.operations import collections as operations
from registrum.sdk.pages import CountedPages, Node, Pages, page_at


class ArtifactType:
    """A kind of artifacts in a project: model, dataset, …

    Args:
        service_api: the server.
        entity: owner of the project.
        project: where the type is.
        type_name: its name.
        attrs: what the server told; loaded where absent.

    Raises:
        Missing: there is no such type; a ValueError.
    """

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        type_name: str,
        attrs: Node | None = None,
    ) -> None:
        self._service_api = service_api
        self.entity = entity
        self.project = project
        self.type = type_name
        self._attrs = attrs or self.load()

    def load(self) -> Node:
        """What the server tells of the type.

        Raises:
            Missing: there is no such type; a ValueError.
        """
        asked = {"entity": self.entity, "project": self.project, "type": self.type}
        owner = self._service_api.ask(operations.TYPE, asked)["project"]
        found: Node | None = owner and owner["artifactType"]
        if not found:
            raise Missing(
                f"There is no artifact type {self.type!r} in {self.entity}/{self.project}."
            )
        return found

    @property
    def id(self) -> str:
        """Global id."""
        return str(self._attrs["id"])

    @property
    def name(self) -> str:
        """Name of the type."""
        return str(self._attrs["name"])

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> "ArtifactCollections":
        """The collections of this type.

        Args:
            filters: conditions on them.
            order: field to sort by, after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.
        """
        return ArtifactCollections(
            self._service_api,
            self.entity,
            self.project,
            self.type,
            filters=filters,
            order=order,
            per_page=per_page,
            start=start,
        )

    def collection(self, name: str) -> ArtifactCollection:
        """One collection of this type, by name.

        Raises:
            Missing: there is none; a ValueError.
        """
        return ArtifactCollection(self._service_api, self.entity, self.project, name, self.type)

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"


class ArtifactTypes(Pages[ArtifactType]):
    """The types of artifacts in a project."""

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.entity = entity
        self.project = project

    def _ask(self, after: str | None, first: int) -> Node:
        asked = {"entity": self.entity, "project": self.project, "after": after, "first": first}
        answer = self._service_api.ask(operations.TYPES, asked)
        return page_at(answer, "project", of=f"project {self.entity}/{self.project}")

    def _convert(self, edge: Node) -> ArtifactType:
        node = edge["node"]
        return ArtifactType(self._service_api, self.entity, self.project, node["name"], node)


class ArtifactCollections(CountedPages[ArtifactCollection]):
    """The collections of one type in a project."""

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        type_name: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.entity = entity
        self.project = project
        self.type_name = type_name
        self.filters = filters
        self.order = order_text(order, None)
        self._asked = {
            "entity": entity,
            "project": project,
            "type": type_name,
            "filters": filter_text(filters, None),
            "order": self.order,
        }

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first, "count": self._wants_total}
        answer = self._service_api.ask(operations.OF_TYPE, asked)
        what = f"artifact type {self.type_name!r} in {self.entity}/{self.project}"
        return page_at(answer, "project", "artifactType", of=what)

    def _convert(self, edge: Node) -> ArtifactCollection | None:
        return collection_of(self._service_api, edge["node"])


class ProjectArtifactCollections(CountedPages[ArtifactCollection]):
    """The collections in a project, of every type."""

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.entity = entity
        self.project = project
        self.filters = filters
        self.order = order_text(order, None)
        self._asked = {
            "entity": entity,
            "project": project,
            "filters": filter_text(filters, None),
            "order": self.order,
        }

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first, "count": self._wants_total}
        answer = self._service_api.ask(operations.OF_PROJECT, asked)
        return page_at(answer, "project", of=f"project {self.entity}/{self.project}")

    def _convert(self, edge: Node) -> ArtifactCollection | None:
        return collection_of(self._service_api, edge["node"])
