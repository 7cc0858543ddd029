"""Binds `schema/automations.graphql`: automations are not part of this server yet; there are none, and none can be made."""

from registrum.core.pages import Page
from registrum.server.graphql.binding import Abstract, Info, Root, Type
from registrum.server.graphql.pages import connection

_REASON = "Automations are not supported by this server."

mutation = Root(
    "Mutation",
    unsupported={
        "createFilterTrigger": _REASON,
        "updateFilterTrigger": _REASON,
        "deleteTrigger": _REASON,
        "createGenericWebhookIntegration": _REASON,
    },
)
entity = Type("Entity")
organization = Type("Organization")
project = Type("Project", reads={"triggers": lambda _: ()})


@entity.field("triggers")
@organization.field("triggers")
@entity.field("integrations")
def resolve_none(found: object, info: Info, **_: object) -> Page[object]:
    """There are none."""
    return Page((), total_count=0)


def _type_of(value: object) -> str:
    return type(value).__name__


unions = [
    Abstract(name, type_of=_type_of)
    for name in ("TriggerScope", "TriggeringCondition", "TriggeredAction", "Integration")
]

BINDINGS = [
    *(mutation, entity, organization, project, *unions),
    *connection("Trigger"),
    *connection("Integration"),
]
