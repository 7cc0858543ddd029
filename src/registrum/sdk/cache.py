"""Files that were downloaded, kept by their content, so that they need not be downloaded again.

Shared by all processes of a person, and safe when they use it at once: a file appears under its digest only when it is whole, is
never written again, and who finds it gone downloads it. It is copied from (sharing blocks where the file system can): an editor
at work on a copy does not reach it. Where a person asks for hard links instead, they are read only. All the same somebody may
write to what is here, so every file bears a mark that no write leaves as it is: a date of change, long ago, that follows from its
digest. A file without its mark is read again before it is used, and given up if it is another one. What was not used for the longest
time, by the date of access, goes first when the cache grows beyond its limit.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, NamedTuple

from registrum.core.digests import Algorithm, from_base64
from registrum.core.errors import Invalid
from registrum.sdk import reflink
from registrum.sdk.hashing import of_file, write_all

try:
    import fcntl
except ImportError:  # Without it, two processes may count or prune at once, which does no harm.
    fcntl = None  # type: ignore[assignment]

DEFAULT_LIMIT_BYTES = 20 << 30
_AFTER_PRUNING = 0.9
"""How much of the limit is left full: pruning takes a look at every file, so it should not come often."""
_TOUCH_AFTER_S = 3600
_MARKS_FROM_S = 1_000_000_000
_MARKS = 1 << 28
_FORGOTTEN_AFTER_S = 24 * 3600
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)

log = logging.getLogger("registrum")

Copy = Callable[[str, str], None]
"""Makes what is at the first path be at the second, where nothing is."""


class Usage(NamedTuple):
    """How full the cache is.

    Attributes:
        limit_bytes: what it may have.
    """

    folder: str
    files: int
    size_bytes: int
    limit_bytes: int


class Pruned(NamedTuple):
    """What was removed."""

    files: int
    size_bytes: int


class _Held(NamedTuple):
    """A file of the cache."""

    path: str
    size_bytes: int
    used_at: float


def folder(environ: Mapping[str, str] | None = None) -> str:
    """Where the cache is: `REGISTRUM_CACHE_DIR`, else in the place of the platform for such things."""
    env = os.environ if environ is None else environ
    if chosen := env.get("REGISTRUM_CACHE_DIR"):
        return os.path.abspath(chosen)
    if shared := env.get("WANDB_CACHE_DIR"):
        return os.path.join(os.path.abspath(shared), "registrum")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/registrum")
    if sys.platform == "win32":
        return os.path.join(env.get("LOCALAPPDATA") or os.path.expanduser("~"), "registrum")
    return os.path.join(env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "registrum")


def staging_folder() -> str:
    """Where drafts keep copies of what was added to them."""
    return os.path.join(folder(), "staging")


def limit_bytes(environ: Mapping[str, str] | None = None) -> int:
    """How large the cache may become: `REGISTRUM_CACHE_LIMIT`, such as `500MB` or `2 TiB`; else 20 GiB.

    Raises:
        Invalid: the variable is no size.
    """
    env = os.environ if environ is None else environ
    text = env.get("REGISTRUM_CACHE_LIMIT")
    if not text:
        return DEFAULT_LIMIT_BYTES
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise Invalid(f"REGISTRUM_CACHE_LIMIT must be a size such as 20GiB, not {text!r}.")
    number, unit = found.groups()
    return int(float(number) * 1024 ** " kmgt".index(unit.lower() or " "))


def usage() -> Usage:
    """How full the cache of this environment is."""
    return open_cache().usage()


def prune(to_bytes: int = 0) -> Pruned:
    """Removes what was not used for the longest time from the cache of this environment, until so much is left."""
    return open_cache().prune(to_bytes)


def open_cache() -> Cache:
    """The cache of this environment."""
    return Cache(folder(), limit_bytes())


class Cache:
    """A folder of files by digest.

    Args:
        folder: made when something is kept.
        limit_bytes: what it may have; it is kept below that by about a tenth.
    """

    def __init__(self, folder: str, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._grown = 0
        self._lock = threading.Lock()

    def take(
        self,
        digest: str,
        algorithm: Algorithm,
        size: int,
        target: str,
        copy: Copy = reflink.copy,
    ) -> bool:
        """Copies a file of that content to a path where none is; whether there was one.

        Args:
            copy: how: `reflink.copy` or `reflink.link`.

        Raises:
            OSError: there is no room at the target, or no right to write.
        """
        path = self._path(digest, algorithm)
        try:
            found = os.stat(path)
        except OSError:
            return False
        if found.st_size != size or not _is_right(path, found, digest, algorithm):
            return False
        try:
            copy(path, target)
        except (FileNotFoundError, PermissionError) as error:
            if error.filename == path:
                return False  # Another process has pruned it meanwhile, or keeps it to itself.
            raise
        self._touch(path, found)
        return True

    def keep(
        self, digest: str, algorithm: Algorithm, source: str, copy: Copy = reflink.copy
    ) -> None:
        """Keeps a copy of a file whose content was checked; where that is impossible, it is left."""
        self._keep(digest, algorithm, lambda target: copy(source, target))

    def keep_bytes(self, digest: str, algorithm: Algorithm, content: bytes) -> None:
        """Keeps bytes that were checked; where that is impossible, it is left."""

        def write(target: str) -> None:
            with open(target, "xb", buffering=0) as file:
                write_all(file, content)

        self._keep(digest, algorithm, write)

    def settle(self) -> None:
        """Writes down by how much it grew, and prunes it where it may have become too large."""
        with self._lock:
            grown, self._grown = self._grown, 0
        if not grown:
            return
        try:
            with self._alone() as counted:
                total = _number(counted) + grown
                if total > (1 - _AFTER_PRUNING) * self._limit:
                    self.prune(int(self._limit * _AFTER_PRUNING))
                    total = 0
                counted.seek(0)
                counted.truncate()
                counted.write(str(total))
        except OSError as error:
            log.debug("the cache could not be counted: %s", error)

    def usage(self) -> Usage:
        """How full it is, by a look at every file."""
        held = list(self._held())
        return Usage(self._folder, len(held), sum(one.size_bytes for one in held), self._limit)

    def prune(self, to_bytes: int) -> Pruned:
        """Removes what was not used for the longest time, until at most so much is left."""
        held = sorted(self._held(), key=lambda one: one.used_at)
        left = sum(one.size_bytes for one in held)
        files = size = 0
        for one in held:
            if left <= to_bytes:
                break
            try:
                os.unlink(one.path)
            except OSError:
                continue  # Another process was faster, or is reading it where that keeps it.
            left, files, size = left - one.size_bytes, files + 1, size + one.size_bytes
        self._remove_forgotten()
        return Pruned(files, size)

    def _keep(self, digest: str, algorithm: Algorithm, write: Callable[[str], None]) -> None:
        path = self._path(digest, algorithm)
        if os.path.exists(path):
            return
        temporary = os.path.join(self._temporary, os.urandom(12).hex())
        try:
            try:
                write(temporary)
            except FileNotFoundError:
                os.makedirs(self._temporary, mode=0o700, exist_ok=True)
                write(temporary)
            size = os.path.getsize(temporary)
            os.utime(temporary, ns=(time.time_ns(), _mark_ns(digest)))
            try:
                os.replace(temporary, path)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
                os.replace(temporary, path)
        except OSError as error:
            # A cache that is full, or can't be written, must not stop a download.
            log.debug("not kept in the cache: %s", error)
            return
        finally:
            _unlink(temporary)
        with self._lock:
            self._grown += size

    def _path(self, digest: str, algorithm: Algorithm) -> str:
        text = from_base64(digest).hex()
        return os.path.join(self._folder, "files", algorithm.value, text[:2], text)

    @property
    def _temporary(self) -> str:
        return os.path.join(self._folder, "incoming")

    def _touch(self, path: str, found: os.stat_result) -> None:
        # The age of files is read by the clock that wrote it: that of this machine. A link is noted by the file system, and
        # to set the mark of what is linked would hide what is written to it just now.
        if found.st_nlink == 1 and abs(time.time() - found.st_atime) > _TOUCH_AFTER_S:
            try:
                os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
            except OSError:
                pass

    def _held(self) -> Iterator[_Held]:
        for at, _, names in os.walk(os.path.join(self._folder, "files")):
            for name in names:
                path = os.path.join(at, name)
                try:
                    found = os.stat(path)
                except OSError:
                    continue
                used_at = found.st_atime if found.st_nlink == 1 else found.st_ctime
                yield _Held(path, found.st_size, used_at)

    def _remove_forgotten(self) -> None:
        """Removes what processes that were killed have left."""
        try:
            with os.scandir(self._temporary) as found:
                old = [
                    one.path
                    for one in found
                    if time.time() - one.stat().st_mtime > _FORGOTTEN_AFTER_S
                ]
        except OSError:
            return
        for path in old:
            _unlink(path)

    @contextmanager
    def _alone(self) -> Iterator[IO[str]]:
        """The file with the count, while no other process has it."""
        with open(os.path.join(self._folder, "grown"), "a+", encoding="ascii") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _mark_ns(digest: str) -> int:
    """The date of change of the file with this digest: an even second, which every file system keeps, of 2001 to 2018."""
    number = int.from_bytes(from_base64(digest)[:4])
    return (_MARKS_FROM_S + 2 * (number % _MARKS)) * 1_000_000_000


def _is_right(path: str, found: os.stat_result, digest: str, algorithm: Algorithm) -> bool:
    """Whether a file is what it should be; one without its mark is read, and gets it or goes."""
    mark = _mark_ns(digest)
    if found.st_mtime_ns == mark:
        return True
    try:
        if of_file(path, algorithm) != digest:
            os.unlink(path)
            return False
        if os.stat(path).st_mtime_ns != found.st_mtime_ns:
            return False  # Somebody writes to it just now.
        os.utime(path, ns=(time.time_ns(), mark))
    except OSError:
        return False
    return True


def _number(file: IO[str]) -> int:
    file.seek(0)
    text = file.read()
    return int(text) if text.isdigit() else 0


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
