"""Registries: which artifact types one takes, and what may be changed of one."""

from collections.abc import Collection

from registrum.core.errors import Conflict, Invalid, TypeNotAccepted
from registrum.core.projects import REGISTRY_PREFIX, Project

ORGANIZATION = "organization"
RESTRICTED = "restricted"


def short_name(registry: Project) -> str:
    """The registry's name as people say it, without the prefix."""
    return registry.name.removeprefix(REGISTRY_PREFIX)


def check_accepts(registry: Project, accepted: Collection[str], type_name: str) -> None:
    """Refuses an artifact whose type the registry does not take.

    Args:
        registry: the target of the link.
        accepted: its list of types; of no meaning where it takes all.
        type_name: the artifact's type.

    Raises:
        TypeNotAccepted: names the types that it takes.
    """
    if registry.accepts_any_type or type_name in accepted:
        return
    known = ", ".join(repr(name) for name in sorted(accepted)) or "none yet"
    raise TypeNotAccepted(
        f"Registry {short_name(registry)!r} does not accept artifacts of type {type_name!r}; "
        f"its accepted types are: {known}."
    )


def check_restrictable(registry: Project) -> None:
    """Refuses to restrict a core registry, which everybody in its organization sees.

    Raises:
        Conflict: it is one.
    """
    if registry.is_core:
        raise Conflict(
            f"Registry {short_name(registry)!r} is a core registry of its organization; "
            "its visibility cannot be restricted."
        )


def check_removable(registry: Project, verb: str) -> None:
    """Refuses to rename or delete a core registry.

    Args:
        registry: any project.
        verb: "renamed" or "deleted".

    Raises:
        Conflict: it is a core registry.
    """
    if registry.is_core:
        raise Conflict(
            f"Registry {short_name(registry)!r} is a core registry of its organization; "
            f"it cannot be {verb}."
        )


def visibility_of(access: str) -> str:
    """The visibility that a client's `access` asks for.

    Raises:
        Invalid: it is neither PRIVATE nor RESTRICTED.
    """
    if access == "PRIVATE":
        return ORGANIZATION
    if access == "RESTRICTED":
        return RESTRICTED
    raise Invalid(
        f"There is no access {access[:40]!r} for a registry: it is PRIVATE (its organization sees it) "
        "or RESTRICTED (its members only)."
    )
