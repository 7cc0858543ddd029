"""What somebody may see, from the outside in: the first page, an organization, a team or a person."""

from starlette.responses import Response

from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.server.db import entities, guests, organizations, projects, registries, users
from registrum.server.db.registries import ProjectsAsk
from registrum.server.web.visits import ROWS, Visit

ORGANIZATIONS = 20


def show_home(visit: Visit) -> Response:
    """The registries of one's organizations, and the projects of one's teams and one's own."""
    tx = visit.tx
    own = organizations.page_of_own(tx, Action.READ_ORGANIZATION, PageAsk(ORGANIZATIONS)).nodes
    first = PageAsk(ROWS)
    newest = ProjectsAsk(first)
    of_organization = [
        (each, registries.page_of_registries(tx, Action.READ, each.entity, newest)) for each in own
    ]
    user_id = visit.actor.user_id or 0
    owners = users.teams_of(tx, [user_id]).get(user_id, [])
    shown = projects.page_of_entities(tx, Action.READ, [owner.id for owner in owners], first)
    return visit.page(
        "home.html",
        organizations=of_organization,
        shared=guests.registries_of_guest(tx, Action.READ),
        owners=owners,
        projects=shown,
        base_url=visit.base_url,
    )


def show_organization(visit: Visit) -> Response:
    """The registries of an organization."""
    name = visit.segment("organization")
    found = organizations.get_for(visit.tx, Action.READ_ORGANIZATION, name).thing
    page = registries.page_of_registries(
        visit.tx, Action.READ, found.entity, ProjectsAsk(visit.page_ask())
    )
    return visit.page("organization.html", organization=found, registries=page)


def show_entity(visit: Visit) -> Response:
    """The projects of a user or team; an organization's own entity has registries."""
    found = entities.get_for(visit.tx, Action.READ_ENTITY, visit.segment("entity"))
    if found.thing.kind == "organization" and found.thing.organization_name:
        return visit.go(visit.to.path(f"/orgs/{found.thing.organization_name}"))
    page = projects.page_of_entity(visit.tx, Action.READ, found, visit.page_ask())
    return visit.page("entity.html", entity=found.thing, projects=page)
