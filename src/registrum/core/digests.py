"""Digests of files and of whole artifacts, as the wire writes them: base64 for a file, hexadecimal for an artifact.

Both algorithms give 16 bytes. Computing an XXH128 takes a package, so the hashing itself is done in the server's rooms.
"""

import binascii
import re
from base64 import b64encode
from enum import StrEnum

from registrum.core.errors import Invalid

DIGEST_BYTES = 16
_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Algorithm(StrEnum):
    """How the content of a file is named."""

    MD5 = "md5"
    XXH128 = "xxh128"


class ArtifactAlgorithm(StrEnum):
    """How the digest of an artifact is computed; the value is the wire's word."""

    MD5 = "MANIFEST_MD5"
    XXH128 = "MANIFEST_XXH128"

    @property
    def of_files(self) -> Algorithm:
        """The algorithm of the files in such an artifact."""
        return Algorithm.XXH128 if self is ArtifactAlgorithm.XXH128 else Algorithm.MD5


def artifact_algorithm(text: str | None) -> ArtifactAlgorithm:
    """The algorithm of that wire name; MD5 where none is given.

    Raises:
        Invalid: no such algorithm.
    """
    try:
        return ArtifactAlgorithm(text or ArtifactAlgorithm.MD5)
    except ValueError:
        known = ", ".join(ArtifactAlgorithm)
        raise Invalid(f"There is no digest algorithm {text!r}; there are {known}.") from None


def from_base64(text: str, what: str = "digest") -> bytes:
    """The 16 bytes of a digest in base64.

    Raises:
        Invalid: it is something else.
    """
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raw = b""
    if len(raw) != DIGEST_BYTES:
        raise Invalid(f"{text[:80]!r} is not a {what}: 16 bytes in base64 are.")
    return raw


def to_base64(raw: bytes) -> str:
    """A digest as the wire writes it for a file."""
    return b64encode(raw).decode()


def from_hex(text: str) -> bytes:
    """The 16 bytes of a digest in hexadecimal, as in a download address.

    Raises:
        Invalid: it is something else.
    """
    if not _HEX.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is not a digest: 32 hexadecimal digits are.")
    return bytes.fromhex(text)


def check_artifact_digest(text: str) -> str:
    """An artifact's digest as announced: 32 hexadecimal digits, kept as they are.

    Raises:
        Invalid: it is something else.
    """
    if not _HEX.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is not an artifact digest: 32 hexadecimal digits are.")
    return text
