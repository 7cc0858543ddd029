"""A run that this process reports: what is logged to it, and the artifacts it makes and uses.

A run ends with `finish()`, with its `with` block, or with the process: well at an ordinary exit, as failed after an exception that
nobody caught, or `sys.exit` with anything but 0.
"""

import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from registrum.core.errors import Conflict
from registrum.sdk.http import Service
from registrum.sdk.operations import active_runs as operations
from registrum.sdk.reporting import Reporter
from registrum.sdk.run_lineage import ActiveLineage
from registrum.sdk.run_values import Config, Summary, config_text, plain, values_of


class Run(ActiveLineage):
    """One execution of a program, reported while it goes.

    Made by `init()`.

    Attributes:
        config: its settings; writing to it tells the server.
        summary: the last value of each metric, or what was written here instead.
    """

    def __init__(
        self, service: Service, found: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> None:
        """Takes the run as the server told it, and begins to report.

        Args:
            service: the server.
            found: the run as it is now.
            before: the run as it was, where this process goes on with it.
        """
        project = found["project"]
        self._service = service
        self._graph_id: str = found["id"]
        self._id: str = found["name"]
        self._name: str = found["displayName"] or found["name"]
        self._project: str = project["name"]
        self._entity: str = project["entity"]["name"]
        self._notes: str | None = found["notes"]
        self._tags: tuple[str, ...] = tuple(found["tags"] or ())
        self._group: str = found["group"] or ""
        self._job_type: str = found["jobType"] or ""
        self._is_resumed = before is not None
        self._began = time.time()
        self._before_s = 0.0
        self._step = 0
        self._pending: dict[str, Any] = {}
        self._stepping = threading.RLock()
        self._owner = os.getpid()
        self._is_over = False
        self.config = Config(values_of(found["config"]), self._config_changed)
        self.summary = Summary(json.loads(found["summaryMetrics"] or "{}"), self._summary_changed)
        if before is not None:
            self._go_on()
        self._first_step = self._step
        first_line = (before["historyLineCount"] or 0) if before is not None else 0
        self._reporter = Reporter(service, self.path, first_line)

    @property
    def id(self) -> str:
        """Its id, unique within the project; the last part of its address."""
        return self._id

    @property
    def name(self) -> str:
        """The name that people read; may be set."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._update(displayName=value)
        self._name = value

    @property
    def entity(self) -> str:
        """Owner of its project."""
        return self._entity

    @property
    def project(self) -> str:
        """Its project."""
        return self._project

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self._entity}/{self._project}/{self._id}"

    @property
    def url(self) -> str:
        """Address of its page."""
        return f"{self._service.url}/{self._entity}/{self._project}/runs/{self._id}"

    @property
    def project_url(self) -> str:
        """Address of its project's page."""
        return f"{self._service.url}/{self._entity}/{self._project}"

    @property
    def group(self) -> str:
        """Group of runs it belongs to; empty for none."""
        return self._group

    @property
    def job_type(self) -> str:
        """What kind of job it is; empty for none."""
        return self._job_type

    @property
    def notes(self) -> str | None:
        """Notes in Markdown; may be set."""
        return self._notes

    @notes.setter
    def notes(self, value: str) -> None:
        self._update(notes=value)
        self._notes = value

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags; may be set."""
        return self._tags

    @tags.setter
    def tags(self, values: Sequence[str]) -> None:
        self._update(tags=list(values))
        self._tags = tuple(values)

    @property
    def step(self) -> int:
        """Number of the step that is being logged, from 0."""
        return self._step

    @property
    def starting_step(self) -> int:
        """The first step of this process: above 0 where the run goes on from an earlier one."""
        return self._first_step

    @property
    def start_time(self) -> float:
        """When this process began to report it, in seconds since 1970."""
        return self._began

    @property
    def resumed(self) -> bool:
        """Whether it goes on from an earlier process."""
        return self._is_resumed

    @property
    def offline(self) -> bool:
        """False: runs without a server are not supported."""
        return False

    @property
    def disabled(self) -> bool:
        """False: a run is always reported."""
        return False

    @property
    def is_current(self) -> bool:
        """Whether this process may still log to it."""
        return not self._is_over and self._owner == os.getpid()

    def __repr__(self) -> str:
        return f"<Run {self.path}>"

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Adds metrics to a step, and goes on to the next step.

        Args:
            data: plain values by name; NumPy's and PyTorch's numbers are taken.
            step: the step they belong to, never an earlier one. None: the current one.
            commit: whether the step is complete. None: it is, unless `step` is given.

        Raises:
            TypeError: a value has no JSON form.
            Conflict: the run is over, or was made by another process.
            RegistrumError: the server refused what was logged before.
        """
        self._check_open()
        if not isinstance(data, Mapping):
            raise TypeError(f"log() takes a mapping of metrics, not a {type(data).__name__}.")
        values = plain(data, "log")
        with self._stepping:
            self._log(values, step, is_complete=commit is True or (commit is None and step is None))

    def _log(self, values: Mapping[str, Any], step: int | None, *, is_complete: bool) -> None:
        if step is not None:
            if step < self._step:
                say(f"step {step} is behind the run's current step {self._step}; not logged")
                return
            if step > self._step:
                self._close_step()
            self._step = step
        self._pending.update(values)
        if is_complete:
            self._close_step(is_empty_too=True)
            self._step += 1

    def define_metric(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Taken for the sake of scripts: charts here need no definitions."""

    def finish(self, exit_code: int | None = None) -> None:
        """Sends what is left and ends the run; a second call does nothing.

        Args:
            exit_code: 0 or None for a good end; else the run has failed.

        Raises:
            Unavailable: the server can't be reached.
            RegistrumError: it refused what was logged.
        """
        if self._is_over or self._owner != os.getpid():
            return
        with self._stepping:
            self._close_step()
            self._is_over = True
        atexit.unregister(self.finish_at_exit)
        self._reporter.close(exit_code or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.finish(0 if kind is None else 1)

    def _go_on(self) -> None:
        last = self.summary.get("_step")
        if isinstance(last, int | float):
            self._step = int(last) + 1
        before = self.summary.get("_runtime")
        if isinstance(before, int | float):
            self._before_s = float(before)

    def _check_open(self) -> None:
        if self._owner != os.getpid():
            raise Conflict(f"{self!r} belongs to the process that made it; log from there.")
        if self._is_over:
            raise Conflict(f"{self!r} is over; nothing more can be logged to it.")

    def _close_step(self, is_empty_too: bool = False) -> None:
        if not self._pending and not is_empty_too:
            return
        now = time.time()
        line = {
            **self._pending,
            "_step": self._step,
            "_runtime": round(now - self._began + self._before_s, 6),
            "_timestamp": now,
        }
        self._pending = {}
        self.summary.logged(line)
        self._reporter.add(json.dumps(line), json.dumps(self.summary.as_dict()))

    def _summary_changed(self) -> None:
        self._check_open()
        self._reporter.add(None, json.dumps(self.summary.as_dict()))

    def _config_changed(self) -> None:
        self._check_open()
        self._update(config=config_text(self.config.as_dict()))

    def _update(self, **changed: Any) -> None:
        self._service.ask(
            operations.UPSERT,
            {"input": {"id": self._graph_id, "name": self._id, **changed}},
            repeatable=True,
        )

    def finish_at_exit(self) -> None:
        """Ends the run with its process; nobody is there to catch what goes wrong."""
        try:
            self.finish(1 if _is_failing() else 0)
        except Exception as error:
            say(f"{self!r} could not be ended: {error}")


def _is_failing() -> bool:
    code = getattr(sys.exit, "registrum_code", None)
    return bool(code) or getattr(sys, "last_value", None) is not None


def say(sentence: str) -> None:
    """Tells the person at the terminal something, unless `REGISTRUM_SILENT` or `WANDB_SILENT` is set."""
    is_silent = {os.environ.get("REGISTRUM_SILENT", ""), os.environ.get("WANDB_SILENT", "")}
    if not is_silent & {"1", "true", "True"}:
        print(f"registrum: {sentence}", file=sys.stderr)
