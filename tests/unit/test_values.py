"""Light dataclasses are what `dataclass` makes of them, but for the time it takes."""

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from registrum.core.values import light


@light
@dataclass(frozen=True, slots=True)
class Place:
    """A place."""

    name: str
    height: int = 0
    near: tuple[str, ...] = ()


def test_fields_are_given_by_place_and_by_name_or_left_to_their_defaults():
    assert Place("a") == Place(name="a", height=0, near=())
    assert repr(Place("a", 3, near=("b",))) == "Place(name='a', height=3, near=('b',))"
    assert replace(Place("a", 3), near=("b",)) == Place("a", 3, ("b",))
    assert hash(Place("a")) == hash(Place("a"))


def test_it_stays_frozen():
    place = Place("a")
    with pytest.raises(FrozenInstanceError):
        place.name = "b"  # type: ignore[misc]


def test_a_missing_field_is_named():
    with pytest.raises(TypeError, match=r"Place.__init__\(\) missing 1 required .*'name'"):
        Place()  # type: ignore[call-arg]
