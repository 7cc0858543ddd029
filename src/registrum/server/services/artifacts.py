"""Logging, editing and deleting artifacts; their commit is in `services/commits.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from registrum.core.aliases import checked, protected_words
from registrum.core.artifacts import Artifact
from registrum.core.collections import Collection
from registrum.core.digests import ArtifactAlgorithm, check_artifact_digest
from registrum.core.errors import Conflict, InUse, Invalid, InvalidName, NotSupported
from registrum.core.events import EventKind, SubjectKind
from registrum.core.manifest import check_region
from registrum.core.memberships import Place
from registrum.core.metadata import check_metadata, facts_of
from registrum.core.names import check_artifact_name, check_artifact_type, check_tag
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.retention import effective_ttl, expires_at, own_ttl
from registrum.core.texts import check_text
from registrum.server.db import (
    aliases,
    artifacts,
    collections,
    events,
    memberships,
    projects,
    runs,
    tags,
    versions,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant
from registrum.server.services.aliases import record_aliases

MAX_CLIENT_ID = 256
MAX_TAGS = 100
_TAKEN = (
    "Invalid Client ID digest: this client id belongs to another artifact. An artifact that was logged in one place "
    "is linked into others; to log its content in another project, make a new one."
)


@dataclass(frozen=True, slots=True)
class CreateArtifact:
    """A version to begin.

    Attributes:
        entity, project: where; the project is made where new.
        run: id of the run that logs it; None: the actor does.
        digest: of the whole content, hexadecimal.
        aliases: to point at it when it is committed.
        finds_same_content: whether a committed version of the same content answers instead.
        client_id: the client's own id: the same one again is the same artifact.
        sequence_client_id: the client's own id of the collection.
    """

    entity: str
    project: str
    type_name: str
    collection: str
    digest: str
    algorithm: ArtifactAlgorithm = ArtifactAlgorithm.MD5
    run: str | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str | None = None
    metadata: str | None = None
    ttl_seconds: int | None = None
    history_step: int | None = None
    finds_same_content: bool = False
    client_id: str | None = None
    sequence_client_id: str | None = None
    region: str | None = None
    distributed_id: str | None = None


def create_artifact(tx: Tx, ask: CreateArtifact) -> int:
    """Begins a version, or finds the one that the client began before, or a committed one of the same content.

    Returns:
        The artifact's number; its state says which.

    Raises:
        InvalidName, Invalid, TooLarge: a name, digest, TTL or document breaks its rules.
        NotFound, Forbidden: the actor may not write in the project, or the run is missing.
        TypeNotAccepted: the collection is of another type.
        Conflict: the client id was used for other content, or the name is a portfolio's.
    """
    ask = _checked(ask)
    project = projects.create_on_demand(tx, ask.entity, ask.project)
    run_id = runs.get_for(tx, Action.WRITE, project.thing, ask.run).thing.id if ask.run else None
    if ask.client_id:
        known = _known(tx, ask, project.thing)
        if known is not None:
            return known
    sequence = collections.sequence_for(
        tx,
        project,
        ask.type_name,
        ask.collection,
        digest_algorithm=ask.algorithm.value,
        client_id=ask.sequence_client_id,
    )
    if ask.finds_same_content:
        same = versions.with_content(tx, sequence, ask.digest, ask.algorithm.value)
        if same is not None:
            return _log_again(tx, same, ask.aliases, ask.tags, run_id)
    added = _begin(tx, ask, project.thing, sequence, run_id)
    if ask.tags:
        _change_tags(tx, artifacts.get_for(tx, Action.WRITE, added), ask.tags, ())
    return added


def _checked(ask: CreateArtifact) -> CreateArtifact:
    """The same, each part of it checked and in the form in which it is kept."""
    if check_artifact_name(ask.collection).strip(".") == "":
        raise InvalidName(f"{ask.collection!r} cannot be the name of an artifact.")
    check_artifact_type(ask.type_name)
    check_artifact_digest(ask.digest)
    check_region(ask.region)
    check_text("description", ask.description)
    if ask.client_id is not None and len(ask.client_id) > MAX_CLIENT_ID:
        raise Invalid(f"A client id may have at most {MAX_CLIENT_ID} characters.")
    if ask.distributed_id:
        raise NotSupported(
            "Artifacts written by several processes at once (distributed_id) are not supported."
        )
    if ask.history_step is not None and not -1 <= ask.history_step < 1 << 62:
        raise Invalid(f"{ask.history_step} is not a step of a history.")
    return replace(
        ask,
        aliases=tuple(checked(ask.aliases)),
        tags=check_tags(ask.tags),
        metadata=check_metadata(ask.metadata),
        ttl_seconds=own_ttl(ask.ttl_seconds),
    )


def _begin(
    tx: Tx, ask: CreateArtifact, project: Project, sequence: Grant[Collection], run_id: int | None
) -> int:
    """Adds the pending version of what was checked; an upload of the same client that is lost makes way for it."""
    begin = partial(
        versions.begin,
        tx,
        sequence,
        project.id,
        digest=ask.digest,
        digest_algorithm=ask.algorithm.value,
        description=ask.description,
        metadata=ask.metadata,
        history_step=ask.history_step,
        client_id=ask.client_id,
        ttl_seconds=ask.ttl_seconds,
        run_id=run_id,
        aliases=ask.aliases,
    )
    added = begin()
    if added is None and ask.client_id and versions.give_up_lost(tx, ask.client_id):
        added = begin()
    if added is None:
        raise Conflict(_TAKEN)
    return added


def check_tags(names: Sequence[str]) -> tuple[str, ...]:
    """Tags to give, each once.

    Raises:
        Invalid, InvalidName: there are more than `MAX_TAGS`, or one of them cannot be a tag.
    """
    if len(names) > MAX_TAGS:
        raise Invalid(f"At most {MAX_TAGS} tags can be changed at once.")
    return tuple(dict.fromkeys(check_tag(name) for name in names))


def _known(tx: Tx, ask: CreateArtifact, project: Project) -> int | None:
    """The artifact that this client began before, if it did."""
    assert ask.client_id
    found = artifacts.by_client_id(tx, ask.client_id)
    if found is None:
        return None
    where = found.source.project
    if where is None or where.id != project.id or found.source.name != ask.collection:
        raise Conflict(_TAKEN)
    if found.digest != ask.digest:
        raise Conflict("Invalid Client ID digest: this client id was used for other content.")
    return found.id


def _log_again(
    tx: Tx, artifact_id: int, names: Sequence[str], labels: Sequence[str], run_id: int | None
) -> int:
    """The same content once more: no new version, but its aliases, tags and producer are noted."""
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    place = memberships.own_place(tx, found)
    _point_others(tx, found.thing, place, names, _standing(tx, place))
    _change_tags(tx, found, labels, ())
    if run_id is not None:
        versions.add_producer(tx, found, run_id)
    return artifact_id


@dataclass(frozen=True, slots=True)
class UpdateArtifact:
    """What to change of a version; what is None stays.

    Attributes:
        ttl_seconds: as on the wire: -1 to inherit, -2 for none.
        aliases: all that it has in its sequence from now on.
    """

    artifact_id: int
    description: str | None = None
    metadata: str | None = None
    tags_to_add: tuple[str, ...] = ()
    tags_to_remove: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    aliases: tuple[str, ...] | None = None


def update_artifact(tx: Tx, ask: UpdateArtifact) -> int:
    """Changes what is said about a version; its files never change.

    Raises:
        NotFound, Forbidden: the actor may not write in the version's source project.
        Invalid, InvalidName, TooLarge: a document, tag, alias or TTL breaks its rules.
    """
    versions.lock(tx, ask.artifact_id)
    found = artifacts.get_for(tx, Action.WRITE, ask.artifact_id)
    artifact = found.thing
    description, metadata = artifact.description, artifact.metadata
    if ask.description is not None:
        description = check_text("description", ask.description)
    if ask.metadata is not None:
        metadata = check_metadata(ask.metadata)
    ttl = versions.own_ttl(tx, found) if ask.ttl_seconds is None else own_ttl(ask.ttl_seconds)
    changes = [
        name
        for name, is_asked in (
            ("description", ask.description is not None and description != artifact.description),
            ("metadata", ask.metadata is not None and metadata != artifact.metadata),
            ("ttl", ask.ttl_seconds is not None),
        )
        if is_asked
    ]
    if changes:
        default = versions.default_ttl(tx, found)
        versions.change(
            tx,
            found,
            description=description,
            metadata=metadata,
            ttl_seconds=ttl,
            expires_at=expires_at(artifact.created_at, effective_ttl(ttl, default)),
            facts_found=facts_of(metadata) if "metadata" in changes else None,
        )
        record(tx, EventKind.VERSION_CHANGED, artifact, fields=changes)
    _change_tags(tx, found, check_tags(ask.tags_to_add), ask.tags_to_remove)
    if ask.aliases is not None:
        _set_aliases(tx, found, checked(ask.aliases))
    return artifact.id


def _change_tags(tx: Tx, found: Grant[Artifact], add: Sequence[str], remove: Sequence[str]) -> None:
    changed = tags.change_of_artifact(tx, found, add, remove)
    if changed.added:
        record(tx, EventKind.VERSION_TAGGED, found.thing, tags=changed.added)
    if changed.removed:
        record(tx, EventKind.VERSION_UNTAGGED, found.thing, tags=changed.removed)


def _set_aliases(tx: Tx, found: Grant[Artifact], names: Sequence[str]) -> None:
    if found.thing.state != "committed":
        raise Conflict("The artifact is not committed yet: its aliases are set when it is.")
    place = memberships.own_place(tx, found)
    standing = _standing(tx, place)
    ended = aliases.remove(tx, place, [name for name in standing if name not in names])
    record_aliases(tx, EventKind.ALIAS_REMOVED, found.thing.source, place.thing, ended)
    _point_others(tx, found.thing, place, names, standing)


def _standing(tx: Tx, place: Grant[Place]) -> list[str]:
    found = aliases.by_memberships(tx, [place.thing.id]).get(place.thing.id, ())
    return [each.name for each in found]


def _point_others(
    tx: Tx, artifact: Artifact, place: Grant[Place], names: Sequence[str], standing: Sequence[str]
) -> None:
    """Points those of the aliases at a version that do not stand there already."""
    new = [name for name in names if name not in standing]
    aliases.point(tx, place, new)
    record_aliases(tx, EventKind.ALIAS_SET, artifact.source, place.thing, new)


def delete_artifact(tx: Tx, artifact_id: int, *, with_aliases: bool) -> Artifact:
    """Takes a version away from its sequence and from every collection it is linked to.

    Where `latest` stood on it, it moves to the newest version that is left.

    Args:
        with_aliases: its aliases may go with it.

    Returns:
        The artifact as it was.

    Raises:
        NotFound, Forbidden: the actor may not write in the version's source project.
        InUse: aliases stand on it and may not go, or one of them is protected.
    """
    versions.lock(tx, artifact_id)
    found = artifacts.get_for(tx, Action.WRITE, artifact_id)
    memberships.lock_places(tx, [artifact_id])
    protected = aliases.protected_on(tx, found)
    if protected:
        raise InUse(
            f"The version has {protected_words(protected[0])}; nobody can delete it until that is removed."
        )
    standing = versions.count_aliases(tx, found)
    if standing and not with_aliases:
        raise InUse(
            f"The version has {standing} alias{'es' if standing > 1 else ''}; "
            "delete it with delete_aliases=True (--with-aliases), or remove them first."
        )
    versions.remove(tx, found)
    record(tx, EventKind.VERSION_DELETED, found.thing)
    return found.thing


def record(tx: Tx, kind: EventKind, artifact: Artifact, **changes: object) -> None:
    """Writes into the ledger what was done to an artifact."""
    events.record_in(
        tx,
        kind,
        artifact.source.project,
        subject_kind=SubjectKind.ARTIFACT,
        subject_id=artifact.id,
        changes={"collection": artifact.source.name, "version": artifact.version, **changes},
    )
