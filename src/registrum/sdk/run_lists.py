"""The runs of a project."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

from registrum.errors import BadValue, Missing
from registrum.sdk.conditions import filter_text
from registrum.sdk.http import Service
from registrum.sdk.operations import runs as operations
from registrum.sdk.pages import CountedPages, Node
from registrum.sdk.run_history import Row, Stream
from registrum.sdk.runs import Run


class Runs(CountedPages[Run]):
    """The runs of a project, oldest first where no order is given.

    Args:
        service_api: the server.
        entity: owner of the project.
        project: where they were logged.
        filters: conditions on them.
        order: field to sort by, after `+` (ascending) or `-`.
        per_page: how many are asked for at a time.
        include_sweeps: taken for the sake of scripts; there are no sweeps.
        lazy: whether configuration and summary are asked for when they are looked at.
        api_key: of who asks.
    """

    def __init__(
        self,
        service_api: Service,
        entity: str,
        project: str,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = False,
        lazy: bool = True,
        api_key: str | None = None,
    ) -> None:
        super().__init__(per_page)
        self._service_api = service_api
        self.entity = entity
        self.project = project
        self.filters = filters or {}
        self.order = order or "+created_at"
        self._lazy = lazy
        self._api_key = api_key
        self._asked = {
            "entity": entity,
            "project": project,
            "filters": filter_text(self.filters, None),
            "order": self.order,
        }

    def histories(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        format: Literal["default", "pandas", "polars"] = "default",
        stream: Stream = "default",
    ) -> Any:
        """What all of them have logged, thinned out, with the `run_id` of each row.

        Args:
            samples: about how many rows of each run.
            keys: only rows that have all of these metrics, and only these of them.
            x_axis: the metric that stands beside them.
            format: `default` for a list of dicts, else a DataFrame of `pandas` or `polars`.
            stream: `default`, or `system` for the machines' metrics.

        Raises:
            BadValue: there is no such format; a ValueError.
            ImportError: the library of the format is not installed.
        """
        if format not in ("default", "pandas", "polars"):
            raise BadValue(f"The format is default, pandas or polars, not {format!r}.")
        rows: list[Row] = []
        for run in self:
            own = run.history(samples, keys, x_axis, pandas=False, stream=stream)
            rows += [row | {"run_id": run.id} for row in own]
        if format == "default":
            return rows
        library = import_module(format)
        if not rows:
            return library.DataFrame()
        if format == "polars":
            made = library.from_dicts(rows, infer_schema_length=None)
            return made.select(sorted(made.columns))
        made = library.DataFrame.from_records(rows)
        return made[sorted(made.columns)]

    def upgrade_to_full(self) -> None:
        """Has configuration and summary come with each run from now on; those that are loaded get them, too."""
        self._lazy = False
        for run in self.objects:
            run.load_full_data()

    def _ask(self, after: str | None, first: int) -> Node:
        document = operations.LIGHT_RUNS if self._lazy else operations.RUNS
        answer = self._service_api.ask(
            document, self._asked | {"after": after, "first": first, "count": self._wants_total}
        )
        return self._found(answer)["page"]  # type: ignore[no-any-return]

    def _found(self, answer: Node) -> Node:
        found: Node | None = answer["project"]
        if not found:
            raise Missing(f"There is no project {self.entity}/{self.project}.")
        return found

    def _convert(self, edge: Node) -> Run:
        node = edge["node"]
        return Run(
            self._service_api,
            self.entity,
            self.project,
            node["name"],
            node,
            lazy=self._lazy,
            api_key=self._api_key,
        )

    def __repr__(self) -> str:
        return f"<Runs {self.entity}/{self.project}>"
