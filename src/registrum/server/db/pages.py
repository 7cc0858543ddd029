"""Pages as SQL: orders, and the rows behind a cursor (keyset, never an offset).

An order is by one or more expressions that are never null, and then by id, all in one direction. A cursor holds the order's
name, the values of these expressions for the row it stands behind, and the row's id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Integer, bindparam, tuple_, type_coerce

from registrum.core.errors import InvalidFilter
from registrum.core.pages import OTHER_LIST, PageAsk
from registrum.server.db.columns import Moment
from registrum.server.db.statements import Row


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a list is sorted: by a field, then by id in the same direction.

    Attributes:
        list: names the list, so that its cursors are known from those of others.
    """

    field: str
    descending: bool
    list: str = ""

    @property
    def name(self) -> str:
        """What its cursors begin with, `versions-created_at`."""
        return f"{self.list}{'-' if self.descending else '+'}{self.field}"


Sortable = Mapping[str, ColumnElement[Any]]
Keys = Sequence[ColumnElement[Any]]


def sorting(text: str | None, by: Sortable, default: Sorting) -> Sorting:
    """The order in `+field`, `-field` or `field`; several names of one column are one order.

    Raises:
        InvalidFilter: a field that this list is not sorted by.
    """
    if not text:
        return default
    name = text[1:] if text[0] in "+-" else text
    if name not in by:
        raise InvalidFilter(
            f"The list cannot be sorted by {name[:60]!r}; it can by {', '.join(sorted(by))}."
        )
    first = next(other for other, column in by.items() if column is by[name])
    return Sorting(first, text.startswith("-"), default.list)


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as JSON can hold it: times as microseconds."""
    return type_coerce(column, BigInteger) if isinstance(column.type, Moment) else column


def keys_of(column: ColumnElement[Any], id_: ColumnElement[int]) -> Keys:
    """What the rows are sorted by, by one column that is never null."""
    return (id_,) if column is id_ else (plain(column), id_)


def order_by(keys: Keys, descending: bool) -> tuple[ColumnElement[Any], ...]:
    """What a page's rows are sorted by."""
    return tuple(key.desc() if descending else key.asc() for key in keys)


def behind(keys: Keys, descending: bool) -> ColumnElement[bool]:
    """SQL condition: the row comes after the cursor, whose values are the parameters of `cursor_values`."""
    last = [bindparam(f"last_{i}", type_=key.type) for i, key in enumerate(keys)]
    row, cursor = tuple_(*keys), tuple_(*last)
    return row < cursor if descending else row > cursor


def labelled(keys: Keys) -> list[ColumnElement[Any]]:
    """The order's keys as columns of the statement, which `place` reads."""
    return [key.label(f"k{i}") for i, key in enumerate(keys)]


def place(sorting: Sorting, keys: Keys, row: Row) -> tuple[Any, ...]:
    """What the cursor behind a row with `labelled` columns holds."""
    # Most rows of most lists have one or two.
    if len(keys) == 1:
        return sorting.name, row.k0
    if len(keys) == 2:
        return sorting.name, row.k0, row.k1
    return (sorting.name, *(getattr(row, f"k{i}") for i in range(len(keys))))


def cursor_values(ask: PageAsk, sorting: Sorting, keys: Keys) -> dict[str, Any]:
    """The parameters of `behind`.

    Raises:
        InvalidFilter: the cursor is one of another list or order.
    """
    if ask.after is None:
        return {}
    name, *values = ask.after
    if name != sorting.name or len(values) != len(keys):
        raise InvalidFilter(OTHER_LIST)
    if not all(_is_of(key, value) for key, value in zip(keys, values, strict=True)):
        raise InvalidFilter(OTHER_LIST)
    return {f"last_{i}": value for i, value in enumerate(values)}


def _is_of(key: ColumnElement[Any], value: Any) -> bool:
    if isinstance(key.type, BigInteger | Integer):
        return type(value) is int and abs(value) < 2**63
    if isinstance(key.type, Float):
        return type(value) in (int, float)
    return isinstance(value, str) and "\x00" not in value
