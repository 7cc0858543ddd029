"""Organizations, and which one is meant where none is named."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any

from registrum.errors import Missing
from registrum.sdk.http import Service
from registrum.sdk.operations import organizations as operations


@dataclass(frozen=True, slots=True)
class Owner:
    """The entity that owns an organization's registries."""

    id: str
    name: str
    entity_type: str = "organization"


@dataclass(frozen=True)
class Organization:
    """An organization.

    Attributes:
        id: global id.
        name: as people read it.
        org_entity: the entity that owns its registries.
    """

    service_api: InitVar[Service]
    _: KW_ONLY
    id: str
    name: str
    org_entity: Owner

    def __post_init__(self, service_api: Service) -> None:
        """Keeps the server, without making it part of the value."""
        object.__setattr__(self, "_service_api", service_api)


def find_organization(service: Service, name: str) -> Organization:
    """The organization of that name.

    Raises:
        Missing: there is none that the caller may see; a ValueError.
    """
    found = service.ask(operations.ORGANIZATION, {"name": name})["organization"]
    if found is None or found["orgEntity"] is None:
        raise Missing(f"There is no organization {name!r}.")
    return _organization(service, found)


def organization_of(service: Service, entity: str | None, named: str | None = None) -> Organization:
    """The organization that an entity belongs to.

    Args:
        service: the server.
        entity: a person's or a team's.
        named: which of several, by its name or that of its entity; empty: there must be one only.

    Raises:
        Missing: there is none, or not this one, or there are several; a ValueError.
    """
    if not entity:
        raise Missing("Say which entity, so that its organization can be found.")
    found = service.ask(operations.OF_ENTITY, {"entity": entity})["entity"]
    own = _organizations(service, found) if found else []
    if named:
        for one in own:
            if named in (one.name, one.org_entity.name):
                return one
        known = ", ".join(repr(one.name) for one in own) or "none"
        raise Missing(f"{entity!r} is in no organization {named!r}; in {known}.")
    if len(own) == 1:
        return own[0]
    if own:
        names = ", ".join(repr(one.name) for one in own)
        raise Missing(f"{entity!r} is in several organizations: {names}. Say which one is meant.")
    raise Missing(
        f"{entity!r} is in no organization: name the one that is meant, if it lets you in."
    )


def _organizations(service: Service, entity: Mapping[str, Any]) -> list[Organization]:
    if entity["organization"]:
        return [_organization(service, entity["organization"])]
    nodes = entity["user"]["organizations"] if entity["user"] else []
    return [_organization(service, node) for node in nodes if node["orgEntity"]]


def _organization(service: Service, node: Mapping[str, Any]) -> Organization:
    owner = node["orgEntity"]
    own = Owner(id=owner["id"], name=owner["name"], entity_type=owner["entityType"])
    return Organization(service, id=node["id"], name=node["name"], org_entity=own)
