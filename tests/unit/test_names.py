"""Names: what each noun allows, and that the rules are quick whatever comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core import names
from registrum.core.errors import InvalidName
from registrum.core.projects import REGISTRY_PREFIX

CHECKS = [
    names.check_project_name,
    names.check_registry_name,
    names.check_entity_name,
    names.check_artifact_name,
    names.check_collection_name,
    names.check_alias,
    names.check_tag,
    names.check_artifact_type,
]


@pytest.mark.parametrize(
    ("check", "name"),
    [
        (names.check_project_name, "my project (2)"),
        (names.check_registry_name, REGISTRY_PREFIX + "x" * 113),
        (names.check_entity_name, "user_gw0-abc.d"),
        (names.check_organization_name, "Acme, Inc."),
        (names.check_artifact_name, "run-1_table.v2"),
        (names.check_collection_name, "a name with spaces"),
        (names.check_alias, "best model"),
        (names.check_alias, "v1.2"),
        (names.check_tag, "orig-TAG  1"),
        (names.check_artifact_type, "data set.v2"),
        (names.check_artifact_type, "модель"),
    ],
)
def test_good_names_pass_as_they_are(check, name):  # type: ignore[no-untyped-def]
    assert check(name) == name


@pytest.mark.parametrize(
    ("check", "name"),
    [
        *((check, bad) for check in CHECKS for bad in ("", "  ", "x" * 129, "a\nb", "a\0b")),
        *((names.check_project_name, f"a{bad}b") for bad in "/\\#?%:"),
        (names.check_collection_name, "model\u202egnp.exe"),
        (names.check_project_name, "a\u2066b"),
        (names.check_registry_name, REGISTRY_PREFIX),
        (names.check_own_project_name, REGISTRY_PREFIX + "model"),
        (names.check_own_project_name, "a/b"),
        (names.check_registry_name, "model"),
        (names.check_registry_name, REGISTRY_PREFIX + "x" * 114),
        (names.check_entity_name, "GraphQL"),
        (names.check_entity_name, "a b"),
        (names.check_entity_name, ".hidden"),
        (names.check_organization_name, "a/b"),
        (names.check_artifact_name, "a:b"),
        (names.check_collection_name, "a/b"),
        (names.check_alias, "a:b"),
        (names.check_alias, "v3"),
        (names.check_tag, " lead"),
        (names.check_tag, "a.b"),
        (names.check_artifact_type, "a/b"),
        (names.check_artifact_type, "trail "),
    ],
)
def test_bad_names_are_refused(check, name):  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidName):
        check(name)


@given(st.sampled_from(CHECKS), st.text(max_size=200))
def test_a_name_passes_unchanged_or_is_refused(check, name):  # type: ignore[no-untyped-def]
    try:
        assert check(name) == name
    except InvalidName:
        pass


@pytest.mark.parametrize("check", CHECKS)
def test_long_names_that_almost_match_are_refused(check):  # type: ignore[no-untyped-def]
    for name in ("a" * 127 + "!", "- " * 63 + "!", "a." * 63 + "/"):
        with pytest.raises(InvalidName):
            check(name + "\n")


@pytest.mark.parametrize(
    ("name", "slug"), [("Acme Inc.", "acme-inc"), ("Ünïcode", "unicode"), ("日本", "organization")]
)
def test_an_organization_has_a_slug(name: str, slug: str) -> None:
    assert names.organization_slug(name) == slug


def test_addresses_and_the_user_names_made_of_them() -> None:
    assert names.username_from("ann.b+x@host.org") == "ann.b-x"
    assert names.username_from("日本@host.org") == "user"
    with pytest.raises(InvalidName):
        names.check_email("a b@c")


def test_names_that_differ_in_case_only_are_one() -> None:
    assert names.folded("STRASSE") == names.folded("straße")
