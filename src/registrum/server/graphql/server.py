"""Binds schema/server.graphql: what this server is able to do."""

from typing import Any

from registrum.core.features import BLOB_BATCHES, features
from registrum.server.graphql.binding import Info, Root, Type

query = Root("Query")
server_info = Type("ServerInfo")
_ALL = [{"name": name, "isEnabled": on} for name, on in features().items()]


@query.field("serverInfo")
def resolve_server_info(_: None, info: Info) -> dict[str, Any]:
    """The same for everybody; also for who has no credentials yet."""
    return {
        "features": [*_ALL, {"name": BLOB_BATCHES, "isEnabled": info.context.store.serves_bytes}],
        "cliVersionInfo": {"min_cli_version": "0.19.0", "max_cli_version": "9999.0.0"},
        "latestLocalVersionInfo": None,
    }


BINDINGS = [query, server_info]
