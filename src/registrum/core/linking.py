"""Linking: an artifact becomes a version of a collection in a registry or another project, without its bytes moving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registrum.core.aliases import LATEST
from registrum.core.projects import ProjectName


@dataclass(frozen=True, slots=True)
class LinkArtifact:
    """What is to be linked, and where to.

    Attributes:
        artifact_id: the artifact's number; None where it is named by `client_id`.
        client_id: the id that a client gave it before it was logged.
        target: registry or project; None where `collection_id` says it.
        collection: the name of the target collection; made where new.
        collection_id: a collection that is there already, instead of both names.
        aliases: as typed; `latest` need not be among them.
    """

    artifact_id: int | None
    client_id: str | None
    target: ProjectName | None
    collection: str | None
    collection_id: int | None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An artifact that is to be linked into one project, as little of it as that takes.

    Attributes:
        id: of the artifact.
        name: of the sequence that it was logged into.
        is_near: whether its project and the target belong to one organization; a personal project goes with each
            organization that its owner belongs to.
        is_kept: it has no TTL already.
    """

    id: int
    name: str
    type_name: str
    state: str
    size_bytes: int
    created_at: datetime
    is_near: bool
    is_kept: bool


def aliases_of_link(asked: Sequence[str], *, is_new: bool) -> tuple[str, ...]:
    """The aliases to point at a linked version: those asked for, and `latest` where the link is new.

    A link that was there already keeps its number, and `latest` stays with the newest one.
    """
    return tuple(dict.fromkeys((LATEST, *asked))) if is_new else tuple(asked)
