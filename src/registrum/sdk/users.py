"""People, and their API keys."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import registrum
from registrum.errors import Refused, RefusedValue
from registrum.sdk.attributes import Told
from registrum.sdk.http import Service
from registrum.sdk.operations import users as operations

if TYPE_CHECKING:
    from registrum.sdk.api import Api


class User(Told):
    """A person's account.

    Beside the properties: `id`, `name`, `username`, `email`, `admin`, `entity` (the default one) and `flags`.

    Args:
        service_api: the server.
        attrs: what it told.
        api_key: a key of this person, where known.
    """

    def __init__(
        self, service_api: Service, attrs: Mapping[str, Any], api_key: str | None = None
    ) -> None:
        super().__init__(attrs)
        self._service_api = service_api
        self._api_key = api_key
        self._user_api: Api | None = None

    @property
    def user_api(self) -> "Api | None":
        """An `Api` with this person's key; None where there is none."""
        if self._user_api is None and self._api_key:
            url = {"base_url": self._service_api.url}
            self._user_api = registrum.Api(overrides=url, api_key=self._api_key)
        return self._user_api

    @classmethod
    def create(cls, api: "Api", email: str, admin: bool | None = False) -> Self:
        """Makes an account; instance administrators only.

        Args:
            api: the server, and who asks.
            email: the person's address.
            admin: whether to be an instance administrator.

        Raises:
            RefusedValue: the server refused it; a ValueError.
        """
        given = {"email": email, "admin": admin}
        try:
            made = api.service.ask(operations.CREATE_USER, {"input": given})["createUser"]
        except Refused as error:
            raise RefusedValue.of(error, f"User {email!r} was not made") from error
        return cls(api.service, made["user"], api_key=api.api_key)

    @property
    def api_keys(self) -> list[str]:
        """Names of the person's keys, which are not the keys themselves; empty where they may not be seen."""
        return [edge["node"]["name"] for edge in self._edges("apiKeys")]

    @property
    def teams(self) -> list[str]:
        """Names of the teams the person is in."""
        return [edge["node"]["name"] for edge in self._edges("teams")]

    def delete_api_key(self, api_key: str) -> bool:
        """Revokes a key at once.

        Args:
            api_key: one of `api_keys`.

        Returns:
            Whether it was done.

        Raises:
            ValueError: there is no key of that name.
        """
        key_id = self._edges("apiKeys")[self.api_keys.index(api_key)]["node"]["id"]
        try:
            self._service_api.ask(operations.DELETE_API_KEY, {"input": {"id": key_id}})
        except Refused:
            return False
        return True

    def generate_api_key(self, description: str | None = None) -> str | None:
        """Makes a key for this person.

        Args:
            description: what it is for.

        Returns:
            The key itself, which is told this once; None where it was refused.
        """
        given = {"description": description, "username": self._attrs.get("username")}
        try:
            made = self._service_api.ask(operations.GENERATE_API_KEY, {"input": given})
        except Refused:
            return None
        key: dict[str, Any] = made["generateApiKey"]["apiKey"]
        self._edges("apiKeys").append({"node": key})
        return str(key["name"])

    def _edges(self, name: str) -> list[dict[str, Any]]:
        if self._attrs.get(name) is None:
            self._attrs[name] = {"edges": []}
        edges: list[dict[str, Any]] = self._attrs[name]["edges"]
        return edges

    def __repr__(self) -> str:
        for name in ("email", "username", "id"):
            if found := self._attrs.get(name):
                return f"<User {found}>"
        return f"<User {self._attrs['name']!r}>" if self._attrs.get("name") else "<User ???>"


def search_users(service: Service, text: str, api_key: str | None = None) -> list[User]:
    """People by part of a user name or e-mail address, as far as the caller may see them."""
    found = service.ask(operations.SEARCH_USERS, {"query": text})["users"]
    return [User(service, edge["node"], api_key) for edge in (found or {"edges": []})["edges"]]
