"""Lists of a project's runs: filtered and sorted by what they are, and by any value of their settings and summaries.

Values inside the JSON documents are read row by row; a project has thousands of runs, not millions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    String,
    Text,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)

from registrum.core.errors import InvalidFilter
from registrum.core.filters import Compare, Either, Every, Filter, Negation, parse_filter
from registrum.core.pages import Page, PageAsk, page_of
from registrum.core.policy import Action
from registrum.core.projects import Project
from registrum.core.runs import SILENT_FOR, Run, RunState
from registrum.server.db.columns import Moment
from registrum.server.db.conditions import PatternText, contains, fits, is_small_enough
from registrum.server.db.json_paths import json_number, json_text
from registrum.server.db.pages import plain
from registrum.server.db.runs import ALL_COLUMNS, SMALL_COLUMNS, WITH_PROJECT, runs_from
from registrum.server.db.statements import Prepared, prepared
from registrum.server.db.tables import projects, run_tags, runs, users
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import allowed

DEFAULT_ORDER = "-created_at"
_HIGHEST_TEXT = "\U0010ffff"
_HIGHEST_NUMBER = 1e308


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
    descending = order.startswith("-")
    has_after = ask.page.after is not None
    keys = [*_keys(order.lstrip("+-"), descending=descending), runs.c.id]
    rows = tx.rows(
        _page_statement(action, ask.filters, order, has_after, ask.with_documents),
        **_given(tx, project),
        **(_cursor(ask.page.after, keys) if ask.page.after is not None else {}),
        page_size=ask.page.first + 1,
    )
    total = count_of_runs(tx, action, project, ask.filters) if ask.page.with_total else None
    at = {row.id: [getattr(row, f"k{i}") for i in range(len(keys))] for row in rows}
    return page_of(runs_from(tx, rows, project), ask.page.first, lambda run: at[run.id], total)


def count_of_runs(tx: Tx, action: Action, project: Project, filters: str | None) -> int:
    """How many living runs of a project fit a filter, if the actor may do `action` there.

    Raises:
        InvalidFilter: the filter is none.
    """
    return int(tx.value(_count_statement(action, filters), **_given(tx, project)))


def _given(tx: Tx, project: Project) -> dict[str, Any]:
    return {"project_id": project.id, "silent_before": tx.now - SILENT_FOR}


# Compiling a statement costs far more than running it; the pages of one list, and lists asked again, share theirs.
@lru_cache(maxsize=256)
def _page_statement(
    action: Action, filters: str | None, order: str, has_after: bool, with_documents: bool
) -> Prepared:
    descending = order.startswith("-")
    keys = [*_keys(order.lstrip("+-"), descending=descending), runs.c.id]
    where = _conditions(action, filters)
    if has_after:
        last = tuple_(*(bindparam(f"last_{i}", type_=key.type) for i, key in enumerate(keys)))
        where.append(tuple_(*keys) < last if descending else tuple_(*keys) > last)
    columns = ALL_COLUMNS if with_documents else SMALL_COLUMNS
    return prepared(
        select(*columns, *(key.label(f"k{i}") for i, key in enumerate(keys)))
        .select_from(WITH_PROJECT)
        .where(*where)
        .order_by(*(key.desc() if descending else key.asc() for key in keys))
        .limit(bindparam("page_size"))
    )


@lru_cache(maxsize=256)
def _count_statement(action: Action, filters: str | None) -> Prepared:
    where = _conditions(action, filters)
    return prepared(select(func.count()).select_from(WITH_PROJECT).where(*where))


def _conditions(action: Action, filters: str | None) -> list[ColumnElement[bool]]:
    where = [
        runs.c.project_id == bindparam("project_id"),
        projects.c.id == bindparam("project_id"),
        runs.c.deleted_at.is_(None),
        allowed(action),
    ]
    asked = parse_filter(filters)
    return [*where, _condition(asked)] if asked is not None else where


# --- Filters ---------------------------------------------------------------------------------------------------------


def _condition(asked: Filter) -> ColumnElement[bool]:
    if isinstance(asked, Every):
        return and_(*(_condition(part) for part in asked.parts))
    if isinstance(asked, Either):
        return or_(*(_condition(part) for part in asked.parts))
    if isinstance(asked, Negation):
        return not_(_condition(asked.part))
    return _comparison(asked)


def _comparison(asked: Compare) -> ColumnElement[bool]:
    if asked.op == "$in":
        each = [_comparison(Compare(asked.field, "$eq", value)) for value in asked.value]
        return or_(false(), *each)
    root, _, rest = asked.field.partition(".")
    if root in _DOCUMENTS and rest:
        return _one_value(asked, _inside(root, rest))
    if asked.field in ("tags", "tag"):
        return _tagged(asked)
    field = _FIELDS.get(asked.field)
    if field is None:
        known = ", ".join(sorted([*_FIELDS, "tags", *(f"{name}.…" for name in _DOCUMENTS)]))
        raise InvalidFilter(f"There is no field {asked.field[:60]!r} of runs; there are {known}.")
    column = field.column
    return _one_value(
        asked,
        lambda op, value: _compare(column, op, value if op in _AS_IT_IS else field.read(value)),
    )


_AS_IT_IS = ("$exists", "$regex")


_Test = Callable[[str, Any], ColumnElement[bool]]


def _one_value(asked: Compare, test: _Test) -> ColumnElement[bool]:
    """The condition on a field that has one value or none, and so is true or false, never null."""
    there = test("$exists", True)
    if asked.op == "$exists":
        return there
    if asked.op == "$size":
        return there if asked.value == 1 else (not_(there) if asked.value == 0 else false())
    if asked.op == "$is":
        values = set(asked.value)
        return func.coalesce(test("$eq", values.pop()), false()) if len(values) == 1 else false()
    return func.coalesce(test(asked.op, asked.value), false())


def _compare(column: ColumnElement[Any], op: str, value: Any) -> ColumnElement[bool]:
    if op == "$exists":
        return column.is_not(None)
    if op in ("$regex", "$contains") and not isinstance(column.type, String):
        raise InvalidFilter(f"{op} is for texts only.")
    if op == "$regex":
        if not is_small_enough(value):
            raise InvalidFilter("A regular expression in the filter is too large.")
        return fits(column, literal(value, PatternText()))
    bound = literal(value, column.type)
    if op == "$contains":
        return contains(column, bound)
    operators: dict[str, Callable[[Any], Any]] = {
        "$eq": column.__eq__,
        "$gt": column.__gt__,
        "$gte": column.__ge__,
        "$lt": column.__lt__,
        "$lte": column.__le__,
    }
    if op not in operators:
        raise InvalidFilter(f"Runs cannot be filtered by {op[:40]!r}.")
    found: ColumnElement[bool] = operators[op](bound)
    return found


def _inside(root: str, rest: str) -> _Test:
    number, text = _value(root, rest)

    def test(op: str, value: Any) -> ColumnElement[bool]:
        if op == "$exists":
            return or_(number.is_not(None), text.is_not(None))
        if isinstance(value, bool):
            return _compare(text, op, "true" if value else "false")
        return _compare(number if isinstance(value, int | float) else text, op, value)

    return test


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


def _tagged(asked: Compare) -> ColumnElement[bool]:
    row = run_tags.alias()
    of_run = select(row.c.name).where(row.c.run_id == runs.c.id)
    if asked.op == "$exists":
        return exists(of_run)
    if asked.op == "$size":
        count = select(func.count()).select_from(row).where(row.c.run_id == runs.c.id)
        return count.scalar_subquery() == literal(asked.value)
    if asked.op == "$is":
        names = sorted({_text(value) for value in asked.value})
        has_each = (exists(of_run.where(row.c.name == name)) for name in names)
        others = of_run.where(*(row.c.name != name for name in names))
        return and_(~exists(others), *has_each)
    value = asked.value if asked.op == "$regex" else _text(asked.value)
    return exists(of_run.where(_compare(row.c.name, asked.op, value)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidFilter(f"{str(value)[:60]!r} should be a text.")
    return value


def _lower(value: Any) -> str:
    return _text(value).lower()


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidFilter(f"{str(value)[:60]!r} should be a whole number.")
    return value


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value))
    except ValueError:
        raise InvalidFilter(f"{str(value)[:60]!r} is not an ISO 8601 time.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _state_now() -> ColumnElement[Any]:
    """The state as `core.runs.state_now` tells it."""
    seen = func.coalesce(runs.c.heartbeat_at, runs.c.created_at, type_=Moment())
    is_silent = and_(
        runs.c.state == RunState.RUNNING.value, seen < bindparam("silent_before", type_=Moment())
    )
    return case((is_silent, RunState.CRASHED.value), else_=runs.c.state)


@dataclass(frozen=True)
class _Field:
    column: ColumnElement[Any]
    read: Callable[[Any], Any] = _text


def _of(column: ColumnElement[Any], read: Callable[[Any], Any] = _text) -> _Field:
    return _Field(column, read)


_AUTHOR = select(users.c.username).where(users.c.id == runs.c.user_id).scalar_subquery()
_FIELDS = {
    "name": _of(runs.c.name),
    "display_name": _of(runs.c.display_name),
    "displayName": _of(runs.c.display_name),
    "state": _Field(_state_now(), _lower),
    "group": _of(runs.c.run_group),
    "job_type": _of(runs.c.job_type),
    "jobType": _of(runs.c.job_type),
    "sweep": _of(runs.c.sweep_name),
    "username": _of(_AUTHOR),
    "user": _of(_AUTHOR),
    "notes": _of(runs.c.notes),
    "description": _of(runs.c.description),
    "commit": _of(runs.c.commit),
    "host": _of(runs.c.host),
    "created_at": _of(runs.c.created_at, _moment),
    "createdAt": _of(runs.c.created_at, _moment),
    "updated_at": _of(runs.c.updated_at, _moment),
    "heartbeat_at": _of(runs.c.heartbeat_at, _moment),
    "heartbeatAt": _of(runs.c.heartbeat_at, _moment),
    "historyLineCount": _of(runs.c.history_lines, _whole),
}
_DOCUMENTS = {
    "config": runs.c.config,
    "summary_metrics": runs.c.summary,
    "summaryMetrics": runs.c.summary,
    "summary": runs.c.summary,
}


# --- Orders ------------------------------------------------------------------------------------------------------------


def _keys(name: str, *, descending: bool) -> list[ColumnElement[Any]]:
    """What an order sorts by, before the id; runs without the value come last."""
    root, _, rest = name.partition(".")
    number_last = -_HIGHEST_NUMBER if descending else _HIGHEST_NUMBER
    text_last = "" if descending else _HIGHEST_TEXT
    if root in _DOCUMENTS and rest:
        number, text = _value(root, rest)
        return [
            func.coalesce(number, number_last, type_=Float()),
            func.coalesce(text, text_last, type_=Text()),
        ]
    columns = {
        "created_at": runs.c.created_at,
        "createdAt": runs.c.created_at,
        "heartbeat_at": func.coalesce(runs.c.heartbeat_at, runs.c.created_at, type_=Moment()),
        "updated_at": func.coalesce(runs.c.updated_at, runs.c.created_at, type_=Moment()),
        "name": runs.c.name,
        "display_name": func.coalesce(runs.c.display_name, text_last, type_=Text()),
    }
    if name not in columns:
        known = ", ".join([*columns, *(f"{document}.…" for document in _DOCUMENTS)])
        raise InvalidFilter(f"Runs cannot be sorted by {name[:60]!r}; they can by {known}.")
    return [plain(columns[name])]


def _cursor(values: tuple[Any, ...], keys: Sequence[ColumnElement[Any]]) -> dict[str, Any]:
    """The cursor's values as parameters."""
    if len(values) != len(keys) or not all(map(_fits, values, keys)):
        raise InvalidFilter("The cursor given as `after` belongs to another list or order.")
    return {f"last_{i}": value for i, value in enumerate(values)}


def _fits(value: Any, key: ColumnElement[Any]) -> bool:
    if isinstance(key.type, BigInteger) or key is runs.c.id:
        return type(value) is int and abs(value) < 2**63
    return isinstance(value, int | float if isinstance(key.type, Float) else str)
