"""The queue of jobs: work that is too long for a request's transaction, done in steps by whichever process takes it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, delete, or_, select, update

from registrum.server.db.columns import Moment
from registrum.server.db.statements import prepared
from registrum.server.db.tables import jobs
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert


@dataclass(frozen=True, slots=True)
class Job:
    """A job that this process has taken.

    Attributes:
        argument: what it is about; a JSON object.
        attempts: how often it was taken, this time included.
    """

    id: int
    kind: str
    argument: dict[str, Any]
    attempts: int


def add(tx: Tx, kind: str, argument: dict[str, Any], due_at: datetime | None = None) -> None:
    """Queues a job; it is done soon after this transaction has been committed."""
    tx.run(
        insert(jobs).values(
            kind=kind,
            argument=argument,
            state="waiting",
            due_at=due_at or tx.now,
            created_at=tx.now,
        )
    )


def ensure_recurring(tx: Tx, kind: str) -> None:
    """Makes the one row of a recurring job, if it is not there yet."""
    tx.run(
        insert(jobs)
        .values(
            kind=kind, name=kind, argument={}, state="waiting", due_at=tx.now, created_at=tx.now
        )
        .on_conflict_do_nothing(index_elements=["name"])
    )


_READY = or_(
    jobs.c.state == "waiting",
    and_(jobs.c.state == "running", jobs.c.locked_until < bindparam("now", type_=Moment)),
)
_NEXT = (
    select(jobs.c.id)
    .where(_READY, jobs.c.due_at <= bindparam("now", type_=Moment))
    .order_by(jobs.c.due_at, jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_TAKE = prepared(
    update(jobs)
    .where(jobs.c.id == _NEXT)
    .values(
        state="running",
        attempts=jobs.c.attempts + 1,
        locked_until=bindparam("lease_ends", type_=Moment),
    )
    .returning(jobs.c.id, jobs.c.kind, jobs.c.argument, jobs.c.attempts)
)


def take(tx: Tx, lease: timedelta) -> Job | None:
    """The next due job, now this process's until the lease ends; None where nothing is due.

    A job whose process died is taken again once its lease has ended.
    """
    row = tx.one(_TAKE, now=tx.now, lease_ends=tx.now + lease)
    return Job(row.id, row.kind, row.argument or {}, row.attempts) if row else None


def finish(tx: Tx, job: Job) -> None:
    """The job is done, and its row goes."""
    tx.run(delete(jobs).where(jobs.c.id == job.id))


def release(tx: Tx) -> None:
    """Lets all jobs be taken at once that somebody has taken; for the only server of a database, when it starts."""
    tx.run(update(jobs).where(jobs.c.state == "running").values(state="waiting", locked_until=None))


def forget_failures(tx: Tx, before: datetime) -> None:
    """Removes jobs that were given up before then, and those that earlier versions kept when they were done."""
    tx.run(delete(jobs).where(jobs.c.state.in_(("failed", "done")), jobs.c.finished_at < before))


def again(tx: Tx, job: Job, argument: dict[str, Any], due_at: datetime) -> None:
    """The job goes on later, from `argument`."""
    _set(tx, job, state="waiting", argument=argument, due_at=due_at, attempts=0, locked_until=None)


def fail(tx: Tx, job: Job, reason: str, retry_at: datetime | None) -> None:
    """The job failed: it is tried again at `retry_at`, or given up where that is None."""
    state = "waiting" if retry_at else "failed"
    _set(
        tx,
        job,
        state=state,
        due_at=retry_at or tx.now,
        last_error=reason[:2000],
        locked_until=None,
        finished_at=None if retry_at else tx.now,
    )


def _set(tx: Tx, job: Job, **values: Any) -> None:
    tx.run(update(jobs).where(jobs.c.id == job.id).values(**values))
