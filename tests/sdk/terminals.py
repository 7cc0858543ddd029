"""A command on a terminal of its own, as a person sees it."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.client.processes import start


class Seen(NamedTuple):
    """How a command ended, and all that the terminal got."""

    code: int
    text: str


def on_terminal(
    words: list[str],
    environ: Mapping[str, str],
    width: int = 80,
    given: str = "",
    watch: Callable[[str], None] = lambda text: None,
) -> Seen:
    """Runs our command on a pseudo-terminal of that width.

    Args:
        words: of the command, without its name.
        environ: its environment.
        width: in columns.
        given: what is typed.
        watch: is told all that has been shown so far, whenever there is more.
    """
    screen, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    command = ["-m", "registrum", *words]
    process = start(command, {**environ, "TERM": "xterm"}, theirs, theirs, theirs)
    os.close(theirs)
    if given:
        os.write(screen, given.encode())
    shown = b""
    while content := _read(screen):
        shown += content
        watch(shown.decode("utf-8", "replace"))
    os.close(screen)
    return Seen(process.wait(60), shown.decode().replace("\r\n", "\n"))


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 1 << 16)
    except OSError:  # Nobody is there any more.
        return b""
