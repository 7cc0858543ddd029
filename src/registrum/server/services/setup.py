"""The first start of an empty database: an administrator, an organization with its core registries, and a team."""

from dataclasses import dataclass
from typing import Protocol

from registrum.core.actors import Actor
from registrum.core.names import check_email, check_entity_name, check_organization_name
from registrum.server.db import Database, instance, users
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import (
    NewKey,
    Secrets,
    check_password,
    hash_password,
    new_password,
)
from registrum.server.services.organizations import CreateOrganization, create_organization
from registrum.server.services.teams import CreateTeam, create_team
from registrum.server.services.users import CreateUser, add_account

SYSTEM = Actor(None, None, is_admin=True)
_DONE = "first_start"
_SIGNED_BY = "signed_by"


class Settings(Protocol):
    """What the first start wants to know; `server/config.py` has it."""

    @property
    def secret_key(self) -> tuple[str, ...]: ...
    @property
    def admin_username(self) -> str: ...
    @property
    def admin_email(self) -> str: ...
    @property
    def admin_password(self) -> str | None: ...
    @property
    def admin_api_key(self) -> str | None: ...
    @property
    def organization(self) -> str: ...
    @property
    def team(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What the administrator must be told, once."""

    username: str
    password: str
    api_key: str
    organization: str
    team: str


def prepare(database: Database, settings: Settings) -> FirstStart | None:
    """Makes the first people where there are none: all in one transaction, or nothing.

    Safe to call at every start, and from several processes at once: one of them makes it.

    Returns:
        What was made; None where it was made before.

    Raises:
        Invalid, InvalidName: a setting can't be used.
    """
    with database.read(SYSTEM) as tx:
        if instance.value_of(tx, _DONE) is not None:
            return None
    secrets = Secrets([key.encode() for key in settings.secret_key])
    password = check_password(settings.admin_password or new_password())
    hashed = hash_password(password)
    own = settings.admin_api_key
    key = secrets.key_brought(own) if own else secrets.new_key()
    check_entity_name(settings.admin_username, "user")
    check_email(settings.admin_email)
    check_entity_name(settings.team)
    organization = check_organization_name(settings.organization)
    made = database.write(SYSTEM, lambda tx: _make(tx, settings, organization, hashed, key))
    if not made:
        return None
    return FirstStart(settings.admin_username, password, key.secret, organization, settings.team)


def knows_last_secret_key(database: Database, settings: Settings) -> bool:
    """Whether the secret key that came first at the last start is still listed; notes the one that does now."""
    marks = Secrets([key.encode() for key in settings.secret_key]).marks
    with database.read(SYSTEM) as tx:
        last = instance.value_of(tx, _SIGNED_BY)
    if last != marks[0]:
        database.write(SYSTEM, lambda tx: instance.keep(tx, _SIGNED_BY, marks[0]))
    return last is None or last in marks


def _make(tx: Tx, settings: Settings, organization: str, hashed: str, key: NewKey) -> bool:
    """Whether this call made it."""
    if not instance.claim(tx, _DONE, tx.now.isoformat()):
        return False
    if users.count_admins(tx):
        return False  # a database from before this mark
    name = settings.admin_username
    add_account(
        tx,
        CreateUser(
            settings.admin_email, username=name, is_admin=True, password_hash=hashed, key=key
        ),
    )
    create_organization(tx, CreateOrganization(organization, admin=name))
    create_team(tx, CreateTeam(settings.team, admin=name, organization=organization))
    return True
