"""Passwords whose hashes cost a hundredth, for tests that sign many people in."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def quick_hashes() -> Iterator[None]:
    """Hashes made in the block are quick to make, and quick to check for ever: a hash tells what it costs."""
    from argon2 import PasswordHasher

    from registrum.server.services import credentials

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credentials, "_PASSWORDS", quick)
        patch.setattr(credentials, "NOBODY", quick.hash("of nobody"))
        yield
