"""Tags of collections; those of versions are changed with the version (`services/artifacts.py`)."""

from collections.abc import Sequence

from registrum.core.collections import Collection, Tag
from registrum.core.errors import Invalid
from registrum.core.events import EventKind
from registrum.core.names import check_tag
from registrum.core.projects import ProjectName
from registrum.server.db import tags
from registrum.server.db.tx import Tx
from registrum.server.services.collections import record, to_edit

MOST_AT_ONCE = 20


def add_collection_tags(
    tx: Tx, project: ProjectName, collection: str, names: Sequence[str]
) -> list[Tag]:
    """Gives tags to a collection; those it has already stay.

    Returns:
        The tags named, as they are now.

    Raises:
        InvalidName: one of them cannot be a tag.
        Invalid: there are more than 20.
        NotFound, Forbidden: the collection is hidden, or not the actor's to edit.
    """
    wanted = _bounded([check_tag(name) for name in names])
    found = to_edit(tx, project, collection)
    changed = tags.change_of_collection(tx, found, wanted, ())
    _record(tx, EventKind.COLLECTION_TAGGED, found.thing, changed.added)
    now = tags.by_collections(tx, [found.thing.id]).get(found.thing.id, ())
    return [tag for tag in now if tag.name in wanted]


def delete_collection_tags(
    tx: Tx, project: ProjectName, collection: str, names: Sequence[str]
) -> None:
    """Takes tags from a collection; those it does not have are left alone. Raises as `add_collection_tags`."""
    unwanted = _bounded(names)
    found = to_edit(tx, project, collection)
    changed = tags.change_of_collection(tx, found, (), unwanted)
    _record(tx, EventKind.COLLECTION_UNTAGGED, found.thing, changed.removed)


def _bounded(names: Sequence[str]) -> list[str]:
    if len(names) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} tags can be changed at once.")
    return list(dict.fromkeys(names))


def _record(tx: Tx, kind: EventKind, collection: Collection, names: list[str]) -> None:
    if names:
        record(tx, kind, collection, {"collection": collection.name, "tags": names})
