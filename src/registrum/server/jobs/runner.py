"""The thread that does jobs: takes one at a time from the database's queue, runs a step, and puts it back until it is done.

A step is idempotent and short; it keeps its place in the job's argument. A process that dies leaves its job behind with a lease, and the
next one to look takes it after that. A job that is done leaves no row; one that is given up stays visible for a while (`tidying.py`).
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from registrum.core.actors import ANONYMOUS, Actor
from registrum.server.blobs.store import BlobStore
from registrum.server.db import Database
from registrum.server.db import jobs as queue
from registrum.server.db.database import utc_now

log = logging.getLogger(__name__)

SYSTEM = Actor(None, "registrum", is_admin=True)
LEASE = timedelta(minutes=10)
IDLE_S = 15.0
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Desk:
    """What a job has at hand."""

    database: Database
    store: BlobStore


Step = Callable[[Desk, dict[str, Any]], dict[str, Any] | None]
"""Does a part of the job; returns the argument to go on from, or None when all is done."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job.

    Attributes:
        step: does it.
        every: how often it recurs; None for jobs that are queued by somebody.
    """

    step: Step
    every: timedelta | None = None


class Runner:
    """Does jobs in a thread of its own until it is closed."""

    def __init__(self, desk: Desk, kinds: Mapping[str, Kind]) -> None:
        self._desk = desk
        self._kinds = kinds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def take_over(self) -> None:
        """Goes on at once with what a process that died had taken; only where no other process works."""
        self._desk.database.write(ANONYMOUS, queue.release)

    def start(self) -> None:
        """Begins working."""
        for name, kind in self._kinds.items():
            if kind.every is not None:
                ensure = partial(queue.ensure_recurring, kind=name)
                self._desk.database.write(ANONYMOUS, ensure)
        self._thread.start()

    def close(self) -> None:
        """Lets the step at hand end, and no other begin."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                busy = self.run_next()
            except Exception:  # the database may be away for a while; the thread must not be
                log.exception("the queue of jobs could not be read")
                busy = False
            if not busy:
                self._closing.wait(IDLE_S)

    def run_next(self) -> bool:
        """Takes the next due job and runs one step of it; whether there was one."""
        job = self._desk.database.write(ANONYMOUS, lambda tx: queue.take(tx, LEASE))
        if job is None:
            return False
        kind = self._kinds.get(job.kind)
        try:
            if kind is None:
                raise LookupError(f"no job of kind {job.kind!r} is known here")
            rest = kind.step(self._desk, job.argument)
        except Exception as error:  # an edge: whatever a job raises is written down with it
            log.exception("job %s %s failed", job.kind, job.id)
            self._put_off(job, kind, error)
            return True
        now = utc_now()
        if rest is not None:
            self._desk.database.write(ANONYMOUS, lambda tx: queue.again(tx, job, rest, now))
        elif kind.every is not None:
            due = now + kind.every
            self._desk.database.write(ANONYMOUS, lambda tx: queue.again(tx, job, {}, due))
        else:
            self._desk.database.write(ANONYMOUS, lambda tx: queue.finish(tx, job))
        return True

    def _put_off(self, job: queue.Job, kind: Kind | None, error: Exception) -> None:
        recurs = kind is not None and kind.every is not None
        wait = timedelta(seconds=min(10 * 2**job.attempts, 3600))
        retry_at = utc_now() + wait if recurs or job.attempts < ATTEMPTS else None
        reason = f"{type(error).__name__}: {error}"
        self._desk.database.write(ANONYMOUS, lambda tx: queue.fail(tx, job, reason, retry_at))
