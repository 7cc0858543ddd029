"""Giving and taking aliases, and which aliases of a registry are protected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registrum.core.aliases import LATEST, MOST_AT_ONCE, checked
from registrum.core.collections import Collection
from registrum.core.errors import Invalid, InvalidName
from registrum.core.events import EventKind, SubjectKind
from registrum.core.memberships import Place
from registrum.core.names import is_version_name
from registrum.core.policy import Action
from registrum.core.projects import Project, ProjectName
from registrum.server.db import aliases, events, memberships, projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.collections import to_edit


@dataclass(frozen=True, slots=True)
class AliasIn:
    """An alias and the collection in which it is given or taken."""

    project: ProjectName
    collection: str
    alias: str


def add_aliases(tx: Tx, artifact_id: int, asked: Sequence[AliasIn]) -> None:
    """Points aliases at an artifact's version in each of the collections named; they leave where they pointed.

    Raises:
        InvalidName: one of them cannot be an alias; `v3` and its like name versions.
        NotFound: a collection is missing or hidden, or the artifact is not in it.
        Forbidden: the actor may not edit aliases there, or not protected ones.
    """
    for collection, names in _grouped(tx, asked):
        found = checked(names)
        place = _place(tx, collection, artifact_id, found)
        aliases.point(tx, place, found)
        record_aliases(tx, EventKind.ALIAS_SET, collection.thing, place.thing, found)


def delete_aliases(tx: Tx, artifact_id: int, asked: Sequence[AliasIn]) -> None:
    """Takes aliases away from an artifact's version in each of the collections named; those not there are left alone.

    Raises:
        InvalidName: `v3` and its like are versions' own names.
        NotFound: a collection is missing or hidden, or the artifact is not in it.
        Forbidden: the actor may not edit aliases there, or not protected ones.
    """
    for collection, names in _grouped(tx, asked):
        for name in names:
            if is_version_name(name):
                raise InvalidName(f"{name!r} is the name of a version, which cannot be taken away.")
        place = _place(tx, collection, artifact_id, names)
        ended = aliases.remove(tx, place, names)
        record_aliases(tx, EventKind.ALIAS_REMOVED, collection.thing, place.thing, ended)


def _grouped(tx: Tx, asked: Sequence[AliasIn]) -> Iterable[tuple[Grant[Collection], list[str]]]:
    """The collections that are named, each with its aliases."""
    if len(asked) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} aliases can be changed at once.")
    names: dict[tuple[ProjectName, str], list[str]] = {}
    for one in asked:
        names.setdefault((one.project, one.collection), []).append(one.alias)
    for (project, collection), of_collection in names.items():
        yield to_edit(tx, project, collection), of_collection


def _place(
    tx: Tx, collection: Grant[Collection], artifact_id: int, names: Sequence[str]
) -> Grant[Place]:
    place = memberships.place_in(tx, collection, artifact_id)
    assert collection.thing.project is not None, "who may edit aliases there sees the project"
    check_protected(tx, collection.thing.project, names)
    return place


def check_protected(tx: Tx, project: Project, names: Sequence[str]) -> None:
    """Refuses to give or take protected aliases of a registry to who does not administer it.

    Raises:
        Forbidden: names the role held and the role needed.
    """
    some = set(names) - {LATEST}  # which cannot be protected
    if project.is_registry and some and not some.isdisjoint(aliases.protected_in(tx, project)):
        projects.get_for_id(tx, Action.PROTECT_ALIAS, project.id)


def protect_aliases(tx: Tx, registry_id: int, names: Sequence[str]) -> None:
    """Makes aliases of a registry protected: only its administrators give or take them, in all its collections.

    Raises:
        Invalid: the project is no registry.
        InvalidName: `latest` and versions' names cannot be protected.
        NotFound, Forbidden: the registry is hidden, or not the actor's to administer.
    """
    registry = _registry(tx, registry_id)
    found = checked(names)
    if LATEST in found:
        raise InvalidName(f"{LATEST!r} follows the newest version and cannot be protected.")
    aliases.protect(tx, registry, found)
    _record_protection(tx, EventKind.ALIAS_PROTECTED, registry.thing, found)


def unprotect_aliases(tx: Tx, registry_id: int, names: Sequence[str]) -> None:
    """Makes protected aliases of a registry plain again; those that are plain stay so. Raises as `protect_aliases`."""
    registry = _registry(tx, registry_id)
    aliases.unprotect(tx, registry, names)
    _record_protection(tx, EventKind.ALIAS_UNPROTECTED, registry.thing, names)


def _registry(tx: Tx, registry_id: int) -> Grant[Project]:
    registry = projects.get_for_id(tx, Action.PROTECT_ALIAS, registry_id)
    if not registry.thing.is_registry:
        raise Invalid(
            f"Project {registry.thing.name!r} is no registry; it has no protected aliases."
        )
    return registry


def _record_protection(tx: Tx, kind: EventKind, registry: Project, names: Sequence[str]) -> None:
    events.record_in(
        tx,
        kind,
        registry,
        subject_kind=SubjectKind.PROJECT,
        subject_id=registry.id,
        changes={"aliases": list(names)},
    )


def record_aliases(
    tx: Tx, kind: EventKind, collection: Collection, place: Place, names: Sequence[str]
) -> None:
    """Writes into the ledger which aliases came to a version in a collection, or left it, if any did."""
    if not names:
        return
    assert collection.project is not None, "who may edit aliases there sees the project"
    events.record_in(
        tx,
        kind,
        collection.project,
        subject_kind=SubjectKind.MEMBERSHIP,
        subject_id=place.id,
        changes={"collection": collection.name, "version": place.version, "aliases": list(names)},
    )
