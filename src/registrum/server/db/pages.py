"""Pages as SQL: orders, and the rows behind a cursor (keyset, never an offset)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, and_, bindparam, or_, type_coerce

from registrum.core.errors import InvalidFilter
from registrum.core.pages import PageAsk
from registrum.server.db.columns import Moment


@dataclass(frozen=True, slots=True)
class Sorting:
    """How a list is sorted: by a field, then by id in the same direction."""

    field: str
    descending: bool


Sortable = Mapping[str, ColumnElement[Any]]


def sorting(text: str | None, by: Sortable, default: Sorting) -> Sorting:
    """The order in `+field`, `-field` or `field`.

    Raises:
        InvalidFilter: a field that this list is not sorted by.
    """
    if not text:
        return default
    name = text.lstrip("+-")
    if name not in by:
        raise InvalidFilter(
            f"The list cannot be sorted by {name[:60]!r}; it can by {', '.join(sorted(by))}."
        )
    return Sorting(name, text.startswith("-"))


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as JSON can hold it: times as microseconds."""
    return type_coerce(column, BigInteger) if isinstance(column.type, Moment) else column


def order_by(
    column: ColumnElement[Any], id_: ColumnElement[int], descending: bool
) -> tuple[ColumnElement[Any], ...]:
    """What a page's rows are sorted by."""
    columns = (id_,) if column is id_ else (plain(column), id_)
    return tuple(c.desc() if descending else c.asc() for c in columns)


def behind(
    column: ColumnElement[Any], id_: ColumnElement[int], descending: bool
) -> ColumnElement[bool]:
    """SQL condition: the row comes after the cursor, whose values are the parameters of `cursor_values`."""
    last_id: ColumnElement[int] = bindparam("last_id", type_=BigInteger)
    past_id = id_ < last_id if descending else id_ > last_id
    if column is id_:
        return past_id
    sorted_by = plain(column)
    last: ColumnElement[Any] = bindparam("last_value", type_=sorted_by.type)
    # The first part is implied by the second; it lets the database begin reading at the right place.
    at_least = sorted_by <= last if descending else sorted_by >= last
    past = sorted_by < last if descending else sorted_by > last
    return and_(at_least, or_(past, past_id))


def cursor_values(ask: PageAsk, column: ColumnElement[Any]) -> dict[str, Any]:
    """The parameters of `behind`.

    Raises:
        InvalidFilter: the cursor is one of another list or order.
    """
    if ask.after is None:
        return {}
    sorted_by = plain(column)
    kind = str if isinstance(sorted_by.type, Text) or _is_text(sorted_by) else int
    last, last_id = ask.after if len(ask.after) == 2 else (None, None)
    if type(last_id) is not int or type(last) is not kind or abs(last_id) >= 2**63:
        raise InvalidFilter("The cursor given as `after` belongs to another list or order.")
    if isinstance(last, int) and abs(last) >= 2**63:
        raise InvalidFilter("The cursor given as `after` is not one that this server handed out.")
    return {"last_value": last, "last_id": last_id}


def _is_text(column: ColumnElement[Any]) -> bool:
    return not isinstance(column.type, BigInteger | Integer)
