"""Files of runs: what a run saves beside its reports, each path at its last content."""

import mimetypes
from dataclasses import dataclass
from datetime import datetime

from registrum.core.errors import InvalidName

LONGEST_PATH = 1024


@dataclass(frozen=True, slots=True)
class RunFile:
    """A stored file of a run.

    Attributes:
        name: path within the run.
        blob_id: of its content.
        md5: raw.
        updated_at: when its content came.
    """

    id: int
    run_id: int
    name: str
    blob_id: str
    size_bytes: int
    md5: bytes | None
    updated_at: datetime

    @property
    def mimetype(self) -> str | None:
        """Guessed from the name."""
        return mimetypes.guess_type(self.name)[0]


def check_path(path: str) -> str:
    """A path within a run: relative, without `.` and `..`, at most 1024 characters.

    Raises:
        InvalidName: anything else.
    """
    if not path or len(path) > LONGEST_PATH:
        raise InvalidName(f"The path of a run's file has from 1 to {LONGEST_PATH} characters.")
    is_within = not path.startswith("/") and {".", ".."}.isdisjoint(path.split("/"))
    if not is_within or not path.isprintable():
        raise InvalidName(f"{path[:120]!r} is not a path within a run.")
    return path


def asked_path(path: str) -> str:
    """The path of a stored file that somebody means who writes `./a` for `a`."""
    return "/".join(part for part in path.split("/") if part != ".")
