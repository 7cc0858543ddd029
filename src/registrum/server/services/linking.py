"""Linking an artifact into a collection of a registry or another project, and taking it out again."""

from typing import Any

from registrum.core.aliases import checked
from registrum.core.errors import Conflict, Forbidden, InUse, Invalid, NotFound, RegistrumError
from registrum.core.events import EventKind, SubjectKind
from registrum.core.linking import LinkArtifact, Source, aliases_of_link
from registrum.core.memberships import Place
from registrum.core.names import check_collection_name
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, Project, ProjectName, is_registry_name
from registrum.core.registries import check_accepts
from registrum.server.db import (
    aliases,
    artifact_types,
    artifacts,
    collections,
    events,
    memberships,
    projects,
    registry_values,
    versions,
)
from registrum.server.db import linking as rows
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.aliases import check_protected


def link_artifact(tx: Tx, ask: LinkArtifact) -> Place:
    """Makes a committed artifact the next version of a portfolio; linked there already, it keeps its number.

    The portfolio is made where it is missing, and so is a project that is no registry. The aliases move here; `latest`
    comes along with a new link.

    Returns:
        Where it stands now; `version` counts from 0 within the collection.

    Raises:
        NotFound: the artifact or the registry is missing or hidden.
        Forbidden: the actor may not fetch the artifact, or not link into the target, or the two organizations differ.
        TypeNotAccepted: the registry or the collection takes other types.
        Conflict: the artifact is still being uploaded, or the collection holds logged versions.
    """
    asked = checked(ask.aliases)
    artifact_id = _artifact_id(tx, ask)
    versions.lock(tx, artifact_id)  # who deletes it waits, or has done so
    try:
        target, name = _target(tx, ask)
    except RegistrumError:
        artifacts.get_for(tx, Action.DOWNLOAD, artifact_id)  # of two reasons the artifact's is said
        raise
    source = _source(tx, artifact_id, target)
    check_collection_name(name)
    if not source.thing.is_near:
        raise Forbidden(
            "Artifacts cannot be linked across organizations: the artifact's project and "
            f"{target.thing.entity.name}/{target.thing.name} do not belong to the same one."
        )
    if target.thing.is_registry and not target.thing.accepts_any_type:
        accepted = artifact_types.accepted_in(tx, target.thing)
        check_accepts(target.thing, accepted, source.thing.type_name)
    place = rows.add_link(tx, target, name, source)
    names = aliases_of_link(asked, is_new=place.thing.is_new)
    check_protected(tx, target.thing, names)
    aliases.point(tx, place, names)
    if target.thing.is_registry:
        rows.keep_forever(tx, source)
        if place.thing.is_new:
            registry_values.note_linked(tx, artifact_id, target.thing)
    _record_linked(tx, target.thing, name, place.thing, names)
    return place.thing


def _artifact_id(tx: Tx, ask: LinkArtifact) -> int:
    if ask.artifact_id is not None:
        return ask.artifact_id
    if not ask.client_id:
        raise Invalid("Say which artifact to link: artifactID or clientID is needed.")
    found = artifacts.by_client_id(tx, ask.client_id)
    if found is None:
        raise NotFound(
            "There is no artifact with this client id: it must have been logged before it is linked."
        )
    return found.id


def _source(tx: Tx, artifact_id: int, target: Grant[Project]) -> Grant[Source]:
    source = rows.source_for(tx, Action.DOWNLOAD, artifact_id, target)
    if source.thing.state != "committed":
        raise Conflict(
            f"Artifact {source.thing.name!r} is still being uploaded: "
            "wait until it has been logged (artifact.wait()), then link it."
        )
    return source


def _target(tx: Tx, ask: LinkArtifact) -> tuple[Grant[Project], str]:
    if ask.collection_id is not None:
        collection = collections.get_for(tx, Action.LINK, ask.collection_id).thing
        assert collection.project is not None, "who may link there sees the project"
        project = projects.get_for_id(tx, Action.LINK, collection.project.id)
        return project, collection.name
    if ask.target is None or ask.collection is None:
        raise Invalid("Say where to link: projectName and artifactPortfolioName are needed.")
    return _project(tx, ask.target), ask.collection


def _project(tx: Tx, name: ProjectName) -> Grant[Project]:
    try:
        return projects.get_for(tx, Action.LINK, name)
    except NotFound:
        if is_registry_name(name.name):
            short = name.name.removeprefix(REGISTRY_PREFIX)
            raise NotFound(
                f"There is no registry {short!r} under {name.entity!r}, or you may not see it; "
                "registries are not made by linking."
            ) from None
    made = projects.create_on_demand(tx, name.entity, name.name)
    return projects.get_for_id(tx, Action.LINK, made.thing.id)


def _record_linked(
    tx: Tx, project: Project, collection: str, place: Place, names: tuple[str, ...]
) -> None:
    about = {"collection": collection, "version": place.version}
    acts: dict[EventKind, dict[str, Any]] = {}
    if place.is_new:
        acts[EventKind.VERSION_LINKED] = {**about, "artifact": place.artifact_id}
    if names:
        acts[EventKind.ALIAS_SET] = {**about, "aliases": list(names)}
    events.record_all(
        tx,
        acts,
        subject_kind=SubjectKind.MEMBERSHIP,
        subject_id=place.id,
        project_id=project.id,
        organization_id=project.entity.organization_id,
    )


def unlink_artifact(tx: Tx, artifact_id: int, collection_id: int) -> None:
    """Takes a linked version out of a portfolio; its source stays, its number there is not used again.

    Its aliases go with it, only `latest` moves on to the newest version that remains.

    Raises:
        NotFound: the collection is missing or hidden, or the artifact is not linked in it.
        Forbidden: the actor may not unlink there.
        Invalid: the collection is the one that the artifact was logged into.
        InUse: a protected alias stands on the version.
    """
    collection = collections.get_for(tx, Action.LINK, collection_id)
    here = collection.thing
    if not here.is_portfolio:
        raise Invalid(
            f"Collection {here.name!r} is where the version was logged: delete the version instead."
        )
    place = memberships.place_in(tx, collection, artifact_id)
    if protected := aliases.protected_at(tx, place):
        raise InUse(
            f"Version v{place.thing.version} of {here.name!r} has the protected alias "
            f"{protected[0]!r} and cannot be unlinked before an administrator of the registry takes it away."
        )
    ended = memberships.remove(tx, place)
    assert here.project is not None, "who may unlink there sees the project"
    events.record_in(
        tx,
        EventKind.VERSION_UNLINKED,
        here.project,
        subject_kind=SubjectKind.MEMBERSHIP,
        subject_id=place.thing.id,
        changes={
            "collection": here.name,
            "version": place.thing.version,
            "artifact": artifact_id,
            "aliases": ended,
        },
    )
