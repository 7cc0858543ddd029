"""The page of a run: what it was told, what came out, what it used and logged, and its files."""

import json
from typing import Any

from starlette.responses import Response

from registrum.core.errors import NotFound
from registrum.core.pages import PageAsk
from registrum.core.policy import Action
from registrum.core.runs import Run, RunName
from registrum.server.db import lineage, run_files, runs
from registrum.server.web.visits import ROWS, Visit

_LONGEST_DOCUMENT = 2_000_000
_MOST_VALUES = 200
_LONGEST_VALUE = 300


def show_run(visit: Visit) -> Response:
    """`/<entity>/<project>/runs/<id>`, under any of its tabs."""
    run = _run(visit)
    ask = PageAsk(ROWS, with_total=True)
    files = PageAsk(ROWS, visit.page_ask("files").after, with_total=True)
    return visit.page(
        "run.html",
        run=run,
        config=_settings(run.config),
        summary=_results(run.summary),
        used=lineage.page_of_inputs(visit.tx, Action.READ, run.id, ask),
        logged=lineage.page_of_outputs(visit.tx, Action.READ, run.id, ask),
        files=run_files.page_of_run(visit.tx, Action.DOWNLOAD, run, files),
    )


def fetch_run_file(visit: Visit) -> Response:
    """Sends the browser to the bytes of one of the run's files."""
    name = visit.segment("path")
    page = run_files.page_of_run(visit.tx, Action.DOWNLOAD, _run(visit), PageAsk(1), names=[name])
    file = next(iter(page.nodes), None)
    if file is None:
        raise NotFound("There is no such file in this run.")
    return visit.fetch(file.blob_id, name, file.size_bytes, file.mimetype)


def _run(visit: Visit) -> Run:
    name = RunName(visit.segment("entity"), visit.segment("project"), visit.segment("run"))
    return runs.get_for_path(visit.tx, Action.READ, name).thing


def _settings(text: str | None) -> dict[str, str]:
    """A run's settings for people: the client keeps each as `{"value": …}`, and its own under `_wandb`."""
    found = _document(text)
    return _shown(
        {
            key: value["value"] if isinstance(value, dict) and "value" in value else value
            for key, value in found.items()
        }
    )


def _results(text: str | None) -> dict[str, str]:
    """A run's last values for people."""
    return _shown(_document(text))


def _document(text: str | None) -> dict[str, Any]:
    if not text or len(text) > _LONGEST_DOCUMENT:
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _shown(values: dict[str, Any]) -> dict[str, str]:
    own = sorted(key for key in values if not key.startswith("_"))[:_MOST_VALUES]
    return {key: _value(values[key]) for key in own}


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
