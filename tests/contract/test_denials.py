"""The fourth lock: one example for every root field of the schema and every byte route, as everybody, against the policy.

What may not be read does not exist: the answer is the one for something missing, and nothing in it gives a name away. What may
be read but not done is refused with the action, the role held and the role needed. See `denial_world.py` for who is who.
"""

import pytest

from tests.contract.denial_mutations import mutations
from tests.contract.denial_queries import queries
from tests.contract.denial_stage import (
    BOUND,
    EVERYBODY,
    UNSUPPORTED,
    Stage,
    expected,
    mutation_faults,
    query_faults,
)
from tests.contract.denial_world import (
    ROLES,
)


def test_every_root_field_has_an_example(stage: Stage) -> None:
    schema = BOUND.schema
    assert schema.query_type
    assert schema.mutation_type
    shown = {example.field for example in (*queries(stage.world), *mutations(stage.world))}
    assert shown == {*schema.query_type.fields, *schema.mutation_type.fields} - UNSUPPORTED


def test_the_schema_says_of_what_is_not_supported_that_it_is_not() -> None:
    schema = BOUND.schema
    assert schema.query_type
    assert schema.mutation_type
    fields = {**schema.query_type.fields, **schema.mutation_type.fields}
    said = {name for name, field in fields.items() if "not supported" in (field.description or "")}
    assert said == UNSUPPORTED


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_queries_show_what_the_policy_allows(stage: Stage, who: str | None) -> None:
    faults = [
        f"{example.title}: {fault}"
        for example in queries(stage.world)
        for fault in query_faults(stage, who, example)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("who", EVERYBODY, ids=ROLES.values())
def test_mutations_do_what_the_policy_allows(stage: Stage, who: str | None) -> None:
    faults = [
        f"{example.title}: {fault}"
        for example in mutations(stage.world)
        for fault in mutation_faults(stage, who, example)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("who", ["gus", "olaf"], ids=ROLES.get)
def test_postgres_gives_the_same_answers(stage_on_postgres: Stage, who: str) -> None:
    stage = stage_on_postgres
    faults = [
        f"{example.title}: {fault}"
        for example in queries(stage.world)
        for fault in query_faults(stage, who, example)
    ]
    for example in mutations(stage.world):
        if expected(example, who)[1] is not None:
            faults += [f"{example.title}: {f}" for f in mutation_faults(stage, who, example)]
    assert not faults, "\n".join(faults)
