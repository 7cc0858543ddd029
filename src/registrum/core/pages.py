"""Pages of a list: how many, after which row, and the opaque cursors that stay right while rows come and go.

A cursor holds the order's values of the row it stands behind and that row's id (keyset), not an offset; so rows that
appear or vanish elsewhere neither repeat nor hide others, and it means the same in another process.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from registrum.core.errors import Invalid, InvalidFilter

T = TypeVar("T")
DEFAULT_PAGE = 50
MAX_PAGE = 10_000
OTHER_LIST = "The cursor given as `after` belongs to another list or order."


@dataclass(frozen=True, slots=True)
class PageAsk:
    """Which page is asked for.

    Attributes:
        first: at most so many rows.
        after: the values of the cursor behind which it starts; None: the beginning.
        with_total: whether the count of all rows was asked for.
    """

    first: int = DEFAULT_PAGE
    after: tuple[Any, ...] | None = None
    with_total: bool = False

    def number_behind(self) -> int | None:
        """The number behind which the page starts, of a list in the order of numbers from 0; None: the beginning.

        Raises:
            InvalidFilter: the cursor is of another list.
        """
        if self.after is None:
            return None
        found = self.after[0]
        if type(found) is not int or found < 0:
            raise InvalidFilter(OTHER_LIST)
        return found

    def text_behind(self) -> str | None:
        """The text behind which the page starts, of a list in the order of texts; None: the beginning. Raises as `number_behind`."""
        if self.after is None:
            return None
        found = self.after[0]
        if not isinstance(found, str):
            raise InvalidFilter(OTHER_LIST)
        return found


def page_ask(first: int | None, after: str | None, *, with_total: bool = False) -> PageAsk:
    """What a client's `first` and `after` ask for.

    Raises:
        Invalid: `first` is negative or beyond `MAX_PAGE`.
        InvalidFilter: `after` is no cursor of ours.
    """
    if first is None:
        first = DEFAULT_PAGE
    if not 0 <= first <= MAX_PAGE:
        raise Invalid(f"A page holds from 0 to {MAX_PAGE} items; {first} were asked for.")
    return PageAsk(first, decode_cursor(after) if after else None, with_total)


_ENCODER = json.JSONEncoder(separators=(",", ":"))  # `dumps` would make one for each row


def encode_cursor(values: Sequence[Any]) -> str:
    """The opaque text of a row's order values (JSON scalars), its id last."""
    text = _ENCODER.encode(list(values))
    return urlsafe_b64encode(text.encode()).decode()


def decode_cursor(text: str) -> tuple[Any, ...]:
    """The values inside a cursor.

    Raises:
        InvalidFilter: it is not a cursor of ours.
    """
    try:
        values = json.loads(urlsafe_b64decode(text[:4096].encode()))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not values or len(values) > 8:
        raise InvalidFilter("The cursor given as `after` is not one that this server handed out.")
    if any(isinstance(value, list | dict) for value in values):
        raise InvalidFilter("The cursor given as `after` is not one that this server handed out.")
    return tuple(values)


class Edge(NamedTuple, Generic[T]):
    """A row of a page and its place in the order.

    Attributes:
        place: the cursor behind it, or the values that it is made of.
    """

    node: T
    place: str | Sequence[Any]

    @property
    def cursor(self) -> str:
        """The cursor behind the row; most pages are asked for that of their last one only."""
        return self.place if isinstance(self.place, str) else encode_cursor(self.place)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        edges: the rows in order.
        has_next_page: whether rows follow.
        total_count: of all pages; None where it was not asked for.
    """

    edges: tuple[Edge[T], ...]
    has_next_page: bool = False
    total_count: int | None = None

    @property
    def end_cursor(self) -> str | None:
        """The cursor behind the last row; None for an empty page."""
        return self.edges[-1].cursor if self.edges else None

    @property
    def nodes(self) -> tuple[T, ...]:
        """The rows without their cursors."""
        return tuple(edge.node for edge in self.edges)


def page_of(
    found: Sequence[T],
    first: int,
    key: Callable[[T], Sequence[Any]],
    total_count: int | None = None,
) -> Page[T]:
    """The page made of a query's rows, which was asked for one more than fits.

    Args:
        found: at most `first + 1` rows in order.
        first: how many fit.
        key: the order's values of a row, its id last.
        total_count: of all pages, where it was asked for.
    """
    edges = tuple([Edge(item, key(item)) for item in found[:first]])
    return Page(edges, len(found) > first, total_count)


def whole(items: Iterable[T]) -> Page[T]:
    """All items of a short list as one page; its cursors are the positions."""
    if items == ():
        return _EMPTY
    edges = tuple([Edge(item, (i,)) for i, item in enumerate(items)])
    return Page(edges, False, len(edges))


_EMPTY: Page[Any] = Page((), False, 0)
