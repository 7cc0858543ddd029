"""Projects: where runs log and artifacts live; a registry is a project of an organization's own entity."""

from datetime import datetime
from typing import NamedTuple

from registrum.core.policy import Role
from registrum.core.users import User

REGISTRY_PREFIX = "wandb-registry-"


def is_registry_name(name: str) -> bool:
    """Whether a project is named as registries are."""
    return name.startswith(REGISTRY_PREFIX) and name != REGISTRY_PREFIX


def called(name: str) -> str:
    """How people call the project of that name: `registry 'models'`, or `project 'demo'`."""
    if is_registry_name(name):
        return f"registry {name.removeprefix(REGISTRY_PREFIX)!r}"
    return f"project {name!r}"


class ProjectName(NamedTuple):
    """How people name a project: `entity/name`; compared exactly, the entity's name without regard to case."""

    entity: str
    name: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.name}"


class Entity(NamedTuple):
    """The owner of projects.

    Attributes:
        kind: "user", "team" or "organization".
        name: unique in the instance without regard to case.
        organization_id: of a team's organization, or the one whose own entity this is; None for a user's.
        organization_name: that organization's display name.
        user_id: the person of a user's own entity.
    """

    id: int
    kind: str
    name: str
    organization_id: int | None = None
    organization_name: str | None = None
    user_id: int | None = None
    photo_url: str | None = None
    created_at: datetime | None = None


class Project(NamedTuple):
    """A personal or team project, or a registry.

    Attributes:
        kind: "personal", "team" or "registry".
        name: with the registry prefix for a registry.
        visibility: of a registry: "organization" or "restricted".
        organization_role: of a registry: the role of everybody in the organization.
        is_core: one of the two registries made with the organization.
        accepts_any_type: of a registry: whether every artifact type may be linked.
        ttl_seconds: default TTL of versions logged here; None: the entity's.
        views: JSON text that clients keep here.
        creator: the person who made it; filled only where that was asked for.
    """

    id: int
    kind: str
    entity: Entity
    name: str
    description: str | None
    visibility: str
    organization_role: Role
    is_core: bool
    accepts_any_type: bool
    ttl_seconds: int | None
    created_at: datetime
    updated_at: datetime | None
    created_by: int | None = None
    views: str | None = None
    creator: User | None = None

    @property
    def is_registry(self) -> bool:
        """It takes links instead of runs and logged artifacts."""
        return self.kind == "registry"
