"""What can be said about a registry, and edited: the properties of `Registry`."""

from collections.abc import Mapping
from typing import Any

from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import BadValue
from registrum.sdk.http import Service
from registrum.sdk.registry_input import Visibility, checked_visibility
from registrum.sdk.type_lists import AddOnlyArtifactTypesList


class Facts:
    """A registry's properties, as the server told them or as they were edited since; `Registry` adds what can be done with it."""

    def __init__(
        self,
        service_api: Service,
        organization: str,
        entity: str,
        name: str,
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        self._service_api = service_api
        self._organization = organization
        self._entity = entity
        self._saved_name = self._name = name
        self._attrs: Mapping[str, Any] | None = None
        self._description: str | None = None
        self._allows_all = True
        self._visibility: Visibility = "organization"
        self._types = AddOnlyArtifactTypesList()
        if attrs is not None:
            self._settle(attrs)

    def _settle(self, node: Mapping[str, Any]) -> None:
        """Takes over what the server tells, in place of what was edited."""
        self._attrs = node
        self._entity = node["entity"]["name"]
        self._organization = node["entity"]["organization"]["name"]
        self._saved_name = self._name = node["name"].removeprefix(REGISTRY_PREFIX)
        self._description = node["description"]
        self._allows_all = node["allowAllArtifactTypes"]
        self._visibility = "restricted" if node["access"] == "RESTRICTED" else "organization"
        edges = node["artifactTypes"]["edges"]
        self._types = AddOnlyArtifactTypesList(edge["node"]["name"] for edge in edges)

    def _told(self, key: str) -> Any:
        if self._attrs is None:
            raise AttributeError(f"Registry {self._name!r} is not loaded; call load() first.")
        return self._attrs[key]

    @property
    def id(self) -> str:
        """Global id."""
        return str(self._told("id"))

    @property
    def internal_id(self) -> str | None:
        """The id that filters use, encoded."""
        return None if self._attrs is None else str(self._attrs["internalId"])

    @property
    def full_name(self) -> str:
        """Name with the prefix `wandb-registry-`, as it stands in paths."""
        return f"{REGISTRY_PREFIX}{self._name}"

    @property
    def name(self) -> str:
        """Name without the prefix; may be set."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if not isinstance(value, str) or not value:
            raise BadValue("A registry's name is a text that isn't empty.")
        self._name = value

    @property
    def entity(self) -> str:
        """The entity of the organization, as it stands in paths."""
        return self._entity

    @property
    def organization(self) -> str:
        """The organization, by its display name."""
        return self._organization

    @property
    def description(self) -> str | None:
        """What the registry is for, in Markdown; may be set."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        if not isinstance(value, str | None):
            raise BadValue(f"A description is a text, not a {type(value).__name__}.")
        self._description = value

    @property
    def allow_all_artifact_types(self) -> bool:
        """Whether versions of every type may be linked, or only those of `artifact_types`; may be set."""
        return self._allows_all

    @allow_all_artifact_types.setter
    def allow_all_artifact_types(self, value: bool) -> None:
        if value not in (True, False):
            raise BadValue("allow_all_artifact_types is True or False.")
        self._allows_all = bool(value)

    @property
    def artifact_types(self) -> AddOnlyArtifactTypesList:
        """The types that the registry takes, or has, where it takes all.

        Append to it and `save()`; what is saved can't be removed.
        """
        return self._types

    @property
    def created_at(self) -> str:
        """When it was made."""
        return str(self._told("createdAt"))

    @property
    def updated_at(self) -> str | None:
        """When it was last edited."""
        found: str | None = self._told("updatedAt")
        return found

    @property
    def path(self) -> list[str]:
        """The entity, and the name with its prefix."""
        return [self.entity, self.full_name]

    @property
    def visibility(self) -> Visibility:
        """Who sees it; may be set.

        `organization`: everybody in the organization. `restricted`: its members only.
        """
        return self._visibility

    @visibility.setter
    def visibility(self, value: Visibility) -> None:
        self._visibility = checked_visibility(value)
