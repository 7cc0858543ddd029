"""What is meant where a call names only a part: the entity, the project, the organization; of paths and of environment."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from registrum.core.projects import is_registry_name
from registrum.errors import BadValue, Missing
from registrum.sdk import organizations, paths
from registrum.sdk.http import Service

UNNAMED_PROJECT = "uncategorized"


class ProjectPath(NamedTuple):
    """A project and its owner."""

    entity: str
    project: str


class FullPath(NamedTuple):
    """A version or collection, with all that says where it is."""

    entity: str
    project: str
    name: str


class Defaults:
    """What stands in for what a call leaves out.

    Args:
        service: the server.
        settings: `entity`, `project` and `organization`, each None where it isn't set.
        own_entity: finds the caller's default entity.
    """

    def __init__(
        self, service: Service, settings: Mapping[str, Any], own_entity: Callable[[], str | None]
    ) -> None:
        self._service = service
        self._settings = settings
        self._own_entity = own_entity

    @property
    def entity(self) -> str | None:
        """The entity of the settings, else the caller's own."""
        found: str | None = self._settings["entity"] or self._own_entity()
        return found

    @property
    def project(self) -> str:
        """The project of the settings, else that of what has no name."""
        return str(self._settings["project"] or UNNAMED_PROJECT)

    def needed_entity(self, given: str | None = None) -> str:
        """The entity given, else the default one.

        Raises:
            Missing: there is none; a ValueError.
        """
        found = given or self.entity
        if not found:
            raise Missing("Say which entity: none is set, and the caller has no default one.")
        return found

    def organization_name(self) -> str:
        """The organization of the settings, else the only one of the default entity.

        Raises:
            Missing: there is none, or there are several; a ValueError.
        """
        found = self._settings["organization"]
        return str(found) if found else self.own_organization().name

    def own_organization(self, named: str | None = None) -> organizations.Organization:
        """The organization of the default entity; `named` says which of several.

        Raises:
            Missing: there is none, or not this one, or there are several; a ValueError.
        """
        return organizations.organization_of(self._service, self.entity, named)

    def project_path(self, path: str | None) -> ProjectPath:
        """A project from `project` or `entity/project`; a registry's entity may be its organization.

        Raises:
            BadValue: it has other parts; a ValueError.
            Missing: it can't be found out whose it is; a ValueError.
        """
        entity, slash, project = (path or self.project).partition("/")
        if not slash:
            entity, project = "", entity
        if "/" in project:
            raise BadValue(f"A project's path is like entity/project, not {path!r}.")
        if is_registry_name(project):
            return ProjectPath(self._registry_entity(entity), project)
        return ProjectPath(self.needed_entity(entity), project)

    def artifact_path(self, name: str, of_settings: bool = False) -> FullPath:
        """All three parts of an artifact's or collection's path.

        Args:
            name: as somebody wrote it.
            of_settings: whether a registry's organization may come from the settings.

        Raises:
            BadValue: it is no such path; a ValueError.
            Missing: it can't be found out whose it is; a ValueError.
        """
        path = paths.parse(name)
        project = path.project or self.project
        if is_registry_name(project):
            named = path.entity if path.project else None
            if of_settings and not named:
                named = self._settings["organization"]
            return FullPath(self._registry_entity(named), project, path.name)
        return FullPath(self.needed_entity(path.entity), project, path.name)

    def _registry_entity(self, named: str | None) -> str:
        return self.own_organization(named or None).org_entity.name

    def run_path(self, path: str) -> tuple[str, str, str]:
        """Owner, project and id of a run, from one of the forms that people write.

        `entity/project/runs/id`, `entity/project/id`, `entity/project:id`, `project/id`, `project:id` or `id`.

        Raises:
            BadValue: it is none of these, or a part is missing; a ValueError.
        """
        parts = path.replace("/runs/", "/").replace("/sweeps/", "/").strip("/ ").split("/")
        if len(parts) < 3 and ":" in parts[-1]:
            parts[-1:] = parts[-1].split(":", 1)
        if len(parts) > 3:
            parts = []
        names = [part.strip() for part in parts]
        run_id = names.pop() if names else ""
        project = names.pop() if names else self._settings["project"]
        entity = names.pop() if names else self.entity
        for what, found in (("entity", entity), ("project", project), ("run", run_id)):
            if not found:
                raise BadValue(f"The path {path!r} does not say which {what} is meant.")
        return str(entity), str(project), run_id
