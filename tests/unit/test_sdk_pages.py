"""Lazy lists: what is asked for, and what comes back."""

import itertools
from typing import Any

import pytest

from registrum.errors import Missing
from registrum.sdk.pages import CountedPages, page_at


class Numbers(CountedPages[int]):
    """The numbers below `end`, of which odd ones are hidden where `is_even`."""

    def __init__(
        self, end: int, per_page: int = 3, start: str | None = None, is_even: bool = False
    ) -> None:
        super().__init__(per_page, start)
        self.end = end
        self.is_even = is_even
        self.asked: list[Any] = []

    def _ask(self, after: str | None, first: int) -> dict[str, Any]:
        self.asked.append("count" if self._wants_total else after)
        begin = int(after or 0)
        end = min(begin + first, self.end)
        return {
            "edges": [{"node": number} for number in range(begin, end)],
            "pageInfo": {"hasNextPage": end < self.end, "endCursor": str(end)},
        } | ({"totalCount": self.end} if self._wants_total else {})

    def _convert(self, edge: dict[str, Any]) -> int | None:
        number: int = edge["node"]
        return None if self.is_even and number % 2 else number


def test_nothing_is_asked_before_it_is_looked_at() -> None:
    numbers = Numbers(10)
    assert numbers.asked == []
    assert next(numbers) == 0
    assert list(itertools.islice(iter(numbers), 3)) == [0, 1, 2]
    assert numbers.asked == [None]
    assert numbers.more


def test_iteration_begins_anew_and_asks_nothing_twice() -> None:
    numbers = Numbers(7)
    assert [number for number in numbers] == [number for number in numbers] == list(range(7))  # noqa: C416
    assert numbers.asked == [None, "3", "6"]
    assert not numbers.more


def test_it_goes_on_at_a_cursor() -> None:
    numbers = Numbers(7)
    assert numbers.cursor is None
    assert list(itertools.islice(numbers, 3)) == [0, 1, 2]
    rest = Numbers(7, start=numbers.cursor)
    assert rest.cursor == "3"
    assert [*iter(rest)] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("index", "pages"),
    [(0, 1), (2, 1), (3, 2), (-1, 4), (slice(0, 3), 1), (slice(2, 4), 2), (slice(1, None), 4),
     (slice(-2, None), 4), (slice(None), 4), (slice(5, 1, -1), 4), (slice(0, 99), 4), (slice(0, 0), 0)],
)  # fmt: skip
def test_places_are_those_of_a_list_and_load_no_more_than_needed(index: Any, pages: int) -> None:
    numbers = Numbers(10)
    assert numbers[index] == list(range(10))[index]
    assert len(numbers.asked) == pages


def test_a_place_beyond_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Numbers(4)[4]


def test_pages_may_be_empty_of_what_may_be_seen() -> None:
    numbers = Numbers(7, per_page=1, is_even=True)
    assert [*iter(numbers)] == [0, 2, 4, 6]
    assert numbers[2] == 4


def test_it_is_counted_only_for_who_wants_to_know() -> None:
    numbers = Numbers(4)
    assert (len(numbers), len(numbers)) == (4, 4)
    assert numbers.asked == ["count"]
    assert [numbers[place] for place in range(4)] == list(range(4))
    assert numbers.asked == ["count", "3"]


def test_a_list_made_of_it_asks_for_no_page_twice() -> None:
    numbers = Numbers(7)
    assert list(numbers) == list(range(7))
    assert numbers.asked == ["count", "3", "6"]


def test_what_is_loaded_to_the_end_is_not_counted_any_more() -> None:
    numbers = Numbers(7)
    assert numbers[-1] == 6
    assert len(numbers) == 7
    assert numbers.asked == [None, "3", "6"]
    begun = Numbers(7)
    assert next(begun) == 0
    assert len(begun) == 7
    assert begun.asked == [None, "count"]
    assert len(Numbers(7, start="6")) == 7


@pytest.mark.parametrize("per_page", [0, -1, "3", 2.5, True, None])
def test_a_page_has_at_least_one(per_page: Any) -> None:
    with pytest.raises(ValueError, match="per_page"):
        Numbers(3, per_page=per_page)


def test_what_is_not_on_the_way_is_missing() -> None:
    page: dict[str, Any] = {"edges": []}
    way = ("project", "artifactType")
    assert page_at({"project": {"artifactType": {"page": page}}}, *way, of="type model") == page
    for answer in ({"project": {"artifactType": None}}, {"project": None}):
        with pytest.raises(Missing, match="There is no type model,"):
            page_at(answer, *way, of="type model")
