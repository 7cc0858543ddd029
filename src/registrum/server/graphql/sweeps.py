"""Binds `schema/sweeps.graphql`: sweeps are not part of this server; there are none, and none can be made."""

from registrum.core.pages import Page
from registrum.core.projects import Project
from registrum.server.graphql.binding import Info, Root, Type
from registrum.server.graphql.pages import connection

_REASON = "Sweeps are not supported by this server."

mutation = Root(
    "Mutation",
    unsupported={
        "upsertSweep": _REASON,
        "createAgent": _REASON,
        "agentHeartbeat": _REASON,
        "enqueueSweepRun": _REASON,
    },
)
project = Type("Project", reads={"totalSweeps": lambda _: 0})


@project.field("sweep")
def resolve_sweep(found: Project, info: Info, **_: object) -> None:
    """There is none."""


@project.field("sweeps")
def resolve_sweeps(found: Project, info: Info, **_: object) -> Page[object]:
    """There are none."""
    return Page((), total_count=0)


def _nothing(value: object, arguments: object) -> None:
    """Never asked: no sweep is ever returned."""


sweep = Type("Sweep", reads={"runs": _nothing, "agent": _nothing})
agent = Type("Agent", reads={"runs": _nothing})

BINDINGS = [mutation, project, sweep, agent, *connection("Sweep"), *connection("Agent")]
