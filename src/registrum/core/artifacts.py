"""Artifacts: immutable sets of files, versioned in the sequence they were logged into and in every collection they are linked to."""

from dataclasses import dataclass
from datetime import datetime

from registrum.core.collections import Alias, Collection, Tag
from registrum.core.values import light

NO_TTL = -2
INHERIT_TTL = -1


@light
@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact.

    Attributes:
        state: "pending", "committed", "deleted", or "purged" once the bytes are gone as well.
        source: the sequence it was logged into; its project is None where the actor may not see it.
        version: index in its sequence; None until it is committed.
        metadata: JSON text as the client sent it.
        digest_algorithm: "MANIFEST_MD5" or "MANIFEST_XXH128".
        size_bytes: sum over the manifest's entries, references included.
        ttl_seconds: the effective one; `NO_TTL` where it never expires.
        ttl_is_inherited: whether that comes from its project or entity.
        tags, aliases: filled only where they were asked for.
    """

    id: int
    state: str
    source: Collection
    version: int | None
    description: str | None
    metadata: str | None
    digest: str
    digest_algorithm: str
    size_bytes: int
    file_count: int
    history_step: int | None
    ttl_seconds: int
    ttl_is_inherited: bool
    created_at: datetime
    updated_at: datetime | None
    run_id: int | None = None
    created_by: int | None = None
    tags: tuple[Tag, ...] = ()
    aliases: tuple[Alias, ...] = ()


@light
@dataclass(frozen=True, slots=True)
class Membership:
    """An artifact as a version of one collection: logged there, or linked.

    Attributes:
        version: index in that collection, from 0.
        created_at: when it was linked (or logged).
        aliases: those of this collection that point here, alphabetical.
    """

    id: int
    collection: Collection
    artifact: Artifact
    version: int
    created_at: datetime
    aliases: tuple[Alias, ...] = ()
