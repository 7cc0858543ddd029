"""A transaction: the one value through which SQL is run, for one actor, on one snapshot or one unit of writing."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import Executable

from registrum.core.actors import Actor
from registrum.server.db.statements import Compiled, Prepared, Row


class Taken(Exception):
    """A UNIQUE constraint refused a row; the db writer turns it into the noun's own error."""


class Driver(Protocol):
    """What the two databases' drivers are asked to do within an open transaction."""

    dialect: Dialect

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """Runs a statement that returns rows.

        Raises:
            Taken: a UNIQUE constraint refused it.
            DeadlineExceeded: it took longer than a request may.
        """

    def count(self, sql: str, parameters: Mapping[str, Any]) -> int:
        """Runs a statement without rows; the number of rows it touched. Raises as `rows`."""

    def many(self, sql: str, parameters: list[dict[str, Any]]) -> None:
        """Runs a statement once for each set of parameters. Raises as `rows`."""


class Tx:
    """An open transaction of one actor.

    Attributes:
        actor: whose rights every condition in `db/visibility.py` is about.
        now: the moment it is about, aware UTC; the same in the whole transaction.
        actor_parameters: bound in every statement: `actor_id` (0: nobody) and `actor_is_admin`.
    """

    __slots__ = ("_driver", "actor", "actor_parameters", "dialect", "now")

    def __init__(self, driver: Driver, actor: Actor, now: datetime) -> None:
        self._driver = driver
        self.dialect = driver.dialect
        self.actor = actor
        self.now = now
        self.actor_parameters = {
            "actor_id": actor.user_id or 0,
            "actor_is_admin": int(actor.is_admin),
        }

    @property
    def is_shared(self) -> bool:
        """Whether others may write at the same time, so that rows have to be locked; SQLite has one writer."""
        return self.dialect.name != "sqlite"

    def _compiled(self, statement: Executable | Prepared) -> Compiled:
        if isinstance(statement, Prepared):
            return statement.for_dialect(self.dialect)
        return Compiled(statement, self.dialect)

    def rows(self, statement: Executable | Prepared, /, **given: Any) -> list[Row]:
        """All rows of a SELECT, or of a statement with RETURNING, as named tuples."""
        compiled = self._compiled(statement)
        parameters = compiled.parameters(given, self.actor_parameters)
        return compiled.rows(self._driver.rows(compiled.text, parameters))

    def one(self, statement: Executable | Prepared, /, **given: Any) -> Row | None:
        """The first row, or None."""
        found = self.rows(statement, **given)
        return found[0] if found else None

    def value(self, statement: Executable | Prepared, /, **given: Any) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(statement, **given)
        return found[0][0] if found else None

    def column(self, statement: Executable | Prepared, /, **given: Any) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self.rows(statement, **given)]

    def run(self, statement: Executable | Prepared, /, **given: Any) -> int:
        """Runs a statement for its effect; the number of rows that it touched."""
        compiled = self._compiled(statement)
        parameters = compiled.parameters(given, self.actor_parameters)
        return self._driver.count(compiled.text, parameters)

    def run_many(
        self, statement: Executable | Prepared, given: Iterable[Mapping[str, Any]], /, **same: Any
    ) -> None:
        """Runs a statement once for each set of parameters, which `same` adds to; for inserts of many rows."""
        compiled = self._compiled(statement)
        parameters = compiled.many(given, same)
        if parameters:
            self._driver.many(compiled.text, parameters)
