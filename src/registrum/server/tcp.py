"""What the kernel knows of a TCP connection: how much of what was sent its peer has taken."""

import socket
import struct
import sys
from typing import NamedTuple

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_FIELDS = struct.Struct("=24xI92xQ16xI")
"""Of Linux's `struct tcp_info`: packets on their way, bytes taken, bytes that have not been sent."""


class Sent(NamedTuple):
    """What became of the bytes that were given to the kernel.

    Attributes:
        taken_bytes: which the peer's kernel has acknowledged, since the connection began.
        is_waiting: whether there are others.
    """

    taken_bytes: int
    is_waiting: bool


def sent(connection: socket.socket) -> Sent | None:
    """How far sending is; None where the system can't tell."""
    if _TCP_INFO is None:
        return None
    try:
        found = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELDS.size)
    except OSError:
        return None
    if len(found) < _FIELDS.size:
        return None
    on_their_way, taken, unsent = _FIELDS.unpack(found)
    return Sent(taken, bool(on_their_way or unsent))
