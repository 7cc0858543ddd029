"""`Api`: where everything begins that a server is asked for; each method leads into the module of its noun."""

import os
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

from registrum.core.errors import Unauthenticated
from registrum.core.projects import is_registry_name
from registrum.errors import (
    AuthenticationError,
    BadValue,
    NotLoggedIn,
    Refused,
    UnsupportedError,
)
from registrum.sdk import credentials, organizations, users
from registrum.sdk.artifact_directory import ArtifactDirectory
from registrum.sdk.current_run import new_id
from registrum.sdk.http import ANSWER_TIMEOUT_S, USER_AGENT, Service
from registrum.sdk.operations import projects as project_operations
from registrum.sdk.operations import users as user_operations
from registrum.sdk.organizations import Organization
from registrum.sdk.projects import Project, Projects
from registrum.sdk.registries import Registry
from registrum.sdk.registry_input import Visibility
from registrum.sdk.registry_lists import Registries
from registrum.sdk.resolving import Defaults
from registrum.sdk.run_lists import Runs
from registrum.sdk.runs import Run
from registrum.sdk.search import Condition
from registrum.sdk.teams import Team
from registrum.sdk.users import User

LEFT_OUT = frozenset(
    {
        "automation", "automations", "create_automation", "create_custom_chart", "create_run_queue",
        "delete_automation", "integrations", "job", "list_jobs", "queued_run", "reports", "run_queue",
        "slack_integrations", "sweep", "sync_tensorboard", "update_automation", "upsert_run_queue",
        "webhook_integrations",
    }
)  # fmt: skip
"""What W&B's class has and this one has not."""


class Api(ArtifactDirectory):
    """A server, and who asks it.

    Args:
        overrides: `base_url`, `entity`, `project`, `organization` in place of those of the environment.
        timeout: seconds that one answer may take.
        api_key: in place of that of the environment or `.netrc`.

    Raises:
        AuthenticationError: there is no key, or the server does not take it.
        Unreachable: nobody answers there.
    """

    def __init__(
        self,
        overrides: dict[str, Any] | None = None,
        timeout: int | None = None,
        api_key: str | None = None,
    ) -> None:
        given = overrides or {}
        try:
            found = credentials.find(given.get("base_url"), api_key, os.environ)
        except Unauthenticated as error:
            raise NotLoggedIn(error.message) from None
        self.settings: dict[str, Any] = {
            "entity": _environment("ENTITY"),
            "project": _environment("PROJECT"),
            "organization": _environment("ORGANIZATION"),
            **given,
            "base_url": found.url,
        }
        self.api_key = found.api_key
        self.service = Service(found, _timeout_s(timeout))
        self._viewer = self._who_asks()
        self._defaults = Defaults(self.service, self.settings, lambda: self.default_entity)

    def _who_asks(self) -> User:
        try:
            viewer = self.service.ask(user_operations.VIEWER)["viewer"]
        except Refused as error:
            if error.http_status == Unauthenticated.status:
                raise AuthenticationError(error.message) from error
            raise
        if viewer is None:
            raise AuthenticationError(f"{self.service.url} does not take this API key.")
        return User(self.service, viewer, api_key=self.api_key)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Says what W&B's class has and this one has not."""
            if name in LEFT_OUT:
                raise AttributeError(f"Api.{name} is not supported by Registrum.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def user_agent(self) -> str:
        """How this package calls itself."""
        return USER_AGENT

    @property
    def viewer(self) -> User:
        """Whose key it is."""
        return self._viewer

    @property
    def default_entity(self) -> str | None:
        """The entity that is meant where none is named and none is set."""
        found: str | None = self._viewer.entity
        return found

    def flush(self) -> None:
        """Does nothing: nothing is kept between calls. Here for the sake of scripts."""

    # Registries

    def registries(
        self,
        organization: str | None = None,
        filter: Condition | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Registries:
        """The registries of an organization, and from there their collections and versions.

        ```python
        api.registries(filter={"name": {"$regex": "model"}}).versions(filter={"alias": "best"})
        ```

        Args:
            organization: whose; where absent that of the settings, or the only one of the default entity.
            filter: conditions on `name`, `description`, `created_at`, `updated_at`; docs/search.md.
            order: one of these fields after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            start: where to go on: the `cursor` of an earlier list.

        Raises:
            ValueError: a filter or order that can't be, or no organization is meant.
        """
        whose = organization or self._defaults.organization_name()
        return Registries(self.service, whose, filter, order, per_page, start)

    def registry(self, name: str, organization: str | None = None) -> Registry:
        """One registry.

        Args:
            name: without the prefix `wandb-registry-`.
            organization: whose; where absent that of the settings, or the only one of the default entity.

        Raises:
            ValueError: it is not there, or the caller may not see it.
        """
        owner = self.organization(organization)
        registry = Registry(self.service, owner.name, owner.org_entity.name, name)
        registry.load()
        return registry

    def create_registry(
        self,
        name: str,
        visibility: Visibility,
        organization: str | None = None,
        description: str | None = None,
        artifact_types: list[str] | None = None,
    ) -> Registry:
        """Makes a registry.

        Args:
            name: without the prefix `wandb-registry-`.
            visibility: `organization` (everybody in it sees the registry) or `restricted` (its members only).
            organization: whose; where absent that of the settings, or the only one of the default entity.
            description: what it is for.
            artifact_types: the types that it takes, each without `/` and `:`; all where absent. None can be taken back.

        Raises:
            ValueError: the name is taken, something can't be, or the server refused it.
        """
        whose = organization or self._defaults.organization_name()
        return Registry.create(self, whose, name, visibility, description, artifact_types)

    # People

    def user(self, username_or_email: str) -> User | None:
        """Somebody by user name or e-mail address, or a part of one; None where there is nobody."""
        found = self.users(username_or_email)
        if len(found) > 1:
            warnings.warn(
                f"Several people fit {username_or_email!r}; this is the first.", stacklevel=2
            )
        return found[0] if found else None

    def users(self, username_or_email: str) -> list[User]:
        """Everybody by user name or e-mail address, or a part of one."""
        return users.search_users(self.service, username_or_email, self.api_key)

    def create_user(self, email: str, admin: bool | None = False) -> User:
        """Makes an account; instance administrators only.

        Args:
            email: the person's address.
            admin: whether to be an instance administrator.

        Raises:
            RefusedValue: the server refused it; a ValueError.
        """
        return User.create(self, email, admin)

    def team(self, team: str) -> Team:
        """One team, by name.

        Raises:
            Missing: there is none; a ValueError.
        """
        return Team(self.service, team)

    def create_team(self, team: str, admin_username: str | None = None) -> Team:
        """Makes a team; one that the caller has already is returned as it is.

        Args:
            team: its name.
            admin_username: its first administrator; the caller where absent.

        Raises:
            Refused: the server refused it.
        """
        return Team.create(self, team, admin_username)

    def organization(self, name: str | None = None) -> Organization:
        """One organization.

        Args:
            name: of it; where absent that of the settings, or the only one of the default entity.

        Raises:
            Missing: there is none, or there are several; a ValueError.
        """
        named = name or self.settings["organization"]
        if named:
            return organizations.find_organization(self.service, named)
        return self._defaults.own_organization()

    # Projects

    def projects(self, entity: str | None = None, per_page: int = 200) -> Projects:
        """The projects of an entity, newest first.

        Args:
            entity: whose; the default entity where absent.
            per_page: how many are asked for at a time.

        Raises:
            Missing: no entity is meant; a ValueError.
        """
        return Projects(self.service, self._defaults.needed_entity(entity), per_page)

    def project(self, name: str, entity: str | None = None) -> Project:
        """One project; it is asked for when it is looked at.

        Args:
            name: of the project, or of a registry with its prefix.
            entity: whose; the default entity where absent. A registry's organization.

        Raises:
            Missing: no entity or organization is meant; a ValueError.
        """
        if not is_registry_name(name):
            return Project(self.service, self._defaults.needed_entity(entity), name, {})
        owner = self._defaults.own_organization(entity).org_entity
        return Project(self.service, owner.name, name, {})

    def create_project(self, name: str, entity: str) -> None:
        """Makes a project; one that is there stays as it is.

        Args:
            name: of it.
            entity: whose it is to be.

        Raises:
            Refused: the server refused it.
        """
        given = {"name": name, "entityName": entity}
        self.service.ask(project_operations.CREATE_PROJECT, {"input": given}, repeatable=True)

    def from_path(self, path: str) -> Any:
        """A project from `project` or `entity/project`, a run from `entity/project/runs/id`.

        Raises:
            CommError: the path is none of these, or there is no such run.
            UnsupportedError: it is that of a sweep or report.
        """
        parts = path.strip("/ ").split("/")
        if len(parts) == 1:
            return self.project(parts[0])
        if len(parts) == 2:
            return self.project(parts[1], parts[0])
        if len(parts) == 4 and parts[2].startswith(("sweep", "report")):
            raise UnsupportedError(f"{parts[2]} are not supported by Registrum.")
        if len(parts) == 3 or (len(parts) == 4 and parts[2].startswith("run")):
            return self.run(path)
        raise BadValue(f"A path is like entity/project or entity/project/runs/id, not {path!r}.")

    # Runs

    def run(self, path: str = "") -> Run:
        """One run.

        Args:
            path: `entity/project/id`; entity and project may be left out where they are the default ones.

        Raises:
            Missing: there is none; a ValueError.
        """
        where = self._defaults.run_path(path)
        return Run(self.service, *where, lazy=False, api_key=self.api_key)

    def runs(
        self,
        path: str | None = None,
        filters: dict[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
    ) -> Runs:
        """The runs of a project, oldest first.

        ```python
        api.runs(
            "team/project", {"state": "finished", "config.rate": {"$lt": 0.1}}, "-summary_metrics.accuracy"
        )
        ```

        Args:
            path: `entity/project`; the default one where absent.
            filters: conditions on `state`, `tags`, `config.…`, `summary_metrics.…` and more; docs/search.md.
            order: one of these fields after `+` (ascending) or `-`.
            per_page: how many are asked for at a time.
            include_sweeps: taken for the sake of scripts; there are no sweeps.
            lazy: whether configuration and summary are asked for when they are looked at.

        Raises:
            ValueError: a filter that can't be, or no entity is meant.
        """
        return Runs(
            self.service,
            *self._defaults.project_path(path),
            filters,
            order,
            per_page,
            include_sweeps,
            lazy,
            self.api_key,
        )

    def create_run(
        self,
        *,
        run_id: str | None = None,
        project: str | None = None,
        entity: str | None = None,
    ) -> Run:
        """Makes a run that nobody reports; `registrum.init` is for those that somebody does.

        Args:
            run_id: its id; a new one where absent.
            project: where it goes; the default one where absent.
            entity: owner of the project; the default one where absent.

        Raises:
            Refused: the server refused it.
        """
        return Run.create(
            self,
            run_id or new_id(),
            project or self._defaults.project,
            entity or self.default_entity,
        )


def _environment(name: str) -> str | None:
    return os.environ.get(f"REGISTRUM_{name}") or os.environ.get(f"WANDB_{name}") or None


def _timeout_s(given: int | None) -> float:
    if given is not None:
        return float(given)
    return float(_environment("HTTP_TIMEOUT") or ANSWER_TIMEOUT_S)
