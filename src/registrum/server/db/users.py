"""Users: loading those the actor may see, looking one up by credentials, and changing accounts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)

from registrum.core.actors import Actor
from registrum.core.errors import NameTaken, NotFound
from registrum.core.names import folded
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Entity
from registrum.core.users import User
from registrum.server.db.columns import among, those
from registrum.server.db.entities import ENTITY_COLUMNS, entity_from, with_organization
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    entities,
    organization_members,
    team_members,
    users,
)
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import ACTOR, allowed_team, shares_organization

defaults = entities.alias("default_entities")
_KNOWN = shares_organization(users.c.id)
# What is no team is one's own.
_DEFAULT_IS_SEEN = or_(
    users.c.id == ACTOR,
    defaults.c.user_id == users.c.id,
    allowed_team(Action.READ_ENTITY, defaults),
)

USER_COLUMNS = (
    users.c.id.label("u_id"),
    users.c.username.label("u_username"),
    users.c.name.label("u_name"),
    case((_KNOWN, users.c.email), else_=null()).label("u_email"),
    users.c.is_admin.label("u_is_admin"),
    users.c.is_service.label("u_is_service"),
    case((_DEFAULT_IS_SEEN, defaults.c.name), else_=null()).label("u_default_entity"),
    users.c.photo_url.label("u_photo_url"),
    users.c.created_at.label("u_created_at"),
    users.c.deleted_at.label("u_deleted_at"),
)
"""What makes a `User`; the e-mail address only of those who belong to an organization or team of the actor, and the default
entity only where the actor sees that."""

OPEN_USER_COLUMNS = tuple(
    users.c.email.label("u_email") if column.name == "u_email" else column
    for column in USER_COLUMNS
)
"""The same with the e-mail address, for lists whose readers may see it."""


def with_default(left: Any = users) -> Any:
    """`left`, which has the table `users` in it, joined with what `USER_COLUMNS` names."""
    return left.outerjoin(
        defaults, and_(defaults.c.id == users.c.default_entity_id, defaults.c.deleted_at.is_(None))
    )


def user_from(row: Row) -> User:
    """The user of a row with `USER_COLUMNS`."""
    return User(
        id=row.u_id,
        username=row.u_username,
        name=row.u_name,
        email=row.u_email,
        is_admin=row.u_is_admin,
        is_service=row.u_is_service,
        default_entity=row.u_default_entity,
        photo_url=row.u_photo_url,
        created_at=row.u_created_at,
        deleted_at=row.u_deleted_at,
    )


_BY_IDS = prepared(
    select(*USER_COLUMNS).select_from(with_default()).where(those(users.c.id, "user_ids"))
)
_EXACT = prepared(
    select(*OPEN_USER_COLUMNS, _KNOWN.label("known"), users.c.email_key)
    .select_from(with_default())
    .where(
        users.c.deleted_at.is_(None),
        or_(users.c.username_key == bindparam("key"), users.c.email_key == bindparam("key")),
    )
    .order_by(users.c.id)
)


def by_ids(tx: Tx, ids: Sequence[int]) -> dict[int, User]:
    """These users by number, those removed included: who did something is shown to whoever sees what was done."""
    if not ids:
        return {}
    return {row.u_id: user_from(row) for row in tx.rows(_BY_IDS, user_ids=list(ids))}


def named(tx: Tx, name: str) -> list[User]:
    """The living users of exactly this user name or e-mail address, in any case; nobody for an anonymous actor."""
    if tx.actor.is_anonymous and not tx.actor.is_admin:
        return []
    found = []
    for row in tx.rows(_EXACT, key=folded(name)):
        user = user_from(row)
        shown = row.known or row.email_key == folded(name)
        email = user.email if shown else None
        found.append(replace(user, email=email, is_known=bool(row.known)))
    return found


def get_named(tx: Tx, name: str) -> User:
    """The living user of exactly this user name, or else e-mail address.

    Raises:
        NotFound: there is none.
    """
    found = named(tx, name)
    if not found:
        raise NotFound(f"There is no user {name!r}.")
    return next((u for u in found if folded(u.username) == folded(name)), found[0])


_KEY: ColumnElement[str] = bindparam("key", type_=Text())


def _begins_or_ends(column: ColumnElement[Any]) -> ColumnElement[bool]:
    length = func.length(_KEY)
    return or_(
        func.substr(column, 1, length) == _KEY,
        func.substr(column, func.length(column) - length + 1) == _KEY,
    )


_KNOWN_USERS = (
    select(*USER_COLUMNS)
    .select_from(with_default())
    .where(users.c.deleted_at.is_(None), users.c.id > bindparam("after_id"), _KNOWN)
    .order_by(users.c.id)
    .limit(bindparam("page_size"))
)
_PAGE = prepared(_KNOWN_USERS)
_PAGE_ALIKE = prepared(
    _KNOWN_USERS.where(or_(*map(_begins_or_ends, (users.c.username_key, users.c.email_key))))
)


def page_of_known(tx: Tx, action: Action, ask: PageAsk, part: str = "") -> Page[User]:
    """The living users of the actor's organizations and teams, oldest first.

    Args:
        part: what the user name or e-mail address begins or ends with, in any case.
    """
    assert action is Action.READ_ORGANIZATION
    after = ask.number_behind() or 0
    if part:
        rows = tx.rows(_PAGE_ALIKE, after_id=after, page_size=ask.first + 1, key=folded(part))
    else:
        rows = tx.rows(_PAGE, after_id=after, page_size=ask.first + 1)
    return page_of([user_from(row) for row in rows], ask.first, lambda u: [u.id])


@cache
def _own_entities_statement() -> Prepared:
    return prepared(
        select(*ENTITY_COLUMNS, entities.c.user_id.label("of_user"))
        .select_from(with_organization())
        .where(those(entities.c.user_id, "user_ids"), entities.c.deleted_at.is_(None))
    )


@cache
def _teams_statement() -> Prepared:
    return prepared(
        select(*ENTITY_COLUMNS, team_members.c.user_id.label("of_user"))
        .select_from(
            with_organization(team_members.join(entities, entities.c.id == team_members.c.team_id))
        )
        .where(those(team_members.c.user_id, "user_ids"), allowed_team(Action.READ_ENTITY))
        .order_by(team_members.c.created_at, entities.c.id)
    )


@cache
def _known_ids_statement() -> Prepared:
    return prepared(
        select(users.c.id).where(among(users.c.id, "user_ids"), shares_organization(users.c.id))
    )


def teams_of(tx: Tx, ids: Sequence[int]) -> dict[int, list[Entity]]:
    """The living teams of each of these users, as far as the actor sees them, in order of joining, then the personal entity.

    Only for the actor, and for those who belong to an organization or team of the actor.
    """
    known = tx.column(_known_ids_statement(), user_ids=list(ids))
    found: dict[int, list[Entity]] = {user_id: [] for user_id in known}
    for statement in (_teams_statement(), _own_entities_statement()):
        for row in tx.rows(statement, user_ids=known):
            found[row.of_user].append(entity_from(row))
    return found


_ADD = prepared(
    insert(users)
    .values(
        username=bindparam("username"),
        username_key=bindparam("username_key"),
        email=bindparam("email"),
        email_key=bindparam("email_key"),
        name=bindparam("display_name"),
        is_admin=bindparam("is_admin"),
        is_service=bindparam("is_service"),
        password_hash=bindparam("password_hash"),
        created_at=bindparam("now"),
    )
    .returning(users.c.id)
)


def add(
    tx: Tx,
    username: str,
    *,
    email: str | None,
    name: str,
    is_admin: bool = False,
    is_service: bool = False,
    password_hash: str | None = None,
) -> int:
    """Adds an account and returns its number; names are checked already.

    Raises:
        NameTaken: the user name was ever used, or a living user has the e-mail address.
    """
    try:
        return int(
            tx.value(
                _ADD,
                username=username,
                username_key=folded(username),
                email=email,
                email_key=folded(email) if email else None,
                display_name=name,
                is_admin=is_admin,
                is_service=is_service,
                password_hash=password_hash,
                now=tx.now,
            )
        )
    except Taken:
        raise NameTaken(
            f"There is a user with the name {username!r} or the e-mail address {email!r} already."
        ) from None


_SET: dict[str, Any] = {
    "name": users.c.name,
    "password_hash": users.c.password_hash,
    "default_entity_id": users.c.default_entity_id,
    "is_admin": users.c.is_admin,
}
_CHANGES = {
    field: prepared(
        update(users).where(users.c.id == bindparam("user_id")).values({column: bindparam("value")})
    )
    for field, column in _SET.items()
}


def change(tx: Tx, user_id: int, field: str, value: Any) -> None:
    """Sets one field of an account: name, password_hash, default_entity_id, is_admin."""
    tx.run(_CHANGES[field], user_id=user_id, value=value)


_ADOPT_DEFAULT = prepared(
    update(users)
    .where(
        users.c.id == bindparam("user_id"),
        or_(
            users.c.default_entity_id.is_(None),
            ~exists(
                select(1).where(
                    entities.c.id == users.c.default_entity_id,
                    entities.c.kind != "user",
                    entities.c.deleted_at.is_(None),
                    team_members.c.team_id == entities.c.id,
                    team_members.c.user_id == users.c.id,
                )
            ),
        ),
    )
    .values(default_entity_id=bindparam("team_id"))
)


def adopt_first_team(tx: Tx, user_id: int, team_id: int) -> None:
    """Makes a team the default entity of a user who has none but the personal one, or has lost it."""
    tx.run(_ADOPT_DEFAULT, user_id=user_id, team_id=team_id)


_REMOVE = prepared(
    update(users)
    .where(among(users.c.id, "user_ids"), users.c.deleted_at.is_(None))
    .values(deleted_at=bindparam("now"), password_hash=None)
)


def remove(tx: Tx, user_ids: Sequence[int]) -> None:
    """Marks accounts as gone; their user names stay taken, their e-mail addresses are free again."""
    tx.run(_REMOVE, user_ids=list(user_ids), now=tx.now)


_PASSWORD = prepared(
    select(
        users.c.id, users.c.username, users.c.is_admin, users.c.is_service, users.c.password_hash
    )
    .where(
        users.c.deleted_at.is_(None),
        or_(users.c.username_key == bindparam("key"), users.c.email_key == bindparam("key")),
    )
    .order_by(users.c.id)
)
_PASSWORD_BY_ID = prepared(select(users.c.password_hash).where(users.c.id == bindparam("user_id")))


def password_of(tx: Tx, name: str) -> tuple[Actor, str | None] | None:
    """Who signs in under a user name or e-mail address, and the hash to check the password against."""
    row = tx.one(_PASSWORD, key=folded(name))
    if row is None:
        return None
    return Actor(row.id, row.username, row.is_admin, row.is_service), row.password_hash


def password_hash_of(tx: Tx, user_id: int) -> str | None:
    """The hash of that user's password; None where none is set."""
    found = tx.value(_PASSWORD_BY_ID, user_id=user_id)
    return None if found is None else str(found)


_ADMINS = prepared(
    select(users.c.id)
    .where(users.c.is_admin == bindparam("yes"), users.c.deleted_at.is_(None))
    .order_by(users.c.id)
    .with_for_update()
)
_ORGANIZATION_IDS = prepared(
    select(organization_members.c.organization_id)
    .where(organization_members.c.user_id == bindparam("user_id"))
    .order_by(organization_members.c.created_at, organization_members.c.organization_id)
)


def count_admins(tx: Tx) -> int:
    """How many living administrators the instance has; who would remove one waits until this transaction ends."""
    return len(tx.column(_ADMINS, yes=True))


def organization_ids_of(tx: Tx, user_id: int) -> list[int]:
    """The organizations that a user belongs to, in order of joining."""
    return tx.column(_ORGANIZATION_IDS, user_id=user_id)
