"""The job that clears what a deleted sequence leaves: its versions and their links, a batch at a time."""

from functools import partial
from typing import Any

from registrum.server.jobs.runner import SYSTEM, Desk, Kind
from registrum.server.services import collections


def clear(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Deletes the next batch of versions of a sequence that is gone."""
    step = partial(collections.delete_versions_step, collection_id=argument["collection"])
    return argument if desk.database.write(SYSTEM, step) else None


KINDS = {collections.DELETION_JOB: Kind(clear)}
