"""Projects: places for runs and artifacts."""

from collections.abc import Mapping
from typing import Any

from registrum.errors import Missing
from registrum.sdk.artifact_types import ArtifactTypes, ProjectArtifactCollections
from registrum.sdk.attributes import Told
from registrum.sdk.http import Service
from registrum.sdk.operations import projects as operations
from registrum.sdk.pages import Node, Pages
from registrum.sdk.users import User


class Project(Told):
    """A project: has `id`, `name`, `entity`, `created_at`, and is asked for when one of them is looked at.

    Args:
        service_api: the server.
        entity: its owner.
        project: its name.
        attrs: what the server told; empty where it is to be asked.
    """

    def __init__(
        self, service_api: Service, entity: str, project: str, attrs: Mapping[str, Any]
    ) -> None:
        super().__init__(attrs)
        self._is_loaded = bool(attrs)
        self._service_api = service_api
        self.name = project
        self.entity = entity

    def _load(self) -> None:
        asked = {"entity": self.entity, "name": self.name}
        self._attrs = self._service_api.ask(operations.PROJECT, asked)["project"] or {}
        self._is_loaded = True

    @property
    def id(self) -> str:
        """Global id.

        Raises:
            Missing: there is no such project; a ValueError.
        """
        if not self._is_loaded:
            self._load()
        if "id" not in self._attrs:
            raise Missing(f"There is no project {self.name!r} of {self.entity!r}.")
        return str(self._attrs["id"])

    @property
    def owner(self) -> User:
        """Who made it.

        Raises:
            Missing: that is not known; a ValueError.
        """
        if not self._is_loaded:
            self._load()
        if not self._attrs.get("user"):
            raise Missing(f"It is not known who made the project {self.name!r}.")
        return User(self._service_api, self._attrs["user"])

    @property
    def path(self) -> list[str]:
        """Owner and name."""
        return [self.entity, self.name]

    @property
    def url(self) -> str:
        """Its page for people."""
        return f"{self._service_api.url}/{self.entity}/{self.name}/workspace"

    def artifacts_types(self, per_page: int = 50) -> ArtifactTypes:
        """The types of artifacts in it."""
        return ArtifactTypes(self._service_api, self.entity, self.name, per_page=per_page)

    def collections(
        self,
        filters: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 50,
    ) -> ProjectArtifactCollections:
        """The collections of artifacts in it.

        Args:
            filters: conditions on them.
            order: field to sort by, after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
        """
        return ProjectArtifactCollections(
            self._service_api,
            self.entity,
            self.name,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def __getattr__(self, name: str) -> Any:
        """What the server tells under this name."""
        if not name.startswith("_") and not self._is_loaded:
            self._load()
        return super().__getattr__(name)

    def __repr__(self) -> str:
        return f"<Project {self.entity}/{self.name}>"


class Projects(Pages[Project]):
    """The projects of an entity, newest first."""

    def __init__(self, service_api: Service, entity: str, per_page: int = 50) -> None:
        super().__init__(per_page)
        self._service_api = service_api
        self.entity = entity

    @property
    def length(self) -> None:
        """Not known."""
        return

    def _ask(self, after: str | None, first: int) -> Node:
        asked = {"entity": self.entity, "after": after, "first": first}
        page: Node | None = self._service_api.ask(operations.PROJECTS, asked)["page"]
        if page is None:
            raise Missing(f"There is no entity {self.entity!r}, or the caller may not see it.")
        return page

    def _convert(self, edge: Node) -> Project:
        node = edge["node"]
        return Project(self._service_api, self.entity, node["name"], node)

    def __repr__(self) -> str:
        return f"<Projects {self.entity}>"
