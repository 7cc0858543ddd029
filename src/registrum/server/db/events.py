"""The ledger: what happened is written in the transaction in which it happens, and read by feeds, audit and webhooks."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, insert

from registrum.core.events import LARGEST_CHANGES_BYTES, EventKind, SubjectKind
from registrum.core.projects import Project
from registrum.server.db.columns import json_text
from registrum.server.db.statements import prepared
from registrum.server.db.tables import events
from registrum.server.db.tx import Tx

_ADD = prepared(
    insert(events).values(
        kind=bindparam("kind"),
        created_at=bindparam("created_at"),
        actor_id=bindparam("by"),
        organization_id=bindparam("organization_id"),
        project_id=bindparam("project_id"),
        subject_kind=bindparam("subject_kind"),
        subject_id=bindparam("subject_id"),
        changes=bindparam("changes"),
    )
)
_LONGEST_TEXT = 200


def record(
    tx: Tx,
    kind: EventKind,
    *,
    subject_kind: SubjectKind,
    subject_id: int | None,
    project_id: int | None = None,
    organization_id: int | None = None,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Writes one event of the transaction's actor.

    Args:
        tx: the transaction in which the act itself is done.
        kind: what was done.
        subject_kind: the kind of thing it was done to.
        subject_id: that thing's number.
        project_id: the project or registry it was done in, if any.
        organization_id: the organization whose audit shows it, if any.
        changes: JSON values by field; beyond 4 KB long texts are cut, then fields left out.
    """
    record_all(
        tx,
        {kind: changes or {}},
        subject_kind=subject_kind,
        subject_id=subject_id,
        project_id=project_id,
        organization_id=organization_id,
    )


def record_in(
    tx: Tx,
    kind: EventKind,
    project: Project | None,
    *,
    subject_kind: SubjectKind,
    subject_id: int,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """`record` of what was done in a project or registry; None for one that the actor can't see."""
    record(
        tx,
        kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        project_id=project.id if project else None,
        organization_id=project.entity.organization_id if project else None,
        changes=changes,
    )


def record_all(
    tx: Tx,
    acts: Mapping[EventKind, Mapping[str, Any]],
    *,
    subject_kind: SubjectKind,
    subject_id: int | None,
    project_id: int | None = None,
    organization_id: int | None = None,
) -> None:
    """Writes several events about one subject, in this order; `acts` has what changed by what was done. See `record`."""
    tx.run_many(
        _ADD,
        [
            {
                "kind": kind.value,
                "created_at": tx.now,
                "by": tx.actor.user_id,
                "organization_id": organization_id,
                "project_id": project_id,
                "subject_kind": subject_kind.value,
                "subject_id": subject_id,
                "changes": _bounded(changes),
            }
            for kind, changes in acts.items()
        ],
    )


def _bounded(changes: Mapping[str, Any]) -> dict[str, Any]:
    if _size(changes) <= LARGEST_CHANGES_BYTES:
        return dict(changes)
    kept: dict[str, Any] = {}
    for key, value in changes.items():
        shortened = _shortened(value)
        if _size(kept) + _size({key: shortened}) > LARGEST_CHANGES_BYTES - 32:
            kept["truncated"] = True
            break
        kept[key] = shortened
    return kept


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}…"
    if isinstance(value, list | tuple):
        return [_shortened(item) for item in value[:20]]
    return value


def _size(document: Any) -> int:
    return len(json_text(document).encode())
