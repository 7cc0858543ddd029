"""Making, editing, renaming and deleting projects and registries: the one `upsertModel` of clients, taken apart."""

from dataclasses import dataclass
from typing import Any

from registrum.core.errors import Invalid, NameTaken, NotFound, TooLarge
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_artifact_type, check_own_project_name, check_registry_name
from registrum.core.policy import REGISTRY_ROLES, Action, Role, role_named
from registrum.core.projects import (
    REGISTRY_PREFIX,
    Project,
    ProjectName,
    called,
    is_registry_name,
)
from registrum.core.registries import (
    RESTRICTED,
    check_removable,
    check_restrictable,
    visibility_of,
)
from registrum.core.texts import check_text
from registrum.server.db import (
    artifact_types,
    entities,
    events,
    members,
    organizations,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.removal import check_unprotected, end_projects

LARGEST_VIEWS = 1 << 20
MOST_TYPES = 500


@dataclass(frozen=True, slots=True)
class UpsertProject:
    """A project or registry as somebody wants it; None: as it is, or as new ones are.

    Attributes:
        project_id: of the one to edit; None: the names decide.
        entity: its owner; None: the actor's default entity.
        access: "PRIVATE" or "RESTRICTED"; of meaning for registries.
        types: names, with descriptions, of types that a registry takes from now on.
        only_new: a name that is taken is refused, and what has it stays as it is.
    """

    project_id: int | None = None
    entity: str | None = None
    name: str | None = None
    description: str | None = None
    access: str | None = None
    accepts_any_type: bool | None = None
    types: tuple[tuple[str, str | None], ...] = ()
    views: str | None = None
    only_new: bool = False


@dataclass(frozen=True, slots=True)
class Upserted:
    """What came of it."""

    project_id: int
    inserted: bool


def upsert_project(tx: Tx, ask: UpsertProject) -> Upserted:
    """Makes a project or registry, or edits the one that is there; only fields whose value changes take a right.

    Raises:
        NotFound: the entity is missing or hidden; or no project has that id.
        Forbidden: the actor may not create there, or not change one of the fields.
        Conflict: a core registry was to be restricted.
        NameTaken: the name is that of something hidden from the actor, or of anything where only a new one will do.
        Invalid, TooLarge: a name, a text, a type or an access that there cannot be.
    """
    check_text("description", ask.description)
    if ask.views is not None and len(ask.views) > LARGEST_VIEWS:
        raise TooLarge(f"The views of a project may have at most {LARGEST_VIEWS} characters.")
    if len(ask.types) > MOST_TYPES:
        raise Invalid(f"At most {MOST_TYPES} artifact types can be listed at once.")
    if ask.project_id is not None:
        number = projects.get_for_id(tx, Action.READ, ask.project_id).thing.id
        return _edit(tx, number, ask)
    owner = ask.entity or entities.default_name(tx)
    if not ask.name:
        raise Invalid("A project needs a name.")
    try:
        number = projects.get_for(tx, Action.READ, ProjectName(owner, ask.name)).thing.id
    except NotFound:
        made = _create(tx, owner, ask.name, ask)
        if made is not None:
            return Upserted(made, inserted=True)
        number = _made_in_between(tx, ProjectName(owner, ask.name))
    if ask.only_new:
        raise NameTaken(f"There is a {called(ask.name)} of {owner!r} already.")
    return _edit(tx, number, ask)


def _made_in_between(tx: Tx, name: ProjectName) -> int:
    """The number of a project that is there all the same; it may be one that the actor cannot see."""
    try:
        return projects.get_for(tx, Action.READ, name).thing.id
    except NotFound:
        own = name.name.removeprefix(REGISTRY_PREFIX)
        raise NameTaken(f"The name {own!r} is not available; choose another one.") from None


def _create(tx: Tx, owner: str, name: str, ask: UpsertProject) -> int | None:
    entity = entities.get_for(tx, Action.READ_ENTITY, owner).thing
    if entity.kind == "organization":
        return _create_registry(tx, owner, name, ask)
    if ask.types or ask.accepts_any_type is False:
        raise Invalid(
            f"{owner!r} is not the entity of an organization: only registries restrict types."
        )
    return projects.create(tx, owner, name, description=ask.description, views=ask.views)


def _create_registry(tx: Tx, owner: str, name: str, ask: UpsertProject) -> int | None:
    if not is_registry_name(name):
        raise Invalid(
            f"Projects of the organization's entity {owner!r} are registries: "
            f"the name must begin with {REGISTRY_PREFIX!r}."
        )
    check_registry_name(name)
    granted = entities.get_for(tx, Action.CREATE_REGISTRY, owner)
    number = projects.add(
        tx,
        granted,
        name,
        description=ask.description,
        visibility=visibility_of(ask.access or "PRIVATE"),
        accepts_any_type=_takes_all(ask),
        views=ask.views,
    )
    if number is None:
        return None
    if tx.actor.user_id is not None:
        members.add_creator(tx, granted, number, tx.actor.user_id)
    _accept(tx, projects.get_for_id(tx, Action.ADD_TYPES, number), ask)
    projects.record_created(tx, granted.thing, number, name)
    return number


def _takes_all(ask: UpsertProject) -> bool:
    return ask.accepts_any_type if ask.accepts_any_type is not None else not ask.types


def _accept(tx: Tx, registry: Grant[Project], ask: UpsertProject) -> None:
    for name, description in ask.types:
        artifact_types.accept(tx, registry, check_artifact_type(name), description)


def _edit(tx: Tx, number: int, ask: UpsertProject) -> Upserted:
    """Changes what differs, each field with the right it takes."""
    found = projects.get_for_id(tx, Action.READ, number).thing
    changes: dict[str, Any] = {}
    plain = {
        key: value
        for key, value in (("description", ask.description), ("views", ask.views))
        if value is not None and value != getattr(found, key)
    }
    if plain:
        projects.change(tx, projects.get_for_id(tx, Action.EDIT_PROJECT, number), plain)
        changes |= {key: [getattr(found, key), value] for key, value in plain.items()}
    if found.is_registry:
        changes |= _edit_visibility(tx, found, ask)
        changes |= _edit_types(tx, found, ask)
    if changes:
        _record(tx, found, EventKind.REGISTRY_CHANGED, EventKind.PROJECT_CHANGED, changes)
    return Upserted(number, inserted=False)


def _edit_visibility(tx: Tx, found: Project, ask: UpsertProject) -> dict[str, Any]:
    wanted = found.visibility if ask.access is None else visibility_of(ask.access)
    if wanted == found.visibility:
        return {}
    registry = projects.get_for_id(tx, Action.ADMINISTER, found.id)
    if wanted == RESTRICTED:
        check_restrictable(found)
    projects.change(tx, registry, {"visibility": wanted})
    return {"visibility": [found.visibility, wanted]}


def _edit_types(tx: Tx, found: Project, ask: UpsertProject) -> dict[str, Any]:
    accepted = artifact_types.accepted_in(tx, found)
    added = sorted({name for name, _ in ask.types} - accepted)
    wanted = found.accepts_any_type if ask.accepts_any_type is None else ask.accepts_any_type
    if not added and wanted is found.accepts_any_type:
        return {}
    registry = projects.get_for_id(tx, Action.ADD_TYPES, found.id)
    if found.accepts_any_type and not wanted:
        projects.lock(tx, found.id)  # who makes a collection there waits, or has done so
        artifact_types.accept_used(tx, registry)
    _accept(tx, registry, ask)
    projects.change(tx, registry, {"accepts_any_type": wanted})
    changes: dict[str, Any] = {"types_added": added} if added else {}
    if wanted is not found.accepts_any_type:
        changes["accepts_any_type"] = [found.accepts_any_type, wanted]
    return changes


def rename_project(tx: Tx, name: ProjectName, new_name: str) -> int:
    """Gives a project or registry another name and returns its number; the old name is free at once.

    Raises:
        NotFound, Forbidden: the actor may not.
        NameTaken: a living project of the owner has the new name.
        Conflict: it is a core registry.
        InvalidName, Invalid: the new name breaks the rules.
    """
    project = projects.get_for(tx, Action.EDIT_PROJECT, name)
    found = project.thing
    if found.name == new_name:
        return found.id
    check_removable(found, "renamed")
    if found.is_registry:
        check_registry_name(new_name)
    else:
        check_own_project_name(new_name)
    projects.rename(tx, project, new_name)
    _record(
        tx,
        found,
        EventKind.REGISTRY_RENAMED,
        EventKind.PROJECT_RENAMED,
        {"name": [found.name, new_name]},
    )
    return found.id


def delete_project(tx: Tx, project_id: int, *, force: bool) -> None:
    """Ends a project or registry with what is in it; artifacts linked from elsewhere stay where they are.

    Args:
        force: even where protected aliases stand; for a registry, and for who administers its organization.

    Raises:
        NotFound: there is none, it was deleted before, or the actor may not see it.
        Forbidden: the actor may not.
        Conflict: it is a core registry.
        InUse: a protected alias stands on one of its versions.
    """
    project = projects.get_for_id(tx, Action.DELETE_PROJECT, project_id)
    found = project.thing
    check_removable(found, "deleted")
    overrides = (
        force
        and found.is_registry
        and organizations.may_administer(tx, found.entity.organization_id)
    )
    if not overrides:
        check_unprotected(tx, [found.id])
    end_projects(tx, [found.id])
    _record(
        tx,
        found,
        EventKind.REGISTRY_DELETED,
        EventKind.PROJECT_DELETED,
        {"name": found.name, "force": overrides},
    )


def set_organization_role(tx: Tx, project_id: int, role: str) -> None:
    """Sets what everybody in the organization may do in a registry that is not restricted.

    Raises:
        NotFound, Forbidden: the actor may not.
        Invalid: no such role, or it is no registry.
    """
    registry = projects.get_for_id(tx, Action.ADMINISTER, project_id)
    found = registry.thing
    if not found.is_registry:
        raise Invalid(f"{found.entity.name}/{found.name} is not a registry.")
    wanted = role_named(role, REGISTRY_ROLES)
    if wanted is Role.ADMIN:
        raise Invalid("Not everybody in the organization can be admin; name the admins one by one.")
    if wanted is found.organization_role:
        return
    projects.change(tx, registry, {"organization_role": wanted})
    _record(
        tx,
        found,
        EventKind.REGISTRY_CHANGED,
        EventKind.PROJECT_CHANGED,
        {"organization_role": [found.organization_role.label, wanted.label]},
    )


def _record(
    tx: Tx,
    project: Project,
    of_registry: EventKind,
    of_project: EventKind,
    changes: dict[str, Any],
) -> None:
    events.record_in(
        tx,
        of_registry if project.is_registry else of_project,
        project,
        subject_kind=SubjectKind.PROJECT,
        subject_id=project.id,
        changes=changes,
    )
