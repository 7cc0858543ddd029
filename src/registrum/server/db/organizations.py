"""Organizations and who belongs to them."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    bindparam,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)

from registrum.core.errors import NameTaken
from registrum.core.names import folded
from registrum.core.organizations import Organization, OrganizationMember
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action, Role
from registrum.core.projects import Entity
from registrum.server.db.columns import those
from registrum.server.db.entities import ENTITY_COLUMNS, entity_from, with_organization
from registrum.server.db.locks import RowLock
from registrum.server.db.refusals import refuse_organization
from registrum.server.db.roles import Roles
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import entities, organization_members, organizations, users
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.users import USER_COLUMNS, user_from, with_default
from registrum.server.db.visibility import (
    IS_ADMIN,
    Grant,
    allowed_organization,
    belongs_to,
    decided,
)

ORGANIZATION_COLUMNS = (
    organizations.c.id.label("org_id"),
    organizations.c.name.label("org_name"),
    organizations.c.created_at.label("org_created_at"),
    *ENTITY_COLUMNS,
)
_JOINED = organizations.join(entities, entities.c.id == organizations.c.entity_id)


def organization_from(row: Row) -> Organization:
    """The organization of a row with `ORGANIZATION_COLUMNS`."""
    return Organization(row.org_id, row.org_name, entity_from(row), row.org_created_at)


@cache
def _by_name(action: Action) -> Prepared:
    key: BindParameter[str] = bindparam("key")
    shown, own = organizations.alias("shown"), entities.alias("own")
    # Each name by its own index; an OR across both tables would read every organization.
    named = union_all(
        select(shown.c.id).where(shown.c.name_key == key, shown.c.deleted_at.is_(None)),
        select(own.c.organization_id).where(own.c.name_key == key, own.c.kind == "organization"),
    )
    visible = decided(allowed_organization(Action.READ_ORGANIZATION, organizations.c.id))
    granted: ColumnElement[int] = literal(1)
    if action is not Action.READ_ORGANIZATION:
        granted = decided(allowed_organization(action, organizations.c.id))
    return prepared(
        select(*ORGANIZATION_COLUMNS, visible.label("visible"), granted.label("granted"))
        .select_from(_JOINED)
        .where(organizations.c.deleted_at.is_(None), organizations.c.id.in_(named))
        .order_by(organizations.c.name_key != key, organizations.c.id)
    )


@cache
def _by_ids(action: Action) -> Prepared:
    return prepared(
        select(*ORGANIZATION_COLUMNS)
        .select_from(_JOINED)
        .where(
            those(organizations.c.id, "organization_ids"),
            organizations.c.deleted_at.is_(None),
            allowed_organization(action, organizations.c.id),
        )
        .order_by(organizations.c.id)
    )


def get_for(tx: Tx, action: Action, name: str) -> Grant[Organization]:
    """The living organization of that display name or entity name, in any case.

    Where one's display name is another's entity name, the display name counts among those the actor sees.

    Raises:
        NotFound: there is none, or the actor may not see it.
        Forbidden: the actor may see it, but not do this.
    """
    rows = tx.rows(_by_name(action), key=folded(name.strip()))
    row = next((r for r in rows if r.visible), rows[0] if rows else None)
    if row is None or not (row.visible and row.granted):
        number = row.org_id if row else None
        raise refuse_organization(tx, action, number, f"organization {name!r}")
    return Grant(organization_from(row), action)


def by_ids(tx: Tx, action: Action, ids: Sequence[int]) -> dict[int, Organization]:
    """Those of these living organizations in which the actor may do `action`, by number."""
    rows = tx.rows(_by_ids(action), organization_ids=list(ids))
    return {row.org_id: organization_from(row) for row in rows}


_PAGE = prepared(
    select(*ORGANIZATION_COLUMNS)
    .select_from(_JOINED)
    .where(
        organizations.c.deleted_at.is_(None),
        organizations.c.id > bindparam("after_id"),
        or_(IS_ADMIN, belongs_to(organizations.c.id)),
    )
    .order_by(organizations.c.id)
    .limit(bindparam("page_size"))
)


def page_of_own(tx: Tx, action: Action, ask: PageAsk) -> Page[Organization]:
    """The organizations that the actor belongs to, oldest first; for an instance administrator all."""
    assert action is Action.READ_ORGANIZATION
    rows = tx.rows(_PAGE, after_id=ask.number_behind() or 0, page_size=ask.first + 1)
    return page_of([organization_from(row) for row in rows], ask.first, lambda o: [o.id])


_MEMBERS = prepared(
    select(*USER_COLUMNS, organization_members.c.role, users.c.username_key)
    .select_from(
        with_default(organization_members.join(users, users.c.id == organization_members.c.user_id))
    )
    .where(
        organization_members.c.organization_id == bindparam("organization_id"),
        users.c.username_key > bindparam("after_key"),
        users.c.deleted_at.is_(None),
    )
    .order_by(users.c.username_key)
    .limit(bindparam("page_size"))
)
_TEAMS = prepared(
    select(*ENTITY_COLUMNS, entities.c.name_key)
    .select_from(with_organization())
    .where(
        entities.c.organization_id == bindparam("organization_id"),
        entities.c.kind == "team",
        entities.c.deleted_at.is_(None),
        entities.c.name_key > bindparam("after_key"),
    )
    .order_by(entities.c.name_key)
    .limit(bindparam("page_size"))
)
_ORGANIZATION_ID = bindparam("organization_id", type_=BigInteger)
_IS_MEMBER = prepared(select(or_(IS_ADMIN, belongs_to(_ORGANIZATION_ID))))


def _is_known_from_within(tx: Tx, organization_id: int) -> bool:
    """Whether the actor belongs to it (or administers the instance), and is not only a guest of a registry or team."""
    return bool(tx.value(_IS_MEMBER, organization_id=organization_id))


def page_of_members(
    tx: Tx, action: Action, organization: Organization, ask: PageAsk
) -> Page[OrganizationMember]:
    """Its people by user name; empty for guests."""
    assert action is Action.READ_ORGANIZATION
    if not _is_known_from_within(tx, organization.id):
        return Page(())
    after = ask.text_behind() or ""
    rows = tx.rows(
        _MEMBERS, organization_id=organization.id, after_key=after, page_size=ask.first + 1
    )
    found = [OrganizationMember(user_from(row), row.role) for row in rows]
    return page_of(found, ask.first, lambda m: [folded(m.user.username)])


def page_of_teams(tx: Tx, action: Action, organization: Organization, ask: PageAsk) -> Page[Entity]:
    """Its teams by name; empty for guests."""
    assert action is Action.READ_ORGANIZATION
    if not _is_known_from_within(tx, organization.id):
        return Page(())
    after = ask.text_behind() or ""
    rows = tx.rows(
        _TEAMS, organization_id=organization.id, after_key=after, page_size=ask.first + 1
    )
    return page_of([entity_from(row) for row in rows], ask.first, lambda e: [folded(e.name)])


_ADD = prepared(
    insert(organizations)
    .values(
        name=bindparam("organization_name"),
        name_key=bindparam("name_key"),
        entity_id=bindparam("entity_id"),
        created_at=bindparam("now"),
    )
    .returning(organizations.c.id)
)
_REMOVE = prepared(
    update(organizations)
    .where(organizations.c.id == bindparam("organization_id"))
    .values(deleted_at=bindparam("now"))
)
_TEAM_IDS = prepared(
    select(entities.c.id).where(
        entities.c.organization_id == bindparam("organization_id"),
        entities.c.kind == "team",
        entities.c.deleted_at.is_(None),
    )
)


def add(tx: Tx, name: str, entity_id: int) -> int:
    """Adds an organization with its own entity and returns its number.

    Raises:
        NameTaken: a living organization has this display name.
    """
    try:
        return int(
            tx.value(
                _ADD,
                organization_name=name,
                name_key=folded(name),
                entity_id=entity_id,
                now=tx.now,
            )
        )
    except Taken:
        raise NameTaken(f"There is an organization {name!r} already.") from None


_MAY_ADMINISTER = prepared(
    select(allowed_organization(Action.ADMINISTER_ORGANIZATION, _ORGANIZATION_ID))
)


def may_administer(tx: Tx, organization_id: int | None) -> bool:
    """Whether the actor administers that organization, or the instance."""
    return bool(tx.value(_MAY_ADMINISTER, organization_id=organization_id or 0))


def remove(tx: Tx, organization: Grant[Organization]) -> None:
    """Marks an organization as gone."""
    found = organization.require(Action.ADMINISTER_ORGANIZATION)
    tx.run(_REMOVE, organization_id=found.id, now=tx.now)


def team_ids(tx: Tx, organization: Grant[Organization]) -> list[int]:
    """The numbers of its living teams."""
    found = organization.require(Action.ADMINISTER_ORGANIZATION)
    return tx.column(_TEAM_IDS, organization_id=found.id)


_ROLES = Roles(organization_members, "organization_id", "user_id")
_LOCK = RowLock(organizations)


def add_member(tx: Tx, organization_id: int, user_id: int, role: Role) -> bool:
    """Makes a user a member; who is one keeps the role. Whether they are new."""
    return _ROLES.add(tx, organization_id, user_id, role)


def role_of(tx: Tx, organization_id: int, user_id: int) -> Role | None:
    """A user's role in an organization; None for who is no member."""
    return _ROLES.held(tx, organization_id, user_id)


def change_role(tx: Tx, organization_id: int, user_id: int, role: Role) -> None:
    """Sets a member's role."""
    _ROLES.change(tx, organization_id, user_id, role)


def remove_member(tx: Tx, organization_id: int, user_id: int) -> None:
    """Ends a membership."""
    _ROLES.remove(tx, organization_id, user_id)


def remove_everywhere(tx: Tx, user_ids: Sequence[int]) -> None:
    """Ends all memberships of organizations that these users have."""
    _ROLES.remove_holders(tx, user_ids)


def count_admins(tx: Tx, organization_id: int) -> int:
    """How many admins it has; other writers of its members wait until this transaction ends."""
    _LOCK.take(tx, organization_id)
    return _ROLES.count(tx, organization_id, Role.ADMIN)
