"""Commands that need more than the base install say so."""

from importlib.util import find_spec

from registrum.core.errors import RegistrumError


class NotInstalled(RegistrumError):
    """The command needs an optional part of the package."""

    code = "not_installed"


def need_server() -> None:
    """Refuses where the extra `server` is not installed.

    Raises:
        NotInstalled: with the command that installs it.
    """
    if any(find_spec(name) is None for name in ("starlette", "uvicorn", "sqlalchemy", "alembic")):
        raise NotInstalled("The server is not installed. Run: pip install 'registrum[server]'")
