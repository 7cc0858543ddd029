"""Registries, and who is in them, under the path by which scripts import it."""

from registrum.sdk.members import MemberKind, MemberRole, TeamMember, UserMember
from registrum.sdk.registries import Registry
from registrum.sdk.registry_lists import Registries
from registrum.sdk.search import Collections, Versions

__all__ = [
    "Collections",
    "MemberKind",
    "MemberRole",
    "Registries",
    "Registry",
    "TeamMember",
    "UserMember",
    "Versions",
]
