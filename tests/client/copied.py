"""An interpreter that has imported a package and then copies itself for whoever asks; a program, see `processes`.

Each copy runs in a process of its own, with the environment, folder, and standard streams that it is given, as `python -c …`
or `python -m …` would have begun there, but for what is imported already.
"""

import builtins
import io
import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, cast

STREAMS = 3
FILES = 5
"""The three streams, where to tell how it ended, and what is asked."""


def _copy_for_each(door: socket.socket) -> dict[str, Any]:
    """Returns in each copy, with what that one was asked."""
    while True:
        wanted, files, _, _ = socket.recv_fds(door, 1, FILES)
        if not wanted:
            sys.exit()
        if os.fork() == 0:
            return _copy(door, files)
        for number in files:
            os.close(number)


def _copy(door: socket.socket, files: list[int]) -> dict[str, Any]:
    """Waits for a copy that returns from here, and tells its number and its end."""
    door.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    teller = socket.socket(fileno=files[STREAMS])
    number = os.fork()
    if number == 0:
        teller.close()
        return _begin(files)
    for each in (*files[:STREAMS], files[-1]):
        os.close(each)
    teller.send(b"%d\n" % number)
    ended = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    try:
        teller.send(b"%d\n" % ended)
    except BrokenPipeError:  # Whoever asked has gone.
        pass
    os._exit(0)


def _begin(files: list[int]) -> dict[str, Any]:
    """Makes this process what a fresh one would be."""
    with open(files[-1], encoding="utf-8") as letter:
        ask: dict[str, Any] = json.load(letter)
    for number, file in enumerate(files[:STREAMS]):
        os.dup2(file, number)
        os.close(file)
    os.chdir(ask["folder"])
    os.environ.clear()
    os.environ.update(ask["environ"])
    if not os.environ.get("PYTHONUNBUFFERED"):
        cast(io.TextIOWrapper, sys.stdout).reconfigure(line_buffering=os.isatty(1))
    return ask


def _run(arguments: list[str]) -> None:
    """As `python -c …` or `python -m …` would."""
    kind, what, *more = arguments
    main = ModuleType("__main__")
    vars(main)["__builtins__"] = builtins
    sys.modules["__main__"] = main
    sys.orig_argv = [sys.executable, *arguments]
    if kind == "-c":
        sys.argv, sys.path[0] = ["-c", *more], ""
        exec(compile(what, "<string>", "exec"), vars(main))
    else:
        sys.argv, sys.path[0] = [what, *more], os.getcwd()
        runpy.run_module(what, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for module in sys.argv[2:]:
        import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _run(_copy_for_each(socket.socket(fileno=int(sys.argv[1])))["arguments"])
