"""People, organizations, teams and keys, for those who administer a server: one function a verb.

Each takes `ask`, which sends a GraphQL document with its variables and returns the answer's data
(`functools.partial(http.ask, credentials)`), and raises what `ask` raises: `Refused` with the server's sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from registrum.core.errors import NotFound, Unauthenticated
from registrum.sdk.operations import administration as operations

Ask = Callable[[str, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class User:
    """A person's account."""

    username: str
    name: str
    email: str | None
    is_admin: bool
    default_entity: str | None
    organizations: tuple[str, ...]
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Invited:
    """A user who was just made, and the one-time link to set a password, where none was given."""

    user: User
    password_link: str | None


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization, and the entity that owns its registries."""

    name: str
    entity: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Team:
    """A team of an organization."""

    name: str
    organization: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in an organization or team; `username` is None while an invitation is open."""

    username: str | None
    name: str
    email: str | None
    role: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key; `name` is the secret when it was just made, later a mask."""

    id: str
    name: str
    description: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None


def viewer(ask: Ask) -> User:
    """Who asks.

    Raises:
        Unauthenticated: the key is nobody's.
    """
    found = ask(operations.VIEWER, {})["viewer"]
    if found is None:
        raise Unauthenticated("The server does not know this API key.")
    return _user(found)


def list_users(ask: Ask) -> list[User]:
    """Everybody the caller may see, by name."""
    return [_user(node) for node in _every(ask, operations.USERS, {})]


def find_user(ask: Ask, username: str) -> User:
    """The person of that user name.

    Raises:
        NotFound: there is nobody of that name.
    """
    data = ask(operations.USER_BY_NAME, {"username": username})
    return _user(_of_name(data["users"], username))


def create_user(
    ask: Ask,
    username: str,
    email: str,
    *,
    name: str | None = None,
    admin: bool = False,
    password: str | None = None,
    api_key: str | None = None,
) -> Invited:
    """Makes an account."""
    given = {"username": username, "email": email, "name": name, "admin": admin}
    payload = _do(ask, operations.CREATE_USER, {**given, "password": password, "apiKey": api_key})
    return Invited(_user(payload["user"]), payload["passwordLink"])


def update_user(
    ask: Ask,
    username: str,
    *,
    name: str | None = None,
    default_entity: str | None = None,
    admin: bool | None = None,
    password: str | None = None,
) -> User:
    """Changes what is given of an account."""
    given = {"username": username, "name": name, "defaultEntity": default_entity}
    payload = _do(ask, operations.UPDATE_USER, {**given, "admin": admin, "password": password})
    return _user(payload["user"])


def delete_user(ask: Ask, username: str, transfer_to: str | None) -> None:
    """Removes an account with its keys and sessions."""
    _do(ask, operations.DELETE_USER, {"username": username, "transferTo": transfer_to})


def list_organizations(ask: Ask) -> list[Organization]:
    """Every organization the caller may see."""
    return [_organization(node) for node in _every(ask, operations.ORGANIZATIONS, {})]


def find_organization(ask: Ask, name: str) -> Organization:
    """The organization of that name.

    Raises:
        NotFound: there is none of that name.
    """
    found = ask(operations.ORGANIZATION, {"name": name})["organization"]
    if found is None:
        raise NotFound(f"There is no organization {name!r}.")
    return _organization(found)


def create_organization(
    ask: Ask, name: str, admin: str | None, *, core_registries: bool
) -> Organization:
    """Founds an organization; `admin` is the user name of its first administrator."""
    given = {"name": name, "adminUsername": admin, "coreRegistries": core_registries}
    return _organization(_do(ask, operations.CREATE_ORGANIZATION, given)["organization"])


def delete_organization(ask: Ask, name: str, *, force: bool) -> None:
    """Removes an organization with its teams, registries and artifacts."""
    _do(ask, operations.DELETE_ORGANIZATION, {"name": name, "force": force})


def organization_members(ask: Ask, name: str) -> list[Member]:
    """The people of an organization, by user name."""
    nodes = _every(ask, operations.ORGANIZATION_MEMBERS, {"name": name}, "organization")
    return [
        Member(node["user"]["username"], node["user"]["name"], node["user"]["email"], node["role"])
        for node in nodes
    ]


def add_organization_member(ask: Ask, organization: str, username: str, role: str) -> None:
    """Brings a person into an organization; who is a member keeps the role."""
    given = {"organizationName": organization, "username": username, "role": role}
    _do(ask, operations.ADD_ORGANIZATION_MEMBER, given)


def update_organization_member(ask: Ask, organization: str, username: str, role: str) -> None:
    """Changes a member's role."""
    given = {"organizationName": organization, "username": username, "role": role}
    _do(ask, operations.UPDATE_ORGANIZATION_MEMBER, given)


def remove_organization_member(ask: Ask, organization: str, username: str) -> None:
    """Takes a person out of an organization."""
    given = {"organizationName": organization, "username": username}
    _do(ask, operations.REMOVE_ORGANIZATION_MEMBER, given)


def list_teams(ask: Ask, organization: str | None) -> list[Team]:
    """The teams of one organization, or of all that the caller may see."""
    names = [organization] if organization else [own.name for own in list_organizations(ask)]
    return [
        Team(node["name"], name, node["createdAt"])
        for name in names
        for node in _every(ask, operations.ORGANIZATION_TEAMS, {"name": name}, "organization")
    ]


def find_team(ask: Ask, name: str) -> tuple[Team, list[Member]]:
    """The team of that name, and who is in it or invited.

    Raises:
        NotFound: there is no team of that name.
    """
    found = ask(operations.TEAM, {"name": name})["entity"]
    if found is None or not found["isTeam"]:
        raise NotFound(f"There is no team {name!r}.")
    members = [
        Member(node["username"], node["name"], node["email"], node["role"], node["id"])
        for node in found["members"]
    ]
    return _team(found), members


def create_team(ask: Ask, name: str, admin: str | None, organization: str | None) -> Team:
    """Makes a team; `admin` is the user name of its first administrator, else the caller."""
    given = {"teamName": name, "teamAdminUserName": admin, "organizationName": organization}
    return _team(_do(ask, operations.CREATE_TEAM, given)["entity"])


def delete_team(ask: Ask, name: str) -> None:
    """Removes a team with its projects."""
    _do(ask, operations.DELETE_TEAM, {"teamName": name})


def add_team_member(ask: Ask, team: str, who: str, role: str) -> str | None:
    """Brings a person, by user name or e-mail address, into a team.

    Returns:
        The link to set a password, for who has no account yet.
    """
    given = {"entityName": team, "email" if "@" in who else "username": who, "role": role}
    link: str | None = _do(ask, operations.ADD_TEAM_MEMBER, given)["passwordLink"]
    return link


def update_team_member(ask: Ask, team: str, username: str, role: str) -> None:
    """Changes a member's role."""
    given = {"teamName": team, "username": username, "role": role}
    _do(ask, operations.UPDATE_TEAM_MEMBER, given)


def remove_team_member(ask: Ask, team: str, who: str) -> None:
    """Takes a person, by user name or e-mail address, out of a team; an invitation likewise.

    Raises:
        NotFound: there is nobody of that name in the team.
    """
    _, members = find_team(ask, team)
    ids = [member.id for member in members if who in (member.username, member.email)]
    if not ids:
        raise NotFound(f"Team {team!r} has no member {who!r}.")
    _do(ask, operations.REMOVE_TEAM_MEMBER, {"id": ids[0], "entityName": team})


def list_keys(ask: Ask, username: str | None) -> list[Key]:
    """The API keys of the caller, or of somebody else."""
    if username is None:
        owner = ask(operations.OWN_KEYS, {})["viewer"]
    else:
        owner = _of_name(ask(operations.KEYS_OF_USER, {"username": username})["users"], username)
    keys = (owner["apiKeys"] or {"edges": []}) if owner else {"edges": []}
    return [_key(edge["node"]) for edge in keys["edges"]]


def create_key(
    ask: Ask, username: str | None, description: str | None, expires_at: str | None
) -> Key:
    """Makes an API key for the caller or somebody else; its `name` is the secret, shown once."""
    given = {"username": username, "description": description, "expiresAt": expires_at}
    return _key(_do(ask, operations.CREATE_KEY, given)["apiKey"])


def delete_key(ask: Ask, key_id: str) -> None:
    """Revokes an API key at once."""
    _do(ask, operations.DELETE_KEY, {"id": key_id})


def _do(ask: Ask, document: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Sends a mutation, leaving out what is None; its payload."""
    answer = ask(document, {"input": {k: v for k, v in given.items() if v is not None}})
    payload: dict[str, Any] = next(iter(answer.values()))
    return payload


def _every(
    ask: Ask, document: str, variables: Mapping[str, Any], within: str | None = None
) -> list[dict[str, Any]]:
    """The nodes of all pages of the connection `page`, at the top of the answer or in `within`."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        data = ask(document, {**variables, "after": after})
        if within is not None:
            data = data[within]
            if data is None:
                raise NotFound(f"There is no {within} {variables['name']!r}.")
        page = data["page"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _of_name(users: Mapping[str, Any], username: str) -> dict[str, Any]:
    for edge in users["edges"]:
        node: dict[str, Any] = edge["node"]
        if (node["username"] or "").lower() == username.lower():
            return node
    raise NotFound(f"There is no user {username!r}.")


def _user(node: Mapping[str, Any]) -> User:
    organizations = tuple(own["name"] for own in node["organizations"] or ())
    edges = (node["teams"] or {"edges": []})["edges"]
    teams = tuple(edge["node"]["name"] for edge in edges)
    return User(
        node["username"],
        node["name"],
        node["email"],
        bool(node["admin"]),
        node["entity"],
        organizations,
        tuple(team for team in teams if team != node["username"]),
    )


def _organization(node: Mapping[str, Any]) -> Organization:
    return Organization(node["name"], node["orgEntity"]["name"], node["createdAt"])


def _team(node: Mapping[str, Any]) -> Team:
    organization = node["organization"]
    return Team(node["name"], organization["name"] if organization else None, node["createdAt"])


def _key(node: Mapping[str, Any]) -> Key:
    times = (node["createdAt"], node["expiresAt"], node["lastUsedAt"])
    return Key(node["id"], node["name"], node["description"], *times)
