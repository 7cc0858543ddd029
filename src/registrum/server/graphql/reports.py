"""Binds `schema/reports.graphql`: reports and charts are not part of this server; there are none, and none can be made."""

from registrum.core.pages import Page
from registrum.core.projects import Project
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.pages import connection

mutation = Root(
    "Mutation", unsupported={"createCustomChart": "Charts are not supported by this server."}
)
project = Type("Project")


@project.field("allViews")
def resolve_views(found: Project, info: Info, **_: object) -> Page[object]:
    """There are none."""
    return Page((), total_count=0)


BINDINGS = [mutation, project, *connection("View")]
