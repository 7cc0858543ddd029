"""The addresses of pages: the same ones that the client prints, so that people meet one address for one thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from registrum.core.artifacts import Artifact, Membership
from registrum.core.collections import Collection
from registrum.core.projects import Project
from registrum.core.registries import short_name
from registrum.core.runs import Run


def _segments(*names: str) -> str:
    return "/".join(quote(name, safe="@=+&$,") for name in names)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Makes paths below the root of the site.

    Attributes:
        root: path prefix where the server is mounted; usually "".
    """

    root: str

    def path(self, path: str) -> str:
        """The address of a decoded path that begins with `/`."""
        return f"{self.root}/{_segments(*path.removeprefix('/').split('/'))}"

    def organization(self, name: str) -> str:
        """An organization's page, by its display name."""
        return f"{self.root}/orgs/{_segments(name)}"

    def entity(self, name: str) -> str:
        """A user's, team's or organization's page."""
        return f"{self.root}/{_segments(name)}"

    def project(self, project: Project) -> str:
        """A project's or a registry's page."""
        organization = project.entity.organization_name
        if project.kind == "registry" and organization:
            return f"{self.root}/orgs/{_segments(organization, 'registry', short_name(project))}"
        return f"{self.root}/{_segments(project.entity.name, project.name)}"

    def run(self, run: Run) -> str:
        """A run's page."""
        where = run.project
        return f"{self.root}/{_segments(where.entity.name, where.name, 'runs', run.name)}"

    def run_file(self, run: Run, path: str) -> str:
        """Where a file of a run is downloaded."""
        return f"{self.run(run)}/files/{_segments(*path.split('/'))}"

    def collection(self, collection: Collection) -> str:
        """A collection's page; "" where its project is hidden."""
        return self._place(collection, None)

    def version(self, version: Membership | Artifact) -> str:
        """The page of a version of a collection, or of an artifact in the sequence it was logged to; "" where that is hidden."""
        if isinstance(version, Membership):
            return self._place(version.collection, version.version)
        return self._place(version.source, version.version)

    def file(self, version: Membership, path: str) -> str:
        """Where a file of a version is downloaded."""
        where = version.collection.project
        if where is None:
            return ""
        names = (where.entity.name, where.name, "artifacts", version.collection.type_name)
        rest = (version.collection.name, f"v{version.version}", "files", *path.split("/"))
        return f"{self.root}/{_segments(*names, *rest)}"

    def turn(self, query: Mapping[str, str], name: str, cursor: str | None) -> str:
        """The same page with another part of one of its lists: the part behind `cursor`, or the first where that is none."""
        kept = {key: value for key, value in query.items() if key != name}
        return "?" + urlencode(kept if cursor is None else {**kept, name: cursor})

    def _place(self, collection: Collection, version: int | None) -> str:
        where = collection.project
        if where is None:
            return ""
        tail = () if version is None else (f"v{version}",)
        if where.kind == "registry":
            selection = f"{where.entity.name}/{where.name}/{collection.name}"
            query = {"selectionPath": selection}
            if version is not None:
                query |= {"view": "membership", "version": f"v{version}"}
            return f"{self.project(where)}?{urlencode(query)}"
        names = (where.entity.name, where.name, "artifacts", collection.type_name, collection.name)
        return f"{self.root}/{_segments(*names, *tail)}"


def safe_next(wanted: str, root: str) -> str:
    """The page to go to after signing in: `wanted` if it is a path of this very site, else the first page."""
    home = f"{root}/"
    if not wanted.startswith(home) or len(wanted) > 2048 or not wanted.isprintable():
        return home
    # A browser takes `//host`, `/\host` and the like for another site.
    if wanted.startswith("//") or "\\" in wanted:
        return home
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return home
    if parts.scheme or parts.netloc or parts.path in (f"{root}/login", f"{root}/logout"):
        return home
    return wanted
