"""Manifests and their index: what is written is what was read, and every page is a part of it."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registrum.core.errors import Invalid, InvalidName, TooLarge, Unprocessable
from registrum.core.manifest import Entry, Manifest, check_path, entries_of, parse, written
from registrum.core.manifest_pages import GROUP_SIZE, NO_BLOB, head_size, pack, unpack

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
paths = texts.filter(lambda t: t and not t.startswith("/") and {".", ".."}.isdisjoint(t.split("/")))
entries = st.builds(
    Entry,
    path=paths,
    digest=texts,
    size_bytes=st.integers(0, 2**40),
    ref=st.none() | texts,
    birth_artifact=st.none() | st.text("abc=", min_size=1, max_size=5),
    extra=st.none() | st.dictionaries(texts, st.integers(), min_size=1, max_size=2),
)
manifests = st.lists(entries, unique_by=lambda e: e.path, max_size=9).map(
    lambda found: sorted(found, key=lambda e: e.path)
)


@given(manifests, st.integers(1, 5), st.data())
def test_the_canonical_manifest_says_the_same_and_its_groups_are_read_alone(
    found: list[Entry], group: int, data: st.DataObject
) -> None:
    content, offsets = written(found, group)
    assert parse(content) == Manifest(tuple(found))
    assert len(offsets) == -(-len(found) // group) + 1
    if not found:
        return
    first = data.draw(st.integers(0, len(offsets) - 2))
    last = data.draw(st.integers(first, len(offsets) - 2))
    part = content[offsets[first] : offsets[last + 1]].rstrip(b",")
    got = list(entries_of(json.loads(b"{" + part + b"}")))
    assert got == found[first * group : (last + 1) * group]


@given(st.lists(paths, unique=True, max_size=30).map(sorted))
def test_the_index_comes_back(names: list[str]) -> None:
    keys = [NO_BLOB if i % 3 else bytes([i]) * 16 for i in range(len(names))]
    groups = names[::GROUP_SIZE]
    block = pack(list(range(len(groups) + 1)), groups, keys)
    index = unpack(block[: head_size(block)])
    assert (index.count, index.first_paths) == (len(names), tuple(groups))
    start, length = index.keys_span(0, len(names))
    assert block[start : start + length] == b"".join(keys)
    for name in names:
        assert index.group_with(name) is not None


def test_what_meant_something_on_the_clients_machine_is_left_out() -> None:
    given_entry = {"digest": "d", "size": 1, "local_path": "/staging/x", "skip_cache": True}
    document = {"version": 1, "contents": {"a": given_entry}}
    content, _ = written(parse(json.dumps(document).encode()).entries, 500)
    assert json.loads(content)["contents"] == {"a": {"digest": "d", "size": 1}}


def test_the_identity_is_what_clients_hash() -> None:
    manifest = Manifest(
        (Entry("a", "1B2M2Y8AsgTpgAmY7PhCfg==", 0), Entry("b", "x", 1, ref="s3://b"))
    )
    digest = hashlib.md5(manifest.identity(), usedforsecurity=False).hexdigest()
    text = "wandb-artifact-manifest-v1\na:1B2M2Y8AsgTpgAmY7PhCfg==\nb:x\n"
    assert digest == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        parse(content)
    except (Invalid, Unprocessable):
        return


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(json_values, json_values, json_values)
def test_any_document_is_read_or_refused(contents: object, digest: object, size: object) -> None:
    for inner in (contents, {"a": {"digest": digest, "size": size, "ref": contents}}):
        document = {"version": 1, "contents": inner}
        try:
            parse(json.dumps(document).encode())
        except (Invalid, Unprocessable):
            continue


@pytest.mark.parametrize(
    "path", ["a", "a/b.txt", "..a", "a..b/c", "ünï/cödé 名", " ", "a//b", "\\"]
)
def test_paths_within_the_artifact(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize("path", ["", "/", "..", "a/..", "./a", "\x00", "\ud800", "a" * 4097])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(InvalidName):
        check_path(path)


@pytest.mark.parametrize("filling", [b"[],", b"0,"])
def test_a_manifest_that_would_fill_the_memory_is_not_read(filling: bytes) -> None:
    with pytest.raises(TooLarge, match="too many"):
        parse(b'{"version": 1, "contents": {"a": [%s0]}}' % (filling * 18_000_000))
