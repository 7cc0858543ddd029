"""How refusals read: an act with its place is a sentence for each act."""

import pytest

from registrum.core.policy import (
    CORE_ORGANIZATION_ROLE,
    DEFAULT_ORGANIZATION_ROLE,
    DEFAULT_REGISTRY_ROLE,
    DEFAULT_SERVICE_ROLE,
    ORGANIZATION_RULES,
    PROJECT_RULES,
    TEAM_RULES,
    Action,
    Role,
    organization_part,
)

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


def test_the_least_roles_are_those_that_were_decided() -> None:
    """Said twice on purpose: all other tests go by `core/policy.py`, so this one alone notices that a rule was changed."""
    assert {
        action: (rule.registry.words, rule.team.words, rule.organization_admin)
        for action, rule in PROJECT_RULES.items()
    } == {
        Action.READ: ("restricted viewer", "viewer", True),
        Action.DOWNLOAD: ("viewer", "viewer", True),
        Action.WRITE: ("member", "member", False),
        Action.LINK: ("member", "member", False),
        Action.EDIT_COLLECTION: ("member", "member", False),
        Action.DELETE_COLLECTION: ("member", "member", False),
        Action.EDIT_PROJECT: ("member", "member", False),
        Action.AUTOMATE: ("member", "member", False),
        Action.ADD_TYPES: ("admin", "admin", False),
        Action.PROTECT_ALIAS: ("admin", "admin", False),
        Action.ADMINISTER: ("admin", "admin", True),
        Action.DELETE_PROJECT: ("admin", "admin", True),
    }
    assert {action: role.words for action, role in (ORGANIZATION_RULES | TEAM_RULES).items()} == {
        Action.READ_ORGANIZATION: "viewer",
        Action.CREATE_REGISTRY: "member",
        Action.ADMINISTER_ORGANIZATION: "admin",
        Action.READ_ENTITY: "viewer",
        Action.CREATE_PROJECT: "member",
        Action.ADMINISTER_TEAM: "admin",
    }
    assert DEFAULT_REGISTRY_ROLE is Role.RESTRICTED_VIEWER
    assert DEFAULT_SERVICE_ROLE is CORE_ORGANIZATION_ROLE is Role.MEMBER
    assert DEFAULT_ORGANIZATION_ROLE is Role.VIEWER


@pytest.mark.parametrize(
    ("held", "gives"),
    [
        (Role.VIEWER, {"restricted viewer": "restricted viewer", "viewer": "viewer", "member": "viewer"}),
        (Role.MEMBER, {"restricted viewer": "restricted viewer", "viewer": "viewer", "member": "member"}),
        (Role.ADMIN, {"restricted viewer": "admin", "viewer": "admin", "member": "admin"}),
    ],
)  # fmt: skip
def test_what_an_open_registry_gives_to_its_organization(held: Role, gives: dict[str, str]) -> None:
    for of_registry in (Role.RESTRICTED_VIEWER, Role.VIEWER, Role.MEMBER):
        assert organization_part(held, of_registry).words == gives[of_registry.words]
