"""The jobs that keep short what only time ends: the queue itself, and sessions and links that nobody comes back with."""

from datetime import timedelta
from typing import Any

from registrum.server.db import jobs, sessions
from registrum.server.jobs.runner import SYSTEM, Desk, Kind

FAILURES_LAST = timedelta(days=30)
"""A job that was given up can be looked at for so long."""


def forget_failures(desk: Desk, argument: dict[str, Any]) -> None:
    """Removes the rows of jobs that were given up long ago."""
    desk.database.write(SYSTEM, lambda tx: jobs.forget_failures(tx, tx.now - FAILURES_LAST))


def forget_sessions(desk: Desk, argument: dict[str, Any]) -> dict[str, Any] | None:
    """Removes the next batch of sessions of browsers, and of links to set a password, that have expired."""
    more = desk.database.write(SYSTEM, lambda tx: sessions.forget_expired(tx, tx.now))
    return {} if more else None


KINDS = {
    "forget-failed-jobs": Kind(forget_failures, every=timedelta(hours=24)),
    "forget-expired-sessions": Kind(forget_sessions, every=timedelta(hours=24)),
}
