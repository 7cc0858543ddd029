"""Artifacts: immutable sets of files, versioned in the sequence they were logged into and in every collection they are linked to."""

from datetime import datetime
from typing import NamedTuple

from registrum.core.collections import Alias, Collection, Tag

NO_TTL = -2
INHERIT_TTL = -1


class Artifact(NamedTuple):
    """One artifact.

    Attributes:
        state: "pending", "committed", "deleted", or "purged" once the bytes are gone as well.
        version: index in its sequence; None until it is committed.
        metadata: JSON text as the client sent it.
        digest_algorithm: "MANIFEST_MD5" or "MANIFEST_XXH128".
        size_bytes: sum over the manifest's entries, references included.
        source: the sequence it was logged into; its project is None where the actor may not see it.
        ttl_seconds: the effective one; `NO_TTL` where it never expires.
        ttl_is_inherited: whether that comes from its project or entity.
        tags, aliases: filled only where they were asked for.
    """

    id: int
    state: str
    version: int | None
    description: str | None
    metadata: str | None
    digest: str
    digest_algorithm: str
    size_bytes: int
    file_count: int
    history_step: int | None
    created_at: datetime
    updated_at: datetime | None
    run_id: int | None
    created_by: int | None
    source: Collection
    ttl_seconds: int
    ttl_is_inherited: bool
    tags: tuple[Tag, ...] = ()
    aliases: tuple[Alias, ...] = ()


class Membership(NamedTuple):
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
