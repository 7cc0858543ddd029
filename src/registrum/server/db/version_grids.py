"""Finding a page of versions, newest links first, by cells of time, where reading the list up to it would take long.

A cell is 2**32 microseconds, 72 minutes. *By cells*: of what was logged in some of them, an index gives the newest links of each
cell; the cells are read from the one with the newest link on, until the page is full. *From the newest*: of what an index
finds for one condition, the newest artifacts are visited first. They are rightly the page if no older artifact was linked
since its last row, and another index gives those that were, cell by cell: few, as most are linked soon after they are logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select, type_coerce

from registrum.server.db.columns import among
from registrum.server.db.filters import Plan
from registrum.server.db.statements import Prepared, Row, prepared
from registrum.server.db.tables import artifacts, memberships
from registrum.server.db.tx import Tx
from registrum.server.db.version_statements import (
    ALIVE,
    LINKED_CELL,
    LOGGED_CELL,
    Shape,
    cell_of,
    exceeds,
    statement,
    unmerged,
)

MOST_CELLS = 1_000
"""That are looked at; of those in which nothing was linked, too, on the way from the newest."""
MARGIN = 1.4
"""More than that many times the page's rows are looked for among the newest artifacts."""
OUT_OF_TURN = 20_000
"""Artifacts, logged before the page's last one, that may well be linked after it."""
MOST_RECENT = 4_000
"""Of those that the condition holds for, are visited."""
MOST_OLDER = 4_000
"""Artifacts linked out of turn that are looked at."""
_FAR = 2**62


@dataclass(frozen=True, slots=True)
class ByCells:
    """The way by cells of when versions were logged, from the `first` to the `last`."""

    first: int
    last: int

    def rows(self, tx: Tx, shape: Shape, given: Mapping[str, Any]) -> list[Row] | None:
        """The page's rows; None where there are too many cells."""
        shape = replace(shape, scope=unmerged(shape.scope), cut="logged", plan=_unplanned(shape))
        newest = tx.rows(
            _newest_of_cells(shape.scope),
            first_cell=self.first,
            last_cell=self.last,
            most=MOST_CELLS + 1,
            **{"last_0": _FAR, **given},
        )
        if len(newest) > MOST_CELLS:
            return None
        limit, found = given["limit"], list[Row]()
        for cell in sorted(newest, key=lambda cell: cell.linked_at or 0, reverse=True):
            is_full = len(found) >= limit
            if cell.linked_at is None or (is_full and cell.linked_at < found[-1].k0):
                break
            found = _merged(found, tx.rows(statement(shape), cell=cell.number, **given), limit)
        return found


@dataclass(frozen=True, slots=True)
class FromNewest:
    """The way from the newest artifacts of those that the plan's leaves hold for.

    Attributes:
        count: of those.
        share: of them that other conditions, too, seem to hold for.
    """

    count: int
    share: float

    def rows(self, tx: Tx, shape: Shape, given: Mapping[str, Any]) -> list[Row] | None:
        """The page's rows; None where too many artifacts would be visited."""
        limit, found = given["limit"], list[Row]()
        if self.count <= limit:
            return None
        # Where the longer way visits all of them as well, what was visited need not be visited again.
        visits_all = shape.plan.drives
        recent = replace(shape, plan=replace(shape.plan, drives=True, is_recent=True))
        since = end = 1 + tx.value(_LAST_ARTIFACT)
        span = MARGIN * limit * end / (self.count * self.share) + OUT_OF_TURN
        while since > 0:
            if span * self.count >= MOST_RECENT * end:
                if not visits_all:
                    return None
                span = end
            below, since = since, max(end - int(span), 0)
            some = {"from_artifact": since, "below_artifact": below}
            found = _merged(found, tx.rows(statement(recent), **some, **given), limit)
            if len(found) < limit or since == 0:
                span *= min(max(MARGIN * limit / (len(found) + 1), 2), 20)
                continue
            whole = self._with_older(tx, shape, given, found, since)
            if whole is not None or not visits_all:
                return whole
            span = end
        return found

    def _with_older(
        self, tx: Tx, shape: Shape, given: Mapping[str, Any], found: list[Row], artifact_id: int
    ) -> list[Row] | None:
        """The page's rows, also of artifacts before that one."""
        plan = _unplanned(shape)
        shape = replace(shape, scope="organization", cut="linked", plan=plan)
        newest = given["last_0"] if shape.has_after else tx.value(_NEWEST_LINK, **given)
        since = found[-1].k0
        cells = range(cell_of(since), cell_of(newest) + 1)
        if len(cells) > MOST_CELLS:
            return None
        older = {"cells": list(cells), "from_artifact": artifact_id, "since": since, **given}
        if tx.value(_OLDER_EXCEED, most=MOST_OLDER, **older):
            return None
        return _merged(found, tx.rows(statement(shape), **older), given["limit"])


Grid = ByCells | FromNewest


def _unplanned(shape: Shape) -> Plan:
    return Plan(more_facts=shape.plan.more_facts)


def _merged(some: Sequence[Row], more: Sequence[Row], limit: int) -> list[Row]:
    return sorted([*some, *more], key=lambda row: (row.k0, row.id), reverse=True)[:limit]


_LAST_ARTIFACT = prepared(select(func.max(artifacts.c.id)))
_IN_ORGANIZATION = memberships.c.organization_id == bindparam("organization_id")
_NEWEST_LINK = prepared(
    select(func.max(memberships.c.created_at, type_=BigInteger)).where(ALIVE, _IN_ORGANIZATION)
)
_OLDER_EXCEED = exceeds(
    select(memberships.c.id).where(
        ALIVE,
        _IN_ORGANIZATION,
        among(LINKED_CELL, "cells"),
        memberships.c.artifact_id < bindparam("from_artifact"),
    )
)


@lru_cache(maxsize=8)
def _newest_of_cells(scope: str) -> Prepared:
    """The cells from `first_cell` to `last_cell` that have versions, and when the newest of each was linked.

    From the time `last_0` back. Each cell is found from the one before it, so that empty ones cost nothing.
    """
    in_project = memberships.c.project_id == bindparam("project_id")
    place = in_project if scope == "project" else _IN_ORGANIZATION
    last = bindparam("last_cell", type_=BigInteger)

    def first_cell(condition: ColumnElement[bool]) -> ColumnElement[int]:
        found = select(LOGGED_CELL).where(ALIVE, place, condition, last >= LOGGED_CELL)
        return found.order_by(LOGGED_CELL).limit(1).scalar_subquery()

    cells = select(
        first_cell(bindparam("first_cell", type_=BigInteger) <= LOGGED_CELL).label("number")
    ).cte("cells", recursive=True)
    following = select(first_cell(cells.c.number < LOGGED_CELL)).where(cells.c.number.is_not(None))
    cells = cells.union_all(following)
    linked_at = type_coerce(memberships.c.created_at, BigInteger)
    newest = (
        select(func.max(linked_at))
        .where(
            ALIVE,
            place,
            cells.c.number == LOGGED_CELL,
            linked_at <= bindparam("last_0", type_=BigInteger),
        )
        .scalar_subquery()
    )
    return prepared(
        select(cells.c.number, newest.label("linked_at"))
        .where(cells.c.number.is_not(None))
        .limit(bindparam("most"))
    )
