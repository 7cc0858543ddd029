"""The registries of an organization, and the way from them to collections and versions."""

from registrum.core.projects import REGISTRY_PREFIX
from registrum.sdk import artifacts
from registrum.sdk.conditions import (
    REGISTRIES,
    SORTABLE,
    filter_text,
    of_registries,
    order_text,
)
from registrum.sdk.http import Service
from registrum.sdk.operations import registries as operations
from registrum.sdk.pages import Node, Pages
from registrum.sdk.registries import Registry
from registrum.sdk.search import (
    Chained,
    ChainedCollections,
    Collections,
    Condition,
    Versions,
    check_no_start,
    page_in_organization,
    versions_of_registries,
)


class Registries(Pages[Registry]):
    """The registries of an organization, as far as the caller may see them.

    Args:
        service_api: the server.
        organization: whose.
        filter: conditions on them.
        order: `name`, `created_at` or `updated_at` after `+` (ascending) or `-`.
        per_page: how many are asked for at a time.
        start: where to go on: the `cursor` of an earlier list.
    """

    def __init__(
        self,
        service_api: Service,
        organization: str,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.organization = organization
        self.filter = filter
        self.order = order_text(order, SORTABLE)
        self._asked = {
            "organization": organization,
            "filters": filter_text(of_registries(filter), REGISTRIES),
            "order": self.order,
        }

    @property
    def length(self) -> int | None:
        """How many the page held that was loaded last; None before the first."""
        return None if self._page is None else len(self._page["edges"])

    def collections(
        self,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections | ChainedCollections:
        """The collections of these registries; of ordered registries one after the other.

        Args:
            filter: conditions on the collections.
            order: `name`, `created_at` or `updated_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list; not for ordered registries.

        Raises:
            ValueError: a filter or order that can't be, or `start` with ordered registries.
        """
        if self.order is None:
            return self._collections(self.filter, filter, order, per_page, start)
        check_no_start(start, "collections", "registries")
        self._collections(None, filter, order, per_page)
        each = (self._collections(own.condition, filter, order, per_page) for own in self)
        return ChainedCollections(self._service_api, self.organization, each)

    def _collections(
        self,
        registries: Condition | None,
        filter: Condition | None,
        order: str | None,
        per_page: int,
        start: str | None = None,
    ) -> Collections:
        return Collections(
            self._service_api,
            self.organization,
            registry_filter=registries,
            collection_filter=filter,
            order=order,
            per_page=per_page,
            start=start,
        )

    def versions(
        self,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Versions | Chained[artifacts.Artifact]:
        """The versions in these registries; of ordered registries one after the other.

        Args:
            filter: conditions on the versions.
            order: `created_at`, `artifact_size` or `linked_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list; not for ordered registries.

        Raises:
            ValueError: a filter or order that can't be, or `start` with ordered registries.
        """
        if self.order is None:
            return Versions(
                self._service_api,
                self.organization,
                registry_filter=self.filter,
                artifact_filter=filter,
                order=order,
                per_page=per_page,
                start=start,
            )
        check_no_start(start, "versions", "registries")
        each = (own.condition for own in self)
        whose = (self._service_api, self.organization)
        return versions_of_registries(*whose, each, filter, order, per_page)

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first}
        answer = self._service_api.ask(operations.REGISTRIES, asked)
        return page_in_organization(answer, self.organization)

    def _convert(self, edge: Node) -> Registry | None:
        node = edge["node"]
        if not node:
            return None
        name = node["name"].removeprefix(REGISTRY_PREFIX)
        return Registry(self._service_api, self.organization, node["entity"]["name"], name, node)
