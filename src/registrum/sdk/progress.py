"""A line on a terminal that tells how far a transfer is; nothing anywhere else."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

_SILENT_FOR_S = 0.5
_EVERY_S = 0.1
_BAR = 24
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Progress:
    """How many of so many bytes have been moved; to be told by several threads.

    Used as a context: the line goes away at its end.

    Args:
        what: what is moved, such as `net:v3`.
        total_bytes: how many there are.
        stream: the terminal. None: the standard error output, where that is a terminal.
    """

    def __init__(self, what: str, total_bytes: int, stream: TextIO | None = None) -> None:
        self._what = what
        self._total = total_bytes
        self._stream = stream or _terminal(os.environ)
        self._done = 0
        self._began = self._drawn_at = time.monotonic()
        self._is_drawn = False
        self._lock = threading.Lock()

    def took(self, count: int) -> None:
        """So many bytes more were moved; less than none where they have to be moved again."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if (
                self._stream is None
                or now - self._began < _SILENT_FOR_S
                or now - self._drawn_at < _EVERY_S
            ):
                return
            self._drawn_at, self._is_drawn = now, True
            self._stream.write(f"\r{self.line(now - self._began)}\x1b[K")
            self._stream.flush()

    def line(self, seconds: float) -> str:
        """The line after so many seconds."""
        share = min(self._done / self._total, 1.0) if self._total else 1.0
        bar = "█" * round(share * _BAR) + "░" * (_BAR - round(share * _BAR))
        amounts = f"{size_text(self._done)} of {size_text(self._total)}"
        pace = f"{size_text(self._done / seconds)}/s" if seconds > 0 else ""
        text = f"{self._what}  {bar}  {amounts}  {pace}"
        return text[: shutil.get_terminal_size().columns - 1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with self._lock:
            if self._stream is not None and self._is_drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()


def size_text(count: float) -> str:
    """A number of bytes as people read it: `1.5 GiB`."""
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def _terminal(environ: Mapping[str, str]) -> TextIO | None:
    is_silent = any(
        environ.get(name, "").lower() in {"1", "true", "yes"}
        for name in ("REGISTRUM_SILENT", "WANDB_SILENT")
    )
    stream = sys.stderr
    return stream if stream is not None and stream.isatty() and not is_silent else None
