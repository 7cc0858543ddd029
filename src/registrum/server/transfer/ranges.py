"""The `Range` header: which bytes of a representation of known size are asked for (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

from registrum.core.errors import RegistrumError

_ONE_RANGE = re.compile(
    r"bytes=\s*(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))\s*", re.IGNORECASE | re.ASCII
)


class RangeNotSatisfiable(RegistrumError):
    """The range lies wholly outside of the file."""

    code = "range_not_satisfiable"
    status = 416


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `start`."""

    start: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """The value of the answer's `Content-Range`."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size_bytes}"


def parse_range(header: str, size_bytes: int) -> ByteRange | None:
    """The one range that is asked for, cut to the file; none where the header is to be ignored.

    Another unit, a malformed value or several ranges are ignored, as the RFC allows: the whole file
    is a right answer.

    Raises:
        RangeNotSatisfiable: well-formed, but it has no byte of the file.
    """
    found = _ONE_RANGE.fullmatch(header)
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        length = min(int(suffix), size_bytes)
        if length == 0:
            raise RangeNotSatisfiable(
                f"The file has {size_bytes} bytes; {header} has none of them."
            )
        return ByteRange(size_bytes - length, length)
    start = int(first)
    end = int(last) if last else size_bytes - 1
    if last and end < start:
        return None
    if start >= size_bytes:
        raise RangeNotSatisfiable(f"The file has {size_bytes} bytes; {header} has none of them.")
    return ByteRange(start, min(end, size_bytes - 1) - start + 1)
