"""Signing in with a password, sessions of browsers, and one-time links to set a password.

These functions open their own transactions, because checking a password takes long and must not happen inside one.
"""

import secrets as randomness
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Forbidden, NotFound, TooManyRequests, Unauthenticated
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import folded
from registrum.server.db import Database, events, sessions, teams, users
from registrum.server.db.sessions import Session
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import Secrets, hash_password, is_password

SESSION_COOKIE = "registrum_session"
SESSION_LASTS = timedelta(days=14)
TRIES = 10
TRIES_WINDOW_S = 15 * 60
_REMEMBERED = 10_000


class Throttle:
    """Counts failures by name and by address; after `TRIES` within a quarter of an hour no more are heard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, *keys: str) -> None:
        """Refuses who failed too often.

        Raises:
            TooManyRequests: with the minutes to wait.
        """
        now = time.monotonic()
        with self._lock:
            for key in keys:
                recent = [t for t in self._failures.get(key, ()) if t > now - TRIES_WINDOW_S]
                if len(recent) >= TRIES:
                    minutes = int((recent[0] + TRIES_WINDOW_S - now) // 60) + 1
                    raise TooManyRequests(
                        f"Too many failed attempts to sign in; try again in {minutes} minutes."
                    )

    def note_failure(self, *keys: str) -> None:
        """Counts one."""
        now = time.monotonic()
        with self._lock:
            for key in keys:
                recent = [t for t in self._failures.pop(key, ()) if t > now - TRIES_WINDOW_S]
                self._failures[key] = [*recent, now][-TRIES:]
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Starts counting anew."""
        with self._lock:
            self._failures.pop(key, None)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser is given.

    Attributes:
        secret: the cookie's value.
        csrf: what forms must carry.
    """

    actor: Actor
    secret: str
    csrf: str
    expires_at: datetime


class SignIns:
    """Signs people in and out; one per server process, since it counts failures."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self._throttle = Throttle()

    def sign_in(self, name: str, password: str, address: str) -> SignedIn:
        """Begins a session.

        Args:
            name: user name or e-mail address, in any case.
            address: of the browser, for the count of failures.

        Raises:
            Unauthenticated: wrong name or password; which of them is not told.
            TooManyRequests: too many failures under this name or from this address.
        """
        keys = (f"name {folded(name)[:200]}", f"address {address}")
        self._throttle.check(*keys)
        with self._database.read(ANONYMOUS) as tx:
            found = users.password_of(tx, name)
        if not is_password(found[1] if found else None, password) or found is None:
            self._throttle.note_failure(*keys)
            raise Unauthenticated("The name or the password is wrong.")
        self._throttle.forgive(keys[0])
        return self._begin(found[0])

    def sign_in_by_link(self, link: str, password: str) -> SignedIn:
        """Sets the password of whoever has a one-time link, and begins a session.

        Raises:
            NotFound: the link is unknown, used or expired.
            Invalid: the password can't be set.
        """
        hashed = hash_password(password)
        digests = self._secrets.digests(link)

        def work(tx: Tx) -> Actor:
            holder = sessions.link_holder(tx, digests)
            user_id = sessions.use_link(tx, digests)
            if holder is None or user_id is None:
                raise NotFound(
                    "This link is not valid any more: ask an administrator for a new one."
                )
            users.change(tx, user_id, "password_hash", hashed)
            sessions.remove_all(tx, user_id)
            teams.accept_invites(tx, user_id)
            events.record(
                tx,
                EventKind.USER_CHANGED,
                subject_kind=SubjectKind.USER,
                subject_id=user_id,
                changes={"password": True},
            )
            return holder

        return self._begin(self._database.write(ANONYMOUS, work))

    def link_holder(self, link: str) -> str:
        """User name of whom a one-time link is for.

        Raises:
            NotFound: the link is unknown, used or expired.
        """
        with self._database.read(ANONYMOUS) as tx:
            holder = sessions.link_holder(tx, self._secrets.digests(link))
        if holder is None or holder.username is None:
            raise NotFound("This link is not valid any more: ask an administrator for a new one.")
        return holder.username

    def sign_out(self, secret: str) -> None:
        """Ends a session; one that has ended is left alone."""
        digests = self._secrets.digests(secret)
        self._database.write(ANONYMOUS, lambda tx: sessions.remove(tx, digests))
        self._secrets.note_revocation()

    def session(self, secret: str) -> Session | None:
        """The session of a cookie; None if it is unknown or has ended."""
        with self._database.read(ANONYMOUS) as tx:
            return sessions.find(tx, self._secrets.digests(secret))

    def _begin(self, actor: Actor) -> SignedIn:
        token = self._secrets.new_token()
        csrf = randomness.token_urlsafe(24)

        def work(tx: Tx) -> datetime:
            expires_at = tx.now + SESSION_LASTS
            sessions.add(tx, actor.user_id or 0, token.digest, csrf, expires_at)
            return expires_at

        return SignedIn(actor, token.secret, csrf, self._database.write(actor, work))


def find_session(tx: Tx, digests: list[bytes]) -> Session | None:
    """The living session of a secret with these hashes."""
    return sessions.find(tx, digests)


def check_own_password(tx: Tx, password: str | None) -> None:
    """Refuses to change the password of who does not know it; who has none so far needs none.

    Takes some 20 ms: for a reading transaction only.

    Raises:
        Forbidden: it is wrong or missing.
    """
    hashed = users.password_hash_of(tx, tx.actor.user_id or 0)
    if hashed is not None and not is_password(hashed, password or ""):
        raise Forbidden("The old password is wrong or missing.")
