"""Bytes on their way into and out of files, and the digests that are taken while they pass."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from typing import IO, Protocol

from registrum.core.digests import Algorithm
from registrum.core.errors import NotSupported

try:
    import xxhash
except ImportError:  # Only artifacts that ask for it need it.
    xxhash = None  # type: ignore[assignment]

CHUNK_BYTES = 1 << 17
"""What is read or written at a time: writing more at once takes Linux far longer in all (ext4, kernel 6)."""


class Hash(Protocol):
    """A digest that is being computed."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Takes some more bytes."""

    def digest(self) -> bytes:
        """Of the bytes taken so far."""

    def hexdigest(self) -> str:
        """The same, in hexadecimal."""


def new_hash(algorithm: Algorithm = Algorithm.MD5) -> Hash:
    """The beginning of a digest.

    Raises:
        NotSupported: it is XXH128, and the package `xxhash` is not installed.
    """
    if algorithm is Algorithm.MD5:
        return hashlib.md5(usedforsecurity=False)
    if xxhash is None:
        raise NotSupported("Artifacts with XXH128 digests need `pip install xxhash`.")
    return xxhash.xxh3_128()


def base64_digest(taken: Hash) -> str:
    """A digest as a manifest has it."""
    return b64encode(taken.digest()).decode()


def of_bytes(content: bytes, algorithm: Algorithm = Algorithm.MD5) -> str:
    """The digest of some bytes, as a manifest has it."""
    taken = new_hash(algorithm)
    taken.update(content)
    return base64_digest(taken)


def of_file(path: str, algorithm: Algorithm = Algorithm.MD5) -> str:
    """The digest of a file, as a manifest has it.

    Raises:
        OSError: it can't be read.
    """
    taken = new_hash(algorithm)
    for chunk in chunks_of(path):
        taken.update(chunk)
    return base64_digest(taken)


def chunks_of(path: str) -> Iterator[memoryview]:
    """The bytes of a file in pieces, each to be used before the next is asked for."""
    room = memoryview(bytearray(CHUNK_BYTES))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(room):
            yield room[:count]


def write_all(file: IO[bytes], content: bytes | memoryview) -> None:
    """Writes all of some bytes to a file without a buffer, which may take them piecemeal.

    Raises:
        OSError: there is no room.
    """
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
