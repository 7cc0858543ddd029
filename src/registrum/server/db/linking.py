"""Linking in the database: the artifact as it is needed for that, and its number in the collection it goes to.

The number is taken by the one statement that also finds the collection, so that whoever changes or ends the collection at
the same time comes before or after as a whole.
"""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, select, true, update

from registrum.core.artifacts import NO_TTL
from registrum.core.errors import Conflict
from registrum.core.linking import Source
from registrum.core.memberships import Place
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import artifacts as artifact_rows
from registrum.server.db import collections as collection_rows
from registrum.server.db import memberships as places
from registrum.server.db.artifacts import LIVING, sequences, source_types, sources, with_source
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    artifact_types,
    artifacts,
    collections,
    organization_members,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed_artifact

_target = projects.alias("target")


def _owner_is_in(
    owner_id: ColumnElement[int], organization_id: ColumnElement[int]
) -> ColumnElement[bool]:
    return exists(
        select(1).where(
            organization_members.c.user_id == owner_id,
            organization_members.c.organization_id == organization_id,
        )
    )


_IS_NEAR = case(
    (sources.c.id == _target.c.id, true()),
    (
        and_(sources.c.kind == "personal", _target.c.kind == "personal"),
        sources.c.owner_id == _target.c.owner_id,
    ),
    (sources.c.kind == "personal", _owner_is_in(sources.c.owner_id, _target.c.organization_id)),
    (_target.c.kind == "personal", _owner_is_in(_target.c.owner_id, sources.c.organization_id)),
    else_=sources.c.organization_id == _target.c.organization_id,
)


@cache
def _source_statement(action: Action) -> Prepared:
    left: Any = with_source()
    return prepared(
        select(
            artifacts.c.id,
            sequences.c.name,
            source_types.c.name.label("type_name"),
            artifacts.c.state,
            artifacts.c.size_bytes,
            artifacts.c.created_at,
            _IS_NEAR.label("is_near"),
            artifacts.c.ttl_seconds,
            artifacts.c.expires_at,
            allowed_artifact(action).label("granted"),
        )
        .select_from(left.join(_target, _target.c.id == bindparam("target_id")))
        .where(artifacts.c.id == bindparam("artifact_id"), LIVING)
        # Who gives the sequence another type waits, or has done so.
        .with_for_update(read=True, key_share=True, of=sequences)
    )


def source_for(tx: Tx, action: Action, artifact_id: int, target: Grant[Project]) -> Grant[Source]:
    """The artifact that is to be linked into a project, pending or committed, if the actor may do `action` to it.

    Raises:
        NotFound: missing, deleted, or unreadable.
        Forbidden: readable, but not for this.
    """
    asked = {"artifact_id": artifact_id, "target_id": target.thing.id}
    row = tx.one(_source_statement(action), **asked)
    if row is None and tx.is_shared:  # its type may have changed while we waited for the lock
        row = tx.one(_source_statement(action), **asked)
    if row is None or not row.granted:
        artifact_rows.get_for(tx, action, artifact_id)  # raises what is to be said about it
        raise Conflict("The artifact is just being changed; try again.")
    source = Source(
        id=row.id,
        name=row.name,
        type_name=row.type_name,
        state=row.state,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
        is_near=bool(row.is_near),
        is_kept=row.ttl_seconds == NO_TTL and row.expires_at is None,
    )
    return Grant(source, action)


_NUMBER = prepared(
    update(collections)
    .where(
        collections.c.project_id == bindparam("in_project"),
        collections.c.name == bindparam("collection_name"),
        collections.c.deleted_at.is_(None),
    )
    .values(next_version=collections.c.next_version + 1)
    .returning(
        collections.c.id,
        (collections.c.next_version - 1).label("version"),
        collections.c.project_id,
        collections.c.organization_id,
        collections.c.kind,
        collections.c.type_id,
        select(artifact_types.c.name)
        .where(artifact_types.c.id == collections.c.type_id)
        .correlate(collections)
        .scalar_subquery()
        .label("type_name"),
    )
)
_TYPE_NAME = prepared(
    select(artifact_types.c.name).where(artifact_types.c.id == bindparam("type_id"))
)


def add_link(tx: Tx, target: Grant[Project], name: str, source: Grant[Source]) -> Grant[Place]:
    """Makes a committed artifact the next version of a portfolio, or finds that it is one already.

    The portfolio is made where it is missing. Other writers of its versions, aliases and type wait from here on.

    Args:
        target: grant to LINK.
        name: of the portfolio, checked already.
        source: grant to DOWNLOAD.

    Raises:
        Conflict: the name is a sequence's.
        TypeNotAccepted: the portfolio is of another type.
    """
    where, linked = target.require(Action.LINK), source.require(Action.DOWNLOAD)
    number = _number(tx, where, name, linked)
    if number is None:
        collection_rows.portfolio_for(tx, target, linked.type_name, name)
        number = _number(tx, where, name, linked)
    if number is None:
        raise Conflict(f"Collection {name!r} is just being changed; try again.")
    return places.add_linked(tx, number, source)


def _number(tx: Tx, where: Project, name: str, linked: Source) -> Row | None:
    row = tx.one(_NUMBER, in_project=where.id, collection_name=name)
    if row is not None:
        collection_rows.check_takes_links(where, name, row.kind)
        # A type that was made after the statement began is not in its snapshot.
        type_name = row.type_name or tx.value(_TYPE_NAME, type_id=row.type_id)
        collection_rows.check_type(name, type_name, linked.type_name)
    return row


_KEEP = prepared(
    update(artifacts)
    .where(artifacts.c.id == bindparam("artifact_id"))
    .values(ttl_seconds=NO_TTL, expires_at=None)
)


def keep_forever(tx: Tx, source: Grant[Source]) -> None:
    """Ends the TTL of an artifact that is being linked into a registry.

    Args:
        source: grant to DOWNLOAD, as linking takes it.
    """
    found = source.require(Action.DOWNLOAD)
    if not found.is_kept:
        tx.run(_KEEP, artifact_id=found.id)
