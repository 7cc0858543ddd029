"""What metadata there is in a registry at all: search leaves out registries that cannot have what it looks for.

Without it, a value that is common elsewhere would be looked for in each version of a registry that does not have it. A row
says that versions linked into a registry have, or once had, a number at a path, or a text there. Of a path with very many
texts only the first ones are kept: then nothing is known of the others.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import ColumnElement, Text, bindparam, case, exists, literal, or_, select

from registrum.core.projects import Project
from registrum.server.db.columns import among
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import facts, memberships, projects, registry_values
from registrum.server.db.tx import Tx
from registrum.server.db.upserts import insert

MOST_VALUES = 100
"""Of a path in a registry; one more is kept, and says that there are more."""
NUMBER = "n"
_TEXT = "t"

_known = registry_values.alias("known")
_VALUE = case(
    (facts.c.number.is_not(None), NUMBER), else_=literal(_TEXT, Text()) + facts.c.text
).label("value")


def _is_full(registry_id: ColumnElement[int]) -> ColumnElement[bool]:
    """SQL condition: of the path of a row of `facts` there are as many values as are kept."""
    return exists(
        select(1)
        .where(_known.c.project_id == registry_id, _known.c.path == facts.c.path)
        .limit(1)
        .offset(MOST_VALUES)
    )


_NOTE = prepared(
    insert(registry_values)
    .from_select(
        ["project_id", "path", "value"],
        select(
            memberships.c.project_id,
            facts.c.path,
            _VALUE,
        )
        .distinct()
        .select_from(memberships.join(facts, facts.c.artifact_id == memberships.c.artifact_id))
        .where(
            memberships.c.artifact_id == bindparam("artifact_id"),
            memberships.c.organization_id.is_not(None),
            memberships.c.deleted_at.is_(None),
            ~_is_full(memberships.c.project_id),
        )
        # Those who link at once take their locks in one order.
        .order_by(memberships.c.project_id, facts.c.path, "value"),
    )
    .on_conflict_do_nothing()
)


def note(tx: Tx, artifact_id: int) -> None:
    """Notes the metadata of an artifact for the registries where it is linked, after it was changed."""
    tx.run(_NOTE, artifact_id=artifact_id)


_same = registry_values.alias("same")
_REGISTRY = bindparam("registry_id", type_=registry_values.c.project_id.type)
# Most of it is known already, so that is asked first.
_NOTE_LINKED = prepared(
    insert(registry_values)
    .from_select(
        ["project_id", "path", "value"],
        select(_REGISTRY, facts.c.path, _VALUE)
        .where(
            facts.c.artifact_id == bindparam("artifact_id"),
            ~exists(
                select(1).where(
                    _same.c.project_id == _REGISTRY,
                    _same.c.path == facts.c.path,
                    _same.c.value == _VALUE.element,
                )
            ),
            ~_is_full(_REGISTRY),
        )
        .order_by(facts.c.path, "value"),
    )
    .on_conflict_do_nothing()
)


def note_linked(tx: Tx, artifact_id: int, registry: Project) -> None:
    """Notes the metadata of an artifact for the registry into which it has just been linked."""
    tx.run(_NOTE_LINKED, artifact_id=artifact_id, registry_id=registry.id)


def text_value(text: str) -> str:
    """How a text stands among the values."""
    return _TEXT + text


@cache
def _having(*, any_value: bool) -> Prepared:
    known, more = registry_values.alias(), registry_values.alias()
    here = [known.c.project_id == projects.c.id, known.c.path == bindparam("path")]
    found: ColumnElement[bool]
    if any_value:
        found = exists(select(1).where(*here))
    else:
        full = (
            select(1)
            .where(more.c.project_id == projects.c.id, more.c.path == bindparam("path"))
            .limit(1)
            .offset(MOST_VALUES)
        )
        one = exists(select(1).where(*here, known.c.value == bindparam("value")))
        found = or_(one, exists(full))
    return prepared(
        select(projects.c.id)
        .where(among(projects.c.id, "project_ids"), found)
        .order_by(projects.c.id)
    )


def may_have(tx: Tx, project_ids: Sequence[int], path: str, value: str | None) -> list[int]:
    """Those registries of which some version may have a value at a path of its metadata.

    Args:
        project_ids: registries that the actor may see.
        value: `NUMBER`, a `text_value`, or None: any.
    """
    having = _having(any_value=value is None)
    return tx.column(having, project_ids=list(project_ids), path=path, value=value)
