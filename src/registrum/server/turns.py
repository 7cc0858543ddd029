"""Turns at the interpreter: who waits for it gets it sooner while a long piece of work goes on."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SHORT_S = 0.001


class _Turns:
    """How many pieces of long work go on, and how long a turn is without them."""

    lock = threading.Lock()
    pieces = 0
    usual_s = sys.getswitchinterval()


@contextmanager
def short_turns() -> Iterator[None]:
    """While the block runs, a thread gives the interpreter up after a millisecond to others that wait for it.

    Otherwise it keeps it for five, and each of the dozen times that a request needs it anew can cost so much. Not for
    always: a server busy with many requests at once would lose up to a quarter of its speed to the switching.
    """
    with _Turns.lock:
        _Turns.pieces += 1
        sys.setswitchinterval(SHORT_S)
    try:
        yield
    finally:
        with _Turns.lock:
            _Turns.pieces -= 1
            if not _Turns.pieces:
                sys.setswitchinterval(_Turns.usual_s)
