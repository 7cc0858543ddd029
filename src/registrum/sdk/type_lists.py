"""The artifact types of a registry as a list that only grows: what was saved stays, what wasn't may be taken back."""

from collections.abc import Iterable, MutableSequence, Sequence
from typing import Any, overload


class AddOnlyArtifactTypesList(MutableSequence[str]):
    """A registry's artifact types: first the saved ones, then those added since.

    What is in it already is not added again.

    Args:
        iterable: the saved ones.
    """

    def __init__(self, iterable: Iterable[str] | None = None, /) -> None:
        self._saved = tuple(iterable or ())
        self._draft: list[str] = []

    @property
    def draft(self) -> tuple[str, ...]:
        """Those that were added and are not saved yet."""
        return tuple(self._draft)

    def append(self, value: str) -> None:
        """Adds a type."""
        if value not in self:
            self._draft.append(value)

    def insert(self, index: int, value: str) -> None:
        """Adds a type before another that isn't saved.

        Raises:
            IndexError: a saved one stands at that place.
        """
        if value in self:
            return
        size = len(self)
        if index >= size:
            self._draft.append(value)
        elif index < -size and not self._saved:
            self._draft.insert(0, value)
        else:
            place = (index % size) - len(self._saved)
            if place < 0:
                raise IndexError(f"The first {len(self._saved)} types are saved and stay in place.")
            self._draft.insert(place, value)

    def remove(self, value: str) -> None:
        """Takes back a type that isn't saved yet.

        Raises:
            ValueError: it is saved, or not in the list.
        """
        if value in self._saved:
            raise ValueError(f"The artifact type {value!r} is saved and can't be removed.")
        if value not in self._draft:
            raise ValueError(f"The artifact type {value!r} is not in the list.")
        self._draft.remove(value)

    def freeze(self) -> None:
        """Makes those that were added count as saved."""
        self._saved = (*self._saved, *self._draft)
        self._draft.clear()

    def __contains__(self, value: object) -> bool:
        """Whether it is among them, saved or not."""
        return value in self._saved or value in self._draft

    def __len__(self) -> int:
        """How many there are, saved or not."""
        return len(self._saved) + len(self._draft)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        """One or several by place."""
        return [*self._saved, *self._draft][index]

    @overload
    def __setitem__(self, index: int, value: str) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[str]) -> None: ...
    def __setitem__(self, index: int | slice, value: Any) -> None:
        """Puts another type in the place of one that isn't saved."""
        place = self._draft_place(index)
        if value not in self:
            self._draft[place] = value

    def __delitem__(self, index: int | slice) -> None:
        """Takes back a type that isn't saved."""
        del self._draft[self._draft_place(index)]

    def _draft_place(self, index: int | slice) -> int:
        if isinstance(index, slice):
            raise TypeError("Artifact types are changed one at a time, not by slices.")
        size = len(self)
        if not -size <= index < size:
            raise IndexError("There is no artifact type at that place.")
        place = (index % size) - len(self._saved)
        if place < 0:
            raise ValueError(f"The artifact type at {index} is saved and stays.")
        return place

    def __eq__(self, value: object) -> bool:
        """Whether another sequence has the same types in the same order."""
        if not isinstance(value, Sequence):
            return NotImplemented
        return list(self) == list(value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        saved, draft = list(self._saved), list(self._draft)
        return f"AddOnlyArtifactTypesList(saved={saved!r}, draft={draft!r})"
