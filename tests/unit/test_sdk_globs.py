"""Patterns for paths of files."""

import pytest

from registrum.sdk.globs import matches


@pytest.mark.parametrize(
    ("pattern", "path", "is_match"),
    [
        ("*.json", "a.json", True),
        ("*.json", "deep/er/a.json", True),
        ("*.json", "a.jsonl", False),
        ("data/*.json", "data/a.json", True),
        ("data/*.json", "data/b/a.json", False),
        ("data/**/*.json", "data/a.json", True),
        ("data/**/*.json", "data/b/c/a.json", True),
        ("data/**", "data/b/c", True),
        ("data/**", "other/b", False),
        ("data/", "data/b/c", True),
        ("data/", "database", False),
        ("**/x/*", "x/y", True),
        ("**/x/*", "a/b/x/y", True),
        ("part-?.bin", "part-1.bin", True),
        ("part-?.bin", "part-12.bin", False),
        ("[a-c]*", "b1", True),
        ("[!a-c]*", "b1", False),
        ("[!a-c]*", "d1", True),
        ("[^x", "[^x", True),
        ("[]x]", "]", True),
        ("[]", "[]", True),
        ("[", "[", True),
        ("a?b", "a/b", False),
        ("a[!x]b", "a/b", False),
        ("a.b", "aXb", False),
        ("a\nb*", "a\nbc", True),
        ("名*", "前/名前", True),
    ],
)
def test_patterns(pattern: str, path: str, is_match: bool) -> None:
    assert matches(path, [pattern]) is is_match


def test_one_of_several_is_enough() -> None:
    assert matches("b.txt", ["*.json", "*.txt"])
    assert not matches("b.txt", [])
