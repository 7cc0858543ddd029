"""What lists of a run's history, files and artifacts need of the run: where it is, and what the server answers about it."""

from typing import Any, Protocol

from registrum.sdk.pages import Node


class Readable(Protocol):
    """A run about which the server can be asked; `runs.Run` is one, and each of its parts."""

    project: str

    @property
    def id(self) -> str:
        """Its id within the project."""

    @property
    def entity(self) -> str:
        """Owner of the project."""

    @property
    def path(self) -> list[str]:
        """Owner, project and id, quoted as for a URL."""

    def read(self, document: str, **more: Any) -> Node:
        """What the server answers about the run."""
