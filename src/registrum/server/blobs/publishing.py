"""Publishing on the disk: a finished file gets its name, all of it at once, and never in the place of another."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from registrum.core.errors import Conflict, StorageFull
from registrum.server.blobs.files import forget_cached, read_at
from registrum.server.blobs.store import Digester, StoredBlob

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def storage_errors() -> Iterator[None]:
    """Says what an operator can mend where the disk refuses.

    Raises:
        StorageFull: no space or quota is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("There is no room left where files are kept.") from error
        raise


def publish(incoming: str, path: str, stored: StoredBlob, began_ns: int | None = None) -> None:
    """Gives a finished file the name of its blob, unless that has it already.

    Args:
        stored: what the file is.
        began_ns: when its writing began, which becomes its time of modification; none for what was
            written at once.

    Raises:
        Conflict: the blob is there, and holds other content.
    """
    if began_ns is not None:
        os.utime(incoming, ns=(began_ns, began_ns))
    try:
        try:
            os.link(incoming, path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.link(incoming, path)
    except FileExistsError:
        _keep_or_mend(incoming, path, stored)


def _keep_or_mend(incoming: str, path: str, stored: StoredBlob) -> None:
    """The same content stays as it is; a mere beginning of it, which a crash has cut short, is replaced."""
    there = measure_file(path)
    if there.sha256 == stored.sha256:
        return
    if there.size_bytes >= stored.size_bytes or _start_md5(incoming, there.size_bytes) != there.md5:
        raise Conflict(f"Blob {os.path.basename(path)} holds other content already.")
    os.replace(incoming, path)


def measure_file(path: str) -> StoredBlob:
    """Reads a file and computes every digest of it: of what the disk has, which memory may show otherwise after an error.

    Raises:
        FileNotFoundError: it is absent.
    """
    digester = Digester(with_xxh128=True)
    with open(path, "rb", buffering=0) as file:
        forget_cached(file.fileno())
        for chunk in read_at(file.fileno(), 0, os.fstat(file.fileno()).st_size):
            digester.update(chunk)
    return digester.result()


def _start_md5(path: str, length: int) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    with open(path, "rb", buffering=0) as file:
        for chunk in read_at(file.fileno(), 0, length):
            md5.update(chunk)
    return md5.digest()
