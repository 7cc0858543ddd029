"""How a database would go about a statement: the lines of its plan."""

from collections.abc import Mapping

from sqlalchemy import text

from registrum.server.db.statements import Prepared
from registrum.server.db.tx import Tx


def plan_of(tx: Tx, statement: Prepared, given: Mapping[str, object]) -> list[str]:
    """The lines of its plan, as if tables were large."""
    if tx.is_shared:
        # With so few rows PostgreSQL would rather read a whole table, for a good reason.
        tx.run(text("SET LOCAL enable_seqscan = off"))
    compiled = statement.for_dialect(tx.dialect)
    words = "EXPLAIN" if tx.is_shared else "EXPLAIN QUERY PLAN"
    rows = tx._driver.rows(f"{words} {compiled.text}", compiled.parameters(given))
    return [str(row[-1]) for row in rows]
