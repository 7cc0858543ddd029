"""The job that keeps the queue itself short."""

from datetime import timedelta
from typing import Any

from registrum.server.db import jobs
from registrum.server.jobs.runner import SYSTEM, Desk, Kind

FAILURES_LAST = timedelta(days=30)
"""A job that was given up can be looked at for so long."""


def forget_failures(desk: Desk, argument: dict[str, Any]) -> None:
    """Removes the rows of jobs that were given up long ago."""
    desk.database.write(SYSTEM, lambda tx: jobs.forget_failures(tx, tx.now - FAILURES_LAST))


KINDS = {"forget-failed-jobs": Kind(forget_failures, every=timedelta(hours=24))}
