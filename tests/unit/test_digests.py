"""Digests, metadata facts and TTLs."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registrum.core.digests import (
    Algorithm,
    artifact_algorithm,
    check_artifact_digest,
    from_base64,
    from_hex,
    to_base64,
)
from registrum.core.errors import Invalid, TooLarge
from registrum.core.metadata import MAX_FACTS, Fact, check_metadata, facts_of
from registrum.core.retention import effective_ttl, expires_at, own_ttl


@given(st.binary(min_size=16, max_size=16))
def test_a_digest_comes_back(raw: bytes) -> None:
    assert from_base64(to_base64(raw)) == raw
    assert from_hex(raw.hex()) == raw
    assert check_artifact_digest(raw.hex()) == raw.hex()


@pytest.mark.parametrize("text", ["", "AAAA", "é", "A" * 44, b64encode(b"0" * 15).decode()])
def test_other_texts_are_no_digest(text: str) -> None:
    with pytest.raises(Invalid):
        from_base64(text)
    with pytest.raises(Invalid):
        from_hex(text)


def test_the_algorithm_of_the_files_follows_that_of_the_artifact() -> None:
    assert artifact_algorithm(None).of_files is Algorithm.MD5
    assert artifact_algorithm("MANIFEST_XXH128").of_files is Algorithm.XXH128
    with pytest.raises(Invalid):
        artifact_algorithm("CRC32")


def test_facts_are_the_scalars_by_dotted_path() -> None:
    metadata = {"lr": 0.1, "net": {"deep": True, "name": "x"}, "tags": ["a", 2, None], "none": None}
    assert facts_of(json.dumps(metadata)).indexed == [
        Fact("lr", 0, 0.1, None),
        Fact("net.deep", 0, None, "true"),
        Fact("net.name", 0, None, "x"),
        Fact("tags", 0, None, "a"),
        Fact("tags", 1, 2.0, None),
    ]


def test_facts_are_bounded() -> None:
    metadata = {"long": "x" * 300, "nul": "\x00", "huge": 10**400, "many": list(range(100))}
    found, more = facts_of(json.dumps(metadata))
    assert len(found) == MAX_FACTS
    assert {"many"} <= {fact.path for fact in found} <= {"many", "nul"}
    assert more is not None
    assert set(more) == {"long", "many"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# Small ones, and for the limits some of them many times over: large ones take long to draw.
documents = st.builds(
    lambda document, times: {
        key + "+" * n: value for n in range(times) for key, value in document.items()
    },
    st.dictionaries(st.text(), json_values, max_size=5),
    st.sampled_from([1, 1, 1, 20]),
)


@settings(deadline=None)
@given(documents)
def test_any_object_has_facts_that_can_be_kept(document: dict[str, object]) -> None:
    text = check_metadata(json.dumps(document))
    found = facts_of(text).indexed
    assert len({(fact.path, fact.ordinal) for fact in found}) == len(found)
    for fact in found:
        assert (fact.number is None) != (fact.text is None)
        assert "\x00" not in f"{fact.path}{fact.text}"
        fact.path.encode()


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "{", '{"a": NaN}', '{"a": Infinity}'])
def test_metadata_is_a_json_object(text: str) -> None:
    with pytest.raises(Invalid):
        check_metadata(text)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_named(number: str) -> None:
    with pytest.raises(Invalid, match=f"cannot hold {number}:"):
        check_metadata(f'{{"a": [{number}]}}')


@pytest.mark.parametrize("text", [None, "", " ", "null"])
def test_no_metadata_is_none(text: str | None) -> None:
    assert check_metadata(text) is None


def test_metadata_has_limits() -> None:
    with pytest.raises(Invalid, match="keys"):
        check_metadata(json.dumps({str(i): 1 for i in range(101)}))
    with pytest.raises(Invalid, match="levels"):
        check_metadata('{"a":' + "[" * 64 + "]" * 64 + "}")
    with pytest.raises(TooLarge):
        check_metadata(json.dumps({"a": "x" * (1 << 20)}))


def test_ttl_is_own_then_inherited_then_none() -> None:
    assert [own_ttl(each) for each in (None, -1, -2, 60)] == [None, None, -2, 60]
    assert [effective_ttl(*each) for each in ((None, None), (None, 9), (-2, 9), (5, 9))] == [
        -2,
        9,
        -2,
        5,
    ]
    for wrong in (0, -3, 10**12):
        with pytest.raises(Invalid):
            own_ttl(wrong)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert expires_at(now, 60) == now + timedelta(seconds=60)
    assert expires_at(now, -2) is None
