"""Where a draft goes that is saved without a run, and with whose key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from registrum import sdk
from registrum.errors import Missing
from registrum.sdk import credentials, uploads
from registrum.sdk.http import Service
from registrum.sdk.operations import users as operations
from registrum.sdk.resolving import UNNAMED_PROJECT

if TYPE_CHECKING:
    from registrum.sdk.artifacts import Artifact


class Home(NamedTuple):
    """A project and its owner, as far as they are known."""

    entity: str | None = None
    project: str | None = None

    def or_else(self, other: Home) -> Home:
        """With what is missing from another one."""
        return Home(self.entity or other.entity, self.project or other.project)


def service_for(known: Service | None) -> Service:
    """The server that an artifact is of; of a new draft, that of the environment.

    Raises:
        Unauthenticated: there is no key for it.
    """
    return known or Service(credentials.find(None, None, os.environ))


def save(artifact: Artifact, known: Service | None, home: Home) -> None:
    """Makes a version of a draft: as the current run's output, or else as the caller's own.

    Raises:
        Missing: it is not known whose project it is; a ValueError.
        RegistrumError: the server refuses it, or can't be reached.
    """
    run = sdk.current_run.current()
    if run is not None:
        run.log_artifact(artifact)
        return
    service = service_for(known)
    home = home.or_else(Home(_setting("ENTITY"), _setting("PROJECT")))
    entity = home.entity or _own_entity(service)
    uploads.commit(service, artifact, entity, home.project or UNNAMED_PROJECT)


def _own_entity(service: Service) -> str:
    viewer = service.ask(operations.VIEWER)["viewer"]
    if not viewer or not viewer["entity"]:
        raise Missing("Say which entity: none is set, and the caller has no default one.")
    return str(viewer["entity"])


def _setting(name: str) -> str | None:
    return os.environ.get(f"REGISTRUM_{name}") or os.environ.get(f"WANDB_{name}") or None
