"""Files of artifacts: what people see of a path, what a client wants to upload, and the stored bytes behind both."""

import mimetypes
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from registrum.core.digests import Algorithm
from registrum.core.manifest import Entry


class Blob(NamedTuple):
    """Bytes in the store, as far as the database knows them.

    Attributes:
        id: key in the store, 32 hexadecimal digits.
        state: "reserved" (nothing stored yet), "stored" or "deleting".
        durable: whether it is known to survive a loss of power.
        stored_at: when its bytes were written down as stored.
    """

    id: str
    state: str
    size_bytes: int | None
    md5: bytes | None
    xxh128: bytes | None
    durable: bool
    stored_at: datetime | None = None

    def digest(self, algorithm: Algorithm) -> bytes | None:
        """Its digest by that algorithm, where it is known."""
        return self.md5 if algorithm is Algorithm.MD5 else self.xxh128


class WantedFile(NamedTuple):
    """A file that a client is about to upload.

    Attributes:
        path: within the artifact, checked.
        blob_id: a fresh key, used if the bytes are not stored yet.
        md5, xxh128: what the bytes will be; at least the one of the artifact's algorithm.
        resumes: fingerprint of an upload in parts, which it goes on with where such a one is open; "" for none.
    """

    path: str
    blob_id: str
    algorithm: Algorithm
    md5: bytes | None
    xxh128: bytes | None
    mimetype: str | None = None
    resumes: str = ""

    @property
    def digest(self) -> bytes:
        """The digest by the artifact's algorithm."""
        found = self.md5 if self.algorithm is Algorithm.MD5 else self.xxh128
        assert found is not None
        return found


class ReservedFile(NamedTuple):
    """A path of a pending artifact and the blob that is, or will be, its content.

    Attributes:
        is_stored: the bytes are there already; nothing is to be uploaded.
    """

    wanted: WantedFile
    blob_id: str
    is_stored: bool


class ArtifactFile(NamedTuple):
    """A file or reference of a committed artifact.

    Attributes:
        ordinal: its place in the manifest, from 0.
        blob_id: of its content; None for a reference.
        updated_at: when its artifact was committed.
    """

    artifact_id: int
    ordinal: int
    entry: Entry
    blob_id: str | None
    updated_at: datetime | None

    @property
    def mimetype(self) -> str | None:
        """Guessed from the name's last two endings, on which alone it depends (`.tar.gz`)."""
        name = self.entry.path.rpartition("/")[2].lstrip(".")
        return _mimetype_of(tuple(name.rsplit(".", 2)[1:]))


@lru_cache(1024)
def _mimetype_of(endings: tuple[str, ...]) -> str | None:
    return mimetypes.guess_type(".".join(("name", *endings)))[0]


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """The canonical manifest of a committed artifact.

    Attributes:
        id: of the manifest.
        blob_id: where it is.
    """

    id: int
    artifact_id: int
    blob_id: str
    size_bytes: int
    md5: bytes | None
    committed_at: datetime | None
