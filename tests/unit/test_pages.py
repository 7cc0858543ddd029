"""Pages and cursors: what goes round, what is refused, and what a list in order asks of one."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.errors import Invalid, InvalidFilter
from registrum.core.pages import (
    DEFAULT_PAGE,
    MAX_PAGE,
    PageAsk,
    decode_cursor,
    encode_cursor,
    page_ask,
    page_of,
    whole,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=50)


@given(st.lists(SCALARS, min_size=1, max_size=8))
def test_a_cursor_holds_what_was_put_into_it(values: list[Any]) -> None:
    assert decode_cursor(encode_cursor(values)) == tuple(values)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: urlsafe_b64encode(b).decode()))
def test_what_is_no_cursor_is_refused_in_words_or_is_one_of_scalars(text: str) -> None:
    try:
        values = decode_cursor(text)
    except InvalidFilter:
        return
    assert values
    assert not any(isinstance(value, list | dict) for value in values)


def test_a_page_is_one_of_fifty_where_nothing_is_said() -> None:
    assert page_ask(None, None) == PageAsk(DEFAULT_PAGE)
    assert page_ask(None, "") == PageAsk(DEFAULT_PAGE)


@pytest.mark.parametrize("first", [-1, MAX_PAGE + 1])
def test_a_page_has_bounds(first: int) -> None:
    with pytest.raises(Invalid, match=str(first)):
        page_ask(first, None)


def test_the_row_too_many_tells_that_more_follow() -> None:
    page = page_of([3, 5, 7], 2, lambda number: (number,))
    assert (page.nodes, page.has_next_page) == ((3, 5), True)
    assert page.end_cursor == encode_cursor((5,))
    assert not page_of([3, 5], 2, lambda number: (number,)).has_next_page
    assert whole(()).end_cursor is None


def test_a_list_in_order_goes_on_behind_a_number_or_a_text() -> None:
    assert (PageAsk().number_behind(), PageAsk().text_behind()) == (None, None)
    assert PageAsk(after=(7,)).number_behind() == 7
    assert PageAsk(after=("ann", 7)).text_behind() == "ann"


@pytest.mark.parametrize("values", [("ann",), (-1,), (1.5,), (True,), (None,)])
def test_a_cursor_of_another_list_is_no_number(values: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidFilter, match="another list"):
        PageAsk(after=values).number_behind()


@pytest.mark.parametrize("values", [(7,), (None,), (True,)])
def test_a_cursor_of_another_list_is_no_text(values: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidFilter, match="another list"):
        PageAsk(after=values).text_behind()
