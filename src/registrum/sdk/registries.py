"""A registry of an organization: what can be said about it, edited, and who is in it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import BadValue, Missing, Refused, RefusedValue
from registrum.sdk import members as membership
from registrum.sdk.members import AnyMember, MemberRole, TeamMember, UserMember
from registrum.sdk.operations import registries as operations
from registrum.sdk.pages import Node
from registrum.sdk.registry_facts import Facts
from registrum.sdk.registry_input import (
    ACCESS,
    Visibility,
    checked_name,
    checked_types,
    checked_visibility,
    without_none,
)
from registrum.sdk.search import Collections, Condition, Versions, registry_condition

if TYPE_CHECKING:
    from registrum.sdk.api import Api


class Registry(Facts):
    """A registry of an organization.

    Edit `name`, `description`, `visibility`, `allow_all_artifact_types` or `artifact_types`, then `save()`.

    Args:
        service_api: the server.
        organization: whose it is, by display name.
        entity: the entity of that organization.
        name: without the prefix `wandb-registry-`.
        attrs: what the server told; without, `load()` asks for it.
    """

    def collections(
        self,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections:
        """The collections of this registry.

        Args:
            filter: conditions on them, such as `{"name": {"$regex": "model"}}`; docs/search.md.
            order: `name`, `created_at` or `updated_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.

        Raises:
            ValueError: a filter or order that can't be.
        """
        return Collections(
            self._service_api,
            self.organization,
            registry_filter=self.condition,
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
    ) -> Versions:
        """The versions in this registry.

        Args:
            filter: conditions on them, such as `{"alias": "best"}`; docs/search.md.
            order: `created_at`, `artifact_size` or `linked_at` after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.

        Raises:
            ValueError: a filter or order that can't be.
        """
        return Versions(
            self._service_api,
            self.organization,
            registry_filter=self.condition,
            artifact_filter=filter,
            order=order,
            per_page=per_page,
            start=start,
        )

    @property
    def condition(self) -> Condition:
        """The filter that finds exactly this registry."""
        return registry_condition(self.internal_id, self.full_name)

    @classmethod
    def create(
        cls,
        api: "Api",
        organization: str,
        name: str,
        visibility: Visibility,
        description: str | None = None,
        artifact_types: list[str] | None = None,
    ) -> Self:
        """Makes a registry; use `Api.create_registry`.

        Args:
            api: the server, and who asks.
            organization: whose it is to be.
            name: without the prefix `wandb-registry-`.
            visibility: `organization` or `restricted`.
            description: what it is for.
            artifact_types: the types that it takes; all where absent.

        Raises:
            ValueError: the name is taken or can't be, or the server refused it.
        """
        owner = api.organization(organization).org_entity.name
        given = without_none(
            description=description,
            entityName=owner,
            name=REGISTRY_PREFIX + checked_name(name),
            access=ACCESS[checked_visibility(visibility)],
            allowAllArtifactTypesInRegistry=not artifact_types,
            artifactTypes=checked_types(artifact_types),
            onlyNew=True,
        )
        what = f"Registry {name!r} was not made in organization {organization!r}"
        with_input = {"input": given}
        try:
            answer = api.service.ask(operations.UPSERT_REGISTRY, with_input)["upsertModel"]
        except Refused as error:
            raise RefusedValue.of(error, what) from error
        return cls(api.service, organization, owner, name, answer["project"])

    def delete(self) -> None:
        """Removes the registry with its collections; the versions stay where they were logged.

        Raises:
            ValueError: the server refused it.
        """
        given = {"id": self.id}
        self._ask(operations.DELETE_REGISTRY, {"input": given}, "deleted")

    def load(self) -> None:
        """Reads it anew; what was edited and not saved is lost.

        Raises:
            ValueError: it is not there, or the caller may not see it.
        """
        asked = {"entity": self.entity, "name": self.full_name}
        owner = self._ask(operations.REGISTRY, asked, "loaded")["entity"]
        if not owner or not owner["project"]:
            raise Missing(
                f"There is no registry {self.name!r} in organization {self.organization!r}."
            )
        self._settle(owner["project"])

    def save(self) -> None:
        """Sends what was edited.

        Raises:
            ValueError: types were added although all are allowed, a name or type can't be, or the server refused it.
        """
        added = self._types.draft
        if added and self._allows_all:
            raise BadValue(
                "Types were added, but allow_all_artifact_types is True; set it to False first."
            )
        name = checked_name(self._name)
        given = without_none(
            description=self._description,
            entityName=self._entity,
            name=REGISTRY_PREFIX + checked_name(self._saved_name),
            access=ACCESS[self._visibility],
            allowAllArtifactTypesInRegistry=self._allows_all,
            artifactTypes=checked_types(added),
        )
        answer = self._ask(operations.UPSERT_REGISTRY, {"input": given}, "saved")
        self._settle(answer["upsertModel"]["project"])
        if name != self._name:
            self._rename(name)

    def _rename(self, name: str) -> None:
        given = {
            "entityName": self._entity,
            "oldProjectName": self.full_name,
            "newProjectName": REGISTRY_PREFIX + name,
        }
        answer = self._ask(operations.RENAME_REGISTRY, {"input": given}, f"renamed to {name!r}")
        self._settle(answer["renameProject"]["project"])

    def _ask(self, document: str, variables: Mapping[str, Any], done: str) -> Node:
        try:
            return self._service_api.ask(document, variables)
        except Refused as error:
            what = f"Registry {self._saved_name!r} of {self.organization!r} was not {done}"
            raise RefusedValue.of(error, what) from error

    def members(self) -> list[UserMember | TeamMember]:
        """The people and teams that are members of the registry."""
        return [*self.user_members(), *self.team_members()]

    def user_members(self) -> list[UserMember]:
        """The people who are members of the registry themselves.

        Raises:
            Missing: the registry is not there any more; a ValueError.
        """
        found = membership.user_members(self._service_api, self.entity, self.full_name)
        return self._gone() if found is None else found

    def team_members(self) -> list[TeamMember]:
        """The teams that are members of the registry.

        Raises:
            Missing: the registry is not there any more; a ValueError.
        """
        found = membership.team_members(self._service_api, self.entity, self.full_name)
        return self._gone() if found is None else found

    def _gone(self) -> NoReturn:
        raise Missing(f"There is no registry {self.name!r} in organization {self.organization!r}.")

    def add_members(self, *members: AnyMember) -> Self:
        """Makes people and teams members of the registry; who is one keeps the role.

        Args:
            *members: people, teams, or their ids.

        Returns:
            The registry, so that calls can be chained.

        Raises:
            TypeError: there is none, or something is neither a person nor a team.
            ValueError: a text is no id.
            Refused: the server refused it.
        """
        _check_any(members)
        membership.add_members(self._service_api, self.id, members)
        return self

    def remove_members(self, *members: AnyMember) -> Self:
        """Ends memberships of people and teams.

        Args:
            *members: people, teams, or their ids.

        Returns:
            The registry, so that calls can be chained.

        Raises:
            TypeError: there is none, or something is neither a person nor a team.
            ValueError: a text is no id.
            Refused: the server refused it.
        """
        _check_any(members)
        membership.remove_members(self._service_api, self.id, members)
        return self

    def update_member(self, member: AnyMember, role: MemberRole | str) -> Self:
        """Gives a member another role.

        Args:
            member: a person, a team, or the id of one.
            role: `admin`, `member`, `viewer` or `restricted_viewer`.

        Returns:
            The registry, so that calls can be chained.

        Raises:
            TypeError: it is neither a person nor a team.
            ValueError: a text is no id.
            Refused: there is no such role or member, or the caller may not.
        """
        membership.update_member(self._service_api, self.id, member, role)
        return self


def _check_any(members: tuple[AnyMember, ...]) -> None:
    if not members:
        raise TypeError("Name at least one user or team.")
