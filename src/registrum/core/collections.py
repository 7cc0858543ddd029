"""Collections: sequences, into which versions are logged, and portfolios, into which they are linked."""

from dataclasses import dataclass
from datetime import datetime

from registrum.core.projects import Project
from registrum.core.values import light


@light
@dataclass(frozen=True, slots=True)
class Tag:
    """A label on a version or a collection; case and inner spaces count."""

    id: int
    name: str


@light
@dataclass(frozen=True, slots=True)
class Alias:
    """A name that points at one version of one collection.

    Attributes:
        collection: where it holds; filled only where a list mixes several collections.
    """

    id: int
    name: str
    collection: "Collection | None" = None


@light
@dataclass(frozen=True, slots=True)
class ArtifactType:
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


@light
@dataclass(frozen=True, slots=True)
class Collection:
    """A named line of versions of one artifact type.

    Attributes:
        kind: "sequence" or "portfolio".
        project: None where the actor may not see it.
        description, created_at, updated_at: filled unless a list of versions shows its name and project only.
        tags: filled only where they were asked for.
        digest_algorithm: of a sequence, that of its versions; filled as `description`.
        is_deleted: true only in the answer to its deletion.
    """

    id: int
    kind: str
    name: str
    project: Project | None
    type_id: int
    type_name: str
    description: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    tags: tuple[Tag, ...] = ()
    digest_algorithm: str | None = None
    is_deleted: bool = False

    @property
    def type(self) -> ArtifactType:
        """The type of its versions, by name."""
        return ArtifactType(self.type_id, self.type_name, self.project)

    @property
    def is_portfolio(self) -> bool:
        """Versions are linked into it, not logged."""
        return self.kind == "portfolio"
