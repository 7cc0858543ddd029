"""A request becomes an `Actor`: by an API key (Basic `api:KEY` or Bearer), or by the session cookie of a browser.

What a key or cookie stands for is remembered for `REMEMBERED_S` seconds, so that a client's burst of requests costs one
look-up. Revoking in this process forgets at once, in other processes of the same database within that time.
"""

import binascii
import logging
import threading
import time
from base64 import b64decode
from collections.abc import Callable, MutableMapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import RegistrumError, Unauthenticated
from registrum.server.db import Database
from registrum.server.db.database import utc_now
from registrum.server.db.keys import Holder
from registrum.server.db.tx import Tx
from registrum.server.services import keys, sessions
from registrum.server.services.credentials import Secrets
from registrum.server.services.sessions import SESSION_COOKIE

log = logging.getLogger(__name__)

REMEMBERED_S = 2.0
MOST_REMEMBERED = 10_000
USE_IS_NOTED_AFTER = timedelta(minutes=5)
NOTING_S = 5.0
_LONGEST_HEADER = 4096
_WRONG_KEY = "The API key is wrong, revoked or expired."


class Authenticator:
    """Finds the actor of a request; `authenticator(scope)` from any thread."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self._known: dict[bytes, tuple[Actor, float]] = {}
        self._revocations = secrets.revocations

    def __call__(self, scope: MutableMapping[str, Any]) -> Actor:
        """The actor of an ASGI scope; `ANONYMOUS` for a request without credentials.

        Raises:
            Unauthenticated: the credentials are wrong, revoked or expired.
        """
        authorization, cookie = _credentials(scope)
        if authorization is not None:
            return self._remembered(authorization) or self._by_key(authorization)
        if cookie is not None and SESSION_COOKIE.encode() in cookie and _is_same_site(scope):
            return self._remembered(cookie) or self._by_cookie(cookie)
        return ANONYMOUS

    def known(self, scope: MutableMapping[str, Any]) -> Actor | None:
        """The actor of an API key that was looked up a moment ago; never waits."""
        authorization, _ = _credentials(scope)
        return None if authorization is None else self._remembered(authorization)

    def _remembered(self, credentials: bytes) -> Actor | None:
        if self._revocations != self._secrets.revocations:
            self._revocations = self._secrets.revocations
            self._known = {}
        found = self._known.get(credentials)
        if found is None or found[1] < time.monotonic():
            return None
        return found[0]

    def _remember(self, credentials: bytes, actor: Actor, ends: datetime | None, seen: int) -> None:
        """Keeps an answer, unless something was revoked since it was looked up, or the header is far too long."""
        lasts = REMEMBERED_S
        if ends is not None:
            lasts = min(lasts, (ends - utc_now()).total_seconds())
        known = self._known
        if seen != self._secrets.revocations or len(credentials) > _LONGEST_HEADER:
            return
        if len(known) >= MOST_REMEMBERED:
            known = self._known = {}
        known[credentials] = (actor, time.monotonic() + lasts)

    def _by_key(self, authorization: bytes) -> Actor:
        digests = self._secrets.digests(_key_in(authorization))
        seen = self._secrets.revocations
        with self._database.read(ANONYMOUS) as tx:
            holder = keys.holder_of(tx, digests)
        if holder is None:
            raise Unauthenticated(_WRONG_KEY)
        self._remember(authorization, holder.actor, holder.expires_at, seen)
        if holder.digest != digests[0]:
            self._move_to_first(holder, digests)
        self._note_use(holder)
        return holder.actor

    def _move_to_first(self, holder: Holder, digests: Sequence[bytes]) -> None:
        """Once a key and rotation, so within the request: whoever came by has nothing to fear from the end of the old key."""
        try:
            self._database.write(
                holder.actor, lambda tx: keys.move_to_first(tx, holder, digests), timeout_s=NOTING_S
            )
        except RegistrumError as error:
            log.warning("an API key is still stored under an old secret key: %s", error)

    def _by_cookie(self, cookie: bytes) -> Actor:
        secret = session_secret(cookie)
        if secret is None:
            return ANONYMOUS
        seen = self._secrets.revocations
        with self._database.read(ANONYMOUS) as tx:
            session = sessions.find_session(tx, self._secrets.digests(secret))
        if session is None:
            return ANONYMOUS
        self._remember(cookie, session.actor, session.expires_at, seen)
        return session.actor

    def _note_use(self, holder: Holder) -> None:
        """Writes the time of use, now and then, beside the request and not within it."""
        last = holder.last_used_at
        if last is not None and utc_now() - last < USE_IS_NOTED_AFTER:
            return

        def work(tx: Tx) -> None:
            keys.touch(tx, holder.key_id)

        pending = self._database.begin_write(holder.actor, work, timeout_s=NOTING_S)
        if pending is not None:
            pending.call_when_done(lambda: _noted(pending.value))
            return
        write = partial(self._database.write, holder.actor, work, NOTING_S)
        threading.Thread(target=_noted, args=(write,), name="note-key-use", daemon=True).start()


def _noted(result: Callable[[], object]) -> None:
    """Nobody waits for a note, so that one that fails is told to the log."""
    try:
        result()
    except RegistrumError as error:
        log.warning("the use of an API key was not noted: %s", error)


def _credentials(scope: MutableMapping[str, Any]) -> tuple[bytes | None, bytes | None]:
    """The Authorization and the Cookie header."""
    authorization = cookie = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
        elif name == b"cookie":
            cookie = value
    return authorization, cookie


def _key_in(authorization: bytes) -> str:
    """The API key in an Authorization header.

    Raises:
        Unauthenticated: the header has none.
    """
    scheme, _, rest = authorization[:_LONGEST_HEADER].partition(b" ")
    try:
        if scheme.lower() == b"bearer":
            return rest.strip().decode("ascii")
        if scheme.lower() == b"basic":
            return b64decode(rest.strip(), validate=True).decode("ascii").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        pass
    raise Unauthenticated(
        "The Authorization header must be Basic with the user name 'api' and an API key as the password, "
        "or Bearer with the key."
    )


def session_secret(cookie: bytes) -> str | None:
    """The secret in a Cookie header; None if it has none."""
    try:
        morsel = SimpleCookie(cookie[:_LONGEST_HEADER].decode("latin-1")).get(SESSION_COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def _is_same_site(scope: MutableMapping[str, Any]) -> bool:
    """Whether a browser's request comes from a page of this server; cookies of others are left aside."""
    origin = host = None
    for name, value in scope["headers"]:
        if name == b"origin":
            origin = value.decode("latin-1")
        elif name == b"host":
            host = value.decode("latin-1")
    return origin is None or urlsplit(origin).netloc == host
