"""Files that runs save: reserving places for uploads, and deleting."""

from collections.abc import Mapping, Sequence

from registrum.core.errors import Invalid
from registrum.core.policy import Action
from registrum.core.run_files import check_path
from registrum.core.runs import RunName
from registrum.server.db import run_files, run_writing, runs
from registrum.server.db.tx import Tx

MOST_AT_ONCE = 1_000


def create_run_files(tx: Tx, name: RunName, blob_by_path: Mapping[str, str]) -> int:
    """Reserves places for files of a run.

    Args:
        tx: transaction of the one who logs.
        name: the run.
        blob_by_path: a fresh blob key for each path.

    Returns:
        The run's number.

    Raises:
        Invalid: too many at once, or a path that leads out of the run.
        NotFound: there is no such run, or the actor may not see it.
        Forbidden: the actor may see it, but not write there.
    """
    if len(blob_by_path) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} files of a run can be reserved at once.")
    for path in blob_by_path:
        check_path(path)
    run = run_writing.get_for_path(tx, Action.WRITE, name)
    run_files.reserve(tx, run, blob_by_path)
    return run.thing.id


def check_uploaded(tx: Tx, name: RunName) -> None:
    """Takes the notice that files have come; they are shown since they came, so there is nothing to do.

    Raises:
        NotFound, Forbidden: as `create_run_files`.
    """
    runs.get_for_path(tx, Action.WRITE, name)


def delete_files(tx: Tx, ids: Sequence[int]) -> None:
    """Removes files of runs.

    Raises:
        Invalid: too many at once.
        NotFound, Forbidden: as `create_run_files`, for any of them; none is removed then.
    """
    if len(ids) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE} files of runs can be deleted at once.")
    run_files.remove(tx, run_files.get_for_ids(tx, Action.WRITE, ids))
