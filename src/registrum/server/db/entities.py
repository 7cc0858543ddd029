"""Entities: users' own, teams', and organizations', in one name space without regard to case."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, exists, func, insert, or_, select, update

from registrum.core.errors import NameTaken
from registrum.core.names import folded
from registrum.core.policy import Action
from registrum.core.projects import Entity
from registrum.server.db.columns import among
from registrum.server.db.refusals import refuse_entity
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import (
    artifacts,
    entities,
    organizations,
    projects,
    team_members,
    users,
)
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.visibility import Grant, allowed_entity

ENTITY_COLUMNS = (
    entities.c.id.label("e_id"),
    entities.c.kind.label("e_kind"),
    entities.c.name.label("e_name"),
    entities.c.organization_id.label("e_organization_id"),
    organizations.c.name.label("e_organization_name"),
    entities.c.user_id.label("e_user_id"),
    entities.c.photo_url.label("e_photo_url"),
    entities.c.created_at.label("e_created_at"),
)
"""What makes an `Entity`; select them from `with_organization()`."""


def with_organization(left: Any = entities) -> Any:
    """`left`, which has the table `entities` in it, joined with the entity's organization."""
    return left.outerjoin(organizations, organizations.c.id == entities.c.organization_id)


def entity_from(row: Row) -> Entity:
    """The entity of a row with `ENTITY_COLUMNS`."""
    return Entity(
        id=row.e_id,
        kind=row.e_kind,
        name=row.e_name,
        organization_id=row.e_organization_id,
        organization_name=row.e_organization_name,
        user_id=row.e_user_id,
        photo_url=row.e_photo_url,
        created_at=row.e_created_at,
    )


@cache
def _by_name(action: Action) -> Prepared:
    return prepared(
        select(*ENTITY_COLUMNS, allowed_entity(action).label("granted"))
        .select_from(with_organization())
        .where(
            entities.c.name_key == bindparam("entity_key"),
            entities.c.deleted_at.is_(None),
        )
    )


@cache
def _by_id(action: Action) -> Prepared:
    return prepared(
        select(*ENTITY_COLUMNS, allowed_entity(action).label("granted"))
        .select_from(with_organization())
        .where(entities.c.id == bindparam("entity_id"), entities.c.deleted_at.is_(None))
    )


@cache
def _by_ids() -> Prepared:
    return prepared(
        select(*ENTITY_COLUMNS)
        .select_from(with_organization())
        .where(among(entities.c.id, "entity_ids"), allowed_entity(Action.READ_ENTITY))
    )


def get_for(tx: Tx, action: Action, name: str) -> Grant[Entity]:
    """The living entity of that name, in any case, if the actor may do `action` in it.

    Raises:
        NotFound: there is none, or the actor may not see it.
        Forbidden: the actor may see it, but not do this.
    """
    row = tx.one(_by_name(action), entity_key=folded(name))
    if row is None or not row.granted:
        raise refuse_entity(tx, action, row.e_id if row else None, f"entity {name!r}")
    return Grant(entity_from(row), action)


def get_for_id(tx: Tx, action: Action, entity_id: int) -> Grant[Entity]:
    """The living entity of that number. Raises as `get_for`."""
    row = tx.one(_by_id(action), entity_id=entity_id)
    if row is None or not row.granted:
        raise refuse_entity(tx, action, row.e_id if row else None, "such entity")
    return Grant(entity_from(row), action)


def by_ids(tx: Tx, ids: Sequence[int]) -> dict[int, Entity]:
    """Those of these living entities that the actor may see, by number."""
    rows = tx.rows(_by_ids(), entity_ids=ids)
    return {row.e_id: entity_from(row) for row in rows}


_DEFAULT = prepared(
    select(entities.c.name)
    .select_from(users.join(entities, entities.c.id == users.c.default_entity_id))
    .where(
        users.c.id == bindparam("actor_id"),
        entities.c.deleted_at.is_(None),
        # Of a team that one has left it is no default any more.
        or_(
            entities.c.user_id == users.c.id,
            exists(
                select(1).where(
                    team_members.c.team_id == entities.c.id, team_members.c.user_id == users.c.id
                )
            ),
        ),
    )
)
_OWN = prepared(select(entities.c.name).where(entities.c.user_id == bindparam("actor_id")))


def default_name(tx: Tx) -> str:
    """The name of the entity used where the actor gives none: the default one, else the personal one, else ""."""
    return str(tx.value(_DEFAULT) or tx.value(_OWN) or "")


_ADD = prepared(
    insert(entities)
    .values(
        kind=bindparam("kind"),
        name=bindparam("entity_name"),
        name_key=bindparam("entity_key"),
        user_id=bindparam("user_id"),
        organization_id=bindparam("organization_id"),
        created_at=bindparam("now"),
    )
    .returning(entities.c.id)
)


def add(
    tx: Tx,
    kind: str,
    name: str,
    *,
    user_id: int | None = None,
    organization_id: int | None = None,
) -> int:
    """Adds an entity and returns its number.

    Raises:
        NameTaken: some entity has or had this name.
    """
    try:
        return int(
            tx.value(
                _ADD,
                kind=kind,
                entity_name=name,
                entity_key=folded(name),
                user_id=user_id,
                organization_id=organization_id,
                now=tx.now,
            )
        )
    except Taken:
        raise NameTaken(
            f"The name {name!r} is taken: users, teams and organizations share one name space, "
            "and names are not used again."
        ) from None


_PROPOSALS = 100
_KEYS = prepared(select(entities.c.name_key).where(among(entities.c.name_key, "keys", Text)))
_SET_ORGANIZATION = prepared(
    update(entities)
    .where(entities.c.id == bindparam("entity_id"))
    .values(organization_id=bindparam("new_organization_id"))
)
_REMOVE = prepared(
    update(entities).where(among(entities.c.id, "entity_ids")).values(deleted_at=bindparam("now"))
)


def free_name(tx: Tx, base: str) -> str:
    """`base`, or the first of `base-2`, `base-3`, … that no entity has or had; the last proposal where all are taken."""
    proposals = [base, *(f"{base}-{n}" for n in range(2, _PROPOSALS))]
    taken = set(tx.column(_KEYS, keys=[folded(name) for name in proposals]))
    return next((name for name in proposals if folded(name) not in taken), proposals[-1])


def put_under(tx: Tx, entity_id: int, organization_id: int) -> None:
    """Notes the organization of its own new entity."""
    tx.run(_SET_ORGANIZATION, entity_id=entity_id, new_organization_id=organization_id)


def remove(tx: Tx, entity_ids: Sequence[int]) -> None:
    """Marks entities as gone; their names stay taken."""
    tx.run(_REMOVE, entity_ids=list(entity_ids), now=tx.now)


_REMOVE_OWN = prepared(
    update(entities)
    .where(among(entities.c.user_id, "user_ids"))
    .values(deleted_at=bindparam("now"))
)


def remove_own(tx: Tx, user_ids: Sequence[int]) -> None:
    """Marks these users' personal entities as gone; their names stay taken."""
    tx.run(_REMOVE_OWN, user_ids=list(user_ids), now=tx.now)


@cache
def _may(action: Action) -> Prepared:
    return prepared(
        select(entities.c.id).where(among(entities.c.id, "entity_ids"), allowed_entity(action))
    )


def may(tx: Tx, action: Action, ids: Sequence[int]) -> set[int]:
    """Those of these living entities in which the actor may do `action`."""
    return set(tx.column(_may(action), entity_ids=list(ids)))


@cache
def _size_statement() -> Prepared:
    return prepared(
        select(projects.c.entity_id, func.sum(artifacts.c.size_bytes))
        .select_from(artifacts.join(projects, projects.c.id == artifacts.c.project_id))
        .where(
            projects.c.entity_id.in_(
                select(entities.c.id).where(
                    among(entities.c.id, "entity_ids"), allowed_entity(Action.READ_ENTITY)
                )
            ),
            projects.c.deleted_at.is_(None),
            artifacts.c.state == "committed",
        )
        .group_by(projects.c.entity_id)
    )


def size_bytes(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """Sum of the sizes of the committed artifacts logged under each entity that the actor sees; those with any."""
    rows = tx.rows(_size_statement(), entity_ids=list(ids))
    return {entity_id: int(total) for entity_id, total in rows}
