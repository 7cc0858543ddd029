"""Collections of artifacts: what can be said about one, and edited."""

import re
import warnings
from collections.abc import Collection, Sequence

from registrum.core.names import LONGEST
from registrum.errors import BadValue, Missing
from registrum.sdk.collection_versions import Artifacts
from registrum.sdk.http import Service
from registrum.sdk.operations import collections as operations
from registrum.sdk.pages import Node, Pages, page_at

_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
_RESERVED_NAMES = {"job": "", "run_table": "run-", "code": "source-"}
_RESERVED_TYPES = "wandb-"


class ArtifactCollection:
    """A named series of versions: those logged under one name, or those linked into a registry.

    Edit `name`, `description`, `tags` or `type`, then `save()`.

    Args:
        service_api: the server.
        entity: owner of the project.
        project: where the collection is.
        name: of the collection.
        type: of its versions.
        organization: of a registry's collection.
        attrs: what the server told; loaded where absent.

    Raises:
        Missing: there is no such collection of that type; a ValueError.
    """

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        name: str,
        type: str,
        organization: str | None = None,
        attrs: Node | None = None,
    ) -> None:
        self._service_api = service_api
        self.organization = organization
        self._settle(attrs or self.load(entity, project, type, name))

    def _settle(self, node: Node) -> None:
        self._saved = node
        self._name: str = node["name"]
        self._type: str = node["type"]["name"]
        self._description: str | None = node["description"]
        self._saved_tags: list[str] = [edge["node"]["name"] for edge in node["tags"]["edges"]]
        self._tags = list(self._saved_tags)
        self._aliases: list[str] | None = None

    @property
    def id(self) -> str:
        """Global id."""
        return str(self._saved["id"])

    @property
    def entity(self) -> str:
        """Owner of the project."""
        return str(self._saved["project"]["entity"]["name"])

    @property
    def project(self) -> str:
        """The project, or the registry with its prefix."""
        return str(self._saved["project"]["name"])

    @property
    def project_id(self) -> str:
        """Global id of the project."""
        return str(self._saved["project"]["id"])

    @property
    def project_internal_id(self) -> str | None:
        """The id of the project that filters use, encoded."""
        found: str | None = self._saved["project"]["internalId"]
        return found

    @property
    def name(self) -> str:
        """Name within the project; may be set."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        if not name or len(name) > LONGEST or "/" in name:
            raise ValueError(f"A collection's name has 1 to {LONGEST} characters and no '/'.")
        self._name = name

    @property
    def type(self) -> str:
        """Type of its versions; may be set where versions are logged into it."""
        return self._type

    @type.setter
    def type(self, type: str) -> None:
        if not self.is_sequence():
            raise ValueError("Only a collection that versions are logged into can change its type.")
        self._type = type

    @property
    def description(self) -> str | None:
        """The collection's card, in Markdown; may be set."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._description = description

    @property
    def tags(self) -> list[str]:
        """Tags of the collection; may be set and changed."""
        return self._tags

    @tags.setter
    def tags(self, tags: Collection[str]) -> None:
        self._tags = _checked_tags(tags)

    @property
    def aliases(self) -> list[str]:
        """Aliases that versions have in it; version numbers are not among them."""
        if self._aliases is None:
            self._aliases = list(_Aliases(self._service_api, self.id))
        return list(self._aliases)

    @property
    def created_at(self) -> str:
        """When it was made."""
        return str(self._saved["createdAt"])

    @property
    def updated_at(self) -> str | None:
        """When it was last edited."""
        found: str | None = self._saved["updatedAt"]
        return found

    def is_sequence(self) -> bool:
        """Whether versions are logged into it, not linked."""
        return bool(self._saved["__typename"] == "ArtifactSequence")

    def artifacts(self, per_page: int = 50, start: str | None = None) -> Artifacts:
        """The versions in it, newest first.

        Args:
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.
        """
        return Artifacts(
            self._service_api,
            self.entity,
            self.project,
            self._saved["name"],
            self._saved["type"]["name"],
            per_page=per_page,
            start=start,
        )

    def load(self, entity: str, project: str, type_: str, name: str) -> Node:
        """What the server tells of a collection.

        Raises:
            Missing: there is no such collection of that type; a ValueError.
        """
        asked = {"entity": entity, "project": project, "type": type_, "name": name}
        owner = self._service_api.ask(operations.COLLECTION, asked)["project"]
        of_type = owner and owner["artifactType"]
        found: Node | None = of_type and of_type["artifactCollection"]
        if not found or not found["project"]:
            raise Missing(
                f"There is no collection {name!r} of type {type_!r} in {entity}/{project}."
            )
        return found

    def save(self) -> None:
        """Sends what was edited.

        Raises:
            BadValue: a type or tag can't be; a ValueError.
            Refused: the server refused it.
        """
        self._tags = _checked_tags(self._tags)
        old_type = self._saved["type"]["name"]
        if old_type != self._type:
            _check_type(self._type, self._name)
            _check_type(old_type, self._name)
        self._update()
        if old_type != self._type:
            self._move(self._type)
        self._save_tags()

    def change_type(self, new_type: str) -> None:
        """Deprecated: set `type` and `save()`."""
        warnings.warn(
            "ArtifactCollection.change_type() is deprecated: set .type and call .save().",
            DeprecationWarning,
            stacklevel=2,
        )
        if self._saved["type"]["name"] != new_type:
            _check_type(self._saved["type"]["name"], self._name)
        _check_type(new_type, self._name)
        if not self.is_sequence():
            raise BadValue("Only a collection that versions are logged into can change its type.")
        self._move(new_type)

    def delete(self) -> None:
        """Removes the collection; with the versions logged into it, not those linked.

        Raises:
            Refused: the server refused it.
        """
        if self.is_sequence():
            given = {"artifactSequenceID": self.id}
            self._service_api.ask(operations.DELETE_SEQUENCE, {"input": given})
        else:
            given = {"artifactPortfolioID": self.id}
            self._service_api.ask(operations.DELETE_PORTFOLIO, {"input": given})

    def _update(self) -> None:
        given = {"name": self._name}
        if self._description is not None:
            given["description"] = self._description
        if self.is_sequence():
            document, of = operations.UPDATE_SEQUENCE, {"artifactSequenceID": self.id}
        else:
            document, of = operations.UPDATE_PORTFOLIO, {"artifactPortfolioID": self.id}
        answer = self._service_api.ask(document, {"input": of | given}, repeatable=True)
        self._saved = answer["result"]["artifactCollection"]

    def _move(self, new_type: str) -> None:
        given = {"artifactSequenceID": self.id, "destinationArtifactTypeName": new_type}
        self._service_api.ask(operations.MOVE_SEQUENCE, {"input": given})
        self._saved = self._saved | {"type": {"name": new_type}}
        self._type = new_type

    def _save_tags(self) -> None:
        changes = (
            (operations.ADD_TAGS, [tag for tag in self._tags if tag not in self._saved_tags]),
            (operations.DELETE_TAGS, [tag for tag in self._saved_tags if tag not in self._tags]),
        )
        for document, tags in changes:
            if tags:
                given = {
                    "entityName": self.entity,
                    "projectName": self.project,
                    "artifactCollectionName": self._saved["name"],
                    "tags": [{"tagName": tag} for tag in tags],
                }
                self._service_api.ask(document, {"input": given}, repeatable=True)
        self._saved_tags = list(self._tags)

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"


class _Aliases(Pages[str]):
    """The aliases in a collection."""

    def __init__(self, service: Service, collection_id: str) -> None:
        super().__init__(per_page=1000)
        self._service = service
        self._collection_id = collection_id

    def _ask(self, after: str | None, first: int) -> Node:
        asked = {"id": self._collection_id, "after": after}
        answer = self._service.ask(operations.ALIASES, asked)
        return page_at(answer, "artifactCollection", of="such collection")

    def _convert(self, edge: Node) -> str:
        return str(edge["node"]["alias"])


def collection_of(
    service: Service, node: Node | None, organization: str | None = None
) -> ArtifactCollection | None:
    """The collection of a node that was selected with `CollectionParts`; None where its project is hidden."""
    if not node or not node["project"]:
        return None
    owner = node["project"]
    names = (owner["entity"]["name"], owner["name"], node["name"], node["type"]["name"])
    return ArtifactCollection(service, *names, organization=organization, attrs=node)


def _checked_tags(tags: Sequence[str] | Collection[str]) -> list[str]:
    found = list(dict.fromkeys([tags] if isinstance(tags, str) else tags))
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise BadValue(
                f"A tag has letters, digits, '-', '_' and single words between spaces, not {tag!r}."
            )
    return found


def _check_type(type: str, name: str) -> None:
    reserved = _RESERVED_NAMES.get(type)
    if type.startswith(_RESERVED_TYPES) or (reserved is not None and name.startswith(reserved)):
        raise BadValue(f"The artifact type {type!r} is kept for the server's own use.")
