"""Accounts: making, changing and ending them. Hashes and secrets come in made (services/credentials.py)."""

from dataclasses import dataclass
from datetime import timedelta

from registrum.core.errors import InUse, Invalid, Unauthenticated
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_email, check_entity_name, folded, username_from
from registrum.core.policy import Action
from registrum.core.users import User
from registrum.server.db import (
    entities,
    events,
    keys,
    project_removal,
    projects,
    sessions,
    teams,
    users,
)
from registrum.server.db.refusals import require_instance_admin
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import NewKey, NewToken
from registrum.server.services.removal import check_unprotected, end_accounts, end_projects
from registrum.server.services.retention import follow_from_now

LINK_LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CreateUser:
    """An account to make.

    Attributes:
        username: None: made out of the e-mail address.
        name: the one people read; None: the user name.
        password_hash: None where the person sets a password by a link.
        link: a one-time link to set it.
        key: an API key of one's own making.
    """

    email: str | None
    username: str | None = None
    name: str | None = None
    is_admin: bool = False
    password_hash: str | None = None
    link: NewToken | None = None
    key: NewKey | None = None


def create_user(tx: Tx, ask: CreateUser) -> int:
    """Makes an account with its personal entity, and returns its number.

    Raises:
        Forbidden: the actor is no administrator of the instance.
        NameTaken: somebody has the user name, or a living user the e-mail address.
        InvalidName: a name breaks the rules.
    """
    require_instance_admin(tx, "create users")
    return add_account(tx, ask)


def add_account(tx: Tx, ask: CreateUser, *, is_service: bool = False) -> int:
    """Makes an account and records it; the caller asked for the right."""
    email = check_email(ask.email) if ask.email is not None else None
    username = (
        _free_username(tx, email or ask.name or "user")
        if ask.username is None
        else check_entity_name(ask.username, "user")
    )
    user_id = users.add(
        tx,
        username,
        email=email,
        name=(ask.name or username).strip()[:128] or username,
        is_admin=ask.is_admin,
        is_service=is_service,
        password_hash=ask.password_hash,
    )
    entity_id = entities.add(tx, "user", username, user_id=user_id)
    users.change(tx, user_id, "default_entity_id", entity_id)
    if ask.link is not None:
        sessions.add_link(tx, user_id, ask.link.digest, tx.now + LINK_LASTS)
    if ask.key is not None:
        keys.add(tx, user_id, ask.key.digest, ask.key.mask)
    events.record(
        tx,
        EventKind.USER_CREATED,
        subject_kind=SubjectKind.USER,
        subject_id=user_id,
        changes={"username": username, "admin": ask.is_admin, "service": is_service},
    )
    return user_id


def _free_username(tx: Tx, source: str) -> str:
    """A name out of an e-mail address that nobody ever had: `ann`, `ann-2`, …"""
    base = username_from(source)
    try:
        check_entity_name(base, "user")
    except Invalid:
        base = f"user-{base}".strip("-.")
    return entities.free_name(tx, base)


@dataclass(frozen=True, slots=True)
class UpdateUser:
    """What to change of an account; None stays.

    Attributes:
        username: whose; None: the actor's own.
        password_hash: of a new password; the edge checked the old one (`check_may_set_password`).
    """

    username: str | None = None
    default_entity: str | None = None
    name: str | None = None
    password_hash: str | None = None
    is_admin: bool | None = None


def update_user(tx: Tx, ask: UpdateUser) -> int:
    """Changes one's own account, or as an instance administrator anybody's; returns its number.

    Raises:
        Forbidden: it is another one's account, or `is_admin` is asked for by who is none.
        NotFound: no such user, or no such entity among those that this user may create projects in.
        InUse: the last administrator of the instance would go.
    """
    user = own_or_managed(tx, ask.username)
    changes: dict[str, object] = {}
    if ask.name is not None and ask.name.strip() and ask.name != user.name:
        users.change(tx, user.id, "name", ask.name.strip()[:128])
        changes["name"] = [user.name, ask.name.strip()[:128]]
    if ask.default_entity is not None and ask.default_entity != user.default_entity:
        users.change(tx, user.id, "default_entity_id", _default_for(tx, user, ask.default_entity))
        changes["default_entity"] = [user.default_entity, ask.default_entity]
    if ask.password_hash is not None:
        users.change(tx, user.id, "password_hash", ask.password_hash)
        sessions.remove_all(tx, [user.id])
        sessions.end_links(tx, [user.id])
        changes["password"] = True
    if ask.is_admin is not None and ask.is_admin is not user.is_admin:
        require_instance_admin(tx, "make or unmake administrators")
        if not ask.is_admin and users.count_admins(tx) <= 1:
            raise InUse("The instance would be left without an administrator.")
        users.change(tx, user.id, "is_admin", ask.is_admin)
        changes["admin"] = [user.is_admin, ask.is_admin]
    if changes:
        _record(tx, EventKind.USER_CHANGED, user.id, changes)
    return user.id


def own_or_managed(tx: Tx, username: str | None) -> User:
    """The account that the actor may change: one's own, or as an instance administrator anybody's.

    Raises:
        Unauthenticated, Forbidden, NotFound: there is none.
    """
    if tx.actor.is_anonymous and not tx.actor.is_admin:
        raise Unauthenticated("Sign in or send an API key.")
    own = tx.actor.username or ""
    if username is None or folded(username) == folded(own):
        return users.get_named(tx, own)
    require_instance_admin(tx, "change the accounts of others")
    return users.get_named(tx, username)


def _default_for(tx: Tx, user: User, name: str) -> int:
    found = entities.get_for(tx, Action.READ_ENTITY, name).thing
    is_own = found.kind == "user" and found.user_id == user.id
    is_team = found.kind == "team" and teams.role_of(tx, found.id, user.id) is not None
    if not (is_own or is_team):
        raise Invalid(
            f"{name!r} cannot be the default entity of {user.username!r}: it must be the user's own "
            "or that of a team the user belongs to."
        )
    return found.id


def delete_user(tx: Tx, username: str, transfer_to: str | None) -> None:
    """Ends an account with its keys, sessions and memberships; its projects go too, or to somebody else.

    Args:
        transfer_to: user name of who takes over the projects; how long versions are kept that say nothing themselves, the
            new owner's default then decides.

    Raises:
        Forbidden: the actor is no administrator of the instance.
        NotFound: there is no such user.
        InUse: linked artifacts are in the user's projects and nobody takes them over; or it is the last administrator.
    """
    require_instance_admin(tx, "delete users")
    user = users.get_named(tx, username)
    if user.is_admin and users.count_admins(tx) <= 1:
        raise InUse("The instance would be left without an administrator.")
    own = entities.get_for(tx, Action.READ_ENTITY, user.username).thing
    project_ids = project_removal.ids_in(tx, [own.id])
    if transfer_to is None:
        _remove_projects(tx, user, project_ids)
    else:
        _transfer_projects(tx, user, project_ids, transfer_to)
    end_accounts(tx, [user.id])
    _record(
        tx, EventKind.USER_DELETED, user.id, {"username": user.username, "to": transfer_to or ""}
    )


def _remove_projects(tx: Tx, user: User, project_ids: list[int]) -> None:
    check_unprotected(tx, project_ids)
    linked = project_removal.linked_elsewhere(tx, project_ids)
    if linked is not None:
        registry, collection = linked
        raise InUse(
            f"User {user.username!r} owns artifacts that are linked into {registry}/{collection}: "
            "unlink them, or name somebody who takes over the projects."
        )
    end_projects(tx, project_ids)


def _transfer_projects(tx: Tx, user: User, project_ids: list[int], name: str) -> None:
    heir = users.get_named(tx, name)
    if heir.id == user.id:
        raise Invalid("The projects must go to another user.")
    to = entities.get_for(tx, Action.READ_ENTITY, heir.username).thing
    for project_id in project_ids:
        project = projects.get_for_id(tx, Action.DELETE_PROJECT, project_id)
        project_removal.transfer(tx, project, to)
        follow_from_now(tx, to.id, project_id)


def _record(tx: Tx, kind: EventKind, user_id: int, changes: dict[str, object]) -> None:
    events.record(tx, kind, subject_kind=SubjectKind.USER, subject_id=user_id, changes=changes)
