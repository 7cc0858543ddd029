"""Turns at the interpreter: short while a long piece of work goes on, and as usual afterwards."""

import sys

from registrum.server.turns import SHORT_S, short_turns


def test_turns_are_short_until_the_last_piece_of_work_ends() -> None:
    usual = sys.getswitchinterval()
    with short_turns():
        with short_turns():
            assert abs(sys.getswitchinterval() - SHORT_S) < 1e-6
        assert abs(sys.getswitchinterval() - SHORT_S) < 1e-6
    assert sys.getswitchinterval() == usual
