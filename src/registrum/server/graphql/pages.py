"""Connections: how a `core.pages.Page` reads as Relay's `edges`, `pageInfo` and `totalCount`."""

from registrum.server.graphql.binding import Type


def connection(name: str) -> list[Type]:
    """The binders of `<name>Connection` and `<name>Edge`, whose values are a `Page` and its `Edge`s."""
    return [
        Type(f"{name}Connection", reads={"pageInfo": lambda page: page}),
        Type(f"{name}Edge"),
    ]


page_info = Type("PageInfo")
BINDINGS = [page_info]
