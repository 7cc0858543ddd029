"""Founding and ending organizations, and who belongs to them."""

from dataclasses import dataclass

from registrum.core.errors import InUse, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_organization_name, organization_slug
from registrum.core.organizations import CORE_REGISTRIES
from registrum.core.policy import (
    CORE_ORGANIZATION_ROLE,
    ORGANIZATION_ROLES,
    Action,
    Role,
    role_named,
)
from registrum.core.projects import REGISTRY_PREFIX, Entity
from registrum.server.db import (
    artifact_types,
    entities,
    events,
    members,
    organizations,
    project_removal,
    projects,
    teams,
    users,
)
from registrum.server.db.refusals import require_instance_admin
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.removal import check_unprotected, end_projects, end_teams


@dataclass(frozen=True, slots=True)
class CreateOrganization:
    """An organization to found.

    Attributes:
        admin: user name of its first administrator; None: the actor.
        core_registries: whether it gets the registries `model` and `dataset`.
    """

    name: str
    admin: str | None = None
    core_registries: bool = True


def create_organization(tx: Tx, ask: CreateOrganization) -> int:
    """Founds an organization with its own entity, and returns its number.

    Raises:
        Forbidden: the actor is no administrator of the instance.
        NotFound: there is no such user.
        NameTaken: a living organization has this name.
        InvalidName: the name breaks the rules.
    """
    require_instance_admin(tx, "create organizations")
    name = check_organization_name(ask.name)
    admin_id = tx.actor.user_id if ask.admin is None else users.get_named(tx, ask.admin).id
    own_name = entities.free_name(tx, f"{organization_slug(name)}-org")
    entity_id = entities.add(tx, "organization", own_name)
    organization_id = organizations.add(tx, name, entity_id)
    entities.put_under(tx, entity_id, organization_id)
    if admin_id is not None:
        organizations.add_member(tx, organization_id, admin_id, Role.ADMIN)
    events.record(
        tx,
        EventKind.ORGANIZATION_CREATED,
        subject_kind=SubjectKind.ORGANIZATION,
        subject_id=organization_id,
        organization_id=organization_id,
        changes={"name": name},
    )
    if ask.core_registries:
        owner = entities.get_for_id(tx, Action.CREATE_REGISTRY, entity_id)
        for short in CORE_REGISTRIES:
            _add_core_registry(tx, owner, short, admin_id)
    return organization_id


def _add_core_registry(tx: Tx, owner: Grant[Entity], short: str, admin_id: int | None) -> None:
    name = f"{REGISTRY_PREFIX}{short}"
    project_id = projects.add(
        tx,
        owner,
        name,
        organization_role=CORE_ORGANIZATION_ROLE,
        is_core=True,
        accepts_any_type=False,
    )
    assert project_id is not None, "the entity is new and has no projects"
    registry = projects.get_for_id(tx, Action.ADD_TYPES, project_id)
    artifact_types.accept(tx, registry, short)
    if admin_id is not None:
        own = projects.get_for_id(tx, Action.ADMINISTER, project_id)
        members.add(tx, own, SubjectKind.USER, admin_id, Role.ADMIN)
    projects.record_created(tx, owner.thing, project_id, name)


def delete_organization(tx: Tx, name: str, *, force: bool) -> None:
    """Ends an organization with its teams, registries and their projects.

    Args:
        force: even where protected aliases stand.

    Raises:
        NotFound, Forbidden: the actor may not.
        InUse: a protected alias stands in it and `force` is not given.
    """
    organization = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, name)
    found = organization.thing
    team_ids = organizations.team_ids(tx, organization)
    project_ids = project_removal.ids_in(tx, [found.entity.id, *team_ids])
    if not force:
        check_unprotected(tx, project_ids)
    end_projects(tx, project_ids)
    end_teams(tx, team_ids)
    entities.remove(tx, [found.entity.id])
    organizations.remove(tx, organization)
    events.record(
        tx,
        EventKind.ORGANIZATION_DELETED,
        subject_kind=SubjectKind.ORGANIZATION,
        subject_id=found.id,
        organization_id=found.id,
        changes={"name": found.name, "force": force},
    )


def add_member(tx: Tx, organization: str, username: str, role: str | None) -> None:
    """Brings a user into an organization; who is a member keeps the role.

    Raises:
        NotFound, Forbidden: the actor may not, or there is no such user.
        Invalid: no such role.
    """
    found = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, organization).thing
    wanted = role_named(role or Role.MEMBER.label, ORGANIZATION_ROLES)
    user = users.get_named(tx, username)
    join(tx, found.id, user.id, wanted)


def join(tx: Tx, organization_id: int, user_id: int, role: Role) -> None:
    """Makes a user a member and records it; the caller asked for the right."""
    if organizations.add_member(tx, organization_id, user_id, role):
        _record(
            tx,
            EventKind.ORGANIZATION_MEMBER_ADDED,
            organization_id,
            user_id,
            {"role": ["", role.label]},
        )


def update_member(tx: Tx, organization: str, username: str, role: str) -> None:
    """Changes somebody's role in an organization.

    Raises:
        NotFound: also for who is no member.
        Forbidden: the actor may not.
        InUse: it would leave no admin.
        Invalid: no such role.
    """
    found = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, organization).thing
    wanted = role_named(role, ORGANIZATION_ROLES)
    user = users.get_named(tx, username)
    held = organizations.role_of(tx, found.id, user.id)
    if held is None:
        raise NotFound(f"{username!r} is no member of organization {found.name!r}.")
    if held is wanted:
        return
    if held is Role.ADMIN:
        _check_not_last_admin(tx, found.id, found.name)
    organizations.change_role(tx, found.id, user.id, wanted)
    _record(
        tx,
        EventKind.ORGANIZATION_MEMBER_CHANGED,
        found.id,
        user.id,
        {"role": [held.label, wanted.label]},
    )


def remove_member(tx: Tx, organization: str, username: str) -> None:
    """Takes a user out of an organization, its teams and its registries.

    Who is no member is left alone: a guest has what the admins of single registries and teams gave, and they take it away.

    Raises:
        NotFound, Forbidden: the actor may not, or there is no such user.
        InUse: it would leave no admin.
    """
    found = organizations.get_for(tx, Action.ADMINISTER_ORGANIZATION, organization).thing
    user = users.get_named(tx, username)
    held = organizations.role_of(tx, found.id, user.id)
    if held is None:
        return
    if held is Role.ADMIN:
        _check_not_last_admin(tx, found.id, found.name)
    organizations.remove_member(tx, found.id, user.id)
    teams.remove_in_organization(tx, user.id, found.id)
    members.remove_in_organization(tx, user.id, found.id)
    _record(
        tx,
        EventKind.ORGANIZATION_MEMBER_REMOVED,
        found.id,
        user.id,
        {"role": [held.label, ""]},
    )


def _check_not_last_admin(tx: Tx, organization_id: int, name: str) -> None:
    if organizations.count_admins(tx, organization_id) <= 1 and not tx.actor.is_admin:
        raise InUse(
            f"Organization {name!r} would be left without an admin: make another one first."
        )


def _record(
    tx: Tx, kind: EventKind, organization_id: int, user_id: int, changes: dict[str, list[str]]
) -> None:
    events.record(
        tx,
        kind,
        subject_kind=SubjectKind.USER,
        subject_id=user_id,
        organization_id=organization_id,
        changes=changes,
    )
