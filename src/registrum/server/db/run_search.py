"""Lists of a project's runs: filtered and sorted by what they are, and by any value of their settings and summaries.

Values inside the JSON documents are read row by row; a project has thousands of runs, not millions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Float, String, Text, and_, bindparam, case, func, select

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Filter, parse_filter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.runs import SILENT_FOR, Run, RunState
from registrum.server.db import fields, filters, pages
from registrum.server.db.column_fields import Many, Plain
from registrum.server.db.columns import Moment
from registrum.server.db.conditions import by_code_point
from registrum.server.db.document_fields import Inside
from registrum.server.db.json_paths import json_number, json_text
from registrum.server.db.kinds import LOWER, MOMENT, TEXT, WHOLE, id_of
from registrum.server.db.pages import Sorting, plain
from registrum.server.db.runs import ALL_COLUMNS, SMALL_COLUMNS, WITH_PROJECT, runs_from
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import projects, run_tags, runs, users
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import allowed

DEFAULT_ORDER = "-created_at"
_HIGHEST_TEXT = "\U0010ffff"
_HIGHEST_NUMBER = 1.7976931348623157e308
_SORTED_CHARACTERS = 200
"""Of a text, by which runs are sorted: a cursor holds it."""


@dataclass(frozen=True, slots=True)
class RunsAsk:
    """Which runs are asked for, in which order, and what of them.

    Attributes:
        filters: conditions as JSON text; None: all runs.
        order: as the wire has it, `-created_at`; None: newest first.
        with_documents: whether settings, summaries and metrics are loaded.
    """

    page: PageAsk
    filters: str | None = None
    order: str | None = None
    with_documents: bool = True


def page_of_runs(tx: Tx, action: Action, project: Project, ask: RunsAsk) -> Page[Run]:
    """The living runs of a project in which the actor may do `action`.

    Raises:
        InvalidFilter: a filter, order or cursor that is none.
    """
    order = ask.order or DEFAULT_ORDER
    name = order[1:] if order[0] in "+-" else order
    sorting = Sorting(name, order.startswith("-"), "runs")
    keys = _all_keys(sorting)
    shape, given = _split(tx, project, ask.filters)
    rows = tx.rows(
        _page_statement(action, shape, sorting, ask.page.after is not None, ask.with_documents),
        **given,
        **pages.cursor_values(ask.page, sorting, keys),
        page_size=ask.page.first + 1,
    )
    total = int(tx.value(_count_statement(action, shape), **given)) if ask.page.with_total else None
    at = {row.id: pages.place(sorting, keys, row) for row in rows}
    return page_of(runs_from(tx, rows, project), ask.page.first, lambda run: at[run.id], total)


def count_of_runs(tx: Tx, action: Action, project: Project, text: str | None) -> int:
    """How many living runs of a project fit a filter, if the actor may do `action` there.

    Raises:
        InvalidFilter: the filter is none.
    """
    shape, given = _split(tx, project, text)
    return int(tx.value(_count_statement(action, shape), **given))


def _split(tx: Tx, project: Project, text: str | None) -> tuple[Filter | None, dict[str, Any]]:
    shape, values = filters.split(parse_filter(text), RUN_FIELDS, "f")
    return shape, {**values, "project_id": project.id, "silent_before": tx.now - SILENT_FOR}


# Compiling a statement costs far more than running it; the pages of one list, and lists asked again, share theirs.
@lru_cache(maxsize=256)
def _page_statement(
    action: Action, shape: Filter | None, sorting: Sorting, has_after: bool, with_documents: bool
) -> Prepared:
    keys = _all_keys(sorting)
    where = _conditions(action, shape)
    if has_after:
        where.append(pages.behind(keys, sorting.descending))
    columns = ALL_COLUMNS if with_documents else SMALL_COLUMNS
    return prepared(
        select(*columns, *pages.labelled(keys))
        .select_from(WITH_PROJECT)
        .where(*where)
        .order_by(*pages.order_by(keys, sorting.descending))
        .limit(bindparam("page_size"))
    )


@lru_cache(maxsize=256)
def _count_statement(action: Action, shape: Filter | None) -> Prepared:
    where = _conditions(action, shape)
    return prepared(select(func.count()).select_from(WITH_PROJECT).where(*where))


def _conditions(action: Action, shape: Filter | None) -> list[ColumnElement[bool]]:
    where = [
        runs.c.project_id == bindparam("project_id"),
        projects.c.id == bindparam("project_id"),
        runs.c.deleted_at.is_(None),
        allowed(action),
    ]
    return where if shape is None else [*where, filters.condition(shape, RUN_FIELDS)]


_DOCUMENTS = {
    "config": runs.c.config,
    "summary_metrics": runs.c.summary,
    "summaryMetrics": runs.c.summary,
    "summary": runs.c.summary,
}


def _value(root: str, rest: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The number and the text that a document has at a dotted path: nested, or under a key with dots in it."""
    document, keys = _DOCUMENTS[root], rest.split(".")
    paths = [keys]
    if root == "config":
        # Settings are kept as {key: {"value": …}}; people leave the "value" out.
        if keys[1:2] != ["value"]:
            paths = [[keys[0], "value", *keys[1:]], keys]
        elif len(keys) == 2:
            paths = [keys]
    if len(keys) > 1:
        dotted = rest.removesuffix(".value") if root == "config" else rest
        paths.append([dotted, "value"] if root == "config" else [dotted])
    number = func.coalesce(*(json_number(document, path) for path in paths), None, type_=Float())
    text = func.coalesce(*(json_text(document, path) for path in paths), None, type_=Text())
    return number, text


def _at(root: str) -> Callable[[str], tuple[ColumnElement[Any], ColumnElement[Any]]]:
    return lambda path: _value(root, path)


def _state_now() -> ColumnElement[Any]:
    """The state as `core.runs.state_now` tells it."""
    seen = func.coalesce(runs.c.heartbeat_at, runs.c.created_at, type_=Moment())
    is_silent = and_(
        runs.c.state == RunState.RUNNING.value, seen < bindparam("silent_before", type_=Moment())
    )
    return case((is_silent, RunState.CRASHED.value), else_=runs.c.state)


def _text(column: ColumnElement[Any]) -> Plain:
    return Plain(column, TEXT, is_optional=True)


_author = (
    select(users.c.username)
    .where(users.c.id == runs.c.user_id)
    .correlate_except(users)
    .scalar_subquery()
)
RUN_FIELDS = fields.named(
    ("id", Plain(runs.c.id, id_of("Run"))),
    ("name", Plain(runs.c.name)),
    ("display_name displayName", _text(runs.c.display_name)),
    ("state", Plain(_state_now(), LOWER)),
    ("tag tags", Many(run_tags.c.name, run_tags.c.run_id, runs.c.id)),
    ("group", _text(runs.c.run_group)),
    ("job_type jobType", _text(runs.c.job_type)),
    ("sweep", _text(runs.c.sweep_name)),
    ("user username", _text(_author)),
    ("notes", _text(runs.c.notes)),
    ("description", _text(runs.c.description)),
    ("commit", _text(runs.c.commit)),
    ("host", _text(runs.c.host)),
    ("created_at createdAt", Plain(runs.c.created_at, MOMENT)),
    ("updated_at updatedAt", Plain(runs.c.updated_at, MOMENT, is_optional=True)),
    ("heartbeat_at heartbeatAt", Plain(runs.c.heartbeat_at, MOMENT, is_optional=True)),
    ("history_line_count historyLineCount", Plain(runs.c.history_lines, WHOLE)),
    ("config", Inside(_at("config"), runs.c.config)),
    ("summary_metrics summaryMetrics summary", Inside(_at("summary"), runs.c.summary)),
)


SORTABLE: Mapping[str, Any] = {
    "created_at": runs.c.created_at,
    "createdAt": runs.c.created_at,
    "heartbeat_at": func.coalesce(runs.c.heartbeat_at, runs.c.created_at, type_=Moment()),
    "updated_at": func.coalesce(runs.c.updated_at, runs.c.created_at, type_=Moment()),
    "name": runs.c.name,
    "display_name": runs.c.display_name,
    "group": runs.c.run_group,
    "job_type": runs.c.job_type,
}


def _keys(name: str, *, descending: bool) -> list[ColumnElement[Any]]:
    """What an order sorts by, before the id; runs without the value come last."""
    root, _, rest = name.partition(".")
    number_last = -_HIGHEST_NUMBER if descending else _HIGHEST_NUMBER
    text_last = "" if descending else _HIGHEST_TEXT
    if root in _DOCUMENTS and rest:
        number, text = _value(root, rest)
        return [
            func.coalesce(number, number_last, type_=Float()),
            by_code_point(_beginning(func.coalesce(text, text_last, type_=Text()))),
        ]
    if name not in SORTABLE:
        known = ", ".join([*SORTABLE, *(f"{document}.…" for document in _DOCUMENTS)])
        raise InvalidFilter(f"Runs cannot be sorted by {name[:60]!r}; they can by {known}.")
    column = SORTABLE[name]
    if isinstance(column.type, String) and column.nullable:
        column = _beginning(func.coalesce(column, text_last, type_=Text()))
    return [by_code_point(plain(column))]


def _beginning(text: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.substr(text, 1, _SORTED_CHARACTERS, type_=Text())


def _all_keys(sorting: Sorting) -> pages.Keys:
    return (*_keys(sorting.field, descending=sorting.descending), runs.c.id)
