"""How refusals read: an act with its place is a sentence for each act."""

import pytest

from registrum.core.policy import Action, Role

REGISTRY, TEAM, ORGANIZATION = "registry 'ranker'", "team 'whales'", "organization 'Acme'"


@pytest.mark.parametrize(
    ("action", "place", "words"),
    [
        (Action.READ, REGISTRY, "see anything in registry 'ranker'"),
        (Action.DOWNLOAD, REGISTRY, "download or use artifacts in registry 'ranker'"),
        (Action.WRITE, "project 'p'", "log or edit runs and artifacts in project 'p'"),
        (Action.LINK, REGISTRY, "link or unlink versions, or create collections in registry 'ranker'"),
        (Action.EDIT_COLLECTION, REGISTRY, "edit collections, their tags or aliases in registry 'ranker'"),
        (Action.DELETE_COLLECTION, REGISTRY, "delete collections in registry 'ranker'"),
        (Action.EDIT_PROJECT, REGISTRY, "edit the name or description of registry 'ranker'"),
        (Action.AUTOMATE, REGISTRY, "create or delete automations in registry 'ranker'"),
        (Action.ADD_TYPES, REGISTRY, "change the accepted artifact types of registry 'ranker'"),
        (Action.PROTECT_ALIAS, REGISTRY, "create, apply or remove protected aliases in registry 'ranker'"),
        (Action.ADMINISTER, REGISTRY, "change the visibility, members or roles of registry 'ranker'"),
        (Action.DELETE_PROJECT, REGISTRY, "delete registry 'ranker'"),
        (Action.CREATE_REGISTRY, ORGANIZATION, "create registries in organization 'Acme'"),
        (Action.ADMINISTER_ORGANIZATION, ORGANIZATION, "manage the people, teams and settings of organization 'Acme'"),
        (Action.CREATE_PROJECT, TEAM, "create projects in team 'whales'"),
        (Action.ADMINISTER_TEAM, TEAM, "manage the members and invites of team 'whales'"),
    ],
)  # fmt: skip
def test_an_act_reads_well_with_its_place(action: Action, place: str, words: str) -> None:
    assert action.done_to(place) == words


def test_a_role_is_said_with_those_above_it() -> None:
    assert [role.at_least for role in sorted(Role)] == [
        "restricted viewer or higher",
        "viewer or higher",
        "member or higher",
        "admin",
    ]
