"""Members of a registry: people and teams, with the role each was given there."""

from dataclasses import dataclass

from registrum.core.policy import Role
from registrum.core.projects import Entity
from registrum.core.users import User


@dataclass(frozen=True, slots=True)
class RegistryMember:
    """A person, or a service account, who is a member of a registry.

    Attributes:
        role: the one given in this registry.
        effective_role: the highest of that, the roles of the person's teams, and what the organization gives.
    """

    user: User
    role: Role
    effective_role: Role


@dataclass(frozen=True, slots=True)
class RegistryTeam:
    """A team that is a member of a registry."""

    team: Entity
    role: Role
