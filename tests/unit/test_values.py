"""Light dataclasses are what `dataclass` makes of them, but for the time it takes."""

import copy
import pickle
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


@light
@dataclass(frozen=True, slots=True)
class Address:
    """A place with many fields."""

    name: str
    street: str
    number: int
    town: str
    state: str | None = None
    code: str = ""
    height: int = 0


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


def test_many_fields_make_no_difference():
    house = Address("a", "b", 3, "c", code="d")
    assert type(house) is Address
    assert (
        repr(house)
        == "Address(name='a', street='b', number=3, town='c', state=None, code='d', height=0)"
    )
    assert replace(house, height=2) == Address("a", "b", 3, "c", None, "d", 2)
    assert pickle.loads(pickle.dumps(house)) == copy.copy(house) == house
    assert hash(house) == hash(copy.copy(house))
    with pytest.raises(FrozenInstanceError):
        house.height = 1  # type: ignore[misc]
    with pytest.raises(TypeError, match=r"Address.__init__\(\) missing 3 required .*'street'"):
        Address("a")  # type: ignore[call-arg]
