"""Which server to talk to, and with which API key."""

import netrc
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from registrum.core.errors import Invalid, Unauthenticated

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A server's address, without a slash at its end, and a key for it."""

    url: str
    api_key: str = field(repr=False)


_of_the_process: Credentials | None = None


def use(found: Credentials) -> None:
    """From now on, this process means that server and key where no others are given; what `login()` does."""
    global _of_the_process  # noqa: PLW0603
    _of_the_process = found


def find(url: str | None, api_key: str | None, environ: Mapping[str, str]) -> Credentials:
    """The address and key given, else those of `use`, else of the environment, else the default and `.netrc`'s.

    In the environment, `REGISTRUM_URL` and `REGISTRUM_API_KEY` go before `WANDB_BASE_URL` and
    `WANDB_API_KEY`.

    Raises:
        Invalid: the address is none.
        Unauthenticated: there is no key anywhere.
    """
    chosen = address(url, environ)
    key = known_key(chosen, api_key, environ)
    if not key:
        raise Unauthenticated(
            f"No API key for {chosen}: give --api-key, set REGISTRUM_API_KEY, or log in once with"
            f" `registrum login --url {chosen}`."
        )
    return Credentials(chosen, key)


def address(url: str | None, environ: Mapping[str, str]) -> str:
    """The server's address, without a slash at its end: the one given, that of `use`, the environment's, or the default.

    Raises:
        Invalid: it is no address.
    """
    chosen = (
        url
        or (_of_the_process and _of_the_process.url)
        or environ.get("REGISTRUM_URL")
        or environ.get("WANDB_BASE_URL")
        or DEFAULT_URL
    )
    parts = urlsplit(chosen)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(f"The server's address must be like {DEFAULT_URL}, not {chosen!r}.")
    return chosen.rstrip("/")


def known_key(url: str, api_key: str | None, environ: Mapping[str, str]) -> str | None:
    """The key given, that of `use` or `.netrc` for this address, or the environment's; None where there is none."""
    own = _of_the_process
    return (
        api_key
        or (own.api_key if own and own.url == url else None)
        or environ.get("REGISTRUM_API_KEY")
        or environ.get("WANDB_API_KEY")
        or _from_netrc(urlsplit(url).netloc, urlsplit(url).hostname or "", environ)
    )


def _from_netrc(netloc: str, hostname: str, environ: Mapping[str, str]) -> str | None:
    path = Path(environ.get("NETRC") or Path.home() / ".netrc")
    try:
        hosts = netrc.netrc(path).hosts
    except (OSError, netrc.NetrcParseError):
        return None
    found = hosts.get(netloc) or hosts.get(hostname)
    return found[2] if found else None
