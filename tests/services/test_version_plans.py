"""How the counts that a plan of versions is made from are found."""

from registrum.core.actors import ANONYMOUS
from registrum.server.db import Database, version_plans
from registrum.server.db.tx import Tx
from tests.services.plans import plan_of


def test_whether_a_path_has_several_values_is_found_by_an_index(database: Database) -> None:
    def look(tx: Tx) -> list[str]:
        return plan_of(tx, version_plans._several_values("f1_p"), {"f1_p": "accuracy", "most": 0})

    plan = "\n".join(database.write(ANONYMOUS, look))
    assert "ix_facts_path_second" in plan
