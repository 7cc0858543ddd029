"""Secrets: made, hashed and checked here and nowhere else; only their hashes reach the database.

Nothing in this module touches the database, so that transactions stay pure: hashes and secrets are made before one begins.
"""

import hmac
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from registrum.core.errors import Invalid
from registrum.core.ids import MAX_ID
from registrum.core.users import SHORTEST_KEY, check_key

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 256
_MASK_SHOWS = 4
_ID_BITS = MAX_ID.bit_length()
_SEAL_BYTES = 8
LARGEST_STAND_IN = (1 << 8 * _SEAL_BYTES + _ID_BITS) - 1

# OWASP's first choice for argon2id: strong, and small enough for a server of 90 MiB.
_PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class NewKey:
    """An API key about to be stored.

    Attributes:
        secret: what its holder sends; shown once.
        digest: what the database keeps.
        mask: what lists show: unique enough to tell keys apart, useless to sign in.
        seed: from which `Secrets.key_from` makes the secret again; None for others.
    """

    secret: str
    digest: bytes
    mask: str
    seed: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """The secret of a session or a one-time link, and what the database keeps of it."""

    secret: str
    digest: bytes


class Secrets:
    """Everything that takes the server's own secret key.

    Attributes:
        marks: tell the server's keys apart, and tell nothing else of them; in the same order.
        revocations: how often a key or an account was revoked in this process; whoever caches what a key stands for
            forgets it all when this changes.
    """

    def __init__(self, keys: list[bytes]) -> None:
        """`keys`: the first makes hashes, all are tried when one is looked up."""
        if not keys:
            raise Invalid("The server has no secret key.")
        self._keys = [hmac.digest(key, b"registrum credentials", "sha256") for key in keys]
        self.marks = [hmac.digest(key, b"mark", "sha256").hex()[:16] for key in self._keys]
        self.revocations = 0

    def digests(self, secret: str) -> list[bytes]:
        """The hashes under which a secret may be stored, one for each of the server's keys."""
        text = secret.encode()
        return [hmac.digest(key, text, "sha256") for key in self._keys]

    def new_key(self) -> NewKey:
        """A random API key: 40 hexadecimal digits (160 bits), which every client release takes."""
        return self.key_brought(secrets.token_hex(20))

    def key_brought(self, secret: str) -> NewKey:
        """The key that an administrator chose.

        Raises:
            Invalid: clients would refuse it: it is too short, or has other characters than they allow.
        """
        return NewKey(check_key(secret), self.digests(secret)[0], _mask(secret))

    def new_key_with_seed(self) -> NewKey:
        """A random API key that can be made again from its seed, as long as the server's secret key is the same."""
        seed = secrets.token_bytes(32)
        key = self.key_brought(_from_seed(self._keys[0], seed))
        return NewKey(key.secret, key.digest, key.mask, seed)

    def key_from(self, seed: bytes, digest: bytes) -> str | None:
        """The secret that was made with that seed; None if the server's key it was made with is gone."""
        for key in self._keys:
            secret = _from_seed(key, seed)
            if hmac.compare_digest(hmac.digest(key, secret.encode(), "sha256"), digest):
                return secret
        return None

    def new_token(self) -> NewToken:
        """A random secret for a session or a one-time link."""
        secret = secrets.token_urlsafe(32)
        return NewToken(secret, self.digests(secret)[0])

    def stand_in(self, actor_id: int, user_id: int) -> int:
        """A number in the place of a user's own, that only this server can make and only for this actor."""
        return _sealed(self._keys[0], actor_id, user_id)

    def user_behind(self, actor_id: int, number: int) -> int | None:
        """The user for whom a number was made as a stand-in for this actor; None where it was not."""
        user_id = number & MAX_ID
        if any(_sealed(key, actor_id, user_id) == number for key in self._keys):
            return user_id
        return None

    def note_revocation(self) -> None:
        """Makes this process forget who holds which key; others of the same database do so within seconds."""
        self.revocations += 1


def _from_seed(key: bytes, seed: bytes) -> str:
    return hmac.digest(key, b"service key" + seed, "sha256").hex()[:SHORTEST_KEY]


def _sealed(key: bytes, actor_id: int, user_id: int) -> int:
    mark = hmac.digest(key, b"user %d named by %d" % (user_id, actor_id), "sha256")
    return int.from_bytes(mark[:_SEAL_BYTES]) << _ID_BITS | user_id


def check_password(password: str) -> str:
    """A password that may be set.

    Raises:
        Invalid: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(
            f"A password must have from {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        )
    return password


def hash_password(password: str) -> str:
    """The argon2id hash of a password that `check_password` let pass; takes some 20 ms."""
    return _PASSWORDS.hash(check_password(password))


# Of a random password that was thrown away, with the parameters above: it costs as much to check as anybody's.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$foVJKIPJb6asgugfjed2Sg$/NPvhh2+U4FbCqn96zlHNtxodimcN4bnsSi/3SQoTDU"


def is_password(hashed: str | None, password: str) -> bool:
    """Whether this is the password; as slow where there is no account or no password, so that time tells nothing."""
    try:
        return _PASSWORDS.verify(hashed or NOBODY, password[:LONGEST_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False


def new_password() -> str:
    """A random password for an administrator to write down."""
    return secrets.token_urlsafe(12)


def _mask(secret: str) -> str:
    """`f3a1…9c04 (3d7c1e)`: the ends of the secret, and a mark that tells apart keys with the same ends."""
    mark = hmac.digest(b"registrum mask", secret.encode(), "sha256").hex()[:6]
    return f"{secret[:_MASK_SHOWS]}…{secret[-_MASK_SHOWS:]} ({mark})"
