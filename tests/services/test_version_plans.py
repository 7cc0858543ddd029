"""How the counts that a plan of versions is made from are found."""

from registrum.core.actors import ANONYMOUS
from registrum.core.policy import Action
from registrum.server.db import Database, membership_pages, version_plans
from registrum.server.db.filters import Plan
from registrum.server.db.tx import Tx
from registrum.server.db.version_statements import Shape, statement
from tests.services.plans import plan_of


def test_whether_a_path_has_several_values_is_found_by_an_index(database: Database) -> None:
    def look(tx: Tx) -> list[str]:
        return plan_of(tx, version_plans._several_values("f1_p"), {"f1_p": "accuracy", "most": 0})

    plan = "\n".join(database.write(ANONYMOUS, look))
    assert "ix_facts_path_second" in plan


def test_a_page_of_a_collection_looks_at_its_own_project_only(database: Database) -> None:
    shape = Shape("collection", Action.READ, None, membership_pages.NEWEST, False, Plan())
    given = {"collection_id": 1, "actor_id": 1, "actor_is_admin": 0, "limit": 101}
    plan = database.write(ANONYMOUS, lambda tx: plan_of(tx, statement(shape), given))
    assert not [line for line in plan if line.startswith("SCAN") or "Seq Scan" in line]
