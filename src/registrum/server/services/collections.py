"""Editing and deleting collections, and making artifact types."""

from typing import Any

from registrum.core.aliases import protected_words
from registrum.core.collections import Collection
from registrum.core.errors import Conflict, InUse, NotFound
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_artifact_type, check_collection_name
from registrum.core.policy import Action
from registrum.core.projects import ProjectName
from registrum.core.registries import check_accepts
from registrum.core.texts import check_text
from registrum.server.db import (
    aliases,
    artifact_types,
    collection_edits,
    collections,
    events,
    jobs,
    memberships,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.projects import UpsertProject, upsert_project

DELETION_JOB = "delete_collection"
DELETED_AT_ONCE = 500


def update_collection(
    tx: Tx, kind: str, collection_id: int, name: str | None, description: str | None
) -> int:
    """Renames a collection or describes it; what is None stays, and an empty description is one.

    Args:
        kind: the kind that the caller takes it for.

    Returns:
        Its number, which stays.

    Raises:
        InvalidName, Invalid: the name or the text breaks its rules.
        NotFound, Forbidden: the collection is hidden, of the other kind, or not the actor's to edit.
        NameTaken: another collection of the project has the name.
    """
    found = _of_kind(tx, Action.EDIT_COLLECTION, kind, collection_id)
    here = found.thing
    to_name = here.name if name is None or name == here.name else check_collection_name(name)
    text = here.description if description is None else check_text("description", description)
    changes: dict[str, Any] = {}
    if to_name != here.name:
        changes["name"] = [here.name, to_name]
    if text != here.description:
        changes["description"] = [here.description, text]
    if changes:
        collection_edits.change(tx, found, to_name, text)
        record(tx, EventKind.COLLECTION_CHANGED, here, changes)
    return here.id


def move_collection(tx: Tx, collection_id: int, type_name: str) -> int:
    """Gives a collection and its versions another type, which is made where it is new.

    Returns:
        The collection's number.

    Raises:
        InvalidName: the type's name breaks the rules.
        NotFound, Forbidden: the collection is hidden, or not the actor's to edit.
        TypeNotAccepted: the registry does not take the type.
        InUse: versions of the sequence are linked elsewhere, where their type counts.
        Conflict: versions are linked in the portfolio; they have their type from where they were logged.
    """
    check_artifact_type(type_name)
    collections.lock(
        tx, collection_id
    )  # who links into it, or a version of it, waits or has done so
    found = collections.get_for(tx, Action.EDIT_COLLECTION, collection_id)
    here = found.thing
    if here.type_name == type_name:
        return here.id
    assert here.project is not None, "who may edit it sees the project"
    project = projects.get_for_id(tx, Action.EDIT_COLLECTION, here.project.id)
    if here.is_portfolio:
        if collection_edits.has_versions(tx, found):
            raise Conflict(
                f"Collection {here.name!r} holds linked versions of type {here.type_name!r}; "
                "a collection's type can be changed only while nothing is linked in it."
            )
        if here.project.is_registry:
            check_accepts(here.project, artifact_types.accepted_in(tx, here.project), type_name)
    elif collection_edits.is_linked(tx, found):
        raise InUse(
            f"Versions of {here.name!r} are linked in collections of type {here.type_name!r}; "
            "unlink them before the type is changed."
        )
    collection_edits.retype(tx, found, artifact_types.id_for(tx, project, type_name))
    record(tx, EventKind.COLLECTION_CHANGED, here, {"type": [here.type_name, type_name]})
    return here.id


def delete_collection(tx: Tx, kind: str, collection_id: int) -> Collection:
    """Deletes a collection: a portfolio with its links, a sequence with its versions and all their links.

    Names stop resolving at once; of a sequence of more than `DELETED_AT_ONCE` versions the rest is a job in steps.

    Args:
        kind: the kind that the caller takes it for.

    Returns:
        What it was.

    Raises:
        NotFound, Forbidden: the collection is hidden, of the other kind, or not the actor's to delete.
        InUse: a protected alias stands on one of the versions, here or where they are linked.
    """
    found = _of_kind(tx, Action.DELETE_COLLECTION, kind, collection_id)
    here = found.thing
    memberships.lock_versions(tx, found)  # who gives a protected alias there waits, or has done so
    if protected := aliases.protected_within(tx, found):
        raise InUse(
            f"Collection {here.name!r} cannot be deleted: {protected_words(protected[0])} stands on "
            "one of its versions."
        )
    collection_edits.remove(tx, found)
    record(tx, EventKind.COLLECTION_DELETED, here, {"name": here.name, "type": here.type_name})
    if not here.is_portfolio and delete_versions_step(tx, here.id):
        jobs.add(tx, DELETION_JOB, {"collection": here.id})
    return here


def delete_versions_step(tx: Tx, collection_id: int) -> bool:
    """Deletes some versions of a sequence that is deleted, with their links; whether more remain. Idempotent."""
    some = collection_edits.artifacts_left(tx, collection_id, DELETED_AT_ONCE + 1)
    now = some[:DELETED_AT_ONCE]
    if now:
        memberships.remove_of_artifacts(tx, now)
        collection_edits.remove_artifacts(tx, now)
    return len(some) > len(now)


def create_artifact_type(tx: Tx, project: ProjectName, name: str, description: str | None) -> int:
    """Makes an artifact type of a project; one that exists stays as it is. A registry accepts it from then on.

    Returns:
        Its number.

    Raises:
        InvalidName: the name breaks the rules.
        NotFound, Forbidden: the project is hidden, or the actor may not write in it, or not add types to the registry.
    """
    check_artifact_type(name)
    text = check_text("description", description)
    found = projects.get_for(tx, Action.READ, project).thing
    if not found.is_registry:
        where = projects.get_for_id(tx, Action.WRITE, found.id)
        return artifact_types.id_for(tx, where, name, text)
    upsert_project(tx, UpsertProject(project_id=found.id, types=((name, text),)))
    return artifact_types.get_for(tx, Action.READ, found, name).id


def _of_kind(tx: Tx, action: Action, kind: str, collection_id: int) -> Grant[Collection]:
    found = collections.get_for(tx, action, collection_id)
    if found.thing.kind != kind:
        raise NotFound(f"There is no {kind} with this id: the collection is a {found.thing.kind}.")
    return found


def to_edit(tx: Tx, project: ProjectName, name: str) -> Grant[Collection]:
    """The collection of that name, whose tags or aliases are to be changed.

    Raises:
        NotFound, Forbidden: it is missing or hidden, or not the actor's to edit.
    """
    return collections.get_for_place(tx, Action.EDIT_COLLECTION, project, name)


def record(tx: Tx, kind: EventKind, collection: Collection, changes: dict[str, Any]) -> None:
    """Writes into the ledger what was done to a collection."""
    assert collection.project is not None, "who may edit it sees the project"
    events.record_in(
        tx,
        kind,
        collection.project,
        subject_kind=SubjectKind.COLLECTION,
        subject_id=collection.id,
        changes=changes,
    )
