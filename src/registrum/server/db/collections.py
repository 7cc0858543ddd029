"""Collections: sequences and portfolios, one name space in each project."""

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from registrum.core.collections import Collection
from registrum.core.errors import Conflict, Invalid, TypeNotAccepted
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db import artifact_types as types
from registrum.server.db.statements import Row, prepared
from registrum.server.db.tables import ALIVE, artifact_types, collections
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_BY_NAME = prepared(
    select(collections, artifact_types.c.name.label("type_name"))
    .join(artifact_types, artifact_types.c.id == collections.c.type_id)
    .where(
        collections.c.project_id == bindparam("project_id"),
        collections.c.name == bindparam("collection_name"),
        collections.c.deleted_at.is_(None),
    )
)
_ADD = prepared(
    insert(collections)
    .values(
        project_id=bindparam("project_id"),
        organization_id=bindparam("organization_id"),
        type_id=bindparam("type_id"),
        kind=bindparam("kind"),
        name=bindparam("collection_name"),
        next_version=0,
        digest_algorithm=bindparam("digest_algorithm"),
        client_id=bindparam("client_id"),
        created_by=bindparam("created_by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "name"], index_where=ALIVE)
    .returning(collections.c.id)
)
_LOCK = prepared(
    select(collections.c.id).where(collections.c.id == bindparam("collection_id")).with_for_update()
)


def lock(tx: Tx, collection_id: int) -> None:
    """Makes other writers of this collection's versions and aliases wait until this transaction ends."""
    tx.value(_LOCK, collection_id=collection_id)


def sequence_for(
    tx: Tx,
    project: Grant[Project],
    type_name: str,
    name: str,
    *,
    digest_algorithm: str | None = None,
    client_id: str | None = None,
) -> Grant[Collection]:
    """The sequence of that name, made now if it is missing; what is logged goes there.

    Args:
        project: grant to WRITE.
        type_name: of the artifact to be logged; the type is made with the sequence.
        digest_algorithm: of the artifact; kept for a new sequence only.
        client_id: the client's own id of a sequence it believes to be new.

    Raises:
        Invalid: the project is a registry, which takes links only.
        Conflict: the name is a portfolio's.
        TypeNotAccepted: the sequence is of another type.
    """
    where = project.require(Action.WRITE)
    if where.is_registry:
        raise Invalid(
            f"Artifacts cannot be logged into registry {where.name!r}: log into a project, then link."
        )
    found = _get_or_add(
        tx,
        project,
        "sequence",
        type_name,
        name,
        digest_algorithm=digest_algorithm,
        client_id=client_id,
    )
    if found.is_portfolio:
        raise Conflict(
            f"Collection {name!r} of project {where.name!r} takes links; nothing can be logged into it."
        )
    return Grant(found, Action.WRITE)


def portfolio_for(tx: Tx, project: Grant[Project], type_name: str, name: str) -> Grant[Collection]:
    """The portfolio of that name, made now if it is missing; versions are linked into it.

    Args:
        project: grant to LINK.

    Raises:
        Conflict: the name is a sequence's.
        TypeNotAccepted: the portfolio is of another type.
    """
    where = project.require(Action.LINK)
    found = _get_or_add(tx, project, "portfolio", type_name, name)
    if not found.is_portfolio:
        raise Conflict(
            f"Collection {name!r} of project {where.name!r} holds logged versions; "
            "link into a collection of another name."
        )
    return Grant(found, Action.LINK)


def _get_or_add(
    tx: Tx,
    project: Grant[Project],
    kind: str,
    type_name: str,
    name: str,
    *,
    digest_algorithm: str | None = None,
    client_id: str | None = None,
) -> Collection:
    where = project.thing
    row = tx.one(_BY_NAME, project_id=where.id, collection_name=name)
    if row is None:
        tx.rows(
            _ADD,
            project_id=where.id,
            organization_id=where.entity.organization_id,
            type_id=types.id_for(tx, project, type_name),
            kind=kind,
            collection_name=name,
            digest_algorithm=digest_algorithm,
            client_id=client_id,
            created_by=tx.actor.user_id,
            now=tx.now,
        )
        row = tx.one(_BY_NAME, project_id=where.id, collection_name=name)
        assert row is not None, "it was added, or somebody else's is there"
    if row.type_name != type_name:
        raise TypeNotAccepted(
            f"Collection {name!r} holds artifacts of type {row.type_name!r}, not {type_name!r}."
        )
    return _of_row(row, where)


def _of_row(row: Row, project: Project | None) -> Collection:
    return Collection(
        id=row.id,
        kind=row.kind,
        name=row.name,
        project=project,
        type_id=row.type_id,
        type_name=row.type_name,
        description=row.description,
        created_at=row.created_at,
        updated_at=row.updated_at,
        digest_algorithm=row.digest_algorithm,
    )
