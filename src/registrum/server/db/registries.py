"""Registries: lists of them, and which artifact types each one accepts."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_leave

from registrum.core.errors import InvalidFilter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project
from registrum.server.db.columns import among
from registrum.server.db.projects import PROJECT_COLUMNS, project_from, with_owner
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import artifact_types, projects
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant, allowed

_ACCEPTED = prepared(
    select(artifact_types.c.project_id, artifact_types.c.name)
    .where(among(artifact_types.c.project_id, "project_ids"), artifact_types.c.is_accepted)
    .order_by(artifact_types.c.name)
)
_ACCEPT = prepared(
    insert_or_leave(artifact_types)
    .values(
        project_id=bindparam("project_id"),
        name=bindparam("type_name"),
        description=bindparam("description"),
        is_accepted=bindparam("yes"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_update(
        index_elements=["project_id", "name"], set_={"is_accepted": bindparam("yes")}
    )
)
_ACCEPT_USED = prepared(
    update(artifact_types)
    .where(artifact_types.c.project_id == bindparam("project_id"))
    .values(is_accepted=bindparam("yes"))
)


def accepted_types(tx: Tx, registry: Grant[Project]) -> frozenset[str]:
    """The list of types that a registry takes; of no meaning where it takes all."""
    return accepted_by_registry(tx, [registry.thing])[registry.thing.id]


def accepted_by_registry(tx: Tx, registries: Sequence[Project]) -> dict[int, frozenset[str]]:
    """The list of types of each of these registries, which the actor was given by a loader."""
    found: dict[int, set[str]] = {registry.id: set() for registry in registries}
    for row in tx.rows(_ACCEPTED, project_ids=list(found)):
        found[row.project_id].add(row.name)
    return {number: frozenset(names) for number, names in found.items()}


def accept_types(tx: Tx, registry: Grant[Project], types: Mapping[str, str | None]) -> None:
    """Adds types, with their descriptions, to a registry's list; none is ever taken away."""
    found = registry.require(Action.ADD_TYPES, Action.CREATE_REGISTRY)
    for name in sorted(types):
        tx.run(
            _ACCEPT,
            project_id=found.id,
            type_name=name,
            description=types[name],
            yes=True,
            now=tx.now,
        )


def accept_types_in_use(tx: Tx, registry: Grant[Project]) -> None:
    """Puts the types that the registry's collections have into its list."""
    found = registry.require(Action.ADD_TYPES)
    tx.run(_ACCEPT_USED, project_id=found.id, yes=True)


@cache
def _page(wanted: frozenset[str], *, after: bool) -> Prepared:
    where = [
        projects.c.entity_id == bindparam("owner_id"),
        projects.c.kind == "registry",
        allowed(Action.READ),
    ]
    if "id" in wanted:
        where.append(projects.c.id == bindparam("wanted_id"))
    if "name" in wanted:
        where.append(projects.c.name == bindparam("wanted_name"))
    if after:
        where.append(projects.c.id < bindparam("after_id"))
    return prepared(
        select(*PROJECT_COLUMNS)
        .select_from(with_owner())
        .where(and_(*where))
        .order_by(projects.c.id.desc())
        .limit(bindparam("page_size"))
    )


def page_of_registries(
    tx: Tx,
    action: Action,
    owner: Entity,
    ask: PageAsk,
    wanted: Mapping[str, Any] | None = None,
) -> Page[Project]:
    """The registries of an organization's entity that the actor sees, newest first.

    Args:
        owner: the organization's own entity, as a loader gave it.
        wanted: exact `id` and `name`; the search language goes through `db/filters.py`.
    """
    assert action is Action.READ
    wanted = wanted or {}
    after = ask.after[-1] if ask.after else None
    if not isinstance(after, int | None):
        raise InvalidFilter("The cursor given as `after` belongs to another list.")
    rows = tx.rows(
        _page(frozenset(wanted), after=after is not None),
        owner_id=owner.id,
        after_id=after,
        wanted_id=wanted.get("id"),
        wanted_name=wanted.get("name"),
        page_size=ask.first + 1,
    )
    return page_of([project_from(row) for row in rows], ask.first, lambda p: [p.id])
