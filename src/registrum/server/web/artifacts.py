"""The pages of a collection and of one version of it, and the way to its files.

A version is always looked at *by name*: as a member of this collection, with the rights in this project (design: which path was used decides).
"""

from starlette.responses import Response

from registrum.core.aliases import reference_in
from registrum.core.artifacts import Artifact, Membership
from registrum.core.collections import Collection
from registrum.core.errors import Forbidden, NotFound
from registrum.core.files import ArtifactFile
from registrum.core.memberships import Wants
from registrum.core.pages import Page, PageAsk
from registrum.core.policy import Action
from registrum.core.projects import Project, ProjectName
from registrum.core.users import User
from registrum.server.db import (
    collections,
    lineage,
    membership_pages,
    projects,
    runs,
    users,
)
from registrum.server.db.membership_pages import VersionsAsk
from registrum.server.services.files import page_of_files
from registrum.server.web.visits import ROWS, Visit

_ALL = Wants(aliases=True, tags=True)
_SHORT = PageAsk(20, with_total=True)


def show_collection(visit: Visit) -> Response:
    """`/<entity>/<project>/artifacts/<type>/<collection>`."""
    return _collection(visit, _project(visit), visit.segment("collection"))


def show_version(visit: Visit) -> Response:
    """`/<entity>/<project>/artifacts/<type>/<collection>/<v3 or alias>`."""
    project = _project(visit)
    return _version(visit, project, visit.segment("collection"), visit.segment("version"))


def show_selected(visit: Visit) -> Response:
    """The collection that `selectionPath` names, or its version where `version` is given."""
    entity, _, rest = visit.query("selectionPath").partition("/")
    project_name, _, collection = rest.partition("/")
    if not (entity and project_name and collection):
        raise NotFound("There is no such collection.")
    project = projects.get_for(visit.tx, Action.READ, ProjectName(entity, project_name)).thing
    if visit.query("version"):
        return _version(visit, project, collection, visit.query("version"))
    return _collection(visit, project, collection)


def fetch_file(visit: Visit) -> Response:
    """Sends the browser to the bytes of one file, if it may have them."""
    name = reference_in(visit.segment("collection"), visit.segment("version"))
    found = membership_pages.get_for(visit.tx, Action.DOWNLOAD, _project(visit), name, Wants())
    page = page_of_files(visit, found.thing.artifact.id, [visit.segment("path")], PageAsk(1))
    file = next(iter(page.nodes), None)
    if file is None or file.blob_id is None:
        raise NotFound("There is no such file in this version.")
    return visit.fetch(file.blob_id, file.entry.path, file.entry.size_bytes, file.mimetype)


def _project(visit: Visit) -> Project:
    name = ProjectName(visit.segment("entity"), visit.segment("project"))
    return projects.get_for(visit.tx, Action.READ, name).thing


def _collection(visit: Visit, project: Project, name: str) -> Response:
    granted = collections.get_for_name(visit.tx, Action.READ, project, name)
    found = collections.with_tags(visit.tx, [granted.thing])[0]
    ask = VersionsAsk(visit.page_ask(), _ALL)
    versions = membership_pages.page_of_collection(visit.tx, Action.READ, found, ask)
    return visit.page(
        "collection.html",
        project=project,
        collection=found,
        versions=versions,
        address=fetch_name(project, found, "latest"),
    )


def _version(visit: Visit, project: Project, collection: str, version: str) -> Response:
    name = reference_in(collection, version)
    found = membership_pages.get_for(visit.tx, Action.READ, project, name, _ALL).thing
    artifact = found.artifact
    run = runs.by_ids(visit.tx, Action.READ, [artifact.run_id]) if artifact.run_id else {}
    used_by = lineage.page_of_users(visit.tx, Action.READ, artifact.id, _SHORT)
    places = membership_pages.page_of_artifact(
        visit.tx, Action.READ, artifact, VersionsAsk(_SHORT, Wants(aliases=True))
    )
    creator = _creator(visit, artifact)
    files, refusal = _files(visit, project, found)
    return visit.page(
        "version.html",
        project=project,
        version=found,
        artifact=artifact,
        address=fetch_name(project, found.collection, f"v{found.version}"),
        logged_by=run.get(artifact.run_id or 0),
        creator=creator,
        used_by=used_by,
        linked=[
            place
            for place in places.nodes
            if place.collection.id not in (artifact.source.id, found.collection.id)
        ],
        files=files,
        files_refusal=refusal,
    )


def _creator(visit: Visit, artifact: Artifact) -> User | None:
    if artifact.created_by is None:
        return None
    return users.by_ids(visit.tx, [artifact.created_by]).get(artifact.created_by)


def _files(
    visit: Visit, project: Project, found: Membership
) -> tuple[Page[ArtifactFile] | None, str]:
    """A page of files, or why they are not shown."""
    name = reference_in(found.collection.name, f"v{found.version}")
    try:
        membership_pages.get_for(visit.tx, Action.DOWNLOAD, project, name, Wants())
    except Forbidden as refusal:
        return None, refusal.message
    after = visit.page_ask("files").after
    return page_of_files(visit, found.artifact.id, None, PageAsk(ROWS, after)), ""


def fetch_name(project: Project, collection: Collection, version: str) -> str:
    """What `use_artifact` and `Api.artifact` take for this version."""
    return f"{project.entity.name}/{project.name}/{collection.name}:{version}"
