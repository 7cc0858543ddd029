"""Uploads in parts, on disk: parts land in one file at their offset and are hashed on from its start.

Each upload has a folder `parts/<key>/`: `plan` (what was announced), `part-size`, `content`, and
`landed`, a log of the parts whose bytes have arrived and been checked. The log is the truth, so an
upload survives a restart and may be served by several processes. The digests of the whole follow
the parts that are there without a gap, so that finishing has little left to read. A last part that
comes before any other can't know its offset: it waits in the file `last` until the others tell it.
Who takes a part holds a lock on `part-<number>`, so that nobody writes over what has been checked; who
finishes the upload holds one on `plan`. An upload that was dropped may be begun again in a folder of the
same name; its file `plan` is another.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from registrum.core.errors import (
    DigestMismatch,
    Invalid,
    NotFound,
    RegistrumError,
    Unavailable,
    Unprocessable,
)
from registrum.server.blobs.files import read_at, write_all
from registrum.server.blobs.plans import expected_as_json, expected_of_json, other_parts
from registrum.server.blobs.store import BlobKey, Digester, Expected, PartsPlan, StoredBlob
from registrum.server.blobs.streams import Buffers, pour


def write_plan(folder: Path, plan: PartsPlan, expect: Expected) -> None:
    """Begins an upload in a folder of its own; one that was begun stays as it is.

    Raises:
        Conflict: it was begun with other parts.
    """
    folder.mkdir(exist_ok=True)
    document = {
        "part_md5s": [md5.hex() for md5 in plan.part_md5s],
        "part_size_bytes": plan.part_size_bytes,
        "expect": expected_as_json(expect),
    }
    _write_once(folder / "plan", json.dumps(document).encode())
    begun = json.loads((folder / "plan").read_bytes())
    if begun["part_md5s"] != document["part_md5s"]:
        raise other_parts()


class Assembly:
    """One upload in parts, as this process knows it. Methods block, but for `take_part`.

    Attributes:
        began_ns: when it was begun, in nanoseconds since 1970.
    """

    def __init__(self, key: BlobKey, folder: Path) -> None:
        """Reads what is there.

        Raises:
            NotFound: no such upload has been begun.
        """
        self.folder = folder
        self.content = folder / "content"
        self._aside = folder / "last"
        try:
            with (folder / "plan").open("rb") as plan:
                self._plan = os.fstat(plan.fileno())
                document: dict[str, Any] = json.load(plan)
        except FileNotFoundError:
            raise NotFound(f"No upload in parts is open for blob {key}.") from None
        self.began_ns = self._plan.st_mtime_ns
        self._part_md5s = [bytes.fromhex(md5) for md5 in document["part_md5s"]]
        self._part_size: int | None = document["part_size_bytes"]
        self._expect = expected_of_json(document["expect"])
        self._landed: dict[int, int] = {}
        self._digester = Digester(with_xxh128=self._expect.xxh128 is not None)
        self._hashing = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether nobody, in whichever process, has finished or dropped it, even if it was begun again."""
        try:
            found = (self.folder / "plan").stat()
        except FileNotFoundError:
            return False
        return _same_file(found, self._plan)

    def check_open(self) -> None:
        """Does nothing where it is open.

        Raises:
            NotFound: somebody has finished or dropped it.
        """
        if not self.is_open:
            raise _dropped()

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Waits until nobody else, in whichever process, is finishing it.

        Raises:
            NotFound: somebody has finished or dropped it.
        """
        try:
            lock = FileIO(self.folder / "plan")
        except FileNotFoundError:
            raise _dropped() from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.check_open()
            yield

    async def take_part(
        self,
        number: int,
        chunks: AsyncIterator[bytes],
        size_bytes: int,
        *,
        buffers: Buffers,
        pool: Executor,
    ) -> bytes:
        """See `BlobStore.put_part`."""
        loop = asyncio.get_running_loop()
        with await self._claimed(number, pool):
            # Behind the lock: another process may have taken the part until now.
            offset = await loop.run_in_executor(pool, self._locate, number, size_bytes)
            md5 = hashlib.md5(usedforsecurity=False)
            if number in self._landed:
                # What has been checked is not written over by what has not.
                await pour(chunks, (md5.update,), buffers, pool)
                self._check_part(number, md5.digest())
                return md5.digest()
            if offset is not None and number == len(self._part_md5s):
                # What is left of an earlier, broken arrival must not be taken for the part.
                await loop.run_in_executor(pool, partial(self._aside.unlink, missing_ok=True))
            writer = _WriterAt(self._aside if offset is None else self.content, offset, size_bytes)
            try:
                # Behind opening: the file is that of this upload.
                self.check_open()
                await pour(chunks, (writer.write, md5.update), buffers, pool)
            finally:
                writer.close()
            if writer.written != size_bytes:
                raise Invalid(f"Part {number} has {writer.written} bytes instead of {size_bytes}.")
            self._check_part(number, md5.digest())
            await loop.run_in_executor(pool, self._note_landed, number, size_bytes)
        # Not awaited: the digests of the whole follow while the next part comes in.
        pool.submit(self._follow)
        return md5.digest()

    def landed(self) -> frozenset[int]:
        """The numbers of the parts that have arrived, whichever process took them."""
        self._read_log()
        return frozenset(self._landed)

    def assemble(self) -> StoredBlob:
        """Hashes what is left and checks the whole, which then is the file `content`; within `finishing`.

        Raises:
            Unprocessable: a part is missing.
            DigestMismatch, Invalid: the whole is not what was expected.
        """
        self._read_log()
        missing = [str(at) for at in range(1, len(self._part_md5s) + 1) if at not in self._landed]
        if missing:
            raise Unprocessable(f"Parts are missing: {', '.join(missing[:20])}.")
        with self._hashing:
            self._fetch_aside()
            self._hash_prefix()
        found = self._digester.result()
        self._expect.check(found)
        # A last part that came too long at first has left bytes behind.
        os.truncate(self.content, found.size_bytes)
        self.check_open()
        return found

    async def _claimed(self, number: int, pool: Executor) -> FileIO:
        """As `_claim`, in a thread; who is cancelled while it waits leaves no lock behind."""
        claiming = asyncio.get_running_loop().run_in_executor(pool, self._claim, number)
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(_let_go)
            raise

    def _claim(self, number: int) -> FileIO:
        """A lock on the part, which lasts until it is closed.

        Raises:
            NotFound: there is no such part, or the upload was dropped.
            Unavailable: somebody, in whichever process, is taking the part.
        """
        self._check_number(number)
        try:
            lock = FileIO(self._lock_path(number), "a")
        except FileNotFoundError:
            raise _dropped() from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Unavailable(f"Part {number} is being received already.") from None
        return lock

    def _lock_path(self, number: int) -> Path:
        return self.folder / f"part-{number}"

    def _check_number(self, number: int) -> None:
        count = len(self._part_md5s)
        if not 1 <= number <= count:
            raise NotFound(f"The upload has parts 1 to {count}, not {number}.")

    def _check_part(self, number: int, found: bytes) -> None:
        want = self._part_md5s[number - 1]
        if found != want:
            raise DigestMismatch(
                f"Part {number} has the MD5 {found.hex()} instead of {want.hex()}."
            )

    def _locate(self, number: int, size_bytes: int) -> int | None:
        """Where in the file a part of that number and size begins; None where that is not known yet."""
        self._check_number(number)
        count = len(self._part_md5s)
        self._read_log()
        if count == 1:
            return 0
        is_last = number == count
        if self._part_size is None:
            self._part_size = self._agreed_part_size(None if is_last else size_bytes)
        if self._part_size is None:
            return None
        if size_bytes > self._part_size or (not is_last and size_bytes != self._part_size):
            raise Invalid(
                f"Part {number} can't have {size_bytes} bytes: parts have {self._part_size}."
            )
        return (number - 1) * self._part_size

    def _agreed_part_size(self, proposed: int | None) -> int | None:
        """The size of all parts but the last, as the first of them to arrive has set it for every process."""
        path = self.folder / "part-size"
        if proposed is not None:
            _write_once(path, str(proposed).encode())
        try:
            return int(path.read_bytes())
        except FileNotFoundError:
            return None

    def _fetch_aside(self) -> None:
        """Puts a last part that came first behind the others; doing so again does no harm."""
        last = len(self._part_md5s)
        if not self._aside.exists():
            return
        offset = self._locate(last, self._landed[last])
        assert offset is not None, "the other parts have landed"
        with self._aside.open("rb", buffering=0) as file:
            writer = _WriterAt(self.content, offset, self._landed[last])
            try:
                for chunk in read_at(file.fileno(), 0, self._landed[last]):
                    writer.write(memoryview(chunk))
            finally:
                writer.close()
        self._aside.unlink()

    def _note_landed(self, number: int, size_bytes: int) -> None:
        # Begins a line, since a crash may have left a torn one; and ends with a mark that it is whole.
        line = f"\n{number} {size_bytes} landed\n".encode()
        try:
            fd = os.open(self.folder / "landed", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        except FileNotFoundError:
            raise _dropped() from None
        try:
            self.check_open()
            os.write(fd, line)
        finally:
            os.close(fd)
        self._landed[number] = size_bytes
        # Nobody takes it again, so that its lock has done its work.
        self._lock_path(number).unlink(missing_ok=True)

    def _read_log(self) -> None:
        try:
            lines = (self.folder / "landed").read_text().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            match line.split(" "):
                case [number, size, "landed"]:
                    self._landed[int(number)] = int(size)

    def _follow(self) -> None:
        """Hashes on, unless somebody is at it."""
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_prefix()
            except FileNotFoundError:
                # Finished or dropped in the meantime.
                pass
            finally:
                self._hashing.release()

    def _hash_prefix(self) -> None:
        with self.content.open("rb", buffering=0) as file:
            while (end := self._prefix_end()) > self._digester.size_bytes:
                for chunk in read_at(file.fileno(), self._digester.size_bytes, end):
                    self._digester.update(chunk)

    def _prefix_end(self) -> int:
        end, number = 0, 1
        waits = len(self._part_md5s) if self._aside.exists() else None
        while number in self._landed and number != waits:
            end += self._landed[number]
            number += 1
        return end


class _WriterAt:
    """Writes blocks one after the other from an offset on, and never beyond the part."""

    def __init__(self, path: Path, offset: int | None, size_bytes: int) -> None:
        self.written = 0
        self._offset = offset or 0
        self._size = size_bytes
        self._lock = threading.Lock()
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except FileNotFoundError:
            raise _dropped() from None

    def write(self, block: memoryview) -> None:
        with self._lock:
            if self.written + len(block) > self._size:
                raise Invalid(f"The part has more than the {self._size} bytes announced.")
            while block:
                count = os.pwrite(self._fd, block, self._offset + self.written)
                self.written += count
                block = block[count:]

    def close(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, -1
        os.close(fd)


def drop(folder: Path) -> None:
    """Removes an upload and all of its parts."""
    shutil.rmtree(folder, ignore_errors=True)


def _dropped() -> NotFound:
    return NotFound("The upload in parts was dropped.")


def _same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """The number of a file that was removed may be given to the next; not with the same times."""
    return (one.st_ino, one.st_mtime_ns) == (other.st_ino, other.st_mtime_ns)


def _let_go(claiming: "asyncio.Future[FileIO]") -> None:
    """Gives up a claim that nobody waits for any more."""
    with suppress(RegistrumError, OSError, asyncio.CancelledError):
        claiming.result().close()


def _write_once(path: Path, content: bytes) -> None:
    """Makes a file whole or not at all; one that is there stays."""
    draft = path.with_name(f"{path.name}.{os.urandom(4).hex()}")
    write_all(str(draft), content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
