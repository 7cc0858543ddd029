"""What is found in registries: collections, and versions in them, lazily, from one level to the next."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NoReturn, TypeVar

from registrum.core import ids
from registrum.core.errors import Invalid
from registrum.errors import BadValue, Missing, UnsupportedError
from registrum.sdk import artifacts, finding
from registrum.sdk.collections import ArtifactCollection, collection_of
from registrum.sdk.conditions import (
    COLLECTIONS,
    COLLECTIONS_OF_VERSIONS,
    REGISTRIES,
    REGISTRIES_OF_VERSIONS,
    SORTABLE,
    VERSION_TIMES,
    VERSIONS,
    filter_text,
    of_registries,
    order_text,
)
from registrum.sdk.http import Service
from registrum.sdk.operations import registries as operations
from registrum.sdk.pages import CountedPages, Node

T = TypeVar("T")
Condition = Mapping[str, Any]


class Versions(CountedPages[artifacts.Artifact]):
    """Versions linked into the registries of an organization, as far as the caller may see them.

    Args:
        service_api: the server.
        organization: whose registries.
        registry_filter: conditions on the registries.
        collection_filter: conditions on the collections.
        artifact_filter: conditions on the versions.
        order: `created_at`, `artifact_size` or `linked_at` after `+` (ascending) or `-`.
        per_page: how many are asked for at a time.
        start: where to go on: the `cursor` of an earlier list.
    """

    def __init__(
        self,
        service_api: Service,
        organization: str,
        registry_filter: Condition | None = None,
        collection_filter: Condition | None = None,
        artifact_filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.organization = organization
        self.registry_filter = registry_filter
        self.collection_filter = collection_filter
        self.artifact_filter = artifact_filter
        self.order = order_text(order, VERSION_TIMES)
        self._asked = {
            "organization": organization,
            "registryFilters": filter_text(of_registries(registry_filter), REGISTRIES_OF_VERSIONS),
            "collectionFilters": filter_text(collection_filter, COLLECTIONS_OF_VERSIONS),
            "filters": filter_text(artifact_filter, VERSIONS),
            "order": self.order,
        }

    @property
    def length(self) -> int | None:
        """How many the page held that was loaded last; None before the first."""
        return None if self._page is None else len(self._page["edges"])

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first, "count": self._wants_total}
        answer = self._service_api.ask(operations.VERSIONS, asked)
        return page_in_organization(answer, self.organization)

    def _convert(self, edge: Node) -> artifacts.Artifact | None:
        node = edge["node"]
        collection = node and node["artifactCollection"]
        if not collection or not collection["project"] or not node["artifact"]:
            return None
        return finding.of_place(self._service_api, node)


class Collections(CountedPages[ArtifactCollection]):
    """Collections in the registries of an organization, as far as the caller may see them.

    Args:
        service_api: the server.
        organization: whose registries.
        registry_filter: conditions on the registries.
        collection_filter: conditions on the collections.
        order: `name`, `created_at` or `updated_at` after `+` (ascending) or `-`.
        per_page: how many are asked for at a time.
        start: where to go on: the `cursor` of an earlier list.
    """

    def __init__(
        self,
        service_api: Service,
        organization: str,
        registry_filter: Condition | None = None,
        collection_filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> None:
        super().__init__(per_page, start)
        self._service_api = service_api
        self.organization = organization
        self.registry_filter = registry_filter
        self.collection_filter = collection_filter
        self.order = order_text(order, SORTABLE)
        self._asked = {
            "organization": organization,
            "registryFilters": filter_text(of_registries(registry_filter), REGISTRIES),
            "filters": filter_text(collection_filter, COLLECTIONS),
            "order": self.order,
        }

    def versions(
        self,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> "Versions | Chained[artifacts.Artifact]":
        """The versions in these collections; of ordered collections one after the other.

        Args:
            filter: conditions on the versions.
            order: `created_at`, `artifact_size` or `linked_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list; not for ordered collections.

        Raises:
            ValueError: a filter or order that can't be, or `start` with ordered collections.
        """
        if self.order is None:
            return Versions(
                self._service_api,
                self.organization,
                registry_filter=self.registry_filter,
                collection_filter=self.collection_filter,
                artifact_filter=filter,
                order=order,
                per_page=per_page,
                start=start,
            )
        check_no_start(start, "versions", "collections")
        return versions_of_each(self._service_api, self.organization, self, filter, order, per_page)

    def _ask(self, after: str | None, first: int) -> Node:
        asked = self._asked | {"after": after, "first": first, "count": self._wants_total}
        answer = self._service_api.ask(operations.COLLECTIONS, asked)
        return page_in_organization(answer, self.organization)

    def _convert(self, edge: Node) -> ArtifactCollection | None:
        return collection_of(self._service_api, edge["node"], self.organization)


class Chained(Iterator[T]):
    """Several lists one after the other, in the order of what they belong to; it can be iterated over, no more."""

    def __init__(self, lists: Iterable[Iterable[T]]) -> None:
        self._items = chain.from_iterable(lists)

    def __next__(self) -> T:
        """The next one."""
        return next(self._items)

    @property
    def cursor(self) -> NoReturn:
        """Not there: no one list could go on."""
        raise UnsupportedError("Lists of what is ordered above them have no cursor.")

    @property
    def length(self) -> NoReturn:
        """Not there."""
        raise UnsupportedError("Lists of what is ordered above them have no length.")

    def __len__(self) -> NoReturn:
        """Not there."""
        raise TypeError("Lists of what is ordered above them have no len().")

    def __getitem__(self, index: int | slice) -> NoReturn:
        """Not there."""
        raise UnsupportedError("Lists of what is ordered above them have no places.")


class ChainedCollections(Chained[ArtifactCollection]):
    """The collections of ordered registries, one registry after the other."""

    def __init__(
        self,
        service_api: Service,
        organization: str,
        lists: Iterable[Iterable[ArtifactCollection]],
    ) -> None:
        super().__init__(lists)
        self._service_api = service_api
        self.organization = organization

    def versions(
        self,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Chained[artifacts.Artifact]:
        """The versions in these collections, one collection after the other.

        Args:
            filter: conditions on the versions.
            order: `created_at`, `artifact_size` or `linked_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: not possible here.

        Raises:
            ValueError: a filter or order that can't be, or `start`.
        """
        check_no_start(start, "versions", "registries")
        return versions_of_each(self._service_api, self.organization, self, filter, order, per_page)


def versions_of_each(
    service: Service,
    organization: str,
    collections: Iterable[ArtifactCollection],
    filter: Condition | None,
    order: str | None,
    per_page: int,
) -> Chained[artifacts.Artifact]:
    """The versions of one collection after the other."""
    of_one = _versions_maker(service, organization, filter, order, per_page)
    return Chained(
        of_one(registry_condition(own.project_internal_id, own.project), {"name": own.name})
        for own in collections
    )


def versions_of_registries(
    service: Service,
    organization: str,
    conditions: Iterable[Condition],
    filter: Condition | None,
    order: str | None,
    per_page: int,
) -> Chained[artifacts.Artifact]:
    """The versions of one registry after the other."""
    of_one = _versions_maker(service, organization, filter, order, per_page)
    return Chained(of_one(condition, None) for condition in conditions)


def _versions_maker(
    service: Service,
    organization: str,
    filter: Condition | None,
    order: str | None,
    per_page: int,
) -> Callable[[Condition, Condition | None], Versions]:
    # One is made at once, so that what can't be is told here, not in the middle of a loop.
    Versions(service, organization, artifact_filter=filter, order=order, per_page=per_page)

    def of_one(registry: Condition, collection: Condition | None) -> Versions:
        return Versions(
            service,
            organization,
            registry_filter=registry,
            collection_filter=collection,
            artifact_filter=filter,
            order=order,
            per_page=per_page,
        )

    return of_one


def registry_condition(internal_id: str | None, full_name: str) -> Condition:
    """The filter that finds exactly this registry."""
    for kind in ("Project", "ProjectInternalId"):
        try:
            return {"id": ids.decode(kind, internal_id or "")}
        except Invalid:
            continue
    return {"name": full_name}


def check_no_start(start: str | None, what: str, above: str) -> None:
    """Refuses to go on at a cursor below something ordered.

    Raises:
        BadValue: there is one; a ValueError.
    """
    if start is not None:
        raise BadValue(
            f"start={start!r} can't be given for {what} of {above} that have an order;"
            " leave out one of the two."
        )


def page_in_organization(answer: Node, organization: str) -> Node:
    """The page that was asked for in an organization.

    Raises:
        Missing: there is no such organization, or none the caller may see; a ValueError.
    """
    found = answer["organization"]
    if not found or not found["orgEntity"]:
        raise Missing(f"There is no organization {organization!r}.")
    page: Node = found["orgEntity"]["page"]
    return page
