"""Who is a member of a registry: people and teams, each with a role."""

import binascii
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from registrum.core import ids
from registrum.sdk.http import Service
from registrum.sdk.operations import members as operations
from registrum.sdk.teams import Team
from registrum.sdk.users import User


class MemberKind(str, Enum):  # noqa: UP042  # A StrEnum prints otherwise than scripts expect.
    """Whether a member is a person or a team."""

    USER = "User"
    ENTITY = "Entity"
    TEAM = ENTITY


class MemberRole(str, Enum):  # noqa: UP042
    """What a member may do."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    RESTRICTED_VIEWER = "restricted_viewer"


@dataclass(kw_only=True)
class UserMember:
    """A person who is a member of a registry."""

    kind: Literal[MemberKind.USER] = MemberKind.USER
    user: User
    role: MemberRole | str


@dataclass(kw_only=True)
class TeamMember:
    """A team that is a member of a registry."""

    kind: Literal[MemberKind.ENTITY] = MemberKind.ENTITY
    team: Team
    role: MemberRole | str


AnyMember = User | UserMember | Team | TeamMember | str


@dataclass(frozen=True, slots=True, order=True)
class MemberId:
    """Which person or team is meant."""

    kind: MemberKind
    index: int

    def encode(self) -> str:
        """As the wire has it."""
        return ids.encode(self.kind.value, self.index)

    @classmethod
    def from_obj(cls, obj: AnyMember) -> "MemberId":
        """The id of a person, a team, a member, or what is itself an id.

        Raises:
            TypeError: it is something else.
            ValueError: it is a text, but not the id of a person or team.
        """
        match obj:
            case User() | Team():
                return cls._parsed(str(obj.id))
            case UserMember():
                return cls._parsed(str(obj.user.id))
            case TeamMember():
                return cls._parsed(str(obj.team.id))
            case str():
                return cls._parsed(obj)
        raise TypeError(f"A member is a User, a Team or the id of one, not a {type(obj).__name__}.")

    @classmethod
    def _parsed(cls, text: str) -> "MemberId":
        try:
            kind, _, number = b64decode(text, validate=True).decode("ascii").partition(":")
            return cls(MemberKind(kind), int(number))
        except (binascii.Error, ValueError):
            raise ValueError(f"{text!r} is not the id of a user or team.") from None


def parse_member_ids(members: Iterable[AnyMember]) -> tuple[list[str], list[str]]:
    """The ids of people, and those of teams, each once.

    Raises:
        TypeError: one is neither.
        ValueError: one is a text, but no id.
    """
    found = sorted({MemberId.from_obj(member) for member in members})
    people = [own.encode() for own in found if own.kind is MemberKind.USER]
    teams = [own.encode() for own in found if own.kind is MemberKind.ENTITY]
    return people, teams


def user_members(service: Service, entity: str, name: str) -> list[UserMember] | None:
    """People who are members of the registry, by its full name; None where there is none."""
    found = service.ask(operations.USER_MEMBERS, {"entity": entity, "name": name})["project"]
    return found and [
        UserMember(user=User(service, _without_role(node)), role=node["role"]["name"])
        for node in found["members"]
    ]


def team_members(service: Service, entity: str, name: str) -> list[TeamMember] | None:
    """Teams that are members of the registry, by its full name; None where there is none."""
    found = service.ask(operations.TEAM_MEMBERS, {"entity": entity, "name": name})["project"]
    return found and [
        TeamMember(
            team=Team(service, node["team"]["name"], node["team"]), role=node["role"]["name"]
        )
        for node in found["teamMembers"]
    ]


def add_members(service: Service, registry_id: str, members: Iterable[AnyMember]) -> None:
    """Makes people and teams members; who is one keeps the role."""
    service.ask(operations.ADD_MEMBERS, {"input": _given(registry_id, members)})


def remove_members(service: Service, registry_id: str, members: Iterable[AnyMember]) -> None:
    """Ends memberships; who is no member stays none."""
    service.ask(operations.REMOVE_MEMBERS, {"input": _given(registry_id, members)})


def update_member(service: Service, registry_id: str, member: AnyMember, role: str) -> None:
    """Gives a member another role."""
    own = MemberId.from_obj(member)
    text = role.value if isinstance(role, MemberRole) else role
    if own.kind is MemberKind.USER:
        given = {"projectId": registry_id, "userId": own.encode(), "userProjectRole": text}
        service.ask(operations.UPDATE_USER, {"input": given})
    else:
        given = {"projectId": registry_id, "teamId": own.encode(), "teamProjectRole": text}
        service.ask(operations.UPDATE_TEAM, {"input": given})


def _given(registry_id: str, members: Iterable[AnyMember]) -> dict[str, Any]:
    people, teams = parse_member_ids(members)
    return {"projectId": registry_id, "userIds": people, "teamIds": teams}


def _without_role(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "role" and value is not None}
