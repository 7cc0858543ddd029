"""The pages of a project and of a registry: what it is, its collections, and its runs."""

from starlette.responses import Response

from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.projects import REGISTRY_PREFIX, Project, ProjectName
from registrum.server.db import (
    artifact_types,
    collection_pages,
    organizations,
    projects,
    run_search,
)
from registrum.server.db.collection_pages import CollectionsAsk
from registrum.server.db.run_search import RunsAsk
from registrum.server.web.artifacts import show_selected
from registrum.server.web.visits import Visit

_SECTIONS_ELSEWHERE = {
    "sweeps": "Sweeps are not part of this server; the runs of one are among the runs below.",
    "reports": "Reports are not part of this server.",
    "jobs": "Launch jobs are kept as artifacts; they are among the collections below.",
}


def show_project(visit: Visit) -> Response:
    """A project with its collections and runs, under whichever of its tabs it was asked for."""
    name = ProjectName(visit.segment("entity"), visit.segment("project"))
    found = projects.get_for(visit.tx, Action.READ, name).thing
    if found.kind == "registry":
        return _registry(visit, found)
    section = visit.request.path_params.get("section", "").partition("/")[0]
    ask = PageAsk(visit.page_ask().first, visit.page_ask("runs").after, with_total=True)
    runs = run_search.page_of_runs(visit.tx, Action.READ, found, RunsAsk(ask))
    return visit.page(
        "project.html",
        project=found,
        collections=_collections(visit, found),
        runs=runs,
        note=_SECTIONS_ELSEWHERE.get(section, ""),
    )


def show_registry(visit: Visit) -> Response:
    """A registry with its collections, or the collection or version that `selectionPath` names."""
    if visit.query("selectionPath"):
        return show_selected(visit)
    organization = visit.segment("organization")
    owner = organizations.get_for(visit.tx, Action.READ_ORGANIZATION, organization).thing.entity
    name = ProjectName(owner.name, REGISTRY_PREFIX + visit.segment("registry"))
    return _registry(visit, projects.get_for(visit.tx, Action.READ, name).thing)


def show_model_registry(visit: Visit) -> Response:
    """`/<entity>/registry/model`, where clients say that linked models are; without a selection, the entity."""
    if visit.query("selectionPath"):
        return show_selected(visit)
    return visit.go(visit.to.entity(visit.segment("entity")))


def _registry(visit: Visit, found: Project) -> Response:
    return visit.page(
        "registry.html",
        registry=found,
        accepted=sorted(artifact_types.accepted_in(visit.tx, found)),
        collections=_collections(visit, found),
    )


def _collections(visit: Visit, project: Project) -> object:
    ask = CollectionsAsk(visit.page_ask())
    return collection_pages.page_of_project(visit.tx, Action.READ, project, ask)
