"""Keeps an API key for a server in `.netrc`, where the `wandb` client finds it as well."""

import getpass
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registrum.core.errors import RegistrumError, Unauthenticated
from registrum.errors import AuthenticationError
from registrum.sdk import credentials
from registrum.sdk.http import Service

_VIEWER = "query Viewer { viewer { username } }"


def login(
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = True,
    referrer: str | None = None,
    prompt: bool = True,
    anonymous: Any = None,
) -> bool:
    """Makes sure that there is a key for the server, and keeps a new one in `.netrc`.

    What this process does from now on means that server and key, unless it names others.

    Args:
        key: the API key. None: the one that is known; if there is none, it is asked for on a terminal.
        relogin: ask for a key even where one is known.
        host: the server's address. None: that of the environment.
        force: fail rather than go on without a key.
        timeout: seconds to wait for the server.
        verify: ask the server whether it knows the key, before it is kept.
        referrer: taken for the sake of scripts.
        prompt: whether a key may be asked for on a terminal.
        anonymous: taken for the sake of scripts.

    Returns:
        Whether there is a key.

    Raises:
        AuthenticationError: there is none although `force`, or the server does not know it.
        Unavailable: the server can't be reached.
        Invalid: the address is none.
    """
    url = credentials.address(host, os.environ)
    known = None if relogin else credentials.known_key(url, key, os.environ)
    chosen = known or (_asked(url) if prompt and sys.stdin.isatty() else None)
    if not chosen:
        if force:
            raise AuthenticationError(
                f"There is no API key for {url}; make one at {url}/authorize."
            )
        return False
    found = credentials.Credentials(url, chosen)
    if verify:
        check(found, timeout)
    credentials.use(found)
    if key or not known:
        keep(url, chosen)
    return True


def check(found: credentials.Credentials, timeout_s: float | None = None) -> str:
    """The name of the user whose key it is.

    Raises:
        AuthenticationError: the server does not know the key.
        Unavailable: it can't be reached.
    """
    service = Service(found, timeout_s) if timeout_s else Service(found)
    try:
        viewer = service.ask(_VIEWER)["viewer"]
    except RegistrumError as error:
        if error.code == Unauthenticated.code:
            raise AuthenticationError(error.message) from None
        raise
    if viewer is None:
        raise AuthenticationError(f"{found.url} does not know this API key.")
    return str(viewer["username"])


def netrc_path() -> Path:
    """The file that keys are kept in: `NETRC`, else `.netrc` in the person's folder."""
    return Path(os.environ.get("NETRC") or Path.home() / ".netrc")


def keep(url: str, key: str) -> Path:
    """Writes the key for this server into `.netrc`, in place of an older one; the file.

    The file is replaced whole, and only its owner may read it.
    """
    host = urlsplit(url).netloc
    path = netrc_path()
    old = path.read_text() if path.exists() else ""
    text = _without(old, host) + f"machine {host}\n  login user\n  password {key}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".netrc-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(temporary).chmod(stat.S_IRUSR | stat.S_IWUSR)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _asked(url: str) -> str:
    print(f"An API key for {url} can be made at {url}/authorize.", file=sys.stderr)
    return getpass.getpass("API key: ", sys.stderr).strip()


def _without(text: str, host: str) -> str:
    """The file's text without the entry of one machine; everything else, comments too, stays as it is."""
    kept, is_dropping = [], False
    for line in text.splitlines(keepends=True):
        words = line.split()
        if words and words[0] in {"machine", "default", "macdef"}:
            is_dropping = words[:2] == ["machine", host]
        if not is_dropping:
            kept.append(line)
    found = "".join(kept)
    return found if not found or found.endswith("\n") else found + "\n"
