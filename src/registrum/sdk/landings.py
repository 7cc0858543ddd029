"""Where downloads land: under nameless files in a folder of their own, and under their names only when they are whole.

Whatever ends a download, an error or an interruption, takes the nameless files with it.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Self

from registrum.core.errors import StorageFull
from registrum.sdk.artifact_facts import log
from registrum.sdk.checkouts import OWN

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system calls a disk that is full."""


class Landing:
    """A download into a folder, which is made where it is missing.

    Used as a context: at its end nothing is left but what was published.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._temporary = os.path.join(folder, OWN + os.urandom(6).hex())
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> Self:
        os.makedirs(self._temporary)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise StorageFull(
                f"There is no room left for {self._folder}: make some, and download again;"
                " what is complete there stays."
            ) from error

    def path(self) -> str:
        """A path where no file is."""
        with self._lock:
            self._count += 1
            return os.path.join(self._temporary, str(self._count))

    @contextmanager
    def file(self) -> Iterator[tuple[IO[bytes], str]]:
        """A new file to be written, without a buffer, and its path."""
        path = self.path()
        with open(path, "x+b", buffering=0) as file:
            yield file, path

    def publish(self, temporary: str, path: str) -> bool:
        """Gives a whole file its name, in place of a file that has it; whether it could be.

        A folder in its way stays, and a file where its folder should be: then a warning says so.

        Raises:
            OSError: it can't be written there for any other reason.
        """
        try:
            try:
                os.replace(temporary, path)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                os.replace(temporary, path)
        except (IsADirectoryError, NotADirectoryError, FileExistsError):
            log.warning("%s was left out: something of another kind is in its way.", path)
            return False
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._publish_elsewhere(temporary, path)
        return True

    def _publish_elsewhere(self, temporary: str, path: str) -> None:
        """The same, where a folder of the checkout is another file system."""
        beside = os.path.join(os.path.dirname(path), OWN + os.urandom(6).hex())
        try:
            shutil.copyfile(temporary, beside)
            os.replace(beside, path)
        finally:
            if os.path.exists(beside):
                os.unlink(beside)
