"""Lists that come page by page: nothing is asked for before it is looked at, and what was loaded stays.

One iteration at a time: like any iterator, a list isn't made to be walked by two loops or threads at once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeVar, overload

from registrum.errors import Missing

T = TypeVar("T")
Node = dict[str, Any]


class Pages(ABC, Generic[T]):
    """A lazy list of what the server finds.

    Iterate over it, take `pages[3]` or `pages[10:20]`, or keep `cursor` and go on there later, in another process as well,
    by giving it as `start`.

    Attributes:
        per_page: how many are asked for at a time.
        objects: those loaded so far.
        index: place of the one that iteration returned last; -1 before the first.
    """

    def __init__(self, per_page: int, start: str | None = None) -> None:
        if not isinstance(per_page, int) or isinstance(per_page, bool) or per_page < 1:
            raise ValueError(f"per_page must be a whole number above 0, not {per_page!r}.")
        self.per_page = per_page
        self.objects: list[T] = []
        self.index = -1
        self._start = start
        self._page: Node | None = None
        self._seen = 0

    @abstractmethod
    def _ask(self, after: str | None, first: int) -> Node:
        """One page as the server tells it: `edges` and `pageInfo`."""

    @abstractmethod
    def _convert(self, edge: Node) -> T | None:
        """What an edge stands for; None is left out."""

    @property
    def more(self) -> bool:
        """Whether there may be pages that are not loaded yet."""
        return self._page is None or bool(self._page["pageInfo"]["hasNextPage"])

    @property
    def cursor(self) -> str | None:
        """Where the next page begins: hand it back as `start` to go on behind what is loaded."""
        if self._page is None:
            return self._start
        end: str | None = self._page["pageInfo"]["endCursor"]
        return end

    def __iter__(self) -> Iterator[T]:
        """Itself, from the beginning."""
        self.index = -1
        return self

    def __next__(self) -> T:
        """The next one, loading a page where needed."""
        # Pages may be empty and yet not the last: what the caller may not see is left out of them.
        while len(self.objects) <= self.index + 1:
            if not self._load_page():
                raise StopIteration
        self.index += 1
        return self.objects[self.index]

    def next(self) -> T:
        """The next one, as by `next(pages)`."""
        return self.__next__()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        """One or several by place, loading as many pages as that takes; all of them where it counts from the end."""
        needed = _needed(index)
        while (needed is None or len(self.objects) < needed) and self._load_page():
            pass
        return self.objects[index]

    def _load_page(self) -> bool:
        """Loads the next page; False where there is none."""
        if not self.more:
            return False
        page = self._ask(self.cursor, self.per_page)
        found = (self._convert(edge) for edge in page["edges"])
        self.objects += [one for one in found if one is not None]
        self._seen += len(page["edges"])
        self._page = page
        return True


class CountedPages(Pages[T]):
    """A lazy list whose length the server knows; it is counted only if somebody wants to know."""

    _wants_total = False
    """Whether the page that is asked for shall have its `totalCount`."""

    _total: int | None = None

    def __len__(self) -> int:
        """How many there are over all pages, those before `start` as well."""
        if self._page is None:
            # `list()` asks for the length first: one request then gives both.
            self._wants_total = True
            self._load_page()
            self._wants_total = False
        if self._total is None:
            told = (self._page or {}).get("totalCount")
            is_known = self._start is None and not self.more
            self._total = told if told is not None else self._seen if is_known else self._count()
        return self._total

    def _count(self) -> int:
        self._wants_total = True
        page = self._ask(None, 1)
        self._wants_total = False
        return int(page["totalCount"])


def page_at(answer: Node, *path: str, of: str) -> Node:
    """The page at the end of the path through an answer, of which every part is null where it isn't there.

    Args:
        answer: of the server.
        path: to what the page belongs to.
        of: how people call that.

    Raises:
        Missing: a part isn't there; a ValueError.
    """
    found: Any = answer
    for name in path:
        found = found[name]
        if found is None:
            raise Missing(f"There is no {of}, or the caller may not see it.")
    page: Node = found["page"]
    return page


def _needed(index: int | slice) -> int | None:
    """How many have to be loaded for it; None: all."""
    if not isinstance(index, slice):
        return index + 1 if index >= 0 else None
    ends = (index.start, index.stop)
    if index.stop is None or any(end is not None and end < 0 for end in ends):
        return None
    if index.step is not None and index.step < 0:
        return None
    return int(index.stop)
