"""Reading a manifest's JSON in pieces: the same as Python's parser gives, however it is laid out."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.errors import Invalid
from registrum.core.manifest import parse
from registrum.server.services import manifest_reading
from registrum.server.services.manifest_reading import read_json

texts = st.text(st.sampled_from('ab{}[],:"\\ \né\ud800'), max_size=6)
numbers = st.integers() | st.sampled_from([2**64, -(2**70), 10**25]) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
entries = values | st.fixed_dictionaries(
    {"digest": texts, "size": numbers},
    optional={
        "extra": st.dictionaries(texts, values | st.fixed_dictionaries({"alg": texts})),
        "ref": texts,
    },
)
documents = st.fixed_dictionaries(
    {"version": st.just(1), "contents": st.dictionaries(texts, entries, max_size=12)},
    optional={"storagePolicyConfig": values, "contents ": values},
)


@pytest.fixture(autouse=True, scope="module")
def tiny_pieces() -> Iterator[None]:
    """So that a few entries are many pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_reading, "_PIECE_BYTES", 20)
        patch.setattr(manifest_reading, "_LARGE_BYTES", 0)
        yield


def told(content: bytes, read: Any) -> object:
    """What comes of parsing it; texts, since one NaN is not like another."""
    try:
        return repr(parse(content, read))
    except Exception as error:
        return type(error), str(error)


@given(documents, st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r")]), st.booleans())
def test_it_says_the_same_as_the_parser_of_python(
    document: dict[str, Any], separators: tuple[str, str], is_ascii: bool
) -> None:
    text = json.dumps(document, separators=separators, ensure_ascii=is_ascii)
    content = text.encode(errors="surrogatepass")
    assert told(content, read_json) == told(content, json.loads)


@given(documents, st.data())
def test_damaged_ones_are_read_or_refused_likewise(
    document: dict[str, Any], data: st.DataObject
) -> None:
    content = json.dumps(document).encode()
    at = data.draw(st.integers(0, len(content)))
    until = data.draw(st.integers(at, min(len(content), at + 30)))
    put = data.draw(
        st.sampled_from([b"", b"}", b"}}", b'"', b',"contents":{', b'},"a":{', b"{", b"\f", b"},"])
    )
    content = content[:at] + put + content[until:]
    assert told(content, read_json) == told(content, json.loads)


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1}}, "contents": {}}',
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1}, "a": {"digest": "y", "size": 2}}}',
        '{"version": 1, "contents": {"},": {"digest": "x", "size": 1}, "b": {"digest": "}},", "size": 2}}}',
        '{"version": 1, "storagePolicyConfig": {"contents": {"a": {"digest": "x", "size": 1}}}}',
        '{"version": 1, "contents": {}, "a\\"contents": {"a": {"digest": "x", "size": 1}}}',
        '{"contents": {"a": {"digest": "x", "size": 1}}, "version": 1}',
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1},}}',
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1}}} {}',
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1},\f"b": {"digest": "y", "size": 2}}}',
        '{"version": 1, "contents": {"a": {"digest": "x", "size": 1}}\f}',
        '\ufeff{"version": 1, "contents": {"a": {"digest": "x", "size": 1}}}',
    ],
)
def test_what_could_be_misunderstood_is_not(text: str) -> None:
    assert told(text.encode(), read_json) == told(text.encode(), json.loads)


def test_clients_manifests_are_read_in_pieces() -> None:
    entry = {"digest": "x", "size": 1, "extra": {"alg": "XXH128"}, "local_path": "/a"}
    document = {"version": 1, "contents": {f"{n}.bin": entry for n in range(100)}}
    for separators in ((",", ":"), (", ", ": ")):
        content = json.dumps(document, separators=separators).encode()
        assert manifest_reading._in_pieces(content) == document
    with pytest.raises(Invalid):
        parse(content[:-3], read_json)
