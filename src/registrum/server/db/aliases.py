"""Aliases: names that point at one version of a collection, kept as spans of time.

A span is current while its `until` is null; the UNIQUE index over current spans makes an alias point at one version
only. Moving an alias ends a span and begins another, so history and "as of" are queries of the same rows.
"""

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, update
from sqlalchemy.dialects.postgresql import insert

from registrum.core.memberships import Place
from registrum.core.policy import Action
from registrum.server.db import collections
from registrum.server.db.columns import among
from registrum.server.db.statements import prepared
from registrum.server.db.tables import alias_spans
from registrum.server.db.tx import Tx
from registrum.server.db.visibility import Grant

_CURRENT = alias_spans.c.until.is_(None)
_END_ELSEWHERE = prepared(
    update(alias_spans)
    .where(
        alias_spans.c.collection_id == bindparam("of_collection"),
        among(alias_spans.c.alias, "names", Text),
        alias_spans.c.membership_id != bindparam("of_membership"),
        _CURRENT,
    )
    .values(until=bindparam("now"), ended_by=bindparam("by"))
)
_BEGIN = prepared(
    insert(alias_spans)
    .values(
        collection_id=bindparam("collection_id"),
        membership_id=bindparam("membership_id"),
        alias=bindparam("alias"),
        since=bindparam("now"),
        set_by=bindparam("by"),
    )
    .on_conflict_do_nothing(index_elements=["collection_id", "alias"], index_where=_CURRENT)
)


def point(tx: Tx, place: Grant[Place], names: Sequence[str]) -> None:
    """Points these aliases of the place's collection at it, away from wherever they pointed.

    Names are to be checked before (`core/aliases.py`), protected ones by the caller.

    Args:
        place: grant to WRITE, LINK or EDIT_COLLECTION.
    """
    here = place.require(Action.WRITE, Action.LINK, Action.EDIT_COLLECTION)
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return
    collections.lock(tx, here.collection_id)
    actor = tx.actor.user_id
    tx.run(
        _END_ELSEWHERE,
        of_collection=here.collection_id,
        names=wanted,
        of_membership=here.id,
        now=tx.now,
        by=actor,
    )
    tx.run_many(
        _BEGIN,
        [
            {
                "collection_id": here.collection_id,
                "membership_id": here.id,
                "alias": name,
                "now": tx.now,
                "by": actor,
            }
            for name in wanted
        ],
    )
