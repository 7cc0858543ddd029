"""Binds `schema/launch.graphql`: queues and launch agents are not part of this server; there are none, and none can be made."""

from registrum.server.graphql.binding import Info, Root, Type

_REASON = "Launch queues are not supported by this server."

query = Root("Query")
mutation = Root(
    "Mutation",
    unsupported=dict.fromkeys(
        (
            *("createRunQueue", "upsertRunQueue", "deleteRunQueues", "createDefaultResourceConfig"),
            *("pushToRunQueue", "pushToRunQueueByName", "popFromRunQueue", "ackRunQueueItem"),
            *("failRunQueueItem", "updateRunQueueItemWarning", "deleteFromRunQueue"),
            *("createLaunchAgent", "updateLaunchAgent"),
        ),
        _REASON,
    ),
)
project = Type("Project", reads={"runQueues": lambda _: ()})
entity = Type("Entity")


@query.field("launchAgent")
@project.field("runQueue")
@entity.field("defaultResourceConfig")
def resolve_none(found: object, info: Info, **_: object) -> None:
    """There is none."""


def _nothing(value: object, arguments: object) -> None:
    """Never asked: no queue is ever returned."""


queue = Type("RunQueue", reads={"runQueueItem": _nothing, "runQueueItems": _nothing})

BINDINGS = [query, mutation, project, entity, queue]
