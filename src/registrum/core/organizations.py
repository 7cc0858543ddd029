"""Organizations: the people and teams that share registries."""

from dataclasses import dataclass
from datetime import datetime

from registrum.core.policy import Role
from registrum.core.projects import Entity
from registrum.core.users import User

CORE_REGISTRIES = ("model", "dataset")
"""Made with an organization; each accepts the artifact type of its own name."""


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization.

    Attributes:
        name: the one that people read and type; unique without regard to case.
        entity: the one that owns its registries.
    """

    id: int
    name: str
    entity: Entity
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrganizationMember:
    """A person in an organization, with the role there."""

    user: User
    role: Role
