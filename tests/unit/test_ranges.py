"""Which bytes a Range header asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.server.transfer.ranges import ByteRange, RangeNotSatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=0-", 0, 10),
        ("bytes=3-5", 3, 3),
        ("bytes=3-500", 3, 7),
        ("bytes=9-", 9, 1),
        ("bytes=-3", 7, 3),
        ("bytes=-500", 0, 10),
        ("Bytes= 1-2 ", 1, 2),
    ],
)
def test_one_range_is_cut_to_the_file(header, start, length):
    assert parse_range(header, 10) == ByteRange(start, length)


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "lines=1-2", "bytes=5-3", "bytes=0-1,4-5", "bytes=a-b"],
)
def test_other_units_malformed_values_and_several_ranges_are_ignored(header):
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_outside_of_the_file_cannot_be_satisfied(header):
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5"])
def test_an_empty_file_has_no_range(header):
    with pytest.raises(RangeNotSatisfiable):
        parse_range(header, 0)


@given(st.integers(0, 50), st.none() | st.integers(0, 50), st.integers(1, 40))
def test_a_range_selects_what_a_slice_selects(first, last, size):
    content = bytes(range(size))
    header = f"bytes={first}-{'' if last is None else last}"
    want = content[first : None if last is None else last + 1]
    try:
        found = parse_range(header, size)
    except RangeNotSatisfiable:
        assert first >= size
        return
    if found is None:
        assert last is not None
        assert last < first
        return
    assert content[found.start : found.start + found.length] == want
    assert found.content_range(size) == f"bytes {first}-{first + len(want) - 1}/{size}"
