"""Regular expressions of the search language: written for RE2 and for Python's `re` they match the same texts.

PostgreSQL is compared in tests/contract/test_patterns_in_databases.py.
"""

import re

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from registrum.core.errors import InvalidFilter
from registrum.core.patterns import parse_pattern
from tests.patterns import SOURCES, TEXTS


@given(SOURCES, st.lists(TEXTS, min_size=1, max_size=10))
@settings(max_examples=300, deadline=None)
def test_re2_and_python_agree(source, texts):
    pattern = parse_pattern(source)
    fast, plain = re2.compile(pattern.for_re2()), re.compile(pattern.for_python(), re.ASCII)
    for text in texts:
        fits = bool(fast.search(text))
        assert fits == bool(plain.search(text)), (source, text)
        assert not fits or pattern.literal in text, (source, text)


@pytest.mark.parametrize(
    ("source", "text", "fits"),
    [
        ("^model-[0-9]+$", "model-12", True),
        ("^model-[0-9]+$", "model-12\n", False),
        ("model", "my model", True),
        ("Model", "model", False),
        ("(?i)Model", "MODEL", True),
        ("(?i)[a-c]", "B", True),
        ("(?i)k", "\u212a", False),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        (".", "\n", False),
        ("(?s).", "\n", True),
        ("[^a]", "\n", True),
        (r"\bcat\b", "a cat.", True),
        (r"\bcat\b", "concat", False),
        ("a|", "", True),
        ("()", "", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        (r"[\]\d]", "]", True),
        ("[[:alpha:]]", "é", False),
        ("[а-я]+", "модель", True),
        (r"\x{1F600}", "😀", True),
        (r"a{2,3}", "aa", True),
        (r"(?:ab){2}", "abab", True),
        (r"(?P<x>a)+?", "a", True),
        (r"a\.b", "a.b", True),
        (r"a\.b", "axb", False),
    ],
)
def test_what_an_expression_means(source, text, fits):
    pattern = parse_pattern(source)
    assert bool(re2.compile(pattern.for_re2()).search(text)) is fits
    assert bool(re.search(pattern.for_python(), text, re.ASCII)) is fits


@pytest.mark.parametrize(
    ("source", "literal"),
    [
        ("model", "model"),
        ("^model-1.*9$", "model-1"),
        (r"\.onnx$", ".onnx"),
        ("a(bc(de))f.gh", "abcdef"),
        (r"\bcat\b", "cat"),
        ("(?:large-)+v[0-9]", "large-"),
        ("(?:large-)*v[0-9]", "v"),
        ("x{0,3}y", "y"),
        ("[a]bc", "abc"),
        ("[ab]c", "c"),
        ("[^a]c", "c"),
        ("small|large", ""),
        ("v(?:1|2)-model", "-model"),
        ("(?i)model-1", "-1"),
        (r"\d+", ""),
        ("", ""),
    ],
)
def test_the_literal_is_in_whatever_matches(source, literal):
    assert parse_pattern(source).literal == literal


@pytest.mark.parametrize(
    "source",
    [
        *("(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#x)", "(?m)^a", "a(?i)b", "(a)\\1"),
        *(
            "\\p{L}",
            "\\PL",
            "\\Q",
            "\\K",
            "\\C",
            "\\G",
            "\\y",
            "\\m",
            "\\Z",
            "\\u0041",
            "\\1",
            "\\0",
        ),
        *(
            "*",
            "a**",
            "a*+",
            "a{2}{3}",
            "a++",
            "^*",
            "$+",
            "\\b?",
            "+a",
            "|*",
            "(",
            ")",
            "(a",
            "a)",
        ),
        *(
            "a{",
            "{2}",
            "a{2,1}",
            "a{256}",
            "a{x}",
            "a{,2}",
            "(?:a{20}){20}",
            "[",
            "[a",
            "[]",
            "[b-a]",
        ),
        *(
            "[[.a.]]",
            "[[=a=]]",
            "[[:nope:]]",
            "[a-\\d]",
            "\\",
            "a\\",
            "\\x1",
            "\\x{}",
            "\\x{110000}",
        ),
        *("\\x{D800}", "[\\x00]", "(?P<x", "(" * 60, "x" * 1001, "[^\\d\\D]"),
    ],
)
def test_what_the_databases_do_not_share_is_refused(source):
    with pytest.raises(InvalidFilter):
        parse_pattern(source)
