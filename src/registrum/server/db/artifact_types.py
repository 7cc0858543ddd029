"""Artifact types of a project: made by first use, or listed by a registry as those it accepts."""

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.server.db.statements import prepared
from registrum.server.db.tables import artifact_types
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_ID = prepared(
    select(artifact_types.c.id).where(
        artifact_types.c.project_id == bindparam("project_id"),
        artifact_types.c.name == bindparam("type_name"),
    )
)
# PostgreSQL's INSERT ... ON CONFLICT reads the same in SQLite.
_ADD = prepared(
    insert(artifact_types)
    .values(
        project_id=bindparam("project_id"),
        name=bindparam("type_name"),
        is_accepted=False,
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["project_id", "name"])
    .returning(artifact_types.c.id)
)


def id_for(tx: Tx, project: Grant[Project], name: str) -> int:
    """The number of the project's type of that name, made now if it is new."""
    where = project.require(Action.WRITE, Action.LINK, Action.EDIT_COLLECTION, Action.ADD_TYPES)
    found = tx.value(_ID, project_id=where.id, type_name=name)
    if found is None:
        found = tx.value(_ADD, project_id=where.id, type_name=name, now=tx.now)
    if found is None:  # somebody else made it in between
        found = tx.value(_ID, project_id=where.id, type_name=name)
    return int(found)
