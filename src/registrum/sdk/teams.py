"""Teams, and who is in them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from registrum.errors import Missing, Refused
from registrum.sdk.attributes import Told
from registrum.sdk.http import Service
from registrum.sdk.operations import teams as operations

if TYPE_CHECKING:
    from registrum.sdk.api import Api


class Member(Told):
    """Somebody in a team, or invited to it.

    Has `id`, `name`, `username`, `email`, `admin`, `pending`, `role` and `account_type`; a new service account has its
    `api_key` the first time its creator looks.

    Args:
        service_api: the server.
        team: the team's name.
        attrs: what the server told.
    """

    def __init__(self, service_api: Service, team: str, attrs: Mapping[str, Any]) -> None:
        super().__init__(attrs)
        self._service_api = service_api
        self.team = team

    def delete(self) -> bool:
        """Takes the member out of the team, or withdraws the invitation; whether it was done."""
        given = {"id": self._attrs["id"], "entityName": self.team}
        try:
            answer = self._service_api.ask(operations.REMOVE_MEMBER, {"input": given})
        except Refused:
            return False
        return bool(answer["deleteInvite"]["success"])

    def __repr__(self) -> str:
        return f"<Member {self._attrs['name']} ({self._attrs['accountType']})>"


class Team(Told):
    """A team: has `id`, `name`, `members` and what else the server tells of it.

    Args:
        service_api: the server.
        name: the team's name.
        attrs: what the server told; loaded where absent.

    Raises:
        Missing: there is no team of that name; a ValueError.
    """

    def __init__(
        self, service_api: Service, name: str, attrs: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(attrs or {})
        self._service_api = service_api
        self.name = name
        self.load()

    @classmethod
    def create(cls, api: "Api", team: str, admin_username: str | None = None) -> "Team":
        """Makes a team; one that the caller has already is returned as it is.

        Args:
            api: the server, and who asks.
            team: its name.
            admin_username: its first administrator; the caller where absent.

        Raises:
            Refused: the server refused it.
        """
        given = {"teamName": team, "teamAdminUserName": admin_username}
        try:
            api.service.ask(operations.CREATE_TEAM, {"input": given})
        except Refused as refused:
            try:
                return cls(api.service, team)
            except Missing:
                raise refused from None
        return cls(api.service, team)

    def invite(self, username_or_email: str, admin: bool = False) -> bool:
        """Brings somebody into the team.

        Args:
            username_or_email: who; what has an `@` is an address.
            admin: whether to be an administrator of the team.

        Returns:
            Whether it was done; not for who is in the team or invited already.
        """
        who = "email" if "@" in username_or_email else "username"
        given = {"entityName": self.name, "admin": admin, who: username_or_email}
        try:
            self._service_api.ask(operations.INVITE, {"input": given})
        except Refused:
            return False
        return True

    def create_service_account(self, description: str) -> Member | None:
        """Makes an account for a machine.

        Args:
            description: what it is for; becomes its name.

        Returns:
            The member, with its `api_key`; None where it was refused.
        """
        given = {"entityName": self.name, "description": description}
        try:
            self._service_api.ask(operations.CREATE_SERVICE_ACCOUNT, {"input": given})
        except Refused:
            return None
        members: list[Member] = self.load(True)["members"]
        return members[-1]

    def load(self, force: bool = False) -> dict[str, Any]:
        """What the server tells of the team.

        Args:
            force: ask again, even where it is known.

        Raises:
            Missing: there is no team of that name; a ValueError.
        """
        if force or not self._attrs:
            found = self._service_api.ask(operations.TEAM, {"name": self.name})["entity"]
            if found is None:
                raise Missing(f"There is no team {self.name!r}.")
            self._attrs = found | {
                "members": [
                    Member(self._service_api, self.name, member) for member in found["members"]
                ]
            }
        return self._attrs

    def __repr__(self) -> str:
        return f"<Team {self.name}>"
