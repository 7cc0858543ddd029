"""Projects, under the path by which scripts import it."""

from registrum.sdk.projects import Project, Projects

__all__ = [
    "Project",
    "Projects",
]
