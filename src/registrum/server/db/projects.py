"""Projects and registries: loading them with their owner, making, editing and removing them.

Every query that reads projects selects `PROJECT_COLUMNS` from `with_owner(…)` and makes values by `project_from(row)`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, select, update

from registrum.core.errors import Invalid, NameTaken
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import check_own_project_name, folded
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import DEFAULT_ORGANIZATION_ROLE, Action, Role
from registrum.core.projects import Entity, Project, ProjectName, called
from registrum.server.db import entities as entity_rows
from registrum.server.db import events
from registrum.server.db.columns import among, those
from registrum.server.db.locks import RowLock
from registrum.server.db.refusals import refuse
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import ALIVE, entities, organizations, projects
from registrum.server.db.tx import Taken, Tx
from registrum.server.db.upserts import insert as insert_or_leave
from registrum.server.db.visibility import Grant, allowed, decided

owners = entities.alias("owners")
owner_organizations = organizations.alias("owner_organizations")


def project_columns(project: Any, owner: Any, organization: Any) -> tuple[Any, ...]:
    """What makes a `Project` with its owner, of these tables or aliases of them."""
    return (
        project.c.id.label("p_id"),
        project.c.kind.label("p_kind"),
        project.c.name.label("p_name"),
        project.c.description.label("p_description"),
        project.c.visibility.label("p_visibility"),
        project.c.organization_role.label("p_organization_role"),
        project.c.is_core.label("p_is_core"),
        project.c.accepts_any_type.label("p_accepts_any_type"),
        project.c.ttl_seconds.label("p_ttl_seconds"),
        project.c.created_at.label("p_created_at"),
        project.c.updated_at.label("p_updated_at"),
        project.c.created_by.label("p_created_by"),
        project.c.views.label("p_views"),
        owner.c.id.label("o_id"),
        owner.c.kind.label("o_kind"),
        owner.c.name.label("o_name"),
        owner.c.organization_id.label("o_organization_id"),
        organization.c.name.label("o_organization_name"),
        owner.c.user_id.label("o_user_id"),
        owner.c.photo_url.label("o_photo_url"),
        owner.c.created_at.label("o_created_at"),
    )


PROJECT_COLUMNS = project_columns(projects, owners, owner_organizations)
"""What makes a `Project` with its owner; labelled apart from the columns of what it is joined with."""


def with_owner(left: Any = projects) -> Any:
    """`left`, which has the table `projects` in it, joined with what `PROJECT_COLUMNS` names."""
    return left.join(owners, owners.c.id == projects.c.entity_id).outerjoin(
        owner_organizations, owner_organizations.c.id == owners.c.organization_id
    )


def project_from(row: Row) -> Project:
    """The project of a row with `PROJECT_COLUMNS`."""
    return Project(
        id=row.p_id,
        kind=row.p_kind,
        entity=Entity(
            row.o_id,
            row.o_kind,
            row.o_name,
            row.o_organization_id,
            row.o_organization_name,
            row.o_user_id,
            row.o_photo_url,
            row.o_created_at,
        ),
        name=row.p_name,
        description=row.p_description,
        visibility=row.p_visibility,
        organization_role=row.p_organization_role,
        is_core=row.p_is_core,
        accepts_any_type=row.p_accepts_any_type,
        ttl_seconds=row.p_ttl_seconds,
        created_at=row.p_created_at,
        updated_at=row.p_updated_at,
        created_by=row.p_created_by,
        views=row.p_views,
    )


@cache
def _by_name(action: Action) -> Prepared:
    return prepared(
        select(*PROJECT_COLUMNS, decided(allowed(action)).label("granted"))
        .select_from(with_owner())
        .where(
            owners.c.name_key == bindparam("entity_key"),
            projects.c.name == bindparam("project_name"),
            projects.c.deleted_at.is_(None),
        )
    )


@cache
def _by_id(action: Action) -> Prepared:
    return prepared(
        select(*PROJECT_COLUMNS, decided(allowed(action)).label("granted"))
        .select_from(with_owner())
        .where(projects.c.id == bindparam("project_id"), projects.c.deleted_at.is_(None))
    )


@cache
def _by_ids(action: Action) -> Prepared:
    return prepared(
        select(*PROJECT_COLUMNS)
        .select_from(with_owner())
        .where(those(projects.c.id, "project_ids"), allowed(action))
    )


def get_for(tx: Tx, action: Action, name: ProjectName) -> Grant[Project]:
    """The living project of that name, if the actor may do `action` in it.

    Args:
        name: its entity's name in any case ("": the actor's default entity), and its own, exactly.

    Raises:
        NotFound: there is none, or the actor may not see it.
        Forbidden: the actor may see it, but not do this.
    """
    entity = name.entity or entity_rows.default_name(tx)
    row = tx.one(_by_name(action), entity_key=folded(entity), project_name=name.name)
    if row is None or not row.granted:
        what = f"project {ProjectName(entity, name.name)}"
        raise refuse(tx, action, row.p_id if row else None, what)
    return Grant(project_from(row), action)


def get_for_id(tx: Tx, action: Action, project_id: int) -> Grant[Project]:
    """The living project of that number. Raises as `get_for`."""
    row = tx.one(_by_id(action), project_id=project_id)
    if row is None or not row.granted:
        raise refuse(tx, action, row.p_id if row else None, "project of that id")
    return Grant(project_from(row), action)


def by_ids(tx: Tx, action: Action, ids: Sequence[int]) -> dict[int, Project]:
    """Those of these living projects in which the actor may do `action`, by number."""
    return {row.p_id: project_from(row) for row in tx.rows(_by_ids(action), project_ids=list(ids))}


@cache
def _page(scope: str, *, after: bool) -> Prepared:
    owner = {
        "entity": projects.c.entity_id == bindparam("owner_id"),
        "user": among(projects.c.entity_id, "owner_ids"),
    }[scope]
    where = [owner, allowed(Action.READ)]
    if after:
        where.append(projects.c.id < bindparam("after_id"))
    return prepared(
        select(*PROJECT_COLUMNS)
        .select_from(with_owner())
        .where(and_(*where))
        .order_by(projects.c.id.desc())
        .limit(bindparam("page_size"))
    )


def page_of_entity(tx: Tx, action: Action, entity: Grant[Entity], ask: PageAsk) -> Page[Project]:
    """The projects of an entity that the actor sees, newest first."""
    entity.require(Action.READ_ENTITY)
    assert action is Action.READ
    return _newest_first(tx, "entity", ask, owner_id=entity.thing.id)


def page_of_entities(
    tx: Tx, action: Action, entity_ids: Sequence[int], ask: PageAsk
) -> Page[Project]:
    """The projects of several entities that the actor sees, newest first."""
    assert action is Action.READ
    return _newest_first(tx, "user", ask, owner_ids=list(entity_ids))


def _newest_first(tx: Tx, scope: str, ask: PageAsk, **given: Any) -> Page[Project]:
    after = ask.number_behind()
    rows = tx.rows(
        _page(scope, after=after is not None), after_id=after, page_size=ask.first + 1, **given
    )
    return page_of([project_from(row) for row in rows], ask.first, lambda p: [p.id])


_ADD = prepared(
    insert_or_leave(projects)
    .values(
        kind=bindparam("kind"),
        entity_id=bindparam("entity_id"),
        organization_id=bindparam("organization_id"),
        owner_id=bindparam("owner_id"),
        name=bindparam("project_name"),
        description=bindparam("description"),
        visibility=bindparam("visibility"),
        organization_role=bindparam("organization_role"),
        is_core=bindparam("is_core"),
        accepts_any_type=bindparam("accepts_any_type"),
        views=bindparam("views"),
        created_by=bindparam("created_by"),
        created_at=bindparam("now"),
    )
    .on_conflict_do_nothing(index_elements=["entity_id", "name"], index_where=ALIVE)
    .returning(projects.c.id)
)


def add(
    tx: Tx,
    entity: Grant[Entity],
    name: str,
    *,
    description: str | None = None,
    visibility: str = "organization",
    organization_role: Role = DEFAULT_ORGANIZATION_ROLE,
    is_core: bool = False,
    accepts_any_type: bool = True,
    views: str | None = None,
) -> int | None:
    """Adds a project to an entity: a registry to an organization's, a team project to a team's.

    Args:
        entity: grant to CREATE_PROJECT, or to CREATE_REGISTRY for an organization's own entity.
        name: checked already.

    Returns:
        The new project's number; None if a living one has this name.
    """
    owner = entity.require(Action.CREATE_PROJECT, Action.CREATE_REGISTRY)
    kind = {"user": "personal", "team": "team", "organization": "registry"}[owner.kind]
    found = tx.value(
        _ADD,
        kind=kind,
        entity_id=owner.id,
        organization_id=owner.organization_id,
        owner_id=owner.user_id,
        project_name=name,
        description=description,
        visibility=visibility,
        organization_role=organization_role,
        is_core=is_core,
        accepts_any_type=accepts_any_type,
        views=views,
        created_by=tx.actor.user_id,
        now=tx.now,
    )
    return None if found is None else int(found)


def create_on_demand(tx: Tx, entity_name: str | None, name: str) -> Grant[Project]:
    """The project to log into, made now if it is missing.

    Args:
        entity_name: its owner; None or "": the actor's default entity.
        name: the project's name.

    Returns:
        A grant to WRITE.

    Raises:
        Invalid: it is a registry, which takes links only; or the name breaks the rules.
        NotFound: the entity is missing or hidden.
        Forbidden: the actor may not write in the project, or not create one.
    """
    owner = entity_name or entity_rows.default_name(tx)
    key = ProjectName(owner, name)
    row = tx.one(_by_name(Action.WRITE), entity_key=folded(owner), project_name=name)
    if row is None or not (row.granted or by_ids(tx, Action.READ, [row.p_id])):
        # What is hidden is refused in the words for what is missing.
        create(tx, owner, name)
        row = tx.one(_by_name(Action.WRITE), entity_key=folded(owner), project_name=name)
    if row is None or not row.granted:
        raise refuse(tx, Action.WRITE, row.p_id if row else None, f"project {key}")
    if row.p_kind == "registry":
        raise Invalid(
            f"{key} is a registry: log runs and artifacts into a project of a team, then link them."
        )
    return Grant(project_from(row), Action.WRITE)


def create(
    tx: Tx, owner: str, name: str, *, description: str | None = None, views: str | None = None
) -> int | None:
    """Makes a project of a user or a team; its number, or None if a living one has this name.

    Raises:
        Invalid: the entity is an organization's, or the name breaks the rules.
        NotFound, Forbidden: the actor may not create one there.
    """
    if entity_rows.get_for(tx, Action.READ_ENTITY, owner).thing.kind == "organization":
        raise Invalid(
            f"{owner!r} is the entity of an organization and holds registries only: "
            "log runs and artifacts into a project of a team."
        )
    check_own_project_name(name)
    entity = entity_rows.get_for(tx, Action.CREATE_PROJECT, owner)
    project_id = add(tx, entity, name, description=description, views=views)
    if project_id is not None:
        record_created(tx, entity.thing, project_id, name)
    return project_id


def record_created(tx: Tx, owner: Entity, project_id: int, name: str) -> None:
    """Writes into the ledger that a project or registry was made."""
    is_registry = owner.kind == "organization"
    events.record(
        tx,
        EventKind.REGISTRY_CREATED if is_registry else EventKind.PROJECT_CREATED,
        subject_kind=SubjectKind.PROJECT,
        subject_id=project_id,
        project_id=project_id,
        organization_id=owner.organization_id,
        changes={"name": name},
    )


_RENAME = prepared(
    update(projects)
    .where(projects.c.id == bindparam("project_id"))
    .values(name=bindparam("new_name"), updated_at=bindparam("now"))
)
_EDITABLE = ("description", "visibility", "accepts_any_type", "views", "organization_role")


@cache
def _change(names: tuple[str, ...]) -> Prepared:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return prepared(
        update(projects)
        .where(projects.c.id == bindparam("project_id"))
        .values(**values, updated_at=bindparam("now"))
    )


def change(tx: Tx, project: Grant[Project], values: dict[str, Any]) -> None:
    """Sets fields of a project; the service asked for the right that each of them takes.

    Args:
        project: grant to edit or to administer it.
        values: among description, visibility, accepts_any_type, views, organization_role.
    """
    found = project.require(Action.EDIT_PROJECT, Action.ADMINISTER, Action.ADD_TYPES)
    names = tuple(sorted(values))
    assert set(names) <= set(_EDITABLE), names
    if names:
        given = {f"new_{name}": value for name, value in values.items()}
        tx.run(_change(names), project_id=found.id, now=tx.now, **given)


def rename(tx: Tx, project: Grant[Project], name: str) -> None:
    """Gives a project another name, checked already.

    Raises:
        NameTaken: a living project of the same owner has it.
    """
    found = project.require(Action.EDIT_PROJECT, Action.ADMINISTER)
    try:
        tx.run(_RENAME, project_id=found.id, new_name=name, now=tx.now)
    except Taken:
        raise NameTaken(f"There is a {called(name)} of {found.entity.name!r} already.") from None


_LOCK = RowLock(projects)


def lock(tx: Tx, project_id: int) -> None:
    """Makes other writers of this project's members wait until this transaction ends."""
    _LOCK.take(tx, project_id)
