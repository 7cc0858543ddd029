"""Places: the row that makes an artifact a version of one collection, as writers hold it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One membership, as little of it as is needed to point aliases at it or to end it.

    Attributes:
        id: of the membership.
        version: index in the collection, from 0.
        is_new: whether this very transaction added it.
    """

    id: int
    collection_id: int
    artifact_id: int
    project_id: int
    version: int
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Wants:
    """Which small relations of versions are to be loaded with them.

    Attributes:
        aliases: those of the membership's own collection.
        tags: those of the artifact.
        all_aliases: those of the artifact in every collection that the actor may see.
        collection_tags: those of the collections, the one it is in and the one it comes from.
        collection_details: of these collections, more than their names, projects and types.
    """

    aliases: bool = False
    tags: bool = False
    all_aliases: bool = False
    collection_tags: bool = False
    collection_details: bool = True
