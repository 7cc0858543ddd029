"""Binds schema/projects.graphql: projects and registries as projects."""

from typing import Any

from registrum.core import ids
from registrum.core.filters import parse_filter
from registrum.core.pages import Edge, Page, page_ask
from registrum.core.policy import Action
from registrum.core.projects import Entity, Project, ProjectName
from registrum.core.registries import RESTRICTED
from registrum.core.users import User
from registrum.server.db import artifact_types
from registrum.server.db import entities as entity_rows
from registrum.server.db import projects as project_rows
from registrum.server.db import registries as registry_rows
from registrum.server.db import users as user_rows
from registrum.server.db.registries import ProjectsAsk
from registrum.server.graphql.binding import GlobalId, Info, Root, Type
from registrum.server.graphql.pages import connection
from registrum.server.graphql.selection import selected
from registrum.server.services import projects
from registrum.server.services.projects import UpsertProject

query = Root("Query")
mutation = Root("Mutation")
entity = Type("Entity")
user = Type("User")
project = Type(
    "Project",
    value=Project,
    is_shared=True,
    reads={
        "id": GlobalId("Project"),
        "internalId": GlobalId("ProjectInternalId"),
        "entityName": lambda p: p.entity.name,
        "access": lambda p: "RESTRICTED" if p.visibility == RESTRICTED else "PRIVATE",
        "isBenchmark": lambda _: False,
        "repo": lambda _: None,
        "dockerImage": lambda _: None,
    },
)


@query.field("project", is_point=True)
def resolve_project(
    _: None, info: Info, name: str | None, entity_name: str | None
) -> Project | None:
    """A project or registry the caller may see."""
    return _project(info, entity_name, name)


@query.field("model", is_point=True)
def resolve_model(_: None, info: Info, name: str | None, entity_name: str | None) -> Project | None:
    """The same as `project`."""
    return _project(info, entity_name, name)


@entity.field("project")
def resolve_project_of(found: Entity, info: Info, name: str | None) -> Project | None:
    """A project of this entity."""
    return _project(info, found.name, name)


def _project(info: Info, entity_name: str | None, name: str | None) -> Project | None:
    if not name:
        return None
    key = ProjectName(entity_name or "", name)
    return project_rows.get_for(info.context.tx, Action.READ, key).thing


@query.field("models")
def resolve_models(
    _: None, info: Info, entity_name: str | None, after: str | None, first: int | None
) -> Page[Project]:
    """The projects of an entity, newest first."""
    tx = info.context.tx
    name = entity_name or entity_rows.default_name(tx)
    owner = entity_rows.get_for(tx, Action.READ_ENTITY, name)
    found = project_rows.page_of_entity(tx, Action.READ, owner, page_ask(first, after))
    return with_creators(info, found)


@entity.field("projects")
def resolve_projects(
    found: Entity,
    info: Info,
    filters: str | None,
    order: str | None,
    after: str | None,
    first: int | None,
) -> Page[Project]:
    """The projects of an entity; of an organization's own, its registries."""
    ask = ProjectsAsk(page_ask(first, after), parse_filter(filters), order)
    page = registry_rows.page_of_registries(info.context.tx, Action.READ, found, ask)
    if "edges.node.artifactTypes" in selected(info):
        registries = [each for each in page.nodes if each.is_registry]
        info.context.loaded["artifactTypes"] = artifact_types.by_registries(
            info.context.tx, Action.READ, registries
        )
    return with_creators(info, page)


@user.field("projects")
def resolve_projects_of_user(
    found: User, info: Info, after: str | None, first: int | None
) -> Page[Project]:
    """Projects of the entities this person belongs to, as far as the caller sees them."""
    tx = info.context.tx
    owners = [e.id for e in user_rows.teams_of(tx, [found.id]).get(found.id, ())]
    page = project_rows.page_of_entities(tx, Action.READ, owners, page_ask(first, after))
    return with_creators(info, page)


def with_creators(info: Info, page: Page[Project]) -> Page[Project]:
    """The same page, each project with the person who made it, where the query asks for that."""
    if "edges.node.user" not in selected(info):
        return page
    numbers = {edge.node.created_by for edge in page.edges if edge.node.created_by is not None}
    people = user_rows.by_ids(info.context.tx, sorted(numbers))
    edges = tuple(
        Edge(edge.node._replace(creator=people.get(edge.node.created_by or 0)), edge.cursor)
        for edge in page.edges
    )
    return Page(edges, page.has_next_page, page.total_count)


@project.field("user")
def resolve_creator(found: Project, info: Info) -> User | None:
    """Who made it; lists have loaded these in one go."""
    if found.creator is not None or found.created_by is None:
        return found.creator
    return user_rows.by_ids(info.context.tx, [found.created_by]).get(found.created_by)


@project.field("readOnly")
def resolve_read_only(found: Project, info: Info) -> bool:
    """Whether the caller may not write here."""
    return not project_rows.by_ids(info.context.tx, Action.WRITE, [found.id])


@mutation.field("upsertModel")
def resolve_upsert(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Makes or edits a project or registry."""
    given = input.get("id")
    ask = UpsertProject(
        project_id=ids.decode("Project", given) if given else None,
        entity=input.get("entityName"),
        name=input.get("name"),
        description=input.get("description"),
        access=input.get("access"),
        accepts_any_type=input.get("allowAllArtifactTypesInRegistry"),
        types=tuple((t["name"], t.get("description")) for t in input.get("artifactTypes") or ()),
        views=input.get("views"),
        only_new=bool(input.get("onlyNew")),
    )
    done = info.context.write(lambda tx: projects.upsert_project(tx, ask))
    found = loaded(info, done.project_id)
    return {"project": found, "model": found, "inserted": done.inserted}


@mutation.field("renameProject")
def resolve_rename(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Gives a project or registry another name."""
    key = ProjectName(input["entityName"], input["oldProjectName"])
    number = info.context.write(
        lambda tx: projects.rename_project(tx, key, input["newProjectName"])
    )
    return {"project": loaded(info, number), "inserted": False}


@mutation.field("deleteModel")
def resolve_delete(_: None, info: Info, input: dict[str, Any]) -> dict[str, Any]:
    """Ends a project or registry."""
    number = ids.decode("Project", input["id"])
    info.context.write(
        lambda tx: projects.delete_project(tx, number, force=bool(input.get("force")))
    )
    return {"success": True}


def loaded(info: Info, number: int) -> Project | None:
    """The project as the caller sees it after a mutation."""
    return project_rows.by_ids(info.context.tx, Action.READ, [number]).get(number)


BINDINGS = [query, mutation, entity, user, project, *connection("Project")]
