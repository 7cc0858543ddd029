"""Names of versions and rules of aliases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.aliases import MOST_AT_ONCE, Reference, checked, reference, reference_in
from registrum.core.errors import Invalid, InvalidName
from registrum.core.linking import aliases_of_link


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("net", Reference("net", alias="latest")),
        ("net:", Reference("net", alias="latest")),
        ("net:prod", Reference("net", alias="prod")),
        ("net:a/b:c", Reference("net", alias="a/b:c")),
        ("net:v0", Reference("net", version=0)),
        ("net:v12", Reference("net", version=12)),
        ("net:v01", Reference("net", alias="v01")),
        ("net:v", Reference("net", alias="v")),
        ("net:v99999999999", Reference("net", alias="v99999999999")),
        ("net:v٣", Reference("net", alias="v٣")),
    ],
)
def test_what_a_name_means(text: str, expected: Reference) -> None:
    assert reference(text) == expected


@given(st.text(st.characters(blacklist_characters=":"), min_size=1), st.integers(0, 2**31 - 1))
def test_every_version_number_is_found_by_its_name(collection: str, number: int) -> None:
    found = reference(f"{collection}:v{number}")
    assert (found.collection, found.version) == (collection, number)
    assert reference(str(found)) == found == reference_in(collection, f"v{number}")


@pytest.mark.parametrize("name", ["v0", "v17", "", " ", "a/b", "a:b", "x" * 129, "a\nb"])
def test_what_cannot_be_an_alias(name: str) -> None:
    with pytest.raises(InvalidName):
        checked([name])


def test_aliases_are_kept_once_and_in_order_and_bounded() -> None:
    assert checked(["b", "a", "b"]) == ("b", "a")
    with pytest.raises(Invalid):
        checked(str(i) for i in range(MOST_AT_ONCE + 1))


def test_a_new_link_gets_latest_and_an_old_one_what_was_asked() -> None:
    assert aliases_of_link(["prod", "latest"], is_new=True) == ("latest", "prod")
    assert aliases_of_link(["prod"], is_new=False) == ("prod",)
