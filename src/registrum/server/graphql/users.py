"""Binds schema/users.graphql: accounts and API keys."""

from dataclasses import replace
from typing import Any

from registrum.core import ids
from registrum.core.organizations import Organization
from registrum.core.pages import Page, page_ask, whole
from registrum.core.policy import Action
from registrum.core.projects import Entity
from registrum.core.users import ONE_TIME_PATH, ApiKey, User
from registrum.server.db import entities as entity_rows
from registrum.server.db import guests
from registrum.server.db import keys as key_rows
from registrum.server.db import organizations as organization_rows
from registrum.server.db import users as user_rows
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import selected
from registrum.server.services import keys, sessions, users
from registrum.server.services.credentials import hash_password
from registrum.server.services.users import CreateUser, UpdateUser

query = Root("Query")
mutation = Root("Mutation")
user = Type(
    "User",
    value=User,
    reads={
        "id": lambda u: ids.encode("User", u.id if u.stand_in is None else u.stand_in),
        "admin": "is_admin",
        "entity": "default_entity",
        "flags": lambda _: "{}",
    },
)
api_key = Type(
    "ApiKey",
    value=ApiKey,
    reads={"id": lambda k: ids.encode("ApiKey", k.id)},
)


def link_url(info: Info, secret: str) -> str:
    """Where a person sets a password with a one-time link."""
    return f"{info.context.urls.base_url}{ONE_TIME_PATH}{secret}"


@query.field("viewer")
def resolve_viewer(_: None, info: Info) -> User | None:
    """Who asks, with the entity that is used where they name none; null without valid credentials."""
    tx, number = info.context.tx, info.context.actor.user_id
    found = None if number is None else user_rows.by_ids(tx, [number]).get(number)
    if found is None or "entity" not in selected(info):
        return found
    return replace(found, default_entity=entity_rows.default_name(tx) or None)


@query.field("users")
def resolve_users(
    _: None, info: Info, query: str | None, after: str | None, first: int | None
) -> Page[User]:
    """Whoever is named exactly; else the people of one's organizations, of those that a part of a name fits."""
    tx = info.context.tx
    exact = user_rows.named(tx, query) if query else []
    if exact:
        return whole([_shown(each, info) for each in exact])
    ask = page_ask(first, after)
    return user_rows.page_of_known(tx, Action.READ_ORGANIZATION, ask, query or "")


def _shown(found: User, info: Info) -> User:
    """With an id that somebody who does not know the user can't work out from the ids of others."""
    if found.is_known:
        return found
    return replace(
        found, stand_in=info.context.secrets.stand_in(info.context.actor.user_id or 0, found.id)
    )


@user.field("apiKeys")
def resolve_api_keys(found: User, info: Info) -> Page[ApiKey] | None:
    """One's own keys; for an instance administrator anybody's; else null."""
    held = key_rows.by_user(info.context.tx, [found.id]).get(found.id)
    return None if held is None else whole(held)


@user.field("teams")
def resolve_teams(found: User, info: Info) -> Page[Entity] | None:
    """Teams in order of joining, then the personal entity; null for a stranger."""
    teams = user_rows.teams_of(info.context.tx, [found.id]).get(found.id)
    return None if teams is None else whole(teams)


@user.field("organizations")
def resolve_organizations(found: User, info: Info) -> list[Organization]:
    """Those the caller sees, in order of joining; then, for oneself, those one is a guest of."""
    tx = info.context.tx
    numbers = user_rows.organization_ids_of(tx, found.id)
    if found.id == tx.actor.user_id:
        # Clients look for an organization among these before they ask for anything in its registries.
        numbers = [*numbers, *guests.organization_ids_of_guest(tx)]
    visible = organization_rows.by_ids(tx, Action.READ_ORGANIZATION, numbers)
    return [visible[number] for number in numbers if number in visible]


@mutation.field("createUser")
def resolve_create_user(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Adds a person; the answer has a link to set a password where none was given."""
    secrets, password, key = info.context.secrets, input.get("password"), input.get("apiKey")
    link = None if password else secrets.new_token()
    ask = CreateUser(
        email=input["email"],
        username=input.get("username"),
        name=input.get("name"),
        is_admin=bool(input.get("admin")),
        password_hash=hash_password(password) if password else None,
        link=link,
        key=secrets.key_brought(key) if key else None,
    )
    user_id = info.context.write(lambda tx: users.create_user(tx, ask))
    return {
        "user": _loaded(info, user_id),
        "passwordLink": link_url(info, link.secret) if link else None,
    }


@mutation.field("deleteUser")
def resolve_delete_user(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Removes a person."""
    info.context.write(lambda tx: users.delete_user(tx, input["username"], input.get("transferTo")))
    info.context.secrets.note_revocation()
    return {"success": True}


@mutation.field("updateUser")
def resolve_update_user(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Changes an account."""
    password = input.get("password")
    if password:
        _check_may_set_password(info, input)
    ask = UpdateUser(
        username=input.get("username"),
        default_entity=input.get("defaultEntity"),
        name=input.get("name"),
        password_hash=hash_password(password) if password else None,
        is_admin=input.get("admin"),
    )
    user_id = info.context.write(lambda tx: users.update_user(tx, ask))
    info.context.secrets.note_revocation()
    return {"user": _loaded(info, user_id)}


def _check_may_set_password(info: Info, input: dict[str, Any]) -> None:
    """Before the slow hashing: who changes whose password, and knows the old one where it is his own."""
    tx = info.context.tx
    if users.own_or_managed(tx, input.get("username")).id == info.context.actor.user_id:
        sessions.check_own_password(tx, input.get("oldPassword"))


@mutation.field("generateApiKey")
def resolve_generate_api_key(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes a key; its name in this answer is the secret."""
    key = info.context.secrets.new_key()
    username, expires_at = input.get("username"), input.get("expiresAt")
    key_id = info.context.write(
        lambda tx: keys.generate_api_key(
            tx,
            key,
            description=input.get("description"),
            username=username,
            expires_at=expires_at,
        )
    )
    owner = users.own_or_managed(info.context.tx, username)
    made = next(
        k for k in key_rows.by_user(info.context.tx, [owner.id])[owner.id] if k.id == key_id
    )
    shown = ApiKey(
        made.id, made.user_id, key.secret, made.description, made.created_at, made.expires_at
    )
    return {"apiKey": shown}


@mutation.field("deleteApiKey")
def resolve_delete_api_key(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Revokes a key."""
    key_id = ids.decode("ApiKey", input["id"])
    info.context.write(lambda tx: keys.delete_api_key(tx, key_id))
    info.context.secrets.note_revocation()
    return {"success": True}


def _loaded(info: Info, user_id: int) -> User | None:
    return user_rows.by_ids(info.context.tx, [user_id]).get(user_id)


BINDINGS = [query, mutation, user, api_key, *connection("User"), *connection("ApiKey")]
