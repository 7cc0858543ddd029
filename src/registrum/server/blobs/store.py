"""Where bytes live: what a blob is, and what every store of blobs promises.

A blob is written once under a key that nobody else has, and is never overwritten. A put makes all
of it visible or nothing, so half a blob exists for no reader at no time. Streams are async, because
they wait for peers; everything else is a short blocking call that belongs in a worker thread.
"""

import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import FileIO
from typing import NamedTuple, Protocol, Self

import xxhash

from registrum.core.errors import DigestMismatch, Invalid, Unprocessable

CHUNK_BYTES = 1 << 20
"""How much is read, written and hashed at a time."""

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class BlobKey:
    """The opaque id of one blob: 32 lower-case hexadecimal digits, chosen by the server and never reused."""

    text: str

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.text):
            raise Invalid(f"{self.text[:80]!r} is not the id of a blob.")

    @classmethod
    def new(cls) -> Self:
        """A key that nobody has: 128 random bits."""
        return cls(secrets.token_hex(16))

    @classmethod
    def series(cls, count: int) -> list[Self]:
        """Keys that nobody has, for things that come together: 80 random bits, then a number.

        One after the other they stand side by side in the database's indexes, where random ones would each
        touch a page of their own.
        """
        start = secrets.token_hex(10)
        return [cls(f"{start}{number:012x}") for number in range(count)]

    def __str__(self) -> str:
        return self.text


class BlobsLost(Unprocessable):
    """Blobs that were stored are gone, or cut short, by a crash or a failing disk; they have to be uploaded again.

    Attributes:
        keys: which, so that nobody goes on saying they are stored.
    """

    def __init__(self, keys: Sequence[BlobKey], reason: str) -> None:
        super().__init__(f"{len(keys)} files {reason}; upload them again.")
        self.keys = tuple(keys)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """What is known of bytes that are stored; digests are raw bytes.

    Attributes:
        sha256: none where the store did not see the bytes itself (a signed upload to S3) until they
        are measured.
        xxh128: none unless it was asked for.
    """

    size_bytes: int
    md5: bytes
    sha256: bytes | None = None
    xxh128: bytes | None = None


class Expected(NamedTuple):
    """What a body has to be; none where it may be anything. Asking for an XXH128 also has it computed."""

    md5: bytes | None = None
    size_bytes: int | None = None
    xxh128: bytes | None = None

    def check(self, found: StoredBlob) -> None:
        """Compares with what came.

        Raises:
            Invalid: the body was shorter or longer than announced.
            DigestMismatch: the size is right and the bytes are others.
        """
        if self.size_bytes is not None and self.size_bytes != found.size_bytes:
            raise Invalid(f"The body has {found.size_bytes} bytes instead of {self.size_bytes}.")
        for name, want, have in (
            ("MD5", self.md5, found.md5),
            ("XXH128", self.xxh128, found.xxh128),
        ):
            if want is not None and want != have:
                seen = have.hex() if have else "unknown"
                raise DigestMismatch(f"The body's {name} is {seen} instead of {want.hex()}.")


class Digester:
    """Takes bytes in order and tells what they are; hashing releases the interpreter's lock."""

    def __init__(self, *, with_xxh128: bool) -> None:
        self.size_bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._xxh128 = xxhash.xxh3_128() if with_xxh128 else None

    def update_md5(self, content: bytes | memoryview) -> None:
        """Feeds the MD5 alone; the other lane is `update_rest`, so that two threads can share the work."""
        self._md5.update(content)

    def update_rest(self, content: bytes | memoryview) -> None:
        """Feeds everything but the MD5."""
        self.size_bytes += len(content)
        self._sha256.update(content)
        if self._xxh128 is not None:
            self._xxh128.update(content)

    def update(self, content: bytes | memoryview) -> None:
        """Feeds every digest."""
        self.update_md5(content)
        self.update_rest(content)

    def result(self) -> StoredBlob:
        """What the bytes so far are."""
        xxh128 = self._xxh128.digest() if self._xxh128 is not None else None
        return StoredBlob(self.size_bytes, self._md5.digest(), self._sha256.digest(), xxh128)


def measure_bytes(content: bytes, expect: Expected) -> StoredBlob:
    """Size and digests of bytes in memory, after checking them.

    Raises:
        Invalid, DigestMismatch: they are not what is expected.
    """
    digester = Digester(with_xxh128=expect.xxh128 is not None)
    digester.update(content)
    found = digester.result()
    expect.check(found)
    return found


@dataclass(frozen=True, slots=True)
class PartsPlan:
    """A file that will arrive in numbered parts.

    Attributes:
        part_md5s: the digest of each part, in order; part numbers count from 1.
        part_size_bytes: of every part but the last; none where the first of them to arrive tells
        it.
    """

    part_md5s: Sequence[bytes]
    part_size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A URL that lets its holder do one thing with one blob, and the headers that must go with it."""

    url: str
    headers: Mapping[str, str]


class BlobStore(Protocol):
    """What the disk and S3 both do; `tests/contract/test_blob_stores.py` holds both to it."""

    @property
    def serves_bytes(self) -> bool:
        """Whether clients' bytes pass through this server; else they go by `signed_put` and `signed_get`."""
        ...

    def close(self) -> None:
        """Waits for what is being done and lets go of threads and connections."""
        ...

    def check(self) -> None:
        """Returns when blobs can be stored now.

        Raises:
            RegistrumError, OSError: they can't; the reason is for the operator.
        """
        ...

    async def put(self, key: BlobKey, chunks: AsyncIterator[bytes], expect: Expected) -> StoredBlob:
        """Stores a stream: all of it becomes visible at once, or none.

        The same content again is success; the blob that is there stays. Memory stays at a few
        chunks whatever the size. When `chunks` raises or the task is cancelled, nothing is kept.

        Raises:
            Invalid: shorter or longer than expected.
            DigestMismatch: other bytes than expected.
            Conflict: the key holds other content already.
            StorageFull: no space or quota left.
        """
        ...

    def put_whole(self, key: BlobKey, content: bytes, expect: Expected) -> StoredBlob:
        """`put` for bytes that are in memory."""
        ...

    def read(self, key: BlobKey, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, in chunks of at most 1 MiB; `length` none reads to the end.

        Raises:
            NotFound: at the first chunk, when there is no such blob.
        """
        ...

    async def open_file(self, key: BlobKey) -> FileIO | None:
        """A blob as a file that the caller closes; none where blobs are no files of this machine.

        Raises:
            NotFound: there is no such blob.
        """
        ...

    def read_whole(self, key: BlobKey, max_bytes: int) -> bytes:
        """All bytes of a blob that has to fit in memory.

        Raises:
            NotFound: there is no such blob.
            TooLarge: it has more than `max_bytes`.
        """
        ...

    def look(self, key: BlobKey) -> StoredBlob | None:
        """What the store can tell of a blob without reading it, or none where it is absent.

        S3 knows size and MD5 of what clients put there themselves. The disk keeps no digests (the
        server saw every body), so there this reads the blob.
        """
        ...

    def size(self, key: BlobKey) -> int | None:
        """Bytes of a blob, or none where it is absent."""
        ...

    def measure(self, key: BlobKey) -> StoredBlob:
        """Reads a blob back and computes every digest of it.

        Raises:
            NotFound: there is no such blob.
        """
        ...

    def delete(self, keys: Iterable[BlobKey]) -> None:
        """Removes blobs; those that are absent are fine."""
        ...

    def make_durable(self, sizes: Mapping[BlobKey, int]) -> None:
        """Returns once these blobs survive a loss of power. Pass only those that are not durable yet.

        Where whatever is stored is durable already (S3), this does nothing.

        Args:
            sizes: the bytes each blob has to have, by which one that a crash cut short is noticed.

        Raises:
            Unprocessable: one of them is missing or cut short.
            StorageFull, Unavailable: the disk refused. What may be damaged is dropped, so that it
            can be uploaded again.
        """
        ...

    def unbroken_since(self) -> datetime | None:
        """Since when no loss of power can have damaged what was stored here; None where it never can (S3).

        What was stored before and has not been made durable has to be measured before it is relied upon: a file may
        have its size, and nothing in it.
        """
        ...

    def begin_parts(self, key: BlobKey, plan: PartsPlan, expect: Expected) -> str:
        """Prepares the upload of a blob in parts and returns the upload's id; the same call again finds it.

        Raises:
            Conflict: it was begun with other parts.
        """
        ...

    def landed_parts(self, key: BlobKey, upload_id: str) -> frozenset[int]:
        """The numbers of the parts that are there already.

        Raises:
            NotFound: no such upload is open (any more).
        """
        ...

    async def put_part(
        self,
        key: BlobKey,
        upload_id: str,
        number: int,
        chunks: AsyncIterator[bytes],
        size_bytes: int,
    ) -> bytes:
        """Takes one part in any order and returns its MD5; the same part again is success.

        Raises:
            NotFound: no such upload is open, or it has no such part.
            Invalid: the size cannot be that of this part.
            DigestMismatch: other bytes than the plan says.
            Unavailable: the last part came before any other could tell the parts' size; it may come
            again.
        """
        ...

    def finish_parts(self, key: BlobKey, upload_id: str) -> StoredBlob:
        """Makes the blob of its parts; a second call joins the first, or finds its result.

        Raises:
            NotFound: no such upload, and no such blob.
            Unprocessable: a part is missing.
            DigestMismatch: the whole is not what was expected; the upload is dropped.
            Unavailable: it takes longer than a request may; ask again.
        """
        ...

    def abort_parts(self, key: BlobKey, upload_id: str) -> None:
        """Drops an upload in parts; one that is absent is fine."""
        ...

    def sweep_incoming(self, older_than: timedelta) -> int:
        """Removes what interrupted uploads left behind and returns how many there were."""
        ...

    def signed_put(
        self, key: BlobKey, expect: Expected, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """Where a client puts the bytes itself, or none where they have to pass through the server."""
        ...

    def signed_part_put(
        self, key: BlobKey, upload_id: str, number: int, md5: bytes, lasts: timedelta
    ) -> SignedRequest | None:
        """The same for one part."""
        ...

    def signed_get(
        self, key: BlobKey, filename: str, content_type: str | None, lasts: timedelta
    ) -> SignedRequest | None:
        """Where a client gets the bytes itself, or none where they have to pass through the server."""
        ...
