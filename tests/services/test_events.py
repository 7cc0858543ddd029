"""What an event says of changes stays small."""

import json

from registrum.core.events import LARGEST_CHANGES_BYTES
from registrum.server.db.events import _bounded


def test_small_changes_are_kept_as_they_are() -> None:
    changes = {"name": ["a", "b"], "force": True}
    assert _bounded(changes) == changes


def test_large_ones_are_cut_and_say_so() -> None:
    long = {"description": ["é" * 50_000, "b" * 50_000], "name": ["a", "b"]}
    many = {f"field{n}": "x" * 150 for n in range(100)}
    for changes in (long, many):
        assert len(json.dumps(_bounded(changes))) <= LARGEST_CHANGES_BYTES + 200
    assert _bounded(long)["name"] == ["a", "b"]
    assert _bounded(many)["truncated"] is True
