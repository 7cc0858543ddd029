"""Sends what a run logs, in the order in which it was logged, from a thread of its own.

Lines have numbers, so that a report sent twice writes nothing twice. A report that can't get through is kept and sent again with
what came after it; nothing is dropped while the process lives. The thread ends with the run, and never holds up a process that exits.
"""

import threading
from typing import Any

from registrum.core.errors import RegistrumError, Unavailable
from registrum.sdk.http import Service, refusal

EVERY_S = 2.0
HEARTBEAT_S = 25.0
REPORT_LINES = 5_000

_HISTORY = "wandb-history.jsonl"
_SUMMARY = "wandb-summary.json"


class Reporter:
    """The lines of one run that its server has not confirmed yet.

    Args:
        service: the server.
        path: `entity/project/run`, as the server spelled it.
        first_line: number of the first line to come; above 0 where a run goes on.
    """

    def __init__(self, service: Service, path: str, first_line: int) -> None:
        self._service = service
        self._url = f"{service.url}/files/{path}/file_stream"
        self._next_line = first_line
        self._lines: list[str] = []
        self._summary: str | None = None
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._wake = threading.Event()
        self._is_over = False
        self.is_stopped = False
        """Whether somebody asked the run to stop."""
        self.failure: RegistrumError | None = None
        """Why the server takes nothing more of this run; the next thing logged raises it."""
        self._thread = threading.Thread(target=self._go, name="registrum-run", daemon=True)
        self._thread.start()

    def add(self, line: str | None, summary: str) -> None:
        """Takes a history line, or none, and the whole summary after it; returns at once.

        Raises:
            RegistrumError: the server refused an earlier report for good.
        """
        if self.failure:
            raise self.failure
        with self._lock:
            if line is not None:
                self._lines.append(line)
            self._summary = summary

    def flush(self) -> None:
        """Sends everything taken so far.

        Raises:
            Unavailable: it did not get through; it is kept.
            RegistrumError: the server refused it.
        """
        while self._send({}):
            pass

    def close(self, exit_code: int) -> None:
        """Sends the rest and that the run is over.

        Raises:
            Unavailable: the server can't be reached.
            RegistrumError: the server refused it.
        """
        self._is_over = True
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self.flush()
        self._post({"complete": True, "exitcode": exit_code})

    def _go(self) -> None:
        silent_s = 0.0
        while not self._wake.wait(EVERY_S):
            silent_s += EVERY_S
            if not (self._lines or self._summary or silent_s >= HEARTBEAT_S):
                continue
            try:
                if not self._send({}) and silent_s >= HEARTBEAT_S:
                    self._post({})
                silent_s = 0.0
            except Unavailable:
                continue  # What was not sent is still here.
            except RegistrumError as error:
                self.failure = error
                return

    def _send(self, report: dict[str, Any]) -> bool:
        """Sends some lines; whether there were any."""
        with self._sending:
            with self._lock:
                lines, summary = self._lines[:REPORT_LINES], self._summary
                self._summary = None
            files: dict[str, Any] = {}
            if lines:
                files[_HISTORY] = {"offset": self._next_line, "content": lines}
            if summary is not None:
                files[_SUMMARY] = {"offset": 0, "content": [summary]}
            if not files:
                return False
            try:
                self._post({**report, "files": files})
            except Unavailable:
                with self._lock:
                    self._summary = self._summary or summary
                raise
            with self._lock:
                del self._lines[: len(lines)]
                self._next_line += len(lines)
            return True

    def _post(self, report: dict[str, Any]) -> None:
        answer = self._service.post(self._url, report, repeatable=True)
        if answer.status >= 500 or answer.status == 429:
            raise Unavailable(f"{self._service.url} answered HTTP {answer.status}.")
        if answer.status >= 300:
            raise refusal(self._service.url, answer)
        told = answer.json()
        self.is_stopped = bool(told.get("stopped")) if isinstance(told, dict) else False
