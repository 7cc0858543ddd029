"""Python programs in processes of their own.

Each begins as a fresh interpreter; or, where only the fast tests run, as a copy of one that has imported the package already
(`copied`), for starting hundreds of them would take most of those tests' time. It is the same program with the same environment,
streams and end either way. What has to do with how an interpreter begins uses `subprocess`.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

PROGRAM = Path(__file__).with_name("copied.py")
_SDK = "active_runs api artifact_copies downloads drafts landings login uploads"
_CLI = (
    "aliases artifacts cache collections comparison completion connection keys organizations registries runs search"
    " signing_in teams users versions"
)
IMPORTED = {
    "wandb": ["wandb", "wandb.apis.public", "wandb.sdk.launch", "wandb.sdk.lib.gitlib", "requests"],
    "registrum": [
        *(f"registrum.sdk.{name}" for name in _SDK.split()),
        *(f"registrum.cli.{name}" for name in _CLI.split()),
    ],
}
"""What one of a package has imported already."""

_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_")
"""Begins of the names of variables that an interpreter reads once."""


class Process(Protocol):
    """What has been started."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end: its code, or minus the signal; after so many seconds, `subprocess.TimeoutExpired`."""

    def kill(self) -> None:
        """Ends it at once."""


class _Copy:
    """A process that is a copy."""

    def __init__(self, arguments: Sequence[str], told: socket.socket) -> None:
        self._arguments = arguments
        self._told = told
        self._lines = told.makefile()
        self._code: int | None = None
        begun = self._lines.readline()
        if not begun:
            raise ChildProcessError(f"no copy was made for {arguments}")
        self.pid = int(begun)

    def wait(self, timeout: float | None = None) -> int:
        """See `Process`."""
        if self._code is None:
            self._told.settimeout(timeout)
            try:
                self._code = int(self._lines.readline())
            except TimeoutError:
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0) from None
            self._lines.close()
            self._told.close()
        return self._code

    def kill(self) -> None:
        """See `Process`."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


class _Copied:
    """A running interpreter that copies itself."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._door, theirs = socket.socketpair()
        self._begins = _at_start(os.environ)
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "REGISTRUM_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(theirs.fileno()), *modules],
                env=plain | {"WANDB_ERROR_REPORTING": "false", "OPENBLAS_NUM_THREADS": "1"},
                # Pipes, as most of the copies have: of a file, streams would remember that it has positions.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=[theirs.fileno()],
            )

    def is_like(self, environ: Mapping[str, str]) -> bool:
        """Whether an interpreter of this environment would begin as this one did."""
        return _at_start(environ) == self._begins

    def start(
        self, arguments: Sequence[str], environ: Mapping[str, str], folder: str, streams: list[int]
    ) -> _Copy:
        """Makes a copy that runs this."""
        ours, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile("w+") as letter:
            json.dump({"arguments": arguments, "environ": dict(environ), "folder": folder}, letter)
            letter.seek(0)
            socket.send_fds(self._door, [b"."], [*streams, theirs.fileno(), letter.fileno()])
        try:
            return _Copy(arguments, ours)
        except ChildProcessError as error:
            error.add_note(self._process.communicate()[1])
            raise

    def end(self) -> None:
        """Makes no more copies."""
        self._door.close()
        self._process.communicate(timeout=60)


_running: dict[str, _Copied] | None = None
"""By package; None: all processes begin afresh."""


@contextmanager
def copying() -> Iterator[None]:
    """Processes begin as copies while the block runs."""
    global _running  # noqa: PLW0603
    _running = {}
    try:
        yield
    finally:
        for each in _running.values():
            each.end()
        _running = None


def start(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    stdin: int,
    stdout: int,
    stderr: int,
    cwd: str | Path | None = None,
    python: str = sys.executable,
) -> Process:
    """Starts `python …`, which is `-c` or `-m` and what follows; the streams are open files' numbers."""
    copied = _copied(arguments) if python == sys.executable else None
    if copied is None or not copied.is_like(environ):
        return subprocess.Popen(
            [python, *arguments],
            env=environ,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
    return copied.start(arguments, environ, os.path.abspath(cwd or "."), [stdin, stdout, stderr])


def run(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: str | Path | None = None,
    given: str = "",
    timeout_s: float = 120,
    python: str = sys.executable,
) -> "subprocess.CompletedProcess[str]":
    """Runs `python …`, which is `-c` or `-m` and what follows, to its end.

    Args:
        given: what it reads on its standard input.
    """
    with ExitStack() as open_files, ThreadPoolExecutor(2) as readers:
        typed = open_files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
        typed.write(given)
        typed.seek(0)
        pipes = [os.pipe(), os.pipe()]
        process = start(arguments, environ, typed.fileno(), pipes[0][1], pipes[1][1], cwd, python)
        for _, end in pipes:
            os.close(end)
        shown = [readers.submit(_read, begin) for begin, _ in pipes]
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out, err = (each.result() for each in shown)
    return subprocess.CompletedProcess(arguments, code, out, err)


def _read(number: int) -> str:
    with open(number, encoding="utf-8") as stream:
        return stream.read()


def _copied(arguments: Sequence[str]) -> _Copied | None:
    """The interpreter for what this imports, as far as its text tells."""
    kind, what = arguments[:2]
    for package, modules in IMPORTED.items():
        is_it = what == package if kind == "-m" else re.search(rf"(import|from) {package}\b", what)
        if is_it and _running is not None:
            if package not in _running:
                _running[package] = _Copied(modules)
            return _running[package]
    return None


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_AT_START)}
