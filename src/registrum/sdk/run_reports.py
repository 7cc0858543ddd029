"""What a run reported: its history, its console, and its files."""

import json
from typing import Any

from registrum.errors import BadValue, Missing
from registrum.sdk import run_files, run_history
from registrum.sdk.files import File
from registrum.sdk.http import Service, refusal
from registrum.sdk.operations import runs as operations
from registrum.sdk.run_files import Files
from registrum.sdk.run_history import ConsoleLogs, HistoryScan, Stream
from registrum.sdk.run_reading import Readable


class Reports(Readable):
    """What of a `Run`, which knows the rest, it has reported itself."""

    _service_api: Service
    _metadata: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What the client noted of program and machine; None where it noted nothing.

        Raises:
            Refused: the server refused it.
        """
        if self._metadata is None:
            try:
                url = self.file("wandb-metadata.json").direct_url
            except Missing:
                return None
            answer = self._service_api.send("GET", url, headers={}, repeatable=True)
            if answer.status != 200:
                raise refusal(self._service_api.url, answer)
            self._metadata = json.loads(answer.data)
        return self._metadata

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802
        """The last step of the history; -1 where there is none."""
        return run_history.last_step(self)

    def history(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Stream = "default",
    ) -> Any:
        """What was logged, thinned out.

        Args:
            samples: about how many rows.
            keys: only rows that have all of these metrics, and only these of them.
            x_axis: the metric that stands beside them.
            pandas: whether to give a DataFrame, where pandas is installed.
            stream: `default`, or `system` for the machine's metrics.

        Returns:
            A DataFrame, or a list of dicts.

        Raises:
            BadValue: `keys` is no list of names, or of the machine's metrics; a ValueError.
        """
        _check_keys(keys)
        if keys and stream != "default":
            raise BadValue("Keys can't be chosen of the machine's metrics.")
        if keys:
            rows = run_history.sampled(self, keys, x_axis, samples)
        else:
            document = operations.HISTORY if stream == "default" else operations.EVENTS
            rows = run_history.lines(self, document, samples=samples)
        return run_history.frame(rows) if pandas else rows

    def scan_history(
        self,
        keys: list[str] | None = None,
        page_size: int = 1_000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """All that was logged, in the order of steps.

        Args:
            keys: only rows that have all of these metrics, and only these of them.
            page_size: how many steps are asked for at a time.
            min_step: the first step.
            max_step: the step before which it ends.
            use_cache: taken for the sake of scripts; nothing is kept.

        Raises:
            BadValue: `keys` is no list of names; a ValueError.
        """
        _check_keys(keys)
        end = self.lastHistoryStep + 1
        return HistoryScan(
            self,
            service_api=self._service_api,
            min_step=min_step,
            max_step=end if max_step is None else min(max_step, end),
            keys=keys,
            page_size=page_size,
            use_cache=use_cache,
        )

    def files(
        self, names: list[str] | None = None, pattern: str | None = None, per_page: int = 50
    ) -> Files:
        """The files it has saved.

        Args:
            names: only these.
            pattern: only those whose names fit, with `%` for any characters and `_` for one.
            per_page: how many are asked for at a time.

        Raises:
            BadValue: names and a pattern are given; a ValueError.
        """
        return Files(self._service_api, self, names, per_page, pattern=pattern)

    def file(self, name: str) -> File:
        """One of its files, by name.

        Raises:
            Missing: there is none; a ValueError.
        """
        found = self.files([name], per_page=1)[:1]
        if not found:
            raise Missing(f"The run {self.id!r} has no file {name!r}.")
        return found[0]

    def upload_file(self, path: str, root: str = ".") -> File:
        """Saves a file with the run.

        Args:
            path: of the file.
            root: the folder from which its name is counted.

        Raises:
            BadValue: the file is not below `root`; a ValueError.
            Refused: the server refused it.
        """
        return run_files.upload(self._service_api, self, path, root)

    def console_logs(self, *, per_page: int = 1000, last: int | None = None) -> ConsoleLogs:
        """What it has printed, oldest line first.

        Args:
            per_page: how many lines are asked for at a time.
            last: only so many from the end.
        """
        return ConsoleLogs(self._service_api, self, per_page, last)


def _check_keys(keys: list[str] | None) -> None:
    if keys is not None and not (
        isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    ):
        raise BadValue("keys is a list of names of metrics.")
