"""Collections: sequences, into which versions are logged, and portfolios, into which they are linked."""

from datetime import datetime
from typing import NamedTuple

from registrum.core.projects import Project


class Tag(NamedTuple):
    """A label on a version or a collection; case and inner spaces count."""

    id: int
    name: str


class Alias(NamedTuple):
    """A name that points at one version of one collection.

    Attributes:
        collection: where it holds; filled only where a list mixes several collections.
    """

    id: int
    name: str
    collection: "Collection | None" = None


class ArtifactType(NamedTuple):
    """The kind of a project's artifacts: model, dataset, …

    Attributes:
        project: None where the actor may not see it.
        created_at: None where it is known only by name, as the type of a collection; `db/artifact_types.py` loads the rest.
    """

    id: int
    name: str
    project: Project | None
    description: str | None = None
    created_at: datetime | None = None


class Collection(NamedTuple):
    """A named line of versions of one artifact type.

    Attributes:
        kind: "sequence" or "portfolio".
        project: None where the actor may not see it.
        description, created_at, updated_at: filled unless a list of versions shows its name and project only.
        digest_algorithm: of a sequence, that of its versions; filled as `description`.
        tags: filled only where they were asked for.
        is_deleted: true only in the answer to its deletion.
    """

    id: int
    kind: str
    name: str
    type_id: int
    type_name: str
    project: Project | None
    description: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    digest_algorithm: str | None = None
    tags: tuple[Tag, ...] = ()
    is_deleted: bool = False

    @property
    def type(self) -> ArtifactType:
        """The type of its versions, by name."""
        # As the class is called, in half the time: each row of a page of versions has one.
        return tuple.__new__(ArtifactType, (self.type_id, self.type_name, self.project, None, None))

    @property
    def is_portfolio(self) -> bool:
        """Versions are linked into it, not logged."""
        return self.kind == "portfolio"
