"""What can be said about an artifact, whether it is a draft or a version: the properties of `Artifact`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from registrum.core.artifacts import INHERIT_TTL, NO_TTL
from registrum.core.names import LONGEST
from registrum.core.projects import REGISTRY_PREFIX
from registrum.errors import ArtifactNotLogged, Missing
from registrum.sdk import metadata as documents
from registrum.sdk import organizations
from registrum.sdk.http import Service
from registrum.sdk.versions import Place, Version

log = logging.getLogger("registrum")

_TAG = re.compile(r"[-\w]+( +[-\w]+)*")


class ArtifactTTL(Enum):
    """What a version's life time may be besides a span."""

    INHERIT = 0


class Facts:
    """An artifact's properties; `Artifact` adds its content and what can be done with it."""

    def __init__(self, service: Service | None, name: str, type: str) -> None:
        """A draft's; `_settle` makes it a version's."""
        self._service = service
        self._version: Version | None = None
        self._place: Place | None = None
        self._name = name
        self._type = type
        self._description: str | None = None
        self._metadata: dict[str, Any] = {}
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._ttl: timedelta | None = None
        self._ttl_is_inherited = True
        self._ttl_has_changed = False

    def _settle(self, version: Version, place: Place | None = None) -> None:
        self._version = version
        self._place = place = place or version.source
        self._name = place.name
        self._type = version.type
        self._description = version.description
        self._metadata = documents.checked(version.metadata)
        self._aliases = list(place.aliases or ())
        self._tags = list(version.tags)
        self._ttl = timedelta(seconds=version.ttl_s) if version.ttl_s else None
        self._ttl_is_inherited = version.ttl_is_inherited
        self._ttl_has_changed = False

    def _saved(self, what: str) -> Version:
        if self._version is None:
            raise ArtifactNotLogged(
                f"{what!r} is known only of a saved artifact: save {self._name!r}, and wait() for it."
            )
        return self._version

    def _placed(self, what: str) -> Place:
        self._saved(what)
        assert self._place is not None
        return self._place

    @property
    def service(self) -> Service:
        """The server it is saved on."""
        if self._service is None:
            self._saved("service")
        assert self._service is not None
        return self._service

    def __repr__(self) -> str:
        return f"<Artifact {self.id or self.name}>"

    @property
    def id(self) -> str | None:
        """Global id; None of a draft."""
        return self._version.id if self._version else None

    @property
    def name(self) -> str:
        """`collection:version`, or `collection:alias` if it was found by that; of a draft the collection alone."""
        return self._name

    @property
    def entity(self) -> str:
        """Owner of the collection it was reached through."""
        return self._placed("entity").entity

    @property
    def project(self) -> str:
        """Project, or registry, of the collection it was reached through."""
        return self._placed("project").project

    @property
    def qualified_name(self) -> str:
        """`entity/project/name`."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def version(self) -> str:
        """`v` and its number in the collection it was reached through."""
        return self._placed("version").version

    @property
    def source_entity(self) -> str:
        """Owner of the project it was logged to; empty where that is hidden."""
        return self._saved("source_entity").source.entity

    @property
    def source_project(self) -> str:
        """Project it was logged to; empty where that is hidden."""
        return self._saved("source_project").source.project

    @property
    def source_name(self) -> str:
        """`collection:version` where it was logged; of a draft the collection alone."""
        return self._version.source.name if self._version else self._name

    @property
    def source_qualified_name(self) -> str:
        """`entity/project/name` where it was logged."""
        return f"{self.source_entity}/{self.source_project}/{self.source_name}"

    @property
    def source_version(self) -> str:
        """`v` and its number where it was logged."""
        return self._saved("source_version").source.version

    @property
    def is_link(self) -> bool:
        """Whether it was reached through a collection that it is linked into, not the one it was logged to."""
        if self._version is None or self._place is None:
            return False
        source = self._version.source
        return (source.entity, source.project, source.collection) != (
            self._place.entity,
            self._place.project,
            self._place.collection,
        )

    @property
    def type(self) -> str:
        """The kind of artifact it is, such as `model` or `dataset`."""
        return self._type

    @property
    def url(self) -> str:
        """Address of its page."""
        place = self._placed("url")
        within = f"{place.entity}/{place.project}/{place.collection}"
        base = self.service.url
        if place.project.startswith(REGISTRY_PREFIX) and self.is_link:
            registry = quote(place.project.removeprefix(REGISTRY_PREFIX))
            chosen = (
                f"selectionPath={quote(within, safe='')}&view=membership&version={place.version}"
            )
            owner = quote(_organization_name(self.service, place.entity))
            return f"{base}/orgs/{owner}/registry/{registry}?{chosen}"
        kind, collection = quote(self._type), quote(place.collection)
        return (
            f"{base}/{place.entity}/{place.project}/artifacts/{kind}/{collection}/{place.version}"
        )

    @property
    def description(self) -> str | None:
        """What it is, in Markdown. Settable; `save()` keeps it, for its links too."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._warn_if_link("description")
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about it, a mapping of at most 100 keys. Settable; `save()` keeps it, for its links too."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        self._warn_if_link("metadata")
        self._metadata = documents.checked(metadata)

    @property
    def ttl(self) -> timedelta | None:
        """How long it is kept after it was made; None: without end.

        Settable to a positive span, to None, or to `ArtifactTTL.INHERIT` (as its team says); `save()` keeps it.

        Raises:
            ArtifactNotLogged: it is inherited, and the draft doesn't know from where.
        """
        if self._ttl_is_inherited and (self._version is None or self._ttl_has_changed):
            raise ArtifactNotLogged("An inherited 'ttl' is known only once the artifact is saved.")
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: timedelta | ArtifactTTL | None) -> None:
        if self.is_link:
            raise ValueError("A link has no life time of its own: set that of its source_artifact.")
        if isinstance(ttl, timedelta) and ttl <= timedelta(0):
            raise ValueError(f"A life time must be positive, not {ttl}.")
        self._ttl_is_inherited = isinstance(ttl, ArtifactTTL)
        self._ttl = ttl if isinstance(ttl, timedelta) else None
        self._ttl_has_changed = True

    @property
    def aliases(self) -> list[str]:
        """Its aliases in the collection it was reached through. Change or set the list; `save()` keeps it."""
        self._saved("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: Iterable[str]) -> None:
        self._saved("aliases")
        self._aliases = checked_aliases(aliases)

    @property
    def tags(self) -> list[str]:
        """Its tags. Change or set the list; `save()` keeps it, for its links too."""
        self._saved("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._saved("tags")
        self._warn_if_link("tags")
        self._tags = checked_tags(tags)

    @property
    def state(self) -> str:
        """`PENDING` of a draft, `COMMITTED` of a version, `DELETED`."""
        return self._version.state if self._version else "PENDING"

    @property
    def commit_hash(self) -> str:
        """The digest that the server confirmed when it was committed."""
        return self._saved("commit_hash").commit_hash or ""

    @property
    def file_count(self) -> int:
        """How many files and references it has."""
        return self._saved("file_count").file_count

    @property
    def created_at(self) -> str:
        """When it was made, in ISO 8601, UTC."""
        return self._saved("created_at").created_at

    @property
    def updated_at(self) -> str:
        """When it was last edited, else made."""
        version = self._saved("updated_at")
        return version.updated_at or version.created_at

    @property
    def linked_at(self) -> str | None:
        """When it was linked into the collection it was reached through; None of a source."""
        place = self._placed("linked_at")
        return place.created_at if self.is_link else None

    @property
    def history_step(self) -> int | None:
        """The last step of its run's history that was logged before it; None without one."""
        step = self._saved("history_step").history_step
        return None if step is None else max(0, step - 1)

    def is_draft(self) -> bool:
        """Whether it is not saved yet."""
        return self._version is None

    def ttl_to_set(self) -> int | None:
        """The life time as the server takes it: seconds, -1 to inherit, -2 for none; None where it stays as it is."""
        if not self._ttl_has_changed:
            return None
        if self._ttl_is_inherited:
            return INHERIT_TTL
        return int(self._ttl.total_seconds()) if self._ttl else NO_TTL

    def _warn_if_link(self, what: str) -> None:
        if self.is_link:
            log.warning("The %s of %s is that of its source and of all its links.", what, self.name)


@lru_cache(16)
def _organization_name(service: Service, entity: str) -> str:
    """What an organization is called, by the entity of its registries."""
    try:
        return organizations.organization_of(service, entity).name
    except Missing:
        return entity


def checked_aliases(aliases: Iterable[str] | str) -> list[str]:
    """Aliases that somebody gave, as a list.

    Raises:
        ValueError: one of them has a `/` or `:`.
    """
    found = [aliases] if isinstance(aliases, str) else list(aliases)
    for alias in found:
        if "/" in alias or ":" in alias:
            raise ValueError(f"An alias cannot contain '/' or ':': {alias!r}.")
    return found


def checked_tags(tags: Iterable[str] | str) -> list[str]:
    """Tags that somebody gave, each once.

    Raises:
        ValueError: one of them has other characters than letters, digits, `_`, `-`, and spaces between words.
    """
    found = list(dict.fromkeys([tags] if isinstance(tags, str) else tags))
    for tag in found:
        if len(tag) > LONGEST or not _TAG.fullmatch(tag):
            raise ValueError(
                f"A tag may have only letters, digits, '_', '-' and spaces between words: {tag!r}."
            )
    return found
