"""The jobs that clear what a deleted sequence or project leaves: versions, their links and runs, a batch at a time."""

from functools import partial
from typing import Any

from registrum.server.jobs.runner import SYSTEM, Desk, Kind
from registrum.server.services import collections, removal


def clear(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Deletes the next batch of versions of a sequence that is gone."""
    step = partial(collections.delete_versions_step, collection_id=argument["collection"])
    return argument if desk.database.write(SYSTEM, step) else None


def empty(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Takes away the next batch of what is in projects that are gone."""
    step = partial(removal.empty_step, project_ids=argument["projects"])
    return argument if desk.database.write(SYSTEM, step) else None


KINDS = {collections.DELETION_JOB: Kind(clear), removal.EMPTYING_JOB: Kind(empty)}
