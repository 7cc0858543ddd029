"""The search language evaluated in plain Python, and random filters in it: what the databases are compared with."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from registrum.core.filters import Compare, Either, Every, Filter, Negation
from registrum.core.pages import Page, page_ask
from registrum.core.patterns import Pattern
from registrum.server.db.columns import to_micros
from tests.patterns import SOURCES

Values = Sequence[Any]
"""Of a field: texts and floats; times are microseconds, ids and versions are numbers too."""

_ORDER = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}


def matches(filter_: Filter | None, record: Mapping[str, Values]) -> bool:
    """Whether a filter holds for a record: a list of values for each field; of a document, for each path in it.

    A field `f.path` that the record does not have has no values; the document `f` alone has all of them.
    """
    if filter_ is None:
        return True
    if isinstance(filter_, Every):
        return all(matches(part, record) for part in filter_.parts)
    if isinstance(filter_, Either):
        return any(matches(part, record) for part in filter_.parts)
    if isinstance(filter_, Negation):
        return not matches(filter_.part, record)
    values = record.get(filter_.field, ())
    if filter_.field.endswith("_at") and filter_.op not in ("$exists", "$size"):
        if filter_.op == "$is" and not filter_.value:
            return not values
        return any(_fits_moment(filter_, value) for value in values)
    return _compare(filter_, values)


def _fits_moment(leaf: Compare, micros: int) -> bool:
    """Whether a moment fits; what it is compared with stands for its whole second, where it is in whole seconds."""

    def seen(wanted: int) -> int:
        return micros if wanted % 1_000_000 else micros - micros % 1_000_000

    if leaf.op == "$is":
        return len(set(leaf.value)) == 1 and seen(leaf.value[0]) == leaf.value[0]
    if leaf.op == "$in":
        return any(seen(wanted) == wanted for wanted in leaf.value)
    if leaf.op == "$eq":
        return bool(seen(leaf.value) == leaf.value)
    return bool(_ORDER[leaf.op](seen(leaf.value), leaf.value))


def _compare(leaf: Compare, values: Values) -> bool:
    match leaf.op:
        case "$exists":
            return bool(values)
        case "$size":
            return len(values) == leaf.value
        case "$regex":
            texts = [value for value in values if isinstance(value, str)]
            return any(re.search(leaf.value.for_python(), text, re.ASCII) for text in texts)
        case "$contains":
            return any(isinstance(value, str) and leaf.value in value for value in values)
        case "$in":
            return any(value in [_plain(item) for item in leaf.value] for value in values)
        case "$is":
            return set(values) == {_plain(item) for item in leaf.value}
        case "$eq":
            return any(value == _plain(leaf.value) for value in values)
    wanted = _plain(leaf.value)
    same = [value for value in values if isinstance(value, str) == isinstance(wanted, str)]
    return any(_ORDER[leaf.op](value, wanted) for value in same)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else float(value)


def conditions_on(field: str, values: st.SearchStrategy[Any], kind: str) -> st.SearchStrategy[Any]:
    """Random conditions on a field.

    Args:
        field: its name, with a path where it has one.
        values: what it is compared with.
        kind: "text" and "document" have texts, others don't.
    """
    lists = st.lists(values, max_size=3)
    operators = [
        st.fixed_dictionaries({op: values})
        for op in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$not")
    ]
    operators += [st.fixed_dictionaries({op: lists}) for op in ("$in", "$nin", "$all", "$eq")]
    operators += [
        st.fixed_dictionaries({"$exists": st.booleans()}),
        st.fixed_dictionaries({"$size": st.integers(0, 3)}),
        st.fixed_dictionaries({"$gte": values, "$lt": values}),
    ]
    if kind in ("text", "document"):
        operators += [
            st.fixed_dictionaries(
                {"$contains": st.sampled_from(["a", "b", "B", "o", "", "é", "zz"])}
            ),
            st.fixed_dictionaries(
                {
                    "$regex": st.one_of(
                        st.sampled_from(["^a", "o.$", "(?i)A|b", "é", "x{2}"]), SOURCES
                    )
                }
            ),
        ]
    operators += [
        st.one_of(operators).map(lambda inner: {"$not": inner}),
        st.lists(st.one_of(values, st.none()), max_size=3).map(lambda items: {"$nin": items}),
        st.lists(st.one_of(values, st.none()), max_size=3).map(lambda items: {"$in": items}),
        st.lists(st.one_of(operators), min_size=2, max_size=3).map(
            lambda several: {op: value for each in several for op, value in each.items()}
        ),
    ]
    condition = st.one_of(values, st.none(), lists, *operators)
    return condition.map(lambda value: {field: value})


def filters_of(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Random documents made of such conditions."""

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        lists = st.lists(inner, min_size=1, max_size=3)
        several = st.sampled_from(["$and", "$or", "$nor"])
        return st.one_of(
            st.builds(lambda op, parts: {op: parts}, several, lists),
            inner.map(lambda part: {"$not": part}),
            st.lists(inner, min_size=1, max_size=3).map(
                lambda parts: {key: value for part in parts for key, value in part.items()}
            ),
        )

    return st.recursive(conditions, grown, max_leaves=5)


def understood(filter_: Filter | None, names: Mapping[str, str]) -> Filter | None:
    """The filter with each field under its own name, times as microseconds and versions as numbers."""
    if filter_ is None:
        return None
    if isinstance(filter_, Negation):
        return Negation(understood(filter_.part, names))
    if isinstance(filter_, Every | Either):
        return type(filter_)(tuple(understood(part, names) for part in filter_.parts))
    root, dot, path = filter_.field.partition(".")
    root = names.get(root, root)
    value = filter_.value
    if root.endswith("_at") and filter_.op not in ("$exists", "$size"):
        value = tuple(map(micros, value)) if isinstance(value, tuple) else micros(value)
    if root == "state" and not isinstance(value, Pattern | bool | int):
        value = tuple(map(str.lower, value)) if isinstance(value, tuple) else value.lower()
    if root == "version" and filter_.op not in ("$exists", "$size"):
        value = tuple(map(index, value)) if isinstance(value, tuple) else index(value)
    return Compare(f"{root}{dot}{path}", filter_.op, value)


def micros(text: str) -> int:
    """Microseconds since 1970 of an ISO time."""
    return to_micros(datetime.fromisoformat(text))


def index(value: Any) -> Any:
    """A version as a number."""
    return int(value.removeprefix("v")) if isinstance(value, str) else value


def walked(load: Callable[[Any], Page[Any]], size: int) -> tuple[list[int], set[int | None]]:
    """Ids of all pages of this size, and the total counts that were told."""
    ids: list[int] = []
    totals, after = set(), None
    while True:
        page = load(page_ask(size, after, with_total=True))
        ids += [node.id for node in page.nodes]
        totals.add(page.total_count)
        if not page.has_next_page:
            return ids, totals
        assert len(page.nodes) == size
        after = page.end_cursor


def times(examples: int) -> settings:
    """Settings of a property test that runs so often."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
