"""Artifacts: loading them with their source, whoever asks and by whatever path.

Every query of artifacts selects `ARTIFACT_COLUMNS` from `with_source(…)` and makes values by `artifacts_from(…)`, so
that an artifact reads the same wherever it is met. Its source project is loaded by the projects' own loader, and is
None where the actor may not see it. Writers are in `db/versions.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.sql.expression import FromClause

from registrum.core.artifacts import Artifact
from registrum.core.collections import Alias, Collection, Tag
from registrum.core.errors import Forbidden, RegistrumError
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.retention import effective_ttl
from registrum.server.db import projects as project_rows
from registrum.server.db.collections import collection_columns, collection_from, place_of
from registrum.server.db.columns import those
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    artifact_types,
    artifacts,
    collections,
    entities,
    memberships,
    projects,
)
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed, allowed_artifact

sequences = collections.alias("sequences")
source_types = artifact_types.alias("source_types")
sources = projects.alias("sources")
source_owners = entities.alias("source_owners")

OWN_COLUMNS = (
    artifacts.c.id.label("a_id"),
    artifacts.c.state.label("a_state"),
    artifacts.c.version.label("a_version"),
    artifacts.c.description.label("a_description"),
    artifacts.c.metadata.label("a_metadata"),
    artifacts.c.digest.label("a_digest"),
    artifacts.c.digest_algorithm.label("a_digest_algorithm"),
    artifacts.c.size_bytes.label("a_size_bytes"),
    artifacts.c.file_count.label("a_file_count"),
    artifacts.c.history_step.label("a_history_step"),
    artifacts.c.created_at.label("a_created_at"),
    artifacts.c.updated_at.label("a_updated_at"),
    artifacts.c.run_id.label("a_run_id"),
    artifacts.c.created_by.label("a_created_by"),
    artifacts.c.ttl_seconds.label("a_own_ttl"),
    func.coalesce(sources.c.ttl_seconds, source_owners.c.ttl_seconds).label("a_default_ttl"),
)
"""What makes an `Artifact` with its sequence: in the order of its fields, its own TTL and the default one at the end."""
SOURCE_COLUMNS = collection_columns("s", sequences, source_types, details=True)
"""What makes its sequence."""
ARTIFACT_COLUMNS = (*OWN_COLUMNS, *SOURCE_COLUMNS)
"""Labelled apart from the columns of memberships and collections in one statement."""


def with_source(left: FromClause = artifacts) -> FromClause:
    """`left`, which has the table `artifacts` in it, joined with what `ARTIFACT_COLUMNS` names."""
    return (
        left.join(sequences, sequences.c.id == artifacts.c.collection_id)
        .join(source_types, source_types.c.id == sequences.c.type_id)
        .join(sources, sources.c.id == artifacts.c.project_id)
        .join(source_owners, source_owners.c.id == sources.c.entity_id)
    )


def artifact_from(
    columns: tuple[Any, ...],
    source: Collection,
    tags: tuple[Tag, ...] = (),
    aliases: tuple[Alias, ...] = (),
) -> Artifact:
    """The artifact of one row's `OWN_COLUMNS`; tags and aliases where they have been loaded."""
    own, default = columns[-2:]
    with_source = (source, effective_ttl(own, default), own is None, tags, aliases)
    # As the class is called, in a third of the time: a page has hundreds.
    return tuple.__new__(Artifact, columns[:-2] + with_source)


def source_projects(tx: Tx, rows: Iterable[Row]) -> Mapping[int, Project]:
    """The source projects of these rows that the actor may see, by id."""
    ids = {row.s_project_id for row in rows}
    return project_rows.by_ids(tx, Action.READ, sorted(ids)) if ids else {}


def artifacts_from(tx: Tx, rows: Sequence[Row]) -> list[Artifact]:
    """The artifacts of rows with `ARTIFACT_COLUMNS`, in their order."""
    if not rows:
        return []
    visible = source_projects(tx, rows)
    own, of = place_of(OWN_COLUMNS, rows[0]), place_of(SOURCE_COLUMNS, rows[0])
    return [artifact_from(row[own], collection_from(row[of], visible)) for row in rows]


# Edits are done in the source project; seeing and fetching is possible through any link.
_BY_SOURCE = frozenset({Action.WRITE})
LIVING = and_(artifacts.c.deleted_at.is_(None), sequences.c.deleted_at.is_(None))


def _may(action: Action) -> Any:
    return allowed(action, sources) if action in _BY_SOURCE else allowed_artifact(action)


@cache
def _get_statement(action: Action) -> Prepared:
    return prepared(
        select(
            *ARTIFACT_COLUMNS,
            _may(action).label("granted"),
            allowed_artifact(Action.READ).label("visible"),
        )
        .select_from(with_source())
        .where(artifacts.c.id == bindparam("artifact_id"), LIVING)
    )


def get_for(tx: Tx, action: Action, artifact_id: int) -> Grant[Artifact]:
    """The artifact with this number, pending or committed, if the actor may do `action` to it.

    READ and DOWNLOAD through its source project or any link; WRITE (its content, deleting it) in its source project
    only.

    Raises:
        NotFound: missing, deleted, or unreadable.
        Forbidden: readable, but not for this.
    """
    row = tx.one(_get_statement(action), artifact_id=artifact_id)
    if row is None or not row.granted:
        raise _refusal(tx, action, row)
    return Grant(artifacts_from(tx, [row])[0], action)


_READABLE_PROJECT = prepared(
    select(projects.c.id)
    .select_from(memberships.join(projects, projects.c.id == memberships.c.project_id))
    .where(
        memberships.c.artifact_id == bindparam("artifact_id"),
        memberships.c.deleted_at.is_(None),
        allowed(Action.READ),
    )
    .order_by(memberships.c.id)
    .limit(1)
)


def _refusal(tx: Tx, action: Action, row: Row | None) -> RegistrumError:
    if row is None or not row.visible:
        return refuse(tx, action, None, "artifact with this id")
    hidden = not project_rows.by_ids(tx, Action.READ, [row.s_project_id])
    if not hidden:
        return refuse(tx, action, row.s_project_id, "artifact with this id")
    if action in _BY_SOURCE:
        return Forbidden(
            "You may not edit this artifact: only who may write in the project it was logged to can, "
            "and you see it through a link."
        )
    project_id = tx.value(_READABLE_PROJECT, artifact_id=row.a_id)
    return refuse(tx, action, project_id, "artifact with this id")


@cache
def _by_ids_statement(action: Action) -> Prepared:
    return prepared(
        select(*ARTIFACT_COLUMNS)
        .select_from(with_source())
        .where(those(artifacts.c.id, "artifact_ids"), LIVING, _may(action))
    )


def by_ids(tx: Tx, action: Action, ids: Sequence[int]) -> dict[int, Artifact]:
    """Those of the artifacts that the actor may do `action` to, by id."""
    if not ids:
        return {}
    rows = tx.rows(_by_ids_statement(action), artifact_ids=ids)
    return {artifact.id: artifact for artifact in artifacts_from(tx, rows)}


@cache
def _latest_statement() -> Prepared:
    return prepared(
        select(*ARTIFACT_COLUMNS)
        .select_from(
            with_source(artifacts.join(memberships, memberships.c.artifact_id == artifacts.c.id))
        )
        .where(
            memberships.c.collection_id == bindparam("collection_id"),
            memberships.c.deleted_at.is_(None),
            LIVING,
            allowed_artifact(Action.READ),
        )
        .order_by(memberships.c.version.desc())
        .limit(1)
    )


def latest_in(tx: Tx, collection_id: int) -> Artifact | None:
    """The newest version of a collection that the actor may see."""
    rows = tx.rows(_latest_statement(), collection_id=collection_id)
    return artifacts_from(tx, rows)[0] if rows else None


@cache
def _by_client_id_statement() -> Prepared:
    return prepared(
        select(*ARTIFACT_COLUMNS)
        .select_from(with_source())
        .where(
            artifacts.c.client_id == bindparam("client_id"),
            LIVING,
            allowed_artifact(Action.READ),
        )
    )


def by_client_id(tx: Tx, client_id: str) -> Artifact | None:
    """The artifact that a client numbered itself, if the actor may see it."""
    rows = tx.rows(_by_client_id_statement(), client_id=client_id)
    return artifacts_from(tx, rows)[0] if rows else None
