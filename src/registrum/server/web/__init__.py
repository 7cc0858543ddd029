"""Pages for people: sign-in, API keys, and a plain page behind each address that clients print."""

from types import ModuleType


def jinja() -> ModuleType:
    """Jinja, which is loaded for the first page and not for every start of a server."""
    import jinja2

    return jinja2
