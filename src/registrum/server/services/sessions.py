"""Signing in with a password, sessions of browsers, and one-time links to set a password.

These functions open their own transactions, because checking a password takes long and must not happen inside one.
"""

import secrets as randomness
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from registrum.core.actors import ANONYMOUS, Actor
from registrum.core.errors import Forbidden, NotFound, TooManyRequests, Unauthenticated
from registrum.core.events import EventKind, SubjectKind
from registrum.core.names import folded
from registrum.server.db import Database, events, sessions, sign_in_failures, teams, users
from registrum.server.db.sessions import Session
from registrum.server.db.tx import Tx
from registrum.server.services.credentials import Secrets, hash_password, is_password

SESSION_COOKIE = "registrum_session"
SESSION_LASTS = timedelta(days=14)
TRIES = 10
TRIES_WINDOW = timedelta(minutes=15)
"""After `TRIES` failures under one name or from one address within it no more attempts are heard."""


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
    """Signs people in and out. Failures are counted in the database, for all processes together."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets

    def sign_in(self, name: str, password: str, address: str) -> SignedIn:
        """Begins a session.

        Args:
            name: user name or e-mail address, in any case.
            address: of the browser, for the count of failures.

        Raises:
            Unauthenticated: wrong name or password; which of them is not told.
            TooManyRequests: too many failures under this name or from this address.
        """
        under_name = self._secrets.digests(f"sign-in name {folded(name)[:200]}")[0]
        from_address = self._secrets.digests(f"sign-in address {address}")[0]
        keys = (under_name, from_address)
        with self._database.read(ANONYMOUS) as tx:
            _check_not_throttled(tx, keys)
            found = users.password_of(tx, name)
        if not is_password(found[1] if found else None, password) or found is None:
            self._database.write(ANONYMOUS, lambda tx: _note_failure(tx, keys))
            raise Unauthenticated("The name or the password is wrong.")
        return self._begin(found[0], under_name)

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
            sessions.remove_all(tx, [user_id])
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

    def _begin(self, actor: Actor, forgiven: bytes | None = None) -> SignedIn:
        token = self._secrets.new_token()
        csrf = randomness.token_urlsafe(24)

        def work(tx: Tx) -> datetime:
            expires_at = tx.now + SESSION_LASTS
            if forgiven is not None:
                sign_in_failures.forget(tx, forgiven)
            sessions.add(tx, actor.user_id or 0, token.digest, csrf, expires_at)
            return expires_at

        return SignedIn(actor, token.secret, csrf, self._database.write(actor, work))


def _check_not_throttled(tx: Tx, keys: Sequence[bytes]) -> None:
    since = tx.now - TRIES_WINDOW
    for key in keys:
        last = sign_in_failures.latest(tx, key, since, TRIES)
        if len(last) == TRIES:
            minutes = (last[-1] + TRIES_WINDOW - tx.now) // timedelta(minutes=1) + 1
            raise TooManyRequests(
                f"Too many failed attempts to sign in; try again in {minutes} minutes."
            )


def _note_failure(tx: Tx, keys: Sequence[bytes]) -> None:
    sign_in_failures.forget_before(tx, tx.now - TRIES_WINDOW)
    for key in keys:
        sign_in_failures.add(tx, key)


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
